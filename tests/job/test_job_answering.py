"""What the relay says to each request, and what of it is counted and kept, without a server of HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from relay_desk import CHAT, QUESTION, Desk, reply, words
from scripted_server import BASE, Outcome
from skipping_clock import run

from evalctl_job import answering
from evalctl_job.answering import refusal
from evalctl_job.outcomes import Refused
from evalctl_job.refusals import SEVERAL

NO = Refused(400, "HTTP 400: no", transient=False)
ABORTED = (503, "the job was aborted")


def test_an_answer_is_delivered_counted_and_kept(tmp_path: Path) -> None:
    """And asked for with the body as it came."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"))
        status, body = await desk.ask()
        assert (status, body["choices"][0]["message"]["content"]) == (200, "12")
        assert [asked[1:] for asked in desk.server.asked] == [("POST", f"{BASE}{CHAT}", QUESTION)]
        assert await desk.counts("asked", "answered", "failed", "abandoned", "fresh") == [1, 1, 0, 0, 1]
        assert len((tmp_path / "t.answers.jsonl").read_text().splitlines()) == 1

    run(told())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"), (b"{", "Expecting property name"), (b"\xff", "can't decode"), (b"[]", "attribute"),
        (b'"text"', "attribute"), (b"3", "attribute"), (b'{"temperature": NaN}', "NaN is no number"),
        (b'{"temperature": -Infinity}', "-Infinity is no number"), (b"[" * 100_000, "recursion"),
        ({"n": 0}, "n must be a number from 1 to 10000"), ({"n": 10_001}, "n must be"), ({"n": -1}, "n must be"),
        ({"n": "2"}, "n must be"), ({"n": True}, "n must be"), ({"n": 1.0}, "n must be"), ({"stream": True}, "streaming is not supported"),
        ({"truncate_prompt_tokens": -1}, "would have prompts cut"), ({"truncate_prompt_tokens": 0}, "would have prompts cut"),
        ({"truncation": "auto"}, "would have prompts cut"), ({"transforms": ["middle-out"]}, "`transforms` would have prompts cut"),
        ({"transforms": ["middle-out"], "truncation": "auto"}, "`truncation` would have prompts cut"),
    ],
    ids=lambda one: str(one)[:20],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_not_counted(tmp_path: Path, content: Any, why: str) -> None:
    """Broken JSON, another form, numbers that JSON does not have, a number of choices that nobody means, streams."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"))
        status, said = words(await desk.ask({**QUESTION, **content} if isinstance(content, dict) else content))
        assert status == 400 and said.startswith("not a request of this API: ") and why in said
        assert (await desk.counts("requests", "asked", "failed"), desk.server.asked) == ([0, 0, 0], [])

    run(told())


@pytest.mark.parametrize(("n", "choices"), [(None, 1), (1, 1), (2, 2)])
def test_so_many_choices_are_asked_for(tmp_path: Path, n: int | None, choices: int) -> None:
    """A null is one; a stream that is not wanted is none."""

    async def told() -> None:
        desk = Desk(tmp_path, reply(*"ab"[:choices]))
        assert (await desk.ask({**QUESTION, "n": n, "stream": False}))[0] == 200
        assert await desk.counts("asked", "answered") == [choices, choices]

    run(told())


@pytest.mark.parametrize("whole", [{"truncate_prompt_tokens": None}, {"truncation": "disabled"}, {"transforms": []}])
def test_a_request_that_says_that_nothing_is_cut_is_one(tmp_path: Path, whole: dict[str, Any]) -> None:
    """OpenRouter cuts the prompts of some models unless it is told not to."""

    async def told() -> None:
        assert (await Desk(tmp_path, reply("12")).ask({**QUESTION, **whole}))[0] == 200

    run(told())


@pytest.mark.parametrize(("counted", "status"), [(10, 502), (100, 502), (101, 200), (0, 200)])
def test_a_prompt_that_the_jobs_server_has_cut_is_not_the_question(tmp_path: Path, counted: int, status: int) -> None:
    """It counts fewer tokens than so many characters can be; nothing is kept. Of a provider's counters less is known: they are noted."""

    async def told() -> None:
        long = {**QUESTION, "messages": [{"role": "user", "content": "Word " * 322}]}
        answered = {**reply("12"), "usage": {"prompt_tokens": counted, "completion_tokens": 1}}  # type: ignore[dict-item]
        for ours in (True, False):
            desk = Desk(tmp_path / str(ours), answered, ours=ours, tries=3)
            said = await desk.ask(long)
            assert said[0] == (status if ours else 200)
            assert await desk.counts("counted_short") == [0 if ours else int(status != 200)]
            if said[0] != 200:
                assert (
                    words(said)[1]
                    == f"the prompt was cut: 1610 characters were sent, and the server counted {counted} tokens (tried once)"
                )
                assert (tmp_path / str(ours) / "t.answers.jsonl").read_text() == ""

    run(told())


