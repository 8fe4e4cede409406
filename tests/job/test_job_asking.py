"""One request: what is asked of the model, what comes from the store, and what the framework gets and the counts say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from relay_desk import CHAT, QUESTION, Desk, reply, words
from scripted_server import Outcome, now
from skipping_clock import run

from evalctl_job import asking
from evalctl_job.asking import envelope
from evalctl_job.outcomes import Refused
from evalctl_job.refusals import SEVERAL

NO = Refused(400, "HTTP 400: no", transient=False)
FILTERED = Refused(400, "filtered", transient=False, unanswerable=True)
SAMPLED = {**QUESTION, "temperature": 0.8}
LONG = {**QUESTION, "messages": [{"role": "user", "content": "Word " * 322}]}


def named(name: str, *texts: str, **fields: Any) -> Outcome:
    """A reply with this id."""
    return {**reply(*texts), "id": name, **fields}  # type: ignore[dict-item]


def texts(body: dict[str, Any]) -> list[str]:
    """The answers in a reply."""
    return [choice["message"]["content"] for choice in body["choices"]]


async def answered_before(folder: Path) -> None:
    """An earlier attempt, whose one answer is on file."""
    desk = Desk(folder, named("1", "a"))
    await desk.ask(SAMPLED)
    await desk.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    """The answers file of task `t`."""
    return [json.loads(line) for line in (folder / "t.answers.jsonl").read_text().splitlines()]


def test_choices_are_asked_in_parts_and_merged_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part has its own seed; the usage is the sum of all parts; all are asked at the same time."""
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: now() - 999))

    async def story() -> None:
        desk = Desk(tmp_path, named("1", "a", "b"), named("2", "c", "d"), named("3", "e", "f"), seconds=5.0, max_n=2)
        await desk.counts()
        going = asyncio.ensure_future(desk.ask({**SAMPLED, "n": 6, "seed": 40}))
        await asyncio.sleep(1)
        assert desk.server.under_way == 3
        status, body = await going
        in_order = [
            text for line in sorted(lines(tmp_path), key=lambda line: line["body"]["seed"]) for text in texts(line)
        ]
        assert (status, texts(body), sorted(texts(body))) == (200, in_order, ["a", "b", "c", "d", "e", "f"])
        assert [(asked[3]["seed"], asked[3]["n"]) for asked in desk.server.asked] == [(40, 2), (42, 2), (44, 2)]
        assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3, 4, 5]
        assert body["usage"] == {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}
        assert await desk.counts("requests", "asked", "answered", "fresh", "fresh_tokens", "completion_tokens", "models") == [
            1, 6, 6, 6, 9, 9, {"m": 6},
        ]  # fmt: skip
        assert {line["body"]["seed"] for line in lines(tmp_path)} == {40, 42, 44}
        assert [line["seconds"] for line in lines(tmp_path)] == [5.0, 5.0, 5.0]

    run(story())


def test_what_is_missing_of_a_reply_is_asked_for(tmp_path: Path) -> None:
    """A provider ignores the number of choices, others of its choices are no answers: each gap is asked for in turn, with its own seed."""

    async def story() -> None:
        broken = named("2", "b", "c", "", "e", "", "g")
        for place in (2, 4):
            broken["choices"][place]["finish_reason"] = "error"  # type: ignore[index]
        desk = Desk(tmp_path, named("1", "a"), broken, named("3", "d"), named("4", "f"))
        status, body = await desk.ask({**SAMPLED, "n": 7, "seed": 7}, gone=lambda: len(desk.server.asked) == 4)
        assert (status, texts(body)) == (200, ["a", "b", "c", "d", "e", "f", "g"])
        assert [(asked[3]["seed"], asked[3]["n"]) for asked in desk.server.asked] == [(7, 7), (8, 6), (10, 1), (12, 1)]
        assert [line["body"]["seed"] for line in lines(tmp_path)] == [7, 8, 11, 13, 10, 12]
        found = [texts((await desk.ask({**SAMPLED, "seed": seed}))[1])[0] for seed in range(7, 14)]
        assert (found, len(desk.server.asked)) == (["a", "b", "c", "d", "e", "f", "g"], 4)

    run(story())


