"""Answers outlive the relay, the attempt and a full disk: nothing that was answered is asked again."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, Server, answers, completion, serving
from relay_process import KEY, Relay, StartRelay, wait_for

pytestmark = pytest.mark.environments

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "7 + 5 は?"}], "temperature": 0.8}
ERROR = {"error": {"message": "no", "code": 1}}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the answers outlive an attempt; not there yet."""
    return tmp_path / "digest.answers.jsonl"


def question(number: int) -> dict[str, Any]:
    """One of many prompts."""
    return {**QUESTION, "messages": [{"role": "user", "content": f"質問 {number}"}]}


def texts(reply: dict[str, Any]) -> list[str]:
    """The answers in a reply."""
    return [choice["message"]["content"] for choice in reply["choices"]]


def killed(relay: Relay) -> None:
    """kill -9."""
    relay.process.kill()
    relay.process.wait()


def earlier(relay: Relay, body: dict[str, Any]) -> None:
    """An attempt that asked this and ended."""
    relay.post(body)
    relay.stop()


def test_a_reply_is_given_again_as_it_was(start_relay: StartRelay, kept: Path) -> None:
    """Reasoning, finish reason and usage included: the framework sees no difference, and the model is not asked."""
    details = {"reasoning_tokens": 2}
    whole = completion(["12"], "length", reasoning="七足す五", refusal=None)
    whole.body["usage"]["completion_tokens_details"] = details
    with serving(lambda asked: whole) as server:
        first = start_relay(server.url, answers=kept)
        given = first.post(QUESTION)
        killed(first)
        second = start_relay(server.url, answers=kept)
        assert second.post(QUESTION) == given
        assert len(server.posts) == 1
    counts = second.counts()
    assert second.answers()[0]["usage"]["completion_tokens_details"] == details  # for people: no framework reads it
    assert {name: counts[name] for name in ("asked", "answered", "replayed", "fresh", "truncated")} == {
        "asked": 1, "answered": 1, "replayed": 1, "fresh": 0, "truncated": 1,
    }  # fmt: skip
    assert (counts["prompt_tokens"], counts["completion_tokens"], counts["fresh_tokens"]) == (10, 3, 0)


def test_only_what_is_missing_is_asked(start_relay: StartRelay, kept: Path) -> None:
    """Seven of ten choices are on file: the server is asked for three, whatever part sizes were used before."""
    with serving(answers) as server:
        earlier(start_relay(server.url, answers=kept, options={"max_n": 3}), {**QUESTION, "n": 7})
        relay = start_relay(server.url, answers=kept, options={"max_n": 8})
        status, reply = relay.post({**QUESTION, "n": 10})
    assert status == 200 and [asked.body["n"] for asked in server.posts[3:]] == [3]
    assert [choice["index"] for choice in reply["choices"]] == list(range(10))
    assert sorted(texts(reply)[:7]) == sorted(relay.texts()[:7]) and texts(reply)[7:] == relay.texts()[7:]
    counts = relay.counts()
    assert (counts["asked"], counts["answered"], counts["replayed"], counts["fresh"]) == (10, 10, 7, 3)
    assert (counts["completion_tokens"], counts["fresh_tokens"]) == (30, 9)


def test_a_resumed_seed_goes_on_where_it_stopped(start_relay: StartRelay, kept: Path) -> None:
    """The choices that are asked anew get the seeds that they would have had."""
    with serving(answers) as server:
        earlier(start_relay(server.url, answers=kept), {**QUESTION, "n": 3, "seed": 40})
        start_relay(server.url, answers=kept).post({**QUESTION, "n": 5, "seed": 40})
    assert [(asked.body["seed"], asked.body["n"]) for asked in server.posts] == [(40, 3), (43, 2)]


def test_a_failed_request_leaves_its_answers_to_the_next(start_relay: StartRelay, kept: Path) -> None:
    """One of two parts is refused: the framework gets nothing, the next equal request asks for that part only."""
    refusing = threading.Event()
    refusing.set()

    def refuses(asked: Asked) -> Reply:
        return Reply(ERROR, 400) if refusing.is_set() and asked.body["n"] == 1 else answers(asked)

    with serving(refuses) as server:
        relay = start_relay(server.url, answers=kept, options={"max_n": 2})
        assert relay.post({**QUESTION, "n": 3})[0] == 400
        refusing.clear()
        assert relay.post({**QUESTION, "n": 3})[0] == 200
    assert sorted(asked.body["n"] for asked in server.posts) == [1, 1, 2]


def test_an_answer_that_nobody_waits_for_is_the_next_ones(start_relay: StartRelay) -> None:
    """A client that hangs up and asks again is one question, and the model hears it once."""
    with serving(lambda asked: Reply(answers(asked).body, pause=0.5)) as server:
        relay = start_relay(server.url)
        ask_and_hang_up(relay, server)
        wait_for(lambda: relay.counts()["asked"] == 0)
        assert texts(relay.post(QUESTION)[1]) == relay.texts() and len(server.posts) == 1
    counts = relay.counts()
    assert {name: counts[name] for name in ("requests", "asked", "answered", "fresh", "replayed", "abandoned")} == {
        "requests": 1, "asked": 1, "answered": 1, "fresh": 1, "replayed": 1, "abandoned": 1,
    }  # fmt: skip


