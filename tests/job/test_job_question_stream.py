"""All questions of a framework's call in one request: each answer comes as soon as it is there, and none is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, completion, serving
from relay_desk import QUESTION, Desk, reply
from relay_process import KEY, StartRelay
from skipping_clock import run

from evalctl_job import question_stream
from evalctl_job.framework_client import RelayClient, RelayLost, StreamedAnswer, choices_of
from evalctl_job.question_stream import BadLine, QuestionStream, questions, read_question


async def parts_of(*parts: bytes) -> AsyncIterator[bytes]:
    """A request that arrives in these parts."""
    for part in parts:
        yield part


def asked(number: int, **more: Any) -> bytes:
    """The line of a question."""
    return b"%d %s\n" % (number, json.dumps({**QUESTION, "seed": number, **more}).encode())


async def streamed(desk: Desk, *parts: bytes, gone: Sequence[bool] = (False,)) -> list[tuple[int, int]]:
    """Number and status of each line of the reply, in their order."""
    lines: list[bytes] = []

    async def write(line: bytes) -> None:
        lines.append(line)

    await QuestionStream(desk.answering, "t", write, lambda: gone[0]).answer(parts_of(*parts))
    return [(int(line.split(b" ")[0]), int(line.split(b" ")[1])) for line in b"".join(lines).splitlines()]


def test_each_question_gets_its_line(tmp_path: Path) -> None:
    """However the request is cut into parts; a question that is refused has its status."""

    async def story() -> None:
        desk = Desk(tmp_path, reply("12"), {**reply("13"), "id": "d"})
        whole = asked(7) + asked(3) + b"5 no JSON\n"
        cut = [whole[i : i + 11] for i in range(0, len(whole), 11)]
        assert sorted(await streamed(desk, *cut)) == [(3, 200), (5, 400), (7, 200)]
        assert [call[3]["seed"] for call in desk.server.asked] == [7, 3]

    run(story())


def test_questions_are_read_ahead_only_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest stays with the framework until there is room; all are answered."""
    monkeypatch.setattr(question_stream, "MOST_WAITING", 3)

    async def story() -> None:
        desk, read = Desk(tmp_path, reply("12"), seconds=1.0), 0

        async def parts() -> AsyncIterator[bytes]:
            nonlocal read
            for number in range(10):
                read += 1
                assert read - len(lines) <= 3 + 1
                yield asked(number)

        lines: list[bytes] = []

        async def write(some: bytes) -> None:
            lines.extend(some.splitlines())

        await QuestionStream(desk.answering, "t", write, lambda: False).answer(parts())
        assert len(lines) == 10

    run(story())


def test_no_more_is_read_ahead_than_the_server_may_need(tmp_path: Path) -> None:
    """Half as many again as may be in flight, and a handful: preparing thousands would delay the answers of those in flight."""

    async def story() -> None:
        desk, read = Desk(tmp_path, *({**reply(str(one)), "id": str(one)} for one in range(200)), seconds=1.0), 0

        async def parts() -> AsyncIterator[bytes]:
            nonlocal read
            for number in range(200):
                read += 1
                assert read - len(lines) <= 8 * 3 // 2 + 16 + 1
                yield asked(number)

        lines: list[bytes] = []
        writes: list[int] = []

        async def write(some: bytes) -> None:
            lines.extend(some.splitlines())
            writes.append(some.count(b"\n"))

        await QuestionStream(desk.answering, "t", write, lambda: False).answer(parts())
        assert (sum(writes), max(writes)) == (200, 8)  # the eight of a second are sent together

    run(story())


def test_after_the_framework_has_hung_up_nothing_is_written(tmp_path: Path) -> None:
    """What waits for its turn is not sent to the model."""

    async def story() -> None:
        desk = Desk(tmp_path, reply("12"))
        assert await streamed(desk, asked(0), asked(1), gone=[True]) == []
        assert desk.server.asked == []

    run(story())


def test_the_task_with_most_choices_left_is_next(tmp_path: Path) -> None:
    """Two frameworks ask at once, one of them four times as much: both end together. A single question does not wait for them."""

    async def story() -> None:
        desk = Desk(tmp_path, *({**reply(str(one)), "id": str(one)} for one in range(60)), seconds=1.0)
        ended: list[str] = []

        async def ask(key: str, count: int) -> None:
            async def write(lines: bytes) -> None:
                ended.extend([key] * lines.count(b"\n"))

            lines = parts_of(*(asked(number) for number in range(count)))
            await QuestionStream(desk.answering, key, write, lambda: False, count).answer(lines)

        for key in "tuv":
            await desk.answering.store.task(key)  # read from disk, in real time
        both = [asyncio.create_task(ask("t", 40)), asyncio.create_task(ask("u", 10))]
        await asyncio.sleep(1.5)
        assert (await desk.ask({**QUESTION, "seed": 99}, key="v"))[0] == 200
        assert len(ended) < 30
        await asyncio.gather(*both)
        last = {key: max(place for place, one in enumerate(ended) if one == key) for key in "tu"}
        assert abs(last["t"] - last["u"]) <= 8 and ended[:8] == ["t"] * 8

    run(story())


