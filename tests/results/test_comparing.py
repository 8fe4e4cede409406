"""Two models compared: what is said of each entry, and why nothing is said of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalctl.model.metrics import Metrics
from evalctl.model.result import Result
from evalctl.results import likeness
from evalctl.results.aggregate import aggregated
from evalctl.results.compared_rows import as_json, lines, notes
from evalctl.results.comparing import ComparedEntry, Comparison, Side, compare, compare_all, flips, side
from evalctl.results.question_values import OLDER, path_of
from evalctl.results.record import to_text
from evalctl.results.tables import Measured
from evalctl.review.difference import difference
from evalctl.review.values import paired
from evalctl.review.verdicts import Verdict
from results.test_per_question import Kept, measured

METRICS = Metrics.model_validate({"entries": [
    {"name": "jmmlu", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"]},
    {"name": "jmmlu_law", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"], "subsets": "LAW"},
    {"name": "code", "function": "pick", "metrics": ["pass@1"], "tasks": ["code"]},
    {"name": "mt", "function": "pick", "metrics": ["judge"], "tasks": ["mt"], "full_mark": 10},
], "subset_groups": {"LAW": ["law"]}})  # fmt: skip
SCRIPTS = {"ja_jmmlu": "jmmlu", "ja_code": "code", "en_mt": "mt"}
JMMLU, CODE, MT = "swallow|jmmlu:law|0", "swallow|code|0", "swallow|mt|0"


def bits(right: int, of: int) -> list[int]:
    """So many right answers, the first ones."""
    return [1] * right + [0] * (of - right)


def model(
    name: str, tasks: Mapping[str, Kept], *, facts: Mapping[str, Any] | None = None, bound: bool = True, at: float = 1.0,
    metrics: Metrics = METRICS,
) -> Side:  # fmt: skip
    """A model folder with these tasks, whose records have further `facts`."""
    folder, files, results = f"results/hosted_vllm/team/{name}", dict[str, bytes](), []
    for key, kept in tasks.items():
        result, beside = measured(key, kept, bound=bound, at=at)
        own = {**result.as_json(), **(facts or {}), "schema": "evalctl/result/1", "digest": f"{name}-{key}"}
        own["task"] = {"key": key, "script": key, "result_dir": f"ja/{key}", **((facts or {}).get("task") or {})}
        own["subject"] = {"provider": "vllm", "model": f"team/{name}", **((facts or {}).get("subject") or {})}
        made = Result(own, f"{folder}/ja/{key}/result.json")
        results.append(made)
        files[made.path] = to_text(made.as_json()).encode()
        files.update(
            {(path_of(made.path) if path == path_of(result.path) else path): text for path, text in beside.items()}
        )
    return of(folder, results, files, name, metrics)


def of(
    folder: str, results: Sequence[Result], files: Mapping[str, bytes], name: str, metrics: Metrics = METRICS
) -> Side:
    """The side that these files make."""
    made = aggregated(folder, results, metrics)
    return side(folder, made, lambda paths: {path: files[path] for path in paths if path in files}, metrics, name=name)


def entry(found: Comparison, name: str = "jmmlu") -> ComparedEntry:
    """Of that name."""
    return next(one for one in found.entries if one.entry == name)


def pair(mine: Mapping[str, Any], others: Mapping[str, Any]) -> ComparedEntry:
    """The entry jmmlu of two models whose records differ in these facts."""
    one = model("one", {"jmmlu": {JMMLU: {"em": bits(70, 100)}}}, facts=mine)
    return entry(compare(one, model("base", {"jmmlu": {JMMLU: {"em": bits(50, 100)}}}, facts=others), METRICS))


def test_a_difference_is_that_of_the_pairs_with_its_interval_and_method() -> None:
    """The model minus the baseline, as review/ computes it of the raw values, beside both scores."""
    one, base = (
        model(name, {"jmmlu": {JMMLU: {"em": bits(right, 100)}}}) for name, right in (("one", 70), ("base", 50))
    )
    found = entry(compare(one, base, METRICS))
    values = [each.values(METRICS.entries[0]) for each in (one, base)]
    assert not any(isinstance(each, str) for each in values)
    expected = difference(paired(*values))  # type: ignore[arg-type]
    assert expected is not None and found.difference is not None and found.difference == expected
    assert (found.verdict, found.model.value, found.baseline.value) == (Verdict.BETTER, 0.7, 0.5)
    assert found.difference.mean == pytest.approx(0.2) and found.difference.low > 0 and found.method
    assert found.model.estimate and found.model.estimate.low and found.model.estimate.low < 0.7
    assert entry(compare(base, one, METRICS)).verdict is Verdict.WORSE


def test_where_nothing_is_shown_the_smallest_difference_that_could_be_is_said() -> None:
    """One question of ten shows nothing; hundreds would show less."""
    few, many = (
        entry(compare(model("one", {"jmmlu": {JMMLU: {"em": bits(number // 2 + 1, number)}}}),
                      model("base", {"jmmlu": {JMMLU: {"em": bits(number // 2, number)}}}), METRICS))
        for number in (10, 1000)
    )  # fmt: skip
    assert few.verdict is many.verdict is Verdict.NOT_SHOWN
    assert few.showable is not None and many.showable is not None and few.showable > many.showable > 0


def test_questions_are_paired_by_digest_in_whatever_order_they_lie() -> None:
    """The same difference, interval and flips as in one order."""
    kept = bits(70, 100)
    one = model("one", {"jmmlu": {JMMLU: {"em": kept}}})
    base = model("base", {"jmmlu": {JMMLU: {"em": bits(50, 100)}}})
    values = base.values(METRICS.entries[0])
    assert not isinstance(values, str)
    order = np.random.default_rng(1).permutation(100)
    mixed = replace(base, _known={"jmmlu": replace(
        values, questions=tuple(values.questions[place] for place in order), means=values.means[order],
    )})  # fmt: skip
    assert entry(compare(one, mixed, METRICS)).difference == entry(compare(one, base, METRICS)).difference
    assert flips(one, mixed, METRICS.entries[0]) == flips(one, base, METRICS.entries[0])


def test_flips_are_the_questions_whose_value_differs_the_worse_ones_first() -> None:
    """By digest; a question that is in the set twice is paired turn by turn."""
    one = model("one", {"jmmlu": {JMMLU: {"em": [0, 1, 1, 0]}}})
    base = model("base", {"jmmlu": {JMMLU: {"em": [1, 0, 1, 0]}}})
    values = one.values(METRICS.entries[0])
    assert not isinstance(values, str)
    found = flips(one, base, METRICS.entries[0])
    assert [(flip.question, flip.model, flip.baseline) for flip in found] == [
        (values.questions[0], 0, 1), (values.questions[1], 1, 0),
    ]  # fmt: skip


def test_other_questions_are_not_comparable_and_how_many_are_the_same_is_said() -> None:
    """One set is the other with 20 more."""
    one = model("one", {"jmmlu": {JMMLU: {"em": bits(70, 100)}}})
    base = model("base", {"jmmlu": {JMMLU: {"em": bits(50, 80)}}})
    found = entry(compare(one, base, METRICS))
    assert found.verdict is Verdict.NOT_COMPARABLE and found.difference is None
    assert found.why == "other questions: 100 questions and 80, of which 80 are the same"
    assert flips(one, base, METRICS.entries[0]) == []


@pytest.mark.parametrize(
    ("mine", "others", "why"),
    [
        ({"max_samples": 100}, {}, "another number of questions: max_samples 100 and none"),
        ({"task": {"digest": "a" * 8}}, {"task": {"digest": "b" * 8}}, "another definition of the task: aaaaaaaa and bbbbbbbb"),
        ({"task": {"framework_version": "0.13"}}, {"task": {"framework_version": "0.14"}},
         "another version of the framework: 0.13 and 0.14"),
        ({"task": {"script": "jmmlu|5"}}, {"task": {"script": "jmmlu|0"}}, "another task of the framework: jmmlu|5 and jmmlu|0"),
        ({"judge": {"model": "gpt-4o", "provider": "openai"}}, {"judge": {"model": "gpt-5"}}, "another judge: gpt-4o (openai) and gpt-5"),
        ({"judge": {"model": "gpt-4o", "prompts": "a" * 16}}, {"judge": {"model": "gpt-4o", "prompts": "b" * 16}},
         "another judge: gpt-4o (prompts aaaaaaaa) and gpt-4o (prompts bbbbbbbb)"),
        ({"judge": {"model": "gpt-4o", "version": "a"}}, {"judge": {"model": "gpt-4o", "version": "b"}}, "another judge: version a and b"),
        ({"task": {"few_shots": 5}}, {}, "another few_shots: 5 and none"),
    ],
)  # fmt: skip
def test_results_that_were_asked_otherwise_are_not_comparable(
    mine: Mapping[str, Any], others: Mapping[str, Any], why: str
) -> None:
    """Whatever defines the task counts, also what a newer evalctl records of it."""
    found = pair(mine, others)
    assert (found.verdict, found.why, found.difference) == (Verdict.NOT_COMPARABLE, why, None)


def test_another_number_of_examples_is_not_comparable() -> None:
    """As the framework's key says it."""
    one = model("one", {"jmmlu": {"swallow|jmmlu:law|5": {"em": bits(7, 10)}}})
    base = model("base", {"jmmlu": {JMMLU: {"em": bits(5, 10)}}})
    assert entry(compare(one, base, METRICS)).why == "another number of examples in the prompt: 5 and 0"


