"""The values behind an entry: in git beside a record, bound to it, and their mean is the entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import pytest

from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.results import question_values
from evalctl.results.aggregate import aggregated
from evalctl.results.newest import newest
from evalctl.results.per_question import of_entry
from evalctl.results.question_values import OLDER, path_of, read, set_path
from evalctl.results.reading import aggregate_in
from evalctl.results.record import to_text
from evalctl.review.score import estimate
from evalctl_job.ends import Ends
from evalctl_job.question_set import QuestionSet, parsed
from evalctl_job.scores import SCHEMA, encoded
from results.test_aggregate import METRICS

FOLDER = "results/hosted_vllm/team/tiny"
Kept = Mapping[str, Mapping[str, Sequence[Any]]]  # by the framework's key and metric: what it keeps of each question


def digests(key: str, number: int) -> tuple[str, ...]:
    """Of the questions of a task."""
    return tuple(hashlib.sha256(f"{key} {one}".encode()).hexdigest()[:16] for one in range(number))


def measured(
    task: str, kept: Kept, *, answers: int = 1, bound: bool = True, at: float = 1.0, ends: Ends | None = None
) -> tuple[Result, dict[str, bytes]]:
    """A record and the files beside it, as collection writes them."""
    metrics = list(dict.fromkeys(name for columns in kept.values() for name in columns))
    numbers = {key: len(next(iter(columns.values()))) for key, columns in kept.items()}
    asked = QuestionSet(
        tuple(digest for key, number in numbers.items() for digest in digests(key, number)),
        tuple(key for key, number in numbers.items() for _ in range(number)),
    )  # fmt: skip
    scores = {key: {name: _mean(columns[name]) for name in metrics} for key, columns in kept.items()}
    made = {name: encoded(name, [(kept[key][name], scores[key][name]) for key in kept], answers) for name in metrics}
    document = {
        "schema": SCHEMA, "questions": asked.digest(), "answers": answers, "of_whole_texts": [],
        "metrics": {name: one.as_json() for name, one in made.items()},
        **({"ends": ends.as_json()} if ends else {}),
    }  # fmt: skip
    text = json.dumps(document).encode()
    binding = (
        {"per_question": {"questions": asked.digest(), "scores": hashlib.sha256(text).hexdigest()}} if bound else {}
    )
    facts = {
        "task": {"key": task, "script": task}, "scores": scores, "weights": numbers, "measured_at": at, **binding,
        **({"stability": ends.totals()} if ends else {}),
    }  # fmt: skip
    result = Result(facts, f"{FOLDER}/ja/{task}/result.json")
    return result, {path_of(result.path): text, set_path(task, asked.digest()): asked.text().encode()}


def _mean(kept: Sequence[Any]) -> float:
    """As the frameworks make it."""
    parts = [part for one in kept if one is not None for part in (one if isinstance(one, list) else [one])]
    return sum(parts) / len(parts)


def scored(files: Mapping[str, bytes], *results: Result) -> dict[str, question_values.Scored | str]:
    """Read from these files."""
    return read(results, lambda paths: {path: files[path] for path in paths if path in files})


JMMLU = {
    "swallow|jmmlu:physics|0": {"em": [1, 1, 0]}, "swallow|jmmlu:algebra|0": {"em": [0]}, "swallow|jmmlu:law|0": {"em": [1, 0]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "task", "kept", "answers"),
    [
        ("jmmlu", "jmmlu", JMMLU, 1),
        ("jmmlu_stem", "jmmlu", JMMLU, 1),
        ("code_pass@1", "code", {"swallow|code|0": {"pass@1:10": [0.3, 1.0, 0.0]}}, 10),
        ("wmt", "wmt", {"swallow|wmt20:en-ja|0": {"bleu": [0.25, 0.5]}}, 1),
        ("ifeval", "ifeval", {"swallow|ifeval|0": {"strict": [1, 0, 0], "loose": [[True, True], [True], [False]]}}, 1),
        ("mt", "mt", {"swallow|mt_bench|0": {"judge": [0.5, None, 0.7]}}, 1),
    ],
)  # fmt: skip
def test_the_mean_over_the_questions_is_the_entry(entry: str, task: str, kept: Kept, answers: int) -> None:
    """Of every function of metrics.yaml, for subsets, k answers, parts of a question, questions without a value."""
    result, files = measured(task, kept, answers=answers)
    found = of_entry(named(entry), newest([result]), scored(files, result), METRICS.subset_groups)
    assert not isinstance(found, str), found
    made = found.with_value().means.mean()
    assert made == pytest.approx(aggregated(FOLDER, [result], METRICS).results[entry], rel=1e-12)
    assert len(found.questions) == len(found.means)


def named(entry: str) -> MetricEntry:
    """The entry of METRICS."""
    return next(one for one in METRICS.entries if one.name == entry)


def test_a_question_without_a_value_keeps_its_place() -> None:
    """So that two models are paired by question."""
    result, files = measured("mt", {"swallow|mt_bench|0": {"judge": [0.5, None, 0.7]}})
    found = of_entry(named("mt"), newest([result]), scored(files, result), {})
    assert not isinstance(found, str)
    assert [isnan(one) for one in found.means] == [False, True, False]


@pytest.mark.parametrize(
    ("metric", "asked"),
    [
        ("judge_score_overall_avg", [True] * 4), ("judge_score_turn_1", [True] * 4),
        ("judge_score_math_avg", [True, True, False, False]), ("judge_score_math_turn_1_avg", [True, True, False, False]),
        ("japanese_ratio_math", None),
    ],
)  # fmt: skip
def test_of_a_judge_s_metric_it_is_known_which_questions_it_is_of(metric: str, asked: list[bool] | None) -> None:
    """The judge gave no score to the second question, of mathematics; the last two are of no category that has a metric."""
    kept: dict[str, list[float | None]] = {
        "judge_score_overall_avg": [9.0, -1.0, 5.0, 4.0], "judge_score_turn_1": [9.0, -1.0, 5.0, 4.0],
        "judge_score_math_avg": [9.0, None, None, None], "judge_score_math_turn_1_avg": [9.0, None, None, None],
        "japanese_ratio_math": [0.5, 0.25, None, None],
    }  # fmt: skip
    scores = {
        name: _mean([one for one in column if one not in (-1, None)]) / (10 if "judge" in name else 1)
        for name, column in kept.items()
    }
    result, files = judged_record(kept, scores)
    entry = named("mt").model_copy(update={"metrics": (metric,)})
    found = of_entry(entry, newest([result]), scored(files, result), {})
    assert not isinstance(found, str), found
    assert (None if found.asked is None else found.asked.tolist()) == asked


def judged_record(kept: Mapping[str, Sequence[Any]], scores: Mapping[str, float]) -> tuple[Result, dict[str, bytes]]:
    """One task with scores of a judge, from 1 to 10."""
    key = "swallow|mt_bench|0"
    asked = QuestionSet(digests(key, 4), (key,) * 4)
    metrics = {name: encoded(name, [(column, scores[name])], 1).as_json() for name, column in kept.items()}
    document = {"schema": SCHEMA, "questions": asked.digest(), "answers": 1, "of_whole_texts": [], "metrics": metrics}
    text = json.dumps(document).encode()
    beside = {"questions": asked.digest(), "scores": hashlib.sha256(text).hexdigest()}
    facts = {
        "task": {"key": "mt", "script": "mt"}, "scores": {key: scores}, "weights": {key: 4}, "measured_at": 1.0,
        "per_question": beside,
    }  # fmt: skip
    result = Result(facts, f"{FOLDER}/ja/mt/result.json")
    return result, {path_of(result.path): text, set_path("mt", asked.digest()): asked.text().encode()}


def test_values_know_whether_each_answer_is_right_or_wrong() -> None:
    """A share of k answers is; points of a judge and the mean of several metrics are not."""
    kinds = {}
    cases: list[tuple[str, str, Any, int]] = [
        ("jmmlu", "jmmlu", JMMLU, 1),
        ("code_pass@1", "code", {"swallow|code|0": {"pass@1:10": [0.3, 1.0, 0.0]}}, 10),
        ("mt", "mt", {"swallow|mt_bench|0": {"judge": [0.5, 0.7]}}, 1),
    ]
    for entry, task, kept, answers in cases:
        result, files = measured(task, kept, answers=answers)
        found = of_entry(named(entry), newest([result]), scored(files, result), METRICS.subset_groups)
        assert not isinstance(found, str)
        kinds[entry] = (found.right_or_wrong, found.answers)
    assert kinds == {"jmmlu": (True, 1), "code_pass@1": (True, 10), "mt": (False, 1)}


def test_subsets_are_clusters_where_metrics_yaml_says_so() -> None:
    """Questions of one passage depend on each other."""
    result, files = measured("jmmlu", JMMLU)
    entry = named("jmmlu").model_copy(update={"clusters": "subsets"})
    found = of_entry(entry, newest([result]), scored(files, result), METRICS.subset_groups)
    assert not isinstance(found, str) and found.clusters is not None
    assert len(set(found.clusters)) == 3
    alone = of_entry(named("jmmlu"), newest([result]), scored(files, result), METRICS.subset_groups)
    assert not isinstance(alone, str) and alone.clusters is None


def test_an_entry_without_values_says_why() -> None:
    """Records of before, imported scores, metrics of whole texts, tasks that were not run."""
    older = Result({"task": {"key": "code"}, "scores": {"code": {"pass@1:10": 0.5}}}, f"{FOLDER}/ja/code/result.json")
    imported = Result({"task": {"key": "x"}, "scores": {}, "entries": {"wmt": 0.2}}, f"{FOLDER}/ja/x/result.json")
    assert of_entry(named("code_pass@1"), newest([older]), scored({}, older), {}) == OLDER
    assert (
        of_entry(named("wmt"), newest([imported]), scored({}, imported), {})
        == "an imported score, whose questions are not known"
    )
    assert of_entry(named("mt"), newest([older]), scored({}, older), {}) == "not measured"
    result, files = measured("wmt", {"swallow|wmt20:en-ja|0": {"bleu": [0.25], "other": [1]}})
    whole = {**result.as_json(), "per_question": None, "scores": {"swallow|wmt20:en-ja|0": {"bleu": 0.9, "other": 1.0}}}
    document = json.loads(files[path_of(result.path)])
    del document["metrics"]["bleu"]
    text = {**files, path_of(result.path): json.dumps(document).encode()}
    changed = Result(whole, result.path)
    assert of_entry(named("wmt"), newest([changed]), scored(text, changed), {}) == (
        "`bleu` of `wmt20:en-ja` is no mean over its questions, computed from the words of all answers together"
    )


def test_two_tasks_of_one_entry_have_no_values() -> None:
    """As they have no score in the aggregate."""
    first, files = measured("mt", {"swallow|mt_bench|0": {"judge": [0.5, 0.7]}})
    second, more = measured("mt2", {"swallow|mt_bench_truncated|0": {"judge": [0.5, 0.7]}})
    found = of_entry(named("mt"), newest([first, second]), scored({**files, **more}, first, second), {})
    assert found == "several of its tasks were run"


@pytest.mark.parametrize("bound", [True, False])
def test_values_that_make_another_score_do_not_count(bound: bool) -> None:
    """Bound to the record or, of an older one, made from its details: the means decide."""
    result, files = measured("code", {"code": {"pass@1:10": [1, 0]}}, bound=bound)
    forged = Result({**result.as_json(), "scores": {"code": {"pass@1:10": 0.9}}}, result.path)
    assert not isinstance(scored(files, result)[result.path], str)
    assert "its questions make 0.5 of `pass@1:10` of code, the record has 0.9" in str(
        scored(files, forged)[result.path]
    )


def test_a_file_that_the_record_does_not_name_does_not_count() -> None:
    """Other values with the same mean: the record's digest decides."""
    result, files = measured("code", {"code": {"pass@1:10": [1, 0]}})
    swapped = {**files, path_of(result.path): files[path_of(result.path)].replace(b'"10"', b'"01"')}
    assert swapped != files
    assert scored(swapped, result)[result.path] == "scores.json was changed: its SHA-256 is not the one in the record"
    assert scored({}, result)[result.path] == "scores.json is missing"


