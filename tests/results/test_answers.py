"""Answers on file: which of them loop, which are chosen, and why an eval is slow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evalctl.results.answers import read, summed
from evalctl.results.choosing import Wanted, chosen
from evalctl.results.slowness import causes, causes_at_work, server_load
from evalctl_job.looping import loop
from evalctl_job.relay_files import ServerLoad, TaskCounts


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        ("The answer is 4. " + "I should check again. " * 30, "I should check again."),
        ("答えは四です。" + "もう一度確認します。" * 20, "もう一度確認します。"),
        ("だから" + "はい、" * 60 + "は", "はい、"),
        ("!" * 100, "!"),
    ],
)  # fmt: skip
def test_a_text_that_ends_in_one_passage_again_and_again_loops(text: str, passage: str) -> None:
    """In English and Japanese, with the last repetition cut off, and of a single character."""
    found = loop(text)
    assert found is not None
    assert sorted(found.replace(" ", "")) == sorted(passage.replace(" ", ""))


@pytest.mark.parametrize(
    "text",
    [
        "", "4", "!" * 99, "はい、" * 3,
        "The cat sat on the mat and looked at the rain for a long time before it slept at last. " * 3,
        "".join(f"{number}. そのとおりです。\n" for number in range(60)),
        "もう一度確認します。" * 20 + "確認できました。答えは四です。",
    ],
)  # fmt: skip
def test_other_texts_do_not(text: str) -> None:
    """Short, three times only, with a counter in it, or gone on after the loop."""
    assert loop(text) is None


def line(*texts: str | None, reason: str = "stop", **message: Any) -> bytes:
    """A reply on file."""
    choices = [{"message": {"content": text, **message}, "finish_reason": reason} for text in texts]
    body = {"messages": [{"role": "user", "content": "日本の首都は？"}]}
    return json.dumps(
        {"format": 1, "digest": "d", "body": body, "choices": choices, "usage": None, "reply": {}}
    ).encode()


def test_every_choice_is_an_answer_and_damaged_lines_are_counted() -> None:
    """A line without an end is one of them: the job is still writing it."""
    found, unreadable = read([line("東京", "京都"), line(None, reasoning="考え中"), b'{"format": 1, "bo', b"[]\n"])
    assert [(one.prediction, one.reasoning) for one in found] == [("東京", ""), ("京都", ""), ("", "考え中")]
    assert (found[0].question, unreadable) == ("[user] 日本の首都は？", 2)


def test_conditions_hold_together() -> None:
    """Empty, cut off, looping, with a text; the longest first."""
    found, _ = read([line("東京"), line(""), line("はい、" * 60, reason="length"), line("大阪です", reason="length")])
    assert [one.prediction for one in chosen(found, Wanted(empty=True))] == [""]
    assert [one.length for one in chosen(found, Wanted(truncated=True))] == [180, 4]
    assert [one.length for one in chosen(found, Wanted(truncated=True, repeating=True))] == [180]
    assert [one.prediction for one in chosen(found, Wanted(grep="大阪"))] == ["大阪です"]
    assert [one.length for one in chosen(found, Wanted(longest=2))] == [180, 4]
    assert len(chosen(found, Wanted(limit=1))) == 1


def test_the_causes_of_slowness_have_a_remedy() -> None:
    """Repetition, memory, concurrency; none where all is well."""
    looping = summed(read([line("はい、" * 60, reason="length")])[0])
    fine = summed(read([line("東京")])[0])
    assert [cause.name for cause in causes(looping, None)] == ["repetition", "length"]
    assert "node kind" in causes(fine, ServerLoad(preemptions=7, highest_cache_use=1.0))[0].remedy
    waited = ServerLoad(admission="fixed", limit=20, queued_seconds=90.0, highest_cache_use=0.1)
    assert "`concurrency: auto`" in causes(fine, waited)[0].remedy
    assert causes(fine, replace(waited, admission="auto")) == causes(summed([]), None) == []


def test_the_counts_of_an_attempt_name_causes_without_its_answers() -> None:
    """Answers that were cut off, and ones that came too late for the framework, whoever gave up first."""
    assert [one.name for one in causes_at_work(TaskCounts(answered=20, truncated=1), None)] == ["length"]
    assert [one.name for one in causes_at_work(TaskCounts(asked=20, abandoned=2), None)] == ["timeouts"]
    late = TaskCounts(asked=20, failed=1, first_error="the model did not answer in time (tried 20 times)")
    assert "request_timeout" in causes_at_work(late, ServerLoad())[0].remedy
    refused = TaskCounts(asked=20, answered=100, truncated=1, failed=1, abandoned=0, first_error="HTTP 400: no")
    assert causes_at_work(refused, ServerLoad()) == []
    (down,) = causes_at_work(TaskCounts(asked=20, last_refusal="no connection to api.example"), ServerLoad())
    assert str(down).startswith("no answers: the last call failed (no connection to api.example)")
    limited = causes_at_work(TaskCounts(asked=20, last_refusal="HTTP 429: slow down"), ServerLoad(refusals=3))
    assert [one.name for one in limited] == ["rate limit"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "delimiter|property name"), (b"[]", "not a JSON object"), (b'{"limit": "many"}', "`limit` is 'many'"),
        (b'{"highest_cache_use": NaN}', "NaN is not a number"), (b'{"limit": true}', "`limit` is True"),
    ],
)  # fmt: skip
def test_damaged_notes_are_no_notes(content: bytes, why: str) -> None:
    """Half a file, another one, or something else for a number."""
    with pytest.raises(ValueError, match=why):
        server_load(content)
    assert server_load(b'{"limit": null, "metrics": true, "admission": "auto"}') == ServerLoad(
        admission="auto", metrics=True
    )


def test_half_a_character_can_still_be_written_down() -> None:
    """A tokenizer may cut an emoji in two."""
    (found,), unreadable = read([line("a\ud83d")])
    assert (found.prediction, unreadable) == ("a?", 0)