def test_the_same_result_twice_is_told_and_is_no_comparison() -> None:
    """A copy of a record under another folder of the same model, such as at another commit."""
    one = model("one", {"jmmlu": {JMMLU: {"em": bits(7, 10)}}})
    found = entry(compare(one, replace(one, name="one@HEAD~1", commit="HEAD~1"), METRICS))
    assert (found.verdict, found.why) == (Verdict.NOT_COMPARABLE, likeness.SAME)
    again = model("one", {"jmmlu": {JMMLU: {"em": bits(7, 10)}}}, at=2.0)
    assert entry(compare(one, again, METRICS)).verdict is Verdict.NOT_SHOWN


def test_an_entry_without_values_says_whose_and_why() -> None:
    """A record of before, one that was not measured, one that cannot be read, an aggregate that is not of its records."""
    tasks = {"jmmlu": {JMMLU: {"em": bits(7, 10)}}}
    one, base = model("one", tasks), model("base", tasks, at=2.0)
    older = replace(base, _known={}, scored={base.results[0].path: OLDER})
    assert entry(compare(one, older, METRICS)).why == f"base: {OLDER}"
    other = model("other", {"code": {CODE: {"pass@1": bits(7, 10)}}})
    found = compare(one, other, METRICS)
    assert (entry(found).why, entry(found, "code").why) == ("other was not measured", "one was not measured")
    assert found.is_empty
    gone = side(base.folder, base.aggregate, lambda _: {}, METRICS, name="base")
    assert entry(compare(one, gone, METRICS)).why == "base: no record of it can be read"
    stale = replace(base, _known={}, aggregate=replace(base.aggregate, results={"jmmlu": 0.9}))
    assert "its aggregate has 0.9, its records make 0.7" in entry(compare(one, stale, METRICS)).why