@pytest.mark.parametrize(
    "named", [{}, {"questions": "0" * 16}, {"scores": None}, {"scores": "0" * 64, "questions": "0" * 16}]
)
def test_a_record_that_names_its_values_wrongly_has_none(named: dict[str, Any]) -> None:
    """An empty mark, too: only a record without one may have values that were made later."""
    result, files = measured("code", {"code": {"pass@1:10": [1, 0]}})
    changed = Result({**result.as_json(), "per_question": named}, result.path)
    assert scored(files, changed)[result.path] == "scores.json was changed: its SHA-256 is not the one in the record"
    assert scored({}, changed)[result.path] == "scores.json is missing"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b'{"schema": "other"}', b'{"schema": "evalctl/scores/1", "metrics": {}, "questions": "../../x"}',
     b'{"schema": "evalctl/scores/1", "metrics": {"em": 1}, "questions": "0123456789abcdef", "answers": 1}'],
)  # fmt: skip
def test_damaged_files_are_named_and_lead_nowhere(content: bytes) -> None:
    """No path is made of what is no digest, and nothing is raised."""
    result, files = measured("code", {"code": {"pass@1:10": [1, 0]}}, bound=False)
    asked: list[str] = []

    def reader(paths: Sequence[str]) -> dict[str, bytes]:
        asked.extend(paths)
        return {path: {**files, path_of(result.path): content}[path] for path in paths if path in files}

    assert isinstance(read([result], reader)[result.path], str)
    assert not any(".." in path for path in asked)


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1], lambda text: text + "x\n", lambda text: "# other\n" + text, lambda _: ""]
)
def test_a_damaged_question_set_is_none(change: Any) -> None:
    """A cut line, a foreign line, another form, an empty file."""
    text = QuestionSet(digests("a", 3), ("k|a", "k|a", "k|b")).text()
    assert parsed(text) == QuestionSet(digests("a", 3), ("k|a", "k|a", "k|b"))
    with pytest.raises(ValueError):
        parsed(change(text))