def test_answered_parts_are_kept_where_another_one_is_given_up(tmp_path: Path) -> None:
    """The request waits for them, so that the next equal one has them."""

    async def story() -> None:
        desk = Desk(tmp_path, NO, Refused(500, "x", transient=True), named("1", "b"), tries=2, max_n=1)
        assert (await desk.ask({**SAMPLED, "n": 2}))[0] == 400
        assert await desk.counts("fresh", "failed") == [1, 2]
        assert texts((await desk.ask(SAMPLED))[1]) == ["b"] and len(desk.server.asked) == 3

    run(story())


def test_one_question_that_is_refused_again_and_again_ends_nothing(tmp_path: Path) -> None:
    """Others may be answered."""

    async def story() -> None:
        desk = Desk(tmp_path, NO)
        for _ in range(2 * SEVERAL):
            assert (await desk.ask())[0] == 400
        assert len(desk.server.asked) == 2 * SEVERAL

    run(story())


def test_stored_choices_and_new_ones_are_one_reply(tmp_path: Path) -> None:
    """Only those that are missing are asked for, and each has its place: one part failed before, another one now."""

    async def story() -> None:
        desk = Desk(tmp_path, NO, named("2", "b", "b2"), named("3", "c"), max_n=2)
        assert words(await desk.ask({**SAMPLED, "n": 5, "seed": 40})) == (400, "HTTP 400: no (tried once)")
        assert await desk.counts("answered", "failed", "fresh") == [0, 5, 3]
        await desk.close()
        again = Desk(tmp_path, named("4", "a", "a2"), max_n=2)
        status, body = await again.ask({**SAMPLED, "n": 5, "seed": 40})
        assert (status, texts(body), body["id"]) == (200, ["a", "a2", "b", "b2", "c"], "4")
        assert [(asked[3]["seed"], asked[3]["n"]) for asked in again.server.asked] == [(40, 2)]
        assert body["usage"] == {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}
        assert await again.counts("answered", "replayed", "fresh", "models") == [5, 3, 2, {"m": 5}]

    run(story())


def test_a_stored_choice_answers_one_question(tmp_path: Path) -> None:
    """While it is given to one request, another equal one asks the model; a request that fails puts it back."""

    async def story() -> None:
        await answered_before(tmp_path)
        desk = Desk(tmp_path, NO, named("2", "b"))
        assert (await desk.ask({**SAMPLED, "n": 2}))[0] == 400
        assert [texts((await desk.ask(SAMPLED))[1]) for _ in range(2)] == [["a"], ["b"]]
        assert await desk.counts("replayed", "fresh") == [1, 1]

    run(story())


def test_an_abort_puts_stored_choices_back(tmp_path: Path) -> None:
    """As does whatever else ends a request."""

    async def story() -> None:
        await answered_before(tmp_path)
        desk = Desk(tmp_path, named("2", "b"), seconds=100.0)
        await desk.counts()
        going = asyncio.ensure_future(desk.ask({**SAMPLED, "n": 2}))
        await asyncio.sleep(1)
        desk.answering.abort()
        assert words(await going)[0] == 503
        await asyncio.sleep(1)
        desk.answering.aborted = False
        assert texts((await desk.ask(SAMPLED))[1]) == ["a"] and len(desk.server.asked) == 1

    run(story())