def test_an_imported_score_is_not_comparable() -> None:
    """Its questions are not known."""
    folder = "results/hosted_vllm/team/old"
    facts = {
        "schema": "evalctl/result/1", "digest": "imported-1", "task": {"key": "x", "script": "x", "result_dir": "ja/x"},
        "scores": {}, "weights": {}, "entries": {"jmmlu": 0.5}, "imported": {}, "subject": {}, "measured_at": 1.0,
    }  # fmt: skip
    made = Result(facts, f"{folder}/ja/x/result.json")
    old = of(folder, [made], {made.path: to_text(facts).encode()}, "old")
    found = entry(compare(model("one", {"jmmlu": {JMMLU: {"em": bits(7, 10)}}}), old, METRICS))
    assert (found.baseline.value, found.why) == (0.5, "old: an imported score, whose questions are not known")


def test_of_one_question_nothing_is_shown() -> None:
    """It says so."""
    one, base = (model(name, {"jmmlu": {JMMLU: {"em": [right]}}}) for name, right in (("one", 1), ("base", 0)))
    found = entry(compare(one, base, METRICS))
    assert (found.verdict, found.difference, found.why) == (
        Verdict.NOT_SHOWN,
        None,
        "one question has a value of both, and nothing follows from one",
    )


def test_questions_of_one_passage_show_nothing() -> None:
    """The reason is the passage, not the number of questions."""
    metrics = METRICS.model_copy(
        update={"entries": tuple(one.model_copy(update={"clusters": "subsets"}) for one in METRICS.entries)}
    )
    one, base = (
        model(name, {"jmmlu": {JMMLU: {"em": bits(right, 10)}}}, metrics=metrics)
        for name, right in (("one", 9), ("base", 1))
    )
    found = entry(compare(one, base, metrics))
    assert (found.verdict, found.difference) == (Verdict.NOT_SHOWN, None)
    assert found.why == "the questions with a value of both are of one passage, and nothing follows from one"


def test_another_number_of_answers_to_each_question_is_said() -> None:
    """Ten answers are compared with one by their mean; with as many there is nothing to say."""
    one, base = (with_answers(name, number) for name, number in (("one", 10), ("base", 1)))
    found = compare(one, base, METRICS)
    assert entry(found).difference is not None
    assert found.remarks == ("answers to each question: 10 and 1 (jmmlu)",)
    assert compare(one, with_answers("other", 10), METRICS).remarks == ()


