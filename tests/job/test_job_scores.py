"""The values behind a score: in few bytes, the same again, and their mean is the score."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job.scores import Metric, NotReproduced, Value, encoded, from_json, mean


def of(kept: list[Any], score: float, answers: int = 1, name: str = "acc") -> Metric:
    """Of a task without subsets."""
    return encoded(name, [(kept, score)], answers)


def score_of(metric: Metric) -> float | None:
    """What its values make."""
    return mean(metric.decoded(), metric.scale)


@pytest.mark.parametrize(
    ("kept", "score", "answers", "form"),
    [
        ([1, 0, 1.0, True], 0.75, 1, {"form": "digits", "values": "1011"}),
        ([0.3, 1.0, 0.0], 1.3 / 3, 10, {"form": "digits", "out_of": 10, "values": "3a0"}),
        ([0.0, 1.0], 0.5, 10, {"form": "digits", "values": "01"}),  # pass@10 of ten
        ([0.25, 0.5], 0.375, 1, {"form": "numbers", "values": (0.25, 0.5)}),
        ([None, 1, 1], 1.0, 1, {"form": "digits", "values": "-11"}),  # of another category
        ([[True, False], [True]], 2 / 3, 1, {"form": "parts", "values": "10,1"}),  # instructions of a question
        ([[True, False], []], 0.5, 1, {"form": "parts", "values": "10,"}),
        ([-1.0, 1.0], 0.0, 1, {"form": "numbers", "values": (-1.0, 1.0)}),  # a real -1
    ],
)  # fmt: skip
def test_values_are_kept_in_the_form_that_makes_the_score(
    kept: list[Any], score: float, answers: int, form: dict[str, Any]
) -> None:
    """Right or wrong, means of k, parts of a question; without what is as usual."""
    found = of(kept, score, answers)
    assert found.as_json() == form
    assert score_of(found) == pytest.approx(score, rel=1e-12)
    assert from_json(json.loads(json.dumps(found.as_json())), len(kept)) == found


@pytest.mark.parametrize(("score", "scale"), [(7.25, 1.0), (0.725, 0.1), (1.45, 0.2)])
def test_a_judges_points_make_a_score_on_another_scale(score: float, scale: float) -> None:
    """The fork divides points by 10 and leaves out -1, the mark of a judge without a score; of no other metric is this accepted."""
    found = of([9.0, -1, 5.5], score, name="judge_score_overall_avg")
    assert (found.values, found.scale) == ((9.0, None, 5.5), scale)
    with pytest.raises(NotReproduced):
        of([9.0, -1, 5.5], score)


@pytest.mark.parametrize(
    "kept", [[("a", "b")], ["text"], [{"golds": []}], [[0.5]], [float("nan")], [0.5], [], [None], [1e60]]
)
def test_a_score_that_is_no_mean_is_not_reproduced(kept: list[Any]) -> None:
    """What is kept of a question is no number, nothing, or makes another score."""
    with pytest.raises(NotReproduced):
        of(kept, 0.25)


def test_each_subset_has_to_make_its_own_score() -> None:
    """One that does not, or has values and no score, is an error; one without the metric has no values."""
    assert encoded("acc", [([1, 0], 0.5), ([1, 1], 1.0)], 1) == Metric("digits", "1011")
    assert encoded("acc", [([1, 0], 0.5), ([None, None], None)], 1) == Metric("digits", "10--")
    for wrong in ([([1, 0], 1.0), ([1, 1], 0.5)], [([1, 0], 0.5), ([1, 1], None)], [([1, 0], None)]):
        with pytest.raises(NotReproduced):
            encoded("acc", wrong, 1)


@given(st.lists(st.integers(0, 16), min_size=1), st.integers(1, 16))
def test_every_share_of_k_answers_comes_back(right: list[int], answers: int) -> None:
    """Whatever rounding the framework's mean has."""
    kept = [min(one, answers) / answers for one in right]
    found = of(kept, sum(kept) / len(kept), answers)
    assert [one.total for one in found.decoded()] == pytest.approx(kept)


@pytest.mark.parametrize(
    "document",
    [
        {"form": "digits", "values": "10"}, {"form": "digits", "values": "1?0"}, {"form": "digits", "values": [1, 0, 1]},
        {"form": "other", "values": "101"}, {"values": "101"}, {"form": "parts", "values": "1,2"}, {},
        {"form": "numbers", "values": [1, 2]}, {"form": "numbers", "values": "101"}, {"form": "numbers"},
        {"form": "numbers", "values": [1, "x", 2]}, {"form": "digits", "values": "101", "out_of": 0},
        {"form": "digits", "values": "101", "out_of": "x"}, {"form": "digits", "values": "191", "out_of": 4},
        {"form": "parts", "values": "1,9,1"}, {"form": "numbers", "values": [1, 1e999, 2]},
        {"form": "numbers", "values": [1, 1e99, 2]},
    ],
)  # fmt: skip
def test_damaged_values_are_refused(document: dict[str, Any]) -> None:
    """Another number of questions, another form, a value beyond what it can be worth."""
    with pytest.raises(ValueError):
        from_json(document, 3)


def test_nothing_has_no_mean() -> None:
    """Nor have questions that all have no value."""
    assert mean([]) is mean([Value(0.0, 0)]) is None