def test_a_reply_has_the_form_of_evalctl(tmp_path: Path) -> None:
    """The server's own fields stay in the answers file."""

    async def story() -> None:
        given = named("x", "12", system_fingerprint="f", service_tier=None)
        given["choices"][0]["stop_reason"] = 7  # type: ignore[index]
        given["usage"] = {"prompt_tokens": 10, "completion_tokens": True, "total_tokens": -1, "cost": 0.3}  # type: ignore[index]
        status, body = await (desk := Desk(tmp_path, given)).ask()
        assert body == {
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [body["choices"][0]], "usage": {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 0},
        }  # fmt: skip
        assert lines(tmp_path)[0]["reply"]["system_fingerprint"] == "f" and status == 200
        assert await desk.counts("prompt_tokens", "completion_tokens") == [10, 0]

    run(story())


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"id": "x", "created": 5, "model": "n"}, ("x", 5, "n")), ({"id": 3, "created": "5", "model": 3}, ("evalctl", 0, "m")),
        ({"id": None, "created": True, "model": ""}, ("evalctl", 0, "m")), ({}, ("evalctl", 0, "m")),
        ({"id": "", "created": 0, "model": None}, ("", 0, "m")), ({"model": "#1"}, ("evalctl", 0, "#1")), ({"created": 1.5}, ("evalctl", 0, "m")),
    ],
)  # fmt: skip
def test_fields_of_another_type_are_replaced(given: dict[str, Any], found: tuple[Any, ...]) -> None:
    """A reply that names no model has the name that was asked for."""
    body = envelope(given, CHAT, QUESTION)
    assert (body["id"], body["created"], body["model"], body["object"]) == (*found, "chat.completion")
    assert envelope(given, "/completions", {})["object"] == "text_completion"
    assert envelope({}, CHAT, {})["model"] is None


def test_a_completion_has_the_form_of_one(tmp_path: Path) -> None:
    """Its texts are texts, and so is the empty one of a question that may stay without an answer."""

    async def story() -> None:
        given = {"id": "1", "model": "m", "choices": [{"index": 0, "text": "12", "finish_reason": "stop"}]}
        desk = Desk(tmp_path, given, FILTERED, unanswered=1)
        _, body = await desk.ask({"model": "m", "prompt": "p"}, path="/completions")
        assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "12")
        _, body = await desk.ask({"model": "m", "prompt": "q"}, path="/completions")
        assert (body["object"], body["choices"][0]["text"]) == ("text_completion", "")

    run(story())


def test_a_request_may_leave_so_many_questions_without_an_answer(tmp_path: Path) -> None:
    """They get empty answers, which are not kept; one more fails, and a question that is repeated counts once."""

    async def story() -> None:
        desk = Desk(tmp_path, FILTERED, unanswered=2)
        for number in (1, 2, 1):
            status, body = await desk.ask({**QUESTION, "n": 2, "messages": [number]})
            assert (status, texts(body), body["model"], body["id"]) == (200, ["", ""], "m", "evalctl")
        assert await desk.counts("unanswered", "answered", "empty", "fresh", "models") == [2, 6, 6, 0, {}]
        said = words(await desk.ask({**QUESTION, "messages": [3]}))
        assert said == (502, "more than 2 questions are without an answer: filtered (tried once)")
        assert (await desk.counts("unanswered", "failed"), lines(tmp_path)) == ([2, 1], [])

    run(story())


@pytest.mark.parametrize(("why", "number"), [("the provider filtered it: x", 1), ("the model called a tool (stop)", 0)])
def test_a_question_that_a_filter_took_is_known_as_such(tmp_path: Path, why: str, number: int) -> None:
    """Another question without an answer is not."""

    async def story() -> None:
        desk = Desk(tmp_path, Refused(400, why, transient=False, unanswerable=True), unanswered=1)
        assert (await desk.ask())[0] == 200
        (withheld,) = await desk.counts("withheld")
        assert len(withheld) == number

    run(story())


@pytest.mark.parametrize(("unanswered", "outcome"), [(0, FILTERED), (1, NO)])
def test_other_failures_are_no_empty_answers(tmp_path: Path, unanswered: int, outcome: Outcome) -> None:
    """Without leave, and where the question is not the reason."""

    async def story() -> None:
        desk = Desk(tmp_path, outcome, unanswered=unanswered)
        assert (await desk.ask())[0] == 400
        assert await desk.counts("unanswered", "failed") == [0, 1]

    run(story())


def test_an_empty_answer_counts_as_none_where_some_may_be_missing(tmp_path: Path) -> None:
    """Null and no text are the same; one more than allowed fails, while an answer is still given."""

    async def story() -> None:
        null = reply("x")
        null["choices"][0]["message"]["content"] = None  # type: ignore[index]
        desk = Desk(tmp_path, null, reply(""), reply("12"), unanswered=1)
        assert texts((await desk.ask())[1]) == [""]
        assert words(await desk.ask({**QUESTION, "messages": [2]})) == (
            502, "more than 1 questions are without an answer: the answer is empty"
        )  # fmt: skip
        assert texts((await desk.ask({**QUESTION, "messages": [3]}))[1]) == ["12"]
        assert await desk.counts("unanswered", "answered", "failed", "empty") == [1, 2, 1, 1]

    run(story())