def with_answers(name: str, number: int) -> Side:
    """So many answers to each of 10 questions."""
    kept = [0.0, 1.0] * 5 if number == 1 else [0.3, 0.6] * 5
    result, beside = measured("jmmlu", {JMMLU: {"em": kept}}, answers=number)
    folder = f"results/hosted_vllm/team/{name}"
    own = {
        **result.as_json(),
        "schema": "evalctl/result/1",
        "digest": name,
        "subject": {"provider": "vllm", "model": f"team/{name}"},
    }
    own["task"] = {"key": "jmmlu", "script": "jmmlu", "result_dir": "ja/jmmlu"}
    made = Result(own, f"{folder}/ja/jmmlu/result.json")
    files = {(path_of(made.path) if path == path_of(result.path) else path): text for path, text in beside.items()}
    return of(folder, [made], {made.path: to_text(own).encode(), **files}, name)


def test_questions_without_a_value_of_both_are_said() -> None:
    """They are left out of the difference, for people and for programs."""
    one = model("one", {"mt": {MT: {"judge": [0.5, None, 0.7, 0.1]}}})
    found = compare(one, model("base", {"mt": {MT: {"judge": [0.4, 0.3, 0.6, None]}}}), METRICS)
    assert "questions left out, of which the model, the baseline or both have no value: 2 (mt)" in list(
        notes(found, [], ())
    )
    (difference_of_both,) = (each["difference"] for each in as_json(found, {})["entries"].values())  # type: ignore[attr-defined]
    assert (difference_of_both["left_out"], difference_of_both["questions"]) == (2, 2)


GPT = {"judge": {"model": "gpt-4o-2024-08-06", "provider": "openai"}}
UNNAMED = "does not name its judge: it may have been another one (mt)"