@pytest.mark.parametrize(
    ("entry", "task", "kept", "answers"),
    [
        ("jmmlu", "jmmlu", JMMLU, 1),
        ("code_pass@1", "code", {"swallow|code|0": {"pass@1:10": [0.3, 1.0, 0.0]}}, 10),
        ("mt", "mt", {"swallow|mt_bench|0": {"judge": [0.5, None, 0.7]}}, 1),
        ("mt", "mt", {"swallow|mt_bench|0": {"judge": [0.5, None]}}, 1),
    ],
)
def test_an_aggregate_says_how_sure_its_entries_are(entry: str, task: str, kept: Kept, answers: int) -> None:
    """With the number of questions that have a value; one question says nothing of others. Read again, it is the same."""
    result, files = measured(task, kept, answers=answers)
    made = aggregated(FOLDER, [result], METRICS, scored(files, result))
    found, values = (
        made.uncertainty[entry],
        of_entry(named(entry), newest([result]), scored(files, result), METRICS.subset_groups),
    )
    assert not isinstance(values, str)
    there = sum(value is not None for columns in kept.values() for column in columns.values() for value in column)
    assert (found.questions, found.answers, found.method) == (there, answers, estimate(values).method)
    assert found.low == (None if there == 1 else pytest.approx(estimate(values).low, abs=1e-6))
    assert aggregate_in(to_text(made.as_json()).encode()) == made
    assert aggregated(FOLDER, [result], METRICS).uncertainty == {}