def test_a_failure_that_nobody_waits_for_fails_nothing(start_relay: StartRelay) -> None:
    """A client that hangs up and asks again has what it then gets."""
    with serving(lambda asked: Reply(ERROR, 400, pause=0.5) if asked.number == 1 else answers(asked)) as server:
        relay = start_relay(server.url)
        ask_and_hang_up(relay, server)
        wait_for(lambda: relay.counts()["abandoned"] or relay.counts()["failed"])
        assert relay.post(QUESTION)[0] == 200
    counts = relay.counts()
    assert {name: counts[name] for name in ("requests", "asked", "answered", "failed", "abandoned")} == {
        "requests": 1, "asked": 1, "answered": 1, "failed": 0, "abandoned": 1,
    }  # fmt: skip


def ask_and_hang_up(relay: Relay, server: Server) -> None:
    """A client that does not wait for the answer."""
    body = json.dumps(QUESTION).encode()
    head = f"POST /task/t/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", relay.port)) as client:
        client.sendall(head.encode() + body)
        wait_for(lambda: server.posts)


def test_an_empty_answer_is_asked_again(start_relay: StartRelay, kept: Path) -> None:
    """It is on file for people; the next attempt wants a real one."""
    with serving(lambda asked: completion(["" if asked.number == 1 else "12"])) as server:
        earlier(start_relay(server.url, answers=kept), QUESTION)
        relay = start_relay(server.url, answers=kept)
        assert texts(relay.post(QUESTION)[1]) == ["12"]
    assert relay.texts() == ["", "12"] and relay.counts()["empty"] == 0


def test_a_relay_killed_in_mid_run_loses_no_answer(start_relay: StartRelay, kept: Path) -> None:
    """kill -9 among 40 requests at once: what the server had answered is never asked again, and all are answered."""
    many = [question(number % 20) for number in range(40)]  # each twice

    def unhurried(asked: Asked) -> Reply:
        return Reply(answers(asked).body, pause=0.05 * (asked.number % 8))

    with serving(unhurried) as server, ThreadPoolExecutor(40) as pool:
        first = start_relay(server.url, answers=kept)
        going = [pool.submit(first.post, one) for one in many]
        wait_for(lambda: kept.exists() and kept.read_bytes().count(b"\n") >= 15)
        killed(first)
        assert sum(one.exception() is None for one in going) < 40
        before = kept.read_bytes()
        on_file = before.count(b"\n")
        asked_before = len(server.posts)
        second = start_relay(server.url, answers=kept)
        given = [text for _, reply in pool.map(second.post, many) for text in texts(reply)]
        assert len(server.posts) - asked_before == 40 - on_file
    assert Counter(given) == Counter(second.texts()) and len(set(given)) == 40
    assert kept.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    assert second.counts()["replayed"] == on_file


def test_what_cannot_be_read_is_told(start_relay: StartRelay, kept: Path) -> None:
    """A damaged line costs its own answer and is said; the others are replayed."""
    kept.write_text("garbage\n", encoding="utf-8")
    with serving(answers) as server:
        earlier(start_relay(server.url, answers=kept), QUESTION)
        relay = start_relay(server.url, answers=kept)
        relay.post(QUESTION)
        assert len(server.posts) == 1
    assert (relay.counts()["unreadable"], relay.counts()["replayed"]) == (1, 1)


def test_a_full_disk_fails_the_request_and_not_the_relay(start_relay: StartRelay) -> None:
    """The framework is told why, in words that give the reason `disk-full`; other tasks go on."""
    with serving(answers) as server:
        relay = start_relay(server.url, answers=Path("/dev/full"))
        status, reply = relay.post(QUESTION)
        assert (status, "No space left on device" in reply["error"]["message"]) == (507, True)
        assert relay.post(QUESTION, "u")[0] == 200
    counts = relay.counts()
    assert (counts["asked"], counts["failed"], counts["fresh"]) == (1, 1, 0)
    assert "No space left on device" in counts["first_error"]


def test_a_line_that_does_not_fit_is_taken_back(start_relay: StartRelay, kept: Path) -> None:
    """With 8 KiB for the file, answers that fit are whole, none is half there, and the next attempt replays them."""
    with serving(lambda asked: completion([f"{asked.number}" + "あ" * 700])) as server:
        relay = start_relay(server.url, answers=kept, first="ulimit -f 8")
        statuses = [relay.post(question(number))[0] for number in range(5)]
        done = statuses.count(200)
        assert 1 <= done < 5 and statuses == [200] * done + [507] * (5 - done)
        assert kept.read_bytes().count(b"\n") == done and kept.read_bytes().endswith(b"\n")
        relay.stop()
        more = start_relay(server.url, answers=kept)
        assert [more.post(question(number))[0] for number in range(5)] == [200] * 5
    assert (more.counts()["replayed"], more.counts()["unreadable"]) == (done, 0)


@pytest.mark.parametrize("first", ["", "exec 2>/dev/full"])
def test_counts_that_cannot_be_written_do_not_end_the_relay(start_relay: StartRelay, first: str) -> None:
    """The counts are in memory still, and told when asked for, also where the complaint does not fit on the disk."""
    with serving(answers) as server:
        relay = start_relay(server.url, first=first)
        (relay.state / "t.counts.json").mkdir()
        (relay.state / "t.counts.json" / "in the way").touch()
        assert [relay.post(QUESTION)[0] for _ in range(2)] == [200, 200]
        assert relay.counts()["answered"] == 2
        assert relay.stop() == 0


def test_an_answers_file_out_of_reach_stops_the_task_before_it_asks(start_relay: StartRelay, tmp_path: Path) -> None:
    """What could not be kept is not worth a GPU's time."""
    with serving(answers) as server:
        relay = start_relay(server.url, answers=tmp_path / "nowhere" / "t.answers.jsonl")
        status, reply = relay.post(QUESTION)
        assert not server.posts
    assert status == 400 and "t.answers.jsonl: No such file or directory" in reply["error"]["message"]