def test_ten_thousand_choices_are_not_too_many(tmp_path: Path) -> None:
    """The most that a request may ask for."""

    async def told() -> None:
        desk = Desk(tmp_path, NO)
        assert words(await desk.ask({**QUESTION, "n": answering.MOST_CHOICES}))[1] == "HTTP 400: no (tried once)"
        assert await desk.counts("asked", "failed") == [10_000, 10_000]

    run(told())


def test_a_refusal_is_passed_on_and_counted(tmp_path: Path) -> None:
    """With the server's status; one that is no status of an error is a bad gateway."""

    async def told() -> None:
        desk = Desk(tmp_path, NO, Refused(None, "no connection", transient=True))
        assert words(await desk.ask()) == (400, "HTTP 400: no (tried once)")
        assert words(await desk.ask()) == (502, "no connection (tried once)")
        assert await desk.counts("asked", "failed", "first_error") == [2, 2, "HTTP 400: no (tried once)"]
        assert await desk.counts("refused_alike") == ["HTTP 400: no (tried once)"]

    run(told())


@pytest.mark.parametrize(
    ("status", "given"), [(400, 400), (599, 599), (399, 502), (600, 502), (601, 502), (200, 502), (0, 502), (500, 500)]
)
def test_an_error_has_the_status_of_one(status: int, given: int) -> None:
    """Or the framework would take it for an answer; its own stands inside."""
    assert refusal(status, "no") == (given, {"error": {"message": "no", "type": "evalctl_relay", "code": status}})


def test_what_several_questions_were_refused_for_is_asked_no_more(tmp_path: Path) -> None:
    """The task's next question fails in the same words; another task asks on, until it has its own several."""

    async def told() -> None:
        desk = Desk(tmp_path, Refused(400, "HTTP 400: max_tokens > max_model_len", transient=False))
        for number in range(20):
            found = words(await desk.ask({**QUESTION, "seed": number, "messages": [number]}))
            assert found == (400, "HTTP 400: max_tokens > max_model_len (tried once)")
        assert len(desk.server.asked) == SEVERAL and await desk.counts("failed") == [20]
        await desk.ask(key="u")
        assert len(desk.server.asked) == SEVERAL + 1

    run(told())


def test_what_concerns_every_task_ends_all_of_them(tmp_path: Path) -> None:
    """The account is one: questions of two tasks count together, and each gets the words, not the reason."""

    async def told() -> None:
        desk = Desk(tmp_path, Refused(402, "HTTP 402: Insufficient credits", transient=False))
        for number in range(12):
            status, said = words(await desk.ask({**QUESTION, "messages": [number]}, "tuv"[number % 3]))
            assert said == "HTTP 402: Insufficient credits (tried once)" and status == (
                402 if number < SEVERAL else 400
            )
        assert len(desk.server.asked) == SEVERAL

    run(told())


@pytest.mark.parametrize(
    "outcome", [Refused(500, "x", transient=True), Refused(400, "filtered", transient=False, unanswerable=True)]
)
def test_what_may_pass_or_is_one_question_s_settles_nothing(tmp_path: Path, outcome: Refused) -> None:
    """Each question is asked."""

    async def told() -> None:
        desk = Desk(tmp_path, outcome)
        for number in range(2 * SEVERAL):
            await desk.ask({**QUESTION, "messages": [number]})
        assert len(desk.server.asked) == 2 * SEVERAL

    run(told())


def test_unusable_options_refuse_every_question(tmp_path: Path) -> None:
    """None is asked with other settings."""

    async def told() -> None:
        (tmp_path / "t.options.json").write_text('{"max_m": 2}')
        desk = Desk(tmp_path, reply("12"))
        status, said = words(await desk.ask())
        assert (status, "max_m" in said, desk.server.asked) == (400, True, [])
        assert await desk.counts("asked", "failed") == [1, 1]

    run(told())