def test_values_of_another_number_than_the_entry_say_nothing_of_it() -> None:
    """Such as where a second task of the entry was run."""
    first, files = measured("mt", {"swallow|mt_bench|0": {"judge": [0.5, 0.7]}})
    second, more = measured("mt2", {"swallow|mt_bench_truncated|0": {"judge": [0.5, 0.7]}})
    made = aggregated(FOLDER, [first, second], METRICS, scored({**files, **more}, first, second))
    assert "mt" not in made.uncertainty


def test_records_with_several_numbers_of_answers_have_no_values_together() -> None:
    """Of the two subsets of one entry one was asked once, the other ten times."""
    keys = ("swallow|jmmlu:physics|0", "swallow|jmmlu:law|0")
    (once, files), (often, more) = (
        measured(f"jmmlu_{number}", {key: {"em": [0.0, 1.0]}}, answers=number)
        for key, number in zip(keys, (1, 10), strict=True)
    )
    there, known = newest([once, often]), scored({**files, **more}, once, often)
    found = of_entry(named("jmmlu"), there, known, METRICS.subset_groups)
    assert found == "its records have several numbers of answers to a question: 1, 10"


def test_passages_of_the_question_set_are_clusters() -> None:
    """Of each subset by itself; questions without a passage are clusters of their own, and subsets of metrics.yaml come first."""
    result, files = measured("jmmlu", JMMLU)
    asked = QuestionSet(
        tuple(digest for key, columns in JMMLU.items() for digest in digests(key, len(columns["em"]))),
        tuple(key for key, columns in JMMLU.items() for _ in columns["em"]), (1, 1, 0, 0, 2, 2),
    )  # fmt: skip
    document = json.loads(files[path_of(result.path)])
    text = json.dumps({**document, "questions": asked.digest()}).encode()
    named_by = {"questions": asked.digest(), "scores": hashlib.sha256(text).hexdigest()}
    changed = Result({**result.as_json(), "per_question": named_by}, result.path)
    made = {path_of(result.path): text, set_path("jmmlu", asked.digest()): asked.text().encode()}
    found = of_entry(named("jmmlu"), newest([changed]), scored(made, changed), METRICS.subset_groups)
    assert not isinstance(found, str) and found.clusters is not None
    of = dict(zip(found.questions, found.clusters, strict=True))
    first, second, third, fourth, *last = (of[question] for question in asked.digests)
    assert first == second and len({first, third, fourth, *last}) == 4 and last[0] == last[1]
    assert aggregated(FOLDER, [changed], METRICS, scored(made, changed)).uncertainty["jmmlu"].clusters == 4
    by_subset = of_entry(
        named("jmmlu").model_copy(update={"clusters": "subsets"}), newest([changed]), scored(made, changed), {}
    )
    assert not isinstance(by_subset, str) and by_subset.clusters is not None and len(set(by_subset.clusters)) == 3
