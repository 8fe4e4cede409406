"""The counters of one task's requests, each where it is counted."""

from __future__ import annotations

from typing import Any

import pytest

from evalctl_job.choices import Choice
from evalctl_job.counts import MOST_MODELS, MOST_POINTS, MOST_VALUES, OTHERS, PACE_SECONDS, PROMPT_KEYS, Counts
from evalctl_job.replies import UNNAMED

NOTHING = Counts().now().as_json()


def changed(counts: Counts) -> dict[str, Any]:
    """What is not as it was at the beginning, but for the times."""
    return {name: value for name, value in counts.now().as_json().items() if value != NOTHING[name] and name != "pace"}


def test_at_the_beginning_nothing_was_counted() -> None:
    """Every number is 0, every word is missing, every list is empty."""
    assert {name for name, value in NOTHING.items() if value} == set()
    assert [name for name, value in NOTHING.items() if value is None] == [
        "first_error",
        "last_refusal",
        "refused_alike",
    ]


def test_what_was_asked_is_counted_in_requests_and_choices() -> None:
    """With the values of each parameter once, and of prompts the names alone."""
    counts = Counts()
    counts.ask({"n": 3, "top_p": 0.9, "messages": ["q"]}, 3)
    counts.ask({"n": 2, "top_p": 0.9, "prompt": "q"}, 2)
    assert changed(counts) == {
        "requests": 2, "asked": 5, "keys": ["messages", "n", "prompt", "top_p"], "sent": {"n": [3, 2], "top_p": [0.9]}
    }  # fmt: skip
    assert {"messages", "prompt"} == PROMPT_KEYS


def test_of_a_parameter_four_values_are_kept() -> None:
    """A seed of each question would fill the file."""
    counts = Counts()
    for seed in range(6):
        counts.ask({"seed": seed}, 1)
    assert counts.now().as_json()["sent"] == {"seed": [0, 1, 2, 3]} and MOST_VALUES == 4


def test_who_hangs_up_has_not_asked() -> None:
    """The choices are abandoned."""
    counts = Counts()
    counts.ask({}, 3)
    counts.ask({}, 2)
    counts.forget(2)
    assert changed(counts) == {"requests": 1, "asked": 3, "abandoned": 2}


def test_an_answer_of_the_model_is_fresh_and_ends_a_refusal() -> None:
    """With its tokens, as far as they were counted."""
    counts = Counts()
    counts.retry("HTTP 429: slow down")
    counts.retry(None)
    counts.retry("HTTP 503: busy")
    assert changed(counts) == {"retried": 3, "last_refusal": "HTTP 503: busy"}
    counts.generate(2, {"completion_tokens": 7, "prompt_tokens": 5})
    counts.generate(1, {})
    assert changed(counts) == {"retried": 3, "fresh": 3, "fresh_tokens": 7}


def test_what_the_framework_gets_is_described() -> None:
    """How much of it is empty, cut off, and from an earlier attempt."""
    counts = Counts()
    some = [Choice("a", None, "stop"), Choice("", "why", "length"), Choice("b", None, "length"), Choice("", None, None)]
    counts.answer(some, {"prompt_tokens": 5, "completion_tokens": 7}, 1)
    counts.answer([Choice("c", None, "stop")], {"prompt_tokens": 2, "completion_tokens": 3}, 1)
    assert changed(counts) == {
        "answered": 5, "replayed": 2, "empty": 2, "truncated": 2, "prompt_tokens": 7, "completion_tokens": 10
    }  # fmt: skip


def test_answers_are_counted_by_the_model_that_gave_them() -> None:
    """One that was not asked for is counted apart, too; a reply without a name says nothing."""
    counts = Counts()
    counts.answered_by("m", "m-2025-01-01", 2)
    counts.answered_by("m", "m-2025-01-01", 1)
    counts.answered_by("m", "other", 3)
    counts.answered_by("m", "!m", 5)
    counts.answered_by("m", UNNAMED, 4)
    others = {"other": 3, "!m": 5}
    assert changed(counts) == {"models": {"m-2025-01-01": 3, **others, UNNAMED: 4}, "other_models": others}


def test_ever_new_names_fill_no_file() -> None:
    """Eight are kept, and counted on; the rest is one."""
    counts = Counts()
    for number in range(10):
        counts.answered_by("m", f"x{number}", 1)
    counts.answered_by("m", "x7", 1)
    names = {**{f"x{number}": 1 for number in range(7)}, "x7": 2, OTHERS: 2}
    assert (counts.models, counts.other_models, MOST_MODELS) == (names, names, 8)


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_so_many_questions_may_stay_without_an_answer(allowed: int) -> None:
    """One that is asked again is no other one."""
    counts = Counts(unanswered_allowed=allowed)
    assert [counts.leave_blank(question) for question in "abcabc"] == [
        question in "ab"[:allowed] for question in "abcabc"
    ]
    assert counts.now().as_json()["unanswered"] == allowed


def test_the_first_error_is_kept() -> None:
    """And every choice that failed is counted."""
    counts = Counts()
    counts.fail(2, "first")
    counts.fail(3, "second")
    assert changed(counts) == {"failed": 5, "first_error": "first"}


@pytest.mark.parametrize("way", [1, -1])
def test_the_pace_has_a_point_a_minute(monkeypatch: pytest.MonkeyPatch, way: int) -> None:
    """The first question, then the answers of the model a minute later or more, also where the clock is set back."""
    clock, counts = [1000.5], Counts()
    monkeypatch.setattr("evalctl_job.counts.time.time", lambda: clock[-1])
    counts.ask({}, 1)
    found = []
    for seconds in (1, 59, 59.4, 60.5, 61, 119, 121, 300):
        clock.append(1000.5 + way * seconds)
        counts.ask({}, 1)
        counts.generate(1, {})
        found.append(len(counts.pace))
    assert found == [1, 1, 1, 2, 2, 2, 3, 4]
    assert [fresh for _, fresh in counts.pace] == [0, 4, 7, 8]
    assert counts.pace[0][0] == 1000


def test_answers_without_a_question_begin_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 31 points the last are kept."""
    now, counts = 60.0, Counts()
    monkeypatch.setattr("evalctl_job.counts.time.time", lambda: now)
    for _ in range(33):
        counts.generate(1, {})
        now += 60
    assert counts.pace == [(60 * number, number) for number in range(3, 34)]
    assert (PACE_SECONDS, MOST_POINTS) == (60, 31)