def test_an_answer_that_cannot_be_kept_is_none(tmp_path: Path) -> None:
    """A full disk: the framework is not given what nobody could prove."""

    async def told() -> None:
        (tmp_path / "t.answers.jsonl").symlink_to("/dev/full")
        desk = Desk(tmp_path, reply("12"))
        said = "the answer could not be kept: No space left on device"
        assert words(await desk.ask()) == (507, said)
        assert await desk.counts("asked", "answered", "failed") == [1, 0, 1]

    run(told())


def test_whoever_hangs_up_was_not_answered(tmp_path: Path) -> None:
    """An answer that nobody waits for is kept for the next equal question, which is the one that counts."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"), NO)
        assert (await desk.ask(gone=lambda: len(desk.server.asked) == 1))[0] == 200
        assert await desk.counts("asked", "answered", "failed", "fresh", "abandoned") == [0, 0, 0, 1, 1]
        assert (await desk.ask())[1]["choices"][0]["message"]["content"] == "12"
        assert (len(desk.server.asked), await desk.counts("asked", "answered", "replayed")) == (1, [1, 1, 1])
        await desk.ask({**QUESTION, "seed": 1}, gone=lambda: len(desk.server.asked) == 2)
        assert await desk.counts("asked", "failed", "first_error", "refused_alike", "abandoned") == [
            1,
            0,
            None,
            None,
            2,
        ]

    run(told())


def test_a_question_that_waits_is_not_sent_once_its_framework_has_hung_up(tmp_path: Path) -> None:
    """The server's time is for those that still ask; the question counts as abandoned, and the next equal one is asked."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"))
        assert words(await desk.ask(gone=lambda: True)) == (499, "the framework has hung up")
        assert (desk.server.asked, await desk.counts("asked", "failed", "abandoned")) == ([], [0, 0, 1])
        assert (await desk.ask())[0] == 200 and len(desk.server.asked) == 1

    run(told())


def test_what_waits_is_not_sent_once_every_question_was_refused_alike(tmp_path: Path) -> None:
    """A framework sends all its questions at once: those in the queue are not asked in vain."""

    async def told() -> None:
        desk = Desk(tmp_path, NO, seconds=1.0)
        await desk.answering.store.task("t")
        found = await asyncio.gather(*(desk.ask({**QUESTION, "messages": [number]}) for number in range(100)))
        assert {status for status, _ in found} == {400} and len(desk.server.asked) < 30

    run(told())


def test_an_abort_fails_what_is_in_flight_and_what_comes(tmp_path: Path) -> None:
    """At once, for requests and for lists of models; the model is asked no more, and what it was asked is given up."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"), seconds=100.0)
        await desk.counts()
        going = [asyncio.ensure_future(one) for one in (desk.ask(), desk.answering.models())]
        await asyncio.sleep(1)
        begin = asyncio.get_running_loop().time()
        desk.answering.abort()
        assert [words(await one) for one in going] == [ABORTED] * 2
        assert words(await desk.ask()) == ABORTED
        assert asyncio.get_running_loop().time() == begin and len(desk.server.asked) == 2
        assert await desk.counts("asked", "answered", "failed", "first_error") == [2, 0, 2, "the job was aborted"]
        await asyncio.sleep(200)
        assert await desk.counts("fresh") == [0]

    run(told())


def test_an_answer_waits_for_no_abort(tmp_path: Path) -> None:
    """Nothing is left behind that waits for one."""

    async def told() -> None:
        desk = Desk(tmp_path, reply("12"))
        await desk.ask()
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(told())


def test_models_and_health_are_the_server_s(tmp_path: Path) -> None:
    """Its list as it is, its refusal with its status, its own word for its health."""

    async def told() -> None:
        desk = Desk(tmp_path, {"data": [{"id": "m"}]}, Refused(401, "HTTP 401: who?", transient=False))
        assert await desk.answering.models() == (200, {"data": [{"id": "m"}]})
        assert words(await desk.answering.models()) == (401, "HTTP 401: who?")
        assert await desk.answering.health() == (200, {"relay": True, "upstream": True})
        desk.server.ill = lambda: True
        assert await desk.answering.health() == (200, {"relay": True, "upstream": False})

    run(told())


@pytest.mark.parametrize("outcome", [reply("12"), NO])
def test_the_counts_on_disk_follow_each_end(tmp_path: Path, outcome: Outcome) -> None:
    """With the next look, whether it was answered or refused."""

    async def told() -> None:
        desk = Desk(tmp_path, outcome, seconds=5.0)
        task = await desk.answering.store.task("t")
        going = asyncio.ensure_future(desk.ask())
        await asyncio.sleep(1)
        assert task.changed
        task.changed = False
        await going
        assert task.changed

    run(told())