def test_an_empty_answer_is_passed_on_where_none_may_be_missing(tmp_path: Path) -> None:
    """Acceptance decides about it; the next attempt asks again."""

    async def story() -> None:
        desk = Desk(tmp_path, reply(""))
        assert texts((await desk.ask())[1]) == [""] and await desk.counts("empty", "unanswered") == [1, 0]
        await desk.close()
        await Desk(tmp_path, reply("12")).ask()
        assert [line["choices"][0]["message"]["content"] for line in lines(tmp_path)] == ["", "12"]

    run(story())


def test_answers_and_questions_without_one_are_counted_apart(tmp_path: Path) -> None:
    """Of one request: the model answered one choice, and refused the other one; its name is of the answered one."""

    async def story() -> None:
        desk = Desk(tmp_path, FILTERED, named("1", "b", model="other"), unanswered=1, max_n=1)
        _, body = await desk.ask({**SAMPLED, "n": 2})
        assert (texts(body), body["model"], body["id"]) == (["", "b"], "other", "1")
        assert await desk.counts("models", "other_models", "answered", "fresh", "unanswered") == [
            {"other": 1}, {"other": 1}, 2, 1, 1,
        ]  # fmt: skip

    run(story())


@pytest.mark.parametrize("name", ["l", "n"])
def test_the_jobs_own_server_answers_under_the_name_that_was_asked(tmp_path: Path, name: str) -> None:
    """Another one is not our server: it is not asked again, and nothing is kept; without a name it may be ours."""

    async def story() -> None:
        desk = Desk(tmp_path, named("1", "a", model=name), ours=True, tries=5)
        assert words(await desk.ask()) == (502, f"another model answered: {name} instead of m (tried once)")
        assert (len(desk.server.asked), lines(tmp_path)) == (1, [])
        await desk.close()
        unnamed = reply("b")
        del unnamed["model"]  # type: ignore[union-attr]
        desk = Desk(tmp_path, unnamed, ours=True)
        assert (await desk.ask())[0] == 200 and await desk.counts("models") == [{"(not named)": 1}]

    run(story())


def test_a_providers_other_name_is_counted(tmp_path: Path) -> None:
    """It may be a date of the same model."""

    async def story() -> None:
        desk = Desk(tmp_path, named("1", "a", model="n"))
        assert (await desk.ask())[0] == 200 and await desk.counts("other_models") == [{"n": 1}]

    run(story())


def test_a_reply_that_was_given_before_is_no_further_sample(tmp_path: Path) -> None:
    """It is asked again, three times, then the request fails; an answer that is new counts."""

    async def story() -> None:
        name = "chatcmpl-" + "5" * 30
        desk = Desk(tmp_path, named(name, "a"), tries=9)
        assert (await desk.ask(SAMPLED))[0] == 200
        why = f"a repeated reply: `{name}` has answered before; a cache is before the model (tried 3 times)"
        assert words(await desk.ask(SAMPLED)) == (502, why)
        assert (len(desk.server.asked), await desk.counts("retried", "last_refusal")) == (
            4,
            [2, why.partition(" (")[0]],
        )
        desk.server.outcomes = [named(name, "a"), named("2", "a")]
        assert texts((await desk.ask(SAMPLED))[1]) == ["a"] and await desk.counts("last_refusal") == [None]
        assert len(lines(tmp_path)) == 2

    run(story())


def test_a_long_name_of_a_repeated_reply_is_cut(tmp_path: Path) -> None:
    """The text is for a person."""

    async def story() -> None:
        desk = Desk(tmp_path, named("x" * 999, "a"))
        await desk.ask(SAMPLED)
        assert f"`{'x' * 200}` has" in words(await desk.ask(SAMPLED))[1]

    run(story())