@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_a_bug_of_the_relay_ends_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
    """It is not taken for an answer, and nothing waits for ever; also where the request ends after it."""

    async def story() -> None:
        desk = Desk(tmp_path, reply("12"))

        async def breaks(*parts: Any) -> None:
            raise AssertionError("a bug")

        async def parts() -> AsyncIterator[bytes]:
            yield asked(0)
            await asyncio.sleep(pause)

        async def write(line: bytes) -> None:
            raise AssertionError("nothing was answered")

        monkeypatch.setattr(desk.answering, "completions", breaks)
        with pytest.raises(AssertionError, match="a bug"):
            await QuestionStream(desk.answering, "t", write, lambda: False).answer(parts())

    run(story())


@pytest.mark.parametrize("line", [b"", b"x {}", b"-1 {}", b"1234567890 {}", b" {}"])
def test_a_line_begins_with_a_number(line: bytes) -> None:
    """A line that does not is nobody's question."""
    with pytest.raises(BadLine, match="does not begin with the number"):
        read_question(line)


def test_a_request_that_is_cut_off_is_no_request() -> None:
    """Its last line is not asked: it may be half of a question."""

    async def read() -> list[int]:
        return [number async for number, _ in questions(parts_of(b'1 {}\n2 {"model"'))]

    with pytest.raises(BadLine, match="does not end"):
        asyncio.run(read())


def test_a_line_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay's memory is not used up by one question."""
    monkeypatch.setattr(question_stream, "MOST_LINE_BYTES", 8)

    async def read() -> None:
        async for _ in questions(parts_of(b"1 " + b"x" * 8)):
            pass

    with pytest.raises(BadLine, match="longer than 8 bytes"):
        asyncio.run(read())


# ---- the framework's side, over a real relay ---------------------------------------------------------------------------


def body(number: int) -> dict[str, Any]:
    """A question of its own."""
    return {"model": "m", "messages": [{"role": "user", "content": f"質問 {number}\n😀"}], "temperature": 0.5}


def client(port: int, key: str = KEY) -> RelayClient:
    """The relay as task `t` sees it."""
    return RelayClient(f"http://127.0.0.1:{port}/task/t", key)


def texts(found: dict[int, StreamedAnswer]) -> list[str]:
    """The answers in the order of the questions."""
    return [found[i].reply["choices"][0]["message"]["content"] for i in sorted(found)]


def echoing(asked: Asked) -> Reply:
    """The question itself; every third one takes longer, so that answers come in another order."""
    return Reply(completion([asked.body["messages"][0]["content"]]).body, pause=0.2 * (asked.number % 3))


@pytest.mark.environments
def test_every_question_has_its_own_answer(start_relay: StartRelay) -> None:
    """Five hundred at once, some of them longer than a chunk; one limit only, that of the relay."""
    asked = [body(number) for number in range(500)]
    asked[3]["messages"][0]["content"] += "長" * 400_000
    with serving(echoing) as server:
        relay = start_relay(server.url, "--admit", "64")
        found = dict(client(relay.port).answers(asked))
        assert [text[:6] for text in texts(found)] == [one["messages"][0]["content"][:6] for one in asked]
        counts = relay.counts()
    assert (counts["asked"], counts["answered"], counts["failed"], counts["abandoned"]) == (500, 500, 0, 0)


@pytest.mark.environments
def test_a_connection_that_breaks_loses_no_answer(start_relay: StartRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is asked over a new connection; what was answered by then is not asked again."""
    with serving(answers) as server:
        relay = start_relay(server.url, "--admit", "8")
        asker = client(relay.port)
        broken: list[bool] = []
        whole = RelayClient._of_one_connection

        def breaks(self: RelayClient, *asked: Any) -> Any:
            for count, found in enumerate(whole(self, *asked)):
                if count == 5 and len(broken) < 2:
                    broken.append(True)
                    raise ConnectionResetError("broken")
                yield found

        monkeypatch.setattr(RelayClient, "_of_one_connection", breaks)
        found = dict(asker.answers([body(number) for number in range(40)]))
        assert (len(found), broken, {one.status for one in found.values()}) == (40, [True, True], {200})
        again = len(server.posts) - 40
        assert (
            relay.counts()["failed"] == 0 and again <= 3 * 8
        )  # what was in flight when it broke, and a few more on a busy machine


def test_one_question_alone_says_nothing_of_how_much_is_left() -> None:
    """It is a turn of a conversation. Nor do several with many answers to each, whose task is long to score; others say how many they are."""
    assert choices_of({0: {"n": 4}}) == {}
    assert choices_of({0: {"n": 1}, 1: {}, 2: {"n": None}}) == {"X-Evalctl-Choices": "3"}
    assert choices_of({0: {"n": 4}, 1: {}}) == {}


@pytest.mark.environments
def test_a_question_that_is_no_json_is_an_error_at_once(start_relay: StartRelay) -> None:
    """It is a bug of who asks: nothing waits, and nothing is asked again."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        with pytest.raises(TypeError, match="no question in JSON"):
            list(client(relay.port).answers([body(1), {"messages": [{1, 2}]}]))


@pytest.mark.environments
def test_a_relay_that_has_ended_is_an_error_soon(start_relay: StartRelay) -> None:
    """Nothing waits for ever; another key is refused."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        with pytest.raises(RelayLost, match="1 questions have no answer: HTTPException: status 401"):
            list(client(relay.port, "b" * 64).answers([body(1)]))
        relay.stop()
        with pytest.raises(RelayLost, match="2 questions have no answer: ConnectionRefusedError"):
            list(client(relay.port).answers([body(1), body(2)]))