@pytest.mark.parametrize(
    ("mine", "others", "said"),
    [
        (GPT, GPT, ["judge gpt-4o-2024-08-06 (openai): as it was asked for; no record says which version replied (mt)"]),
        (GPT, {}, [f"the record of the baseline {UNNAMED}"]),
        ({}, GPT, [f"the record of the model {UNNAMED}"]),
        ({}, {}, []),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_judge_is_said(mine: dict[str, Any], others: dict[str, Any], said: list[str]) -> None:
    """To people and to programs; a metric that no judge gives says nothing of one."""
    one, base = (
        model(name, {"mt": {MT: {"judge": [0.5, 0.7, 0.2]}}}, facts=facts)
        for name, facts in (("one", mine), ("base", others))
    )
    found = compare(one, base, METRICS)
    assert list(found.judges) == as_json(found, {})["judges"] == said
    assert set(said) <= set(notes(found, [], ()))


def test_a_judge_s_metric_whose_records_name_no_judge_says_so() -> None:
    """Both records are of an evalctl before 2026-11-26."""
    metrics = METRICS.model_copy(
        update={
            "entries": tuple(
                one.model_copy(update={"metrics": ("judge_score_overall_avg",)}) if one.name == "mt" else one
                for one in METRICS.entries
            )
        }
    )
    one, base = (
        model(name, {"mt": {MT: {"judge_score_overall_avg": [0.5, 0.7, 0.2]}}}, metrics=metrics)
        for name in ("one", "base")
    )
    assert compare(one, base, metrics).judges == (
        f"the record of the model {UNNAMED}",
        f"the record of the baseline {UNNAMED}",
    )


def test_another_tensor_parallel_size_is_remarked() -> None:
    """Where both records name it: an older one does not say what it was."""
    tasks = {"jmmlu": {JMMLU: {"em": bits(70, 100)}}}
    two, four, older = (
        model("one", tasks, facts={"ran": ran}, at=at)
        for at, ran in ((1.0, {"tensor_parallel": 2}), (2.0, {"tensor_parallel": 4}), (3.0, {}))
    )
    remark = "GPUs that share the model (tensor parallel size): 4 and 2"
    assert compare(four, two, METRICS).remarks == (remark,)
    assert compare(older, two, METRICS).remarks == compare(two, older, METRICS).remarks == ()


@pytest.mark.parametrize("number", [20, -2])
def test_damaged_numbers_of_answers_are_no_share(number: int) -> None:
    """20 of 10 answers were not cut off, and neither were -2."""
    damaged, sound = ({"samples": {"answered": 10, "truncated": one}} for one in (number, 1))
    one, base = (
        model(name, {"jmmlu": {JMMLU: {"em": bits(7, 10)}}}, facts=facts)
        for name, facts in (("one", damaged), ("base", sound))
    )
    model_side, baseline = (Measured(each.folder, each.aggregate) for each in (one, base))
    (line,) = lines(compare(one, base, METRICS), model_side, baseline, ["jmmlu"])
    assert line.cut_off == "– / 10%"


def test_settings_of_one_model_are_remarked_and_compared() -> None:
    """What a person changed between the two is what the comparison is about; of two models nothing is remarked."""
    hot, cold = ({"generation": {"temperature": one}, "server": {"tensor_parallel_size": 2}} for one in (0.6, 0))
    tasks = {"jmmlu": {JMMLU: {"em": bits(70, 100)}}, "code": {CODE: {"pass@1": bits(5, 10)}}}
    one, base = model("one", tasks, facts=hot), model("one", tasks, facts=cold, at=2.0)
    found = compare(one, base, METRICS)
    assert not found.is_empty and found.remarks == ("temperature: 0.6 and 0",)
    assert compare(one, model("two", tasks, facts=cold), METRICS).remarks == ()


def test_claims_are_corrected_for_all_that_was_looked_at() -> None:
    """Holm's correction over entries and models: what two entries show, twenty comparisons need not."""
    base = model("base", {"jmmlu": {JMMLU: {"em": bits(50, 100)}}})
    alone = entry(compare(model("one", {"jmmlu": {JMMLU: {"em": bits(57, 100)}}}), base, METRICS))
    assert alone.verdict is Verdict.BETTER and alone.p == alone.difference.p  # type: ignore[union-attr]
    others = [model(f"m{number}", {"jmmlu": {JMMLU: {"em": bits(57, 100)}}}) for number in range(20)]
    among = [entry(each) for each in compare_all(others, base, METRICS)]
    assert all(each.p == pytest.approx(min(1, 20 * (alone.p or 0))) for each in among)
    assert {each.verdict for each in among} == {Verdict.NOT_SHOWN}


def test_the_average_is_over_the_main_entries_that_both_have() -> None:
    """By language; each divided by its full mark, with an interval of its own; what was left out is said."""
    tasks = lambda right, code: {  # noqa: E731
        "jmmlu": {JMMLU: {"em": bits(right, 100)}}, "code": {CODE: {"pass@1": bits(code, 100)}},
        "mt": {MT: {"judge": [8.0, 7.5, 6.0]}},
    }  # fmt: skip
    found = compare(model("one", tasks(70, 60)), model("base", tasks(50, 50)), METRICS, scripts=SCRIPTS)
    (mean,) = found.averages
    assert (mean.name, mean.members, mean.left_out) == ("ja_average", ("jmmlu", "code"), ())
    assert (mean.model, mean.baseline, mean.difference.mean) == (pytest.approx(0.65), 0.5, pytest.approx(0.15))
    assert mean.verdict is Verdict.BETTER and mean.difference.low > 0
    whole = entry(found).difference
    assert whole and mean.difference.error < whole.spread.error


def test_where_a_lower_score_is_better_a_fall_is_better() -> None:
    """By metrics.yaml alone: the verdict, the questions that got better, their order, and a sentence that says so."""
    errors = Metrics.model_validate({"entries": [
        {"name": "wer", "function": "pick", "metrics": ["wer"], "tasks": ["wer"], "lower_is_better": True},
    ]})  # fmt: skip
    key = "swallow|wer|0"
    one, base = (model(name, {"wer": {key: {"wer": values}}}, metrics=errors) for name, values in (
        ("one", [0] * 60 + [1] * 20), ("base", [1] * 40 + [0] * 20 + [1] * 20),
    ))  # fmt: skip
    found = compare(one, base, errors)
    (made,) = found.entries
    assert made.difference is not None and made.difference.mean < 0
    assert (made.verdict, made.better, made.worse) == (Verdict.BETTER, 40, 0)
    assert [flip.model - flip.baseline for flip in flips(one, base, errors.entries[0])] == [-1] * 40
    assert any(line == "lower is better: wer" for line in notes(found, [], ()))
    assert as_json(found, {})["entries"]["wer"]["lower_is_better"] is True  # type: ignore[index]
    assert entry(compare(base, one, errors), "wer").verdict is Verdict.WORSE


def test_an_entry_of_which_a_lower_score_is_better_is_a_share_of_nothing() -> None:
    """0 is the perfect score: it has no full mark, and takes part in no average."""
    written = {"name": "wer", "function": "pick", "metrics": ["wer"], "tasks": ["wer"], "lower_is_better": True}
    assert Metrics.model_validate({"entries": [written]}).entries[0].full_mark is None
    with pytest.raises(ValueError, match="`lower_is_better` and `full_mark` are both given"):
        Metrics.model_validate({"entries": [{**written, "full_mark": 1.0}]})
