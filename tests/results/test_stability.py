"""How the answers behind each entry ended, and the score of the questions whose answers all ended by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalctl.model.aggregate import Aggregate, Stability
from evalctl.model.result import EndCounts, Result
from evalctl.results.aggregate import aggregated
from evalctl.results.question_files import bound
from evalctl.results.reading import aggregate_in, parse
from evalctl.results.record import to_text
from evalctl_job.ends import Ends
from results.test_aggregate import METRICS
from results.test_per_question import FOLDER, JMMLU, measured, scored

# In the order of JMMLU's questions: physics 1, 1, 0; algebra 0; law 1, 0.
ENDS = Ends((1,) * 6, {"cut_off": (0, 1, 0, 1, 0, 0), "repeats": (1, 1, 0, 0, 0, 0), "unended": (0, 1, 0, 0, 0, 0)})


def aggregate(ends: Ends | None, task: str = "jmmlu", kept: Any = None, answers: int = 1) -> Aggregate:
    """Of one record."""
    result, files = measured(task, kept or JMMLU, answers=answers, ends=ends)
    return aggregated(FOLDER, [result], METRICS, scored(files, result))


def test_an_entry_has_the_ends_of_its_own_questions() -> None:
    """A group of subsets has those of its subsets; a repetition that the model ended is finished."""
    found = aggregate(ENDS)
    assert found.results["jmmlu"] == pytest.approx(3 / 6)
    assert found.stability["jmmlu"] == Stability(
        questions=6, answers=6, cut_off=2, unended=1, refused=0, repeats=2, empty=0, unknown=0, finished=4, score=0.5
    )
    assert found.stability["jmmlu_stem"] == Stability(
        questions=4, answers=4, cut_off=2, unended=1, refused=0, repeats=2, empty=0, unknown=0, finished=2, score=0.5
    )


def test_of_several_answers_all_have_to_be_finished() -> None:
    """The values of single answers are not kept: a question with one that was cut off is left out."""
    kept = {"swallow|code|0": {"pass@1:10": [0.3, 1.0, 0.0]}}
    found = aggregate(Ends((10,) * 3, {"cut_off": (0, 1, 0), "unknown": (0, 0, 1)}), "code", kept, 10).stability[
        "code_pass@1"
    ]
    assert (found.answers, found.cut_off, found.unknown, found.finished, found.score) == (
        30,
        1,
        1,
        1,
        pytest.approx(0.3),
    )


@pytest.mark.parametrize(
    ("kept", "score"),
    [
        ({"strict": [1, 0, 0], "loose": [[True, True], [True], [False]]}, (1 / 2 + 3 / 3) / 2),  # parts of a question
        ({"strict": [1, 1, 0], "loose": [1, 0, 0]}, (2 / 2 + 1 / 2) / 2),
    ],
)
def test_the_finished_score_is_made_as_the_score_is(kept: dict[str, Any], score: float) -> None:
    """Of several metrics their mean; of parts of questions the share of all parts."""
    found = aggregate(Ends((1,) * 3, {"empty": (0, 0, 1)}), "ifeval", {"swallow|ifeval|0": kept}).stability["ifeval"]
    assert (found.finished, found.score) == (2, pytest.approx(score))


def test_where_no_answer_finished_there_is_no_score() -> None:
    """None, and never 0."""
    found = aggregate(Ends((1,) * 6, {"cut_off": (1,) * 6})).stability["jmmlu"]
    assert (found.finished, found.score) == (0, None)


def test_of_an_older_record_nothing_is_known() -> None:
    """The aggregate does not mention it, and is the file that it was."""
    found = aggregate(None)
    assert found.stability == {} and "stability" not in found.as_json()


def test_an_entry_of_which_one_record_is_older_has_no_shares() -> None:
    """Half of the answers are not all of them."""
    physics = {"swallow|jmmlu:physics|0": JMMLU["swallow|jmmlu:physics|0"]}
    law = {"swallow|jmmlu:law|0": JMMLU["swallow|jmmlu:law|0"]}
    one, files = measured("jmmlu", physics, ends=Ends((1,) * 3, {}))
    other, more = measured("jmmlu_law", law)
    found = aggregated(FOLDER, [one, other], METRICS, scored({**files, **more}, one, other))
    assert set(found.stability) == {"jmmlu_stem"} and found.results["jmmlu"] != -1


def test_an_aggregate_is_read_as_it_was_written() -> None:
    """One with impossible numbers, which a person wrote, is left out."""
    made = aggregate(ENDS)
    text = to_text(made.as_json())
    read = aggregate_in(text.encode())
    assert read is not None and read.stability == made.stability
    document = json.loads(text)
    document["stability"]["jmmlu"]["cut_off"] = 7
    damaged = aggregate_in(json.dumps(document).encode())
    assert damaged is not None and set(damaged.stability) == {"jmmlu_stem"}


def test_a_collected_record_has_the_sums_of_what_was_collected() -> None:
    """The totals are made here, not taken from the job; without ends there are none."""
    result, files = measured("jmmlu", JMMLU, ends=ENDS)
    values, asked = files.values()
    plain = Result(
        {name: value for name, value in result.as_json().items() if name not in ("stability", "per_question")},
        result.path,
    )
    made, texts = bound(plain, asked, values)
    assert (
        made.stability == EndCounts(ENDS.totals())
        and json.loads(texts[f"{FOLDER}/ja/jmmlu/scores.json"])["ends"] == ENDS.as_json()
    )
    older = json.loads(values)
    del older["ends"]
    assert bound(plain, asked, json.dumps(older).encode())[0].stability is None


@pytest.mark.parametrize(
    "ends", [[], {}, {"answers": 1, "cut_off": 2}, {"answers": 1, "x": 1}, {"answers": {"bits": "AA=="}, "cut_off": 1}]
)
def test_impossible_ends_of_a_job_are_refused(ends: Any) -> None:
    """As its other values are: more of a kind than answers, another form."""
    result, files = measured("jmmlu", JMMLU, ends=ENDS)
    values, asked = files.values()
    with pytest.raises(ValueError):
        bound(result, asked, json.dumps({**json.loads(values), "ends": ends}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"cut_off": 7}, {"answers": -1}, {"questions": 10**10}, {"finished": 7}, {"empty": True}, {"empty": 1.0}, {"refused": None},
        {"refused": "1"},
    ],
)  # fmt: skip
def test_a_record_with_impossible_numbers_is_none(change: dict[str, Any]) -> None:
    """More of a kind than there are, no number at all: as of each other number of a record."""
    result, _ = measured("jmmlu", JMMLU, ends=ENDS)
    facts = {
        "schema": "evalctl/result/1", "digest": "d", "subject": {}, **result.as_json(),
        "task": {"key": "jmmlu", "script": "jmmlu", "result_dir": "ja/jmmlu"},
    }  # fmt: skip
    assert parse(result.path, json.dumps(facts)).stability == EndCounts(ENDS.totals())
    stability = {**ENDS.totals(), **change}
    with pytest.raises(ValueError, match="its `stability` has an impossible number of"):
        parse(result.path, json.dumps({**facts, "stability": stability}))


def test_a_record_that_counts_other_ends_has_no_values() -> None:
    """One of the two was changed: neither is used."""
    result, files = measured("jmmlu", JMMLU, ends=ENDS)
    other = Result({**result.as_json(), "stability": {**ENDS.totals(), "cut_off": 1}}, result.path)
    found = scored(files, other)[result.path]
    assert isinstance(found, str) and "has other numbers of answers that were cut off" in found
