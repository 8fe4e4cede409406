"""The values behind a score: in few bytes, the same again, and their mean is the score."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job.scores import Metric, Value, encoded, from_json, mean


def of(kept: list[Any], score: float, answers: int = 1) -> Metric | None:
    """Of a task without subsets."""
    return encoded([(kept, score)], answers)


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
        ([9.0, -1, 5.5], 0.725, 1, {"form": "numbers", "scale": 0.1, "values": (9.0, None, 5.5)}),  # a judge's
        ([None, 1, 1], 1.0, 1, {"form": "digits", "values": "-11"}),  # of another category
        ([[True, False], [True]], 2 / 3, 1, {"form": "parts", "values": "10,1"}),  # instructions of a question
        ([[True, False], []], 0.5, 1, {"form": "parts", "values": "10,"}),
        ([-1.0, 1.0], 0.0, 1, {"form": "numbers", "values": (-1.0, 1.0)}),  # a real -1
    ],
)  # fmt: skip
def test_values_are_kept_in_the_form_that_makes_the_score(
    kept: list[Any], score: float, answers: int, form: dict[str, Any]
) -> None:
    """Right or wrong, means of k, a judge's points, parts of a question; without what is as usual."""
    found = of(kept, score, answers)
    assert found is not None and found.as_json() == form
    assert score_of(found) == pytest.approx(score, rel=1e-12)
    assert from_json(json.loads(json.dumps(found.as_json())), len(kept)) == found


@pytest.mark.parametrize("kept", [[("a", "b")], ["text"], [{"golds": []}], [[0.5]], [float("nan")], [0.5], []])
def test_a_score_that_is_no_mean_has_no_values(kept: list[Any]) -> None:
    """A translation's is one of the whole text; what it keeps of a question is no number, or makes another score."""
    assert of(kept, 0.25) is None


def test_each_subset_has_to_make_its_own_score() -> None:
    """One that does not leaves the whole metric out."""
    assert encoded([([1, 0], 0.5), ([1, 1], 1.0)], 1) == Metric("digits", "1011")
    assert encoded([([1, 0], 1.0), ([1, 1], 0.5)], 1) is None


@given(st.lists(st.integers(0, 16), min_size=1), st.integers(1, 16))
def test_every_share_of_k_answers_comes_back(right: list[int], answers: int) -> None:
    """Whatever rounding the framework's mean has."""
    kept = [min(one, answers) / answers for one in right]
    found = of(kept, sum(kept) / len(kept), answers)
    assert found is not None and [one.total for one in found.decoded()] == pytest.approx(kept)


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
