"""Each score of an accepted task is what its questions make: of every kind of metric that the lab's tasks have, and of none that is not listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evalctl_job.questions import Row, question_scores
from evalctl_job.whole_texts import of_whole_texts


def rows(**kept: Sequence[Any]) -> list[Row]:
    """The questions of one entry, from what the framework keeps of each metric."""
    number = len(next(iter(kept.values())))
    return [Row(f"{place:016x}", {name: values[place] for name, values in kept.items()}) for place in range(number)]


# A task of each kind, as the fork (0.8) or lighteval (0.13) writes it: details of each question, scores, metrics of whole texts.
KINDS: Mapping[str, tuple[Mapping[str, list[Row]], Mapping[str, Mapping[str, float]], int, tuple[str, ...]]] = {
    "right or wrong, by subset": (
        {"swallow|swallow_jmmlu:law|0": rows(extractive_match=[1.0, 0.0]), "swallow|swallow_jmmlu:math|0": rows(extractive_match=[1.0])},
        {"swallow|swallow_jmmlu:law|0": {"extractive_match": 0.5}, "swallow|swallow_jmmlu:math|0": {"extractive_match": 1.0}}, 1, (),
    ),
    "pass@k of ten answers": (
        {"swallow|humaneval|0": rows(**{"humaneval_pass@1:10": [0.3, 1.0], "humaneval_pass@10:10": [1.0, 1.0]})},
        {"swallow|humaneval|0": {"humaneval_pass@1:10": 0.65, "humaneval_pass@10:10": 1.0, "humaneval_pass@1:10_stderr": 0.1}}, 10, (),
    ),
    "a mean of n answers": ({"aime24|0": rows(**{"avg@n:n=4": [0.25, 0.5]})}, {"aime24|0": {"avg@n:n=4": 0.375}}, 4, ()),
    "F1 of characters": ({"swallow|jemhopqa_cot|0": rows(f1_score=[0.2, 0.9, 1.0])}, {"swallow|jemhopqa_cot|0": {"f1_score": 0.7}}, 1, ()),
    "instructions of a question": (
        {"swallow|mifeval_ja|0": rows(prompt_level_strict_acc=[True, False], inst_level_strict_acc=[[True, True], [False]])},
        {"swallow|mifeval_ja|0": {"prompt_level_strict_acc": 0.5, "inst_level_strict_acc": 2 / 3}}, 1, (),
    ),
    "translations": ({"swallow|wmt20:en-ja|0": rows(bleu=[["a", "b"], ["c", "d"]])}, {"swallow|wmt20:en-ja|0": {"bleu": 27.3}}, 1, ("bleu",)),
    "a judge of conversations, by category": (
        {"swallow|japanese_mt_bench|0": rows(
            judge_score_overall_turn_1_avg=[9.0, 5.5, -1.0], judge_score_math_turn_1_avg=[9.0, None, None],
            japanese_ratio_overall=[[["a", "b"]], [["c", "d"]], [["e", "f"]]],
        )},
        {"swallow|japanese_mt_bench|0": {
            "judge_score_overall_turn_1_avg": 0.725, "judge_score_math_turn_1_avg": 0.9, "japanese_ratio_overall": 0.8,
        }}, 5, ("japanese_ratio_overall",),
    ),
    "a metric that not every subset has": (
        {"a:x|0": rows(acc=[1, 0]), "a:y|0": rows(acc=[1], f1=[0.5])}, {"a:x|0": {"acc": 0.5}, "a:y|0": {"acc": 1.0, "f1": 0.5}}, 1, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_every_kind_are_reproduced(kind: str) -> None:
    """Each metric has its values, or is listed as one of all answers together."""
    entries, measured, answers, whole = KINDS[kind]
    found = question_scores(entries, measured, answers)
    names = {name for values in measured.values() for name in values if not name.endswith("_stderr")}
    assert found.unlike == {} and found.of_whole_texts == whole and set(found.metrics) == names - set(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_another_score_than_its_questions_make_is_named(kind: str) -> None:
    """In each entry and metric alone, whatever the others are."""
    entries, measured, answers, whole = KINDS[kind]
    for key, values in measured.items():
        for name in values.keys() - set(whole) - {one for one in values if one.endswith("_stderr")}:
            forged = {**measured, key: {**values, name: values[name] * 0.9 + 0.001}}
            assert set(question_scores(entries, forged, answers).unlike) == {name}


def test_a_metric_that_is_not_listed_is_never_one_of_whole_texts() -> None:
    """Whatever is kept of its questions, and whatever a listed metric of another task is called."""
    found = question_scores({"mine|0": rows(bleu=[["a", "b"]], f1=[None])}, {"mine|0": {"bleu": 20.0, "f1": 0.5}}, 1)
    assert found.of_whole_texts == () and set(found.unlike) == {"bleu", "f1"}
    assert found.unlike["f1"] == "the mean over its questions is None"
    assert found.unlike["bleu"] == "what is kept of a question is no number: \"['a', 'b']\""


@pytest.mark.parametrize(
    ("entry", "metric", "listed"),
    [
        ("swallow|wmt20:en-ja|0", "bleu_lmevalja", True), ("wmt14:de-en|0", "ter", True), ("wmt14:de-en", "chrf", True),
        ("swallow|japanese_mt_bench_truncate_6144|0", "japanese_ratio_math", True),
        ("swallow|japanese_mt_bench|0", "judge_score_math_avg", False), ("swallow|humaneval|0", "bleu", False),
    ],
)  # fmt: skip
def test_metrics_of_whole_texts_are_listed_by_task(entry: str, metric: str, listed: bool) -> None:
    """In the keys of both frameworks."""
    assert bool(of_whole_texts(entry, metric)) == listed