@pytest.mark.parametrize(("temperature", "status"), [(0, 200), (0.0, 200), (0.1, 502), (None, 502)])
def test_without_sampling_one_reply_is_every_sample(tmp_path: Path, temperature: Any, status: int) -> None:
    """A temperature of 0 makes no other one; without a temperature the model samples."""

    async def story() -> None:
        desk = Desk(tmp_path, named("1", "a"))
        body = {**QUESTION, **({} if temperature is None else {"temperature": temperature})}
        assert [(await desk.ask(body))[0] for _ in range(2)] == [200, status]

    run(story())


def test_what_is_no_answer_is_asked_again(tmp_path: Path) -> None:
    """A broken end up to the patience, a filter and an unknown end three times; each try is counted."""

    async def story() -> None:
        def ended(end: str) -> Outcome:
            given = reply("Let me")
            given["choices"][0]["finish_reason"] = end  # type: ignore[index]
            return given

        for number, (end, tries) in enumerate((("error", 6), ("content_filter", 3), ("nobody_knows", 3))):
            desk = Desk(tmp_path / str(number), ended(end), tries=6)
            assert (await desk.ask())[0] == 502 and len(desk.server.asked) == tries
            assert (await desk.counts("retried", "fresh"), lines(tmp_path / str(number))) == ([tries - 1, 0], [])
        desk = Desk(tmp_path / "filtered", ended("content_filter"), unanswered=1)
        assert texts((await desk.ask())[1]) == [""]

    run(story())


def test_prompts_that_were_counted_short_are_counted_once(tmp_path: Path) -> None:
    """Per question, however many replies hold its choices; a later attempt, which gets them from the store, knows it, too."""

    async def story() -> None:
        answered = [named(str(n), "a", usage={"prompt_tokens": 10, "completion_tokens": 1}) for n in range(4)]
        desk = Desk(tmp_path, *answered, max_n=1)
        assert (await desk.ask({**LONG, "temperature": 1, "n": 3}))[0] == 200
        assert await desk.counts("counted_short", "fresh") == [1, 3]
        await desk.close()
        again = Desk(tmp_path, NO, max_n=1)
        assert (await again.ask({**LONG, "temperature": 1, "n": 3}))[0] == 200
        assert await again.counts("counted_short", "replayed") == [1, 3]
        assert (await again.ask(SAMPLED))[0] == 400 and await again.counts("counted_short") == [1]

    run(story())


def test_a_repeated_reply_says_nothing_of_the_prompt(tmp_path: Path) -> None:
    """What is not kept is not counted."""

    async def story() -> None:
        short, name = {"prompt_tokens": 10, "completion_tokens": 1}, "chatcmpl-" + "5" * 30
        desk = Desk(tmp_path, named(name, "a"), named(name, "a", usage=short))
        assert (await desk.ask(SAMPLED))[0] == 200
        assert (await desk.ask({**LONG, "temperature": 0.8}))[0] == 502
        assert await desk.counts("counted_short") == [0]

    run(story())


def test_an_answer_of_one_task_is_one_for_all(tmp_path: Path) -> None:
    """What ends every task is not said after the server has answered any of them, even if the request then failed."""

    async def story() -> None:
        lost = Refused(401, "HTTP 401: who?", transient=False)
        desk = Desk(tmp_path, named("1", "a"), lost, max_n=1)
        assert (await desk.ask({**SAMPLED, "n": 2}, key="t"))[0] == 401
        for number in range(2 * SEVERAL):
            await desk.ask({**QUESTION, "messages": [number]}, key=str(number))
        assert len(desk.server.asked) == 2 + 2 * SEVERAL

    run(story())


def test_counts_on_disk_follow_each_try(tmp_path: Path) -> None:
    """With the next look: a kept answer and a retry."""

    async def story() -> None:
        desk = Desk(
            tmp_path, reply("a"), Refused(500, "x", transient=True), named("2", "b"), tries=2, seconds=5.0, max_n=1
        )
        task = await desk.answering.store.task("t")
        going = asyncio.ensure_future(desk.ask({**SAMPLED, "n": 2}))
        await asyncio.sleep(1)
        for seconds, found in ((4.2, (1, 0)), (1, (1, 1))):
            task.changed = False
            await asyncio.sleep(seconds)
            assert task.changed and (task.counts.fresh, task.counts.retried) == found
        await going

    run(story())
