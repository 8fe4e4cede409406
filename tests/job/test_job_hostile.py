"""The relay before servers whose replies are broken, or meant to break it: it lives, and keeps answers only."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, completion, serving
from hypothesis import HealthCheck, given, settings
from relay_process import Relay, StartRelay
from test_job_replies import ANYTHING, REPLIES

pytestmark = pytest.mark.environments

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "7 + 5?"}], "temperature": 0.0}
BROKEN = {"index": 0, "finish_reason": "error", "error": {"code": 502}, "message": {"content": "Let me"}}


def question(number: int, **more: Any) -> dict[str, Any]:
    """One of many."""
    return {**QUESTION, "messages": [{"role": "user", "content": f"question {number}"}], **more}


def with_usage(usage: str) -> Reply:
    """A good answer that costs this."""
    whole = answers(Asked(1, "", {}, {})).body
    return Reply(json.dumps({**whole, "usage": "USAGE"}).replace('"USAGE"', usage))


def test_half_an_answer_is_asked_again(start_relay: StartRelay) -> None:
    """HTTP 200 with a choice that broke off is no answer: neither given to the framework nor kept."""
    numbers = itertools.count()

    def every_second(asked: Asked) -> Reply:
        return Reply({"model": "m", "choices": [BROKEN]}) if next(numbers) % 2 == 0 else completion(["C"])

    with serving(every_second) as server:
        relay = start_relay(server.url)
        given = [relay.post(question(number))[1]["choices"][0]["message"]["content"] for number in range(3)]
    counts = relay.counts()
    assert given == ["C"] * 3 == relay.texts()
    assert (counts["answered"], counts["failed"], counts["retried"]) == (3, 0, 3)


def test_what_stays_half_fails_with_its_words(start_relay: StartRelay) -> None:
    """After its tries the question has failed, in the provider's words."""
    with serving(lambda asked: Reply({"model": "m", "choices": [BROKEN]})) as server:
        relay = start_relay(server.url, "--tries", "2")
        assert relay.post(QUESTION)[0] == 502
        assert len(server.posts) == 2
    assert "no answer: it ended with `error`" in relay.counts()["first_error"] and relay.texts() == []


@pytest.mark.parametrize("end", ["content_filter", "tool_calls", "who_knows"])
def test_what_hardly_passes_is_tried_a_few_times(start_relay: StartRelay, end: str) -> None:
    """A filter, a call of no tool and an end that nobody knows do not cost twenty tries each."""
    with serving(lambda asked: completion(["C"], end)) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 502
        assert len(server.posts) == 3
    assert end in relay.counts()["first_error"] and relay.texts() == []


TWICE = json.dumps(completion(["C"]).body).replace('"content": "C"', '"content": "C", "content": "D"')
TOOK = {"violence": {"filtered": True, "severity": "high"}}
FILTERED = {"choices": [{**completion(["C"]).body["choices"][0], "content_filter_results": TOOK}]}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(TWICE), "without JSON"), (Reply(json.dumps(completion(["C"]).body) * 2), "without JSON"),
        (Reply({**completion(["C"]).body, **FILTERED}), "the provider filtered it (content_filter_results)"),
        (Reply({**completion(["C"]).body, "prompt_filter_results": [{"content_filter_results": TOOK}]}), "(prompt_filter_results)"),
    ],
)  # fmt: skip
def test_a_good_end_alone_makes_no_answer(start_relay: StartRelay, reply: Reply, words: str) -> None:
    """Two texts under one name, two replies at once, a text that a filter has changed: never given, never kept."""
    with serving(lambda asked: reply) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 502 and len(server.posts) == 3
    assert words in relay.counts()["first_error"] and relay.texts() == []


def cached(asked: Asked) -> Reply:
    """A gateway that gives equal requests the reply that it has stored."""
    place = json.dumps(asked.body["messages"])
    return Reply({**completion([f"A {len(place)}"]).body, "id": f"chatcmpl-{place}", "created": len(place)})


@pytest.mark.parametrize("options", [{"max_n": 1}, {}])
def test_samples_from_a_cache_are_no_samples(start_relay: StartRelay, options: dict[str, Any]) -> None:
    """The second one has the id of the first: it is refused after a few tries, and only the first is on file."""
    with serving(cached) as server:
        relay = start_relay(server.url, options=options)
        sampled = question(1, temperature=0.8, **({"n": 4} if options else {}))
        assert [relay.post(sampled)[0] for _ in range(1 if options else 2)][-1] == 502
        relay.stop()
        again = start_relay(server.url, answers=relay.state / "t.answers.jsonl")
        assert [again.post(question(1, temperature=0.8))[0] for _ in range(2)] == [200, 502]
        assert [again.post(question(2, temperature=0.0))[0] for _ in range(2)] == [200, 200]
    assert "a repeated reply: `chatcmpl-" in again.counts()["first_error"]
    assert again.counts()["first_error"].endswith("a cache is before the model (tried 3 times)")
    assert len(again.texts()) == 3


def test_an_answer_that_a_cache_found_for_a_similar_question_is_none(start_relay: StartRelay) -> None:
    """At any temperature: it was given to another question."""
    stored = {**completion(["C"]).body, "id": "chatcmpl-0123456789abcdef", "created": 1_790_000_000}
    with serving(lambda asked: Reply(stored)) as server:
        relay = start_relay(server.url)
        assert [relay.post(question(number))[0] for number in range(2)] == [200, 502]
    assert relay.texts() == ["C"]


def test_a_cache_that_names_each_stored_reply_anew_is_known_by_its_header(start_relay: StartRelay) -> None:
    """OpenRouter's: another id, another time, no usage. It is asked not to answer, and what it gives is asked again."""

    def stored(asked: Asked) -> Reply:
        body = {**answers(asked).body, "id": f"gen-{asked.number}", "created": 1_790_000_000 + asked.number}
        return Reply(body, headers={"X-OpenRouter-Cache-Status": "HIT" if asked.number in (1, 2) else "MISS"})

    with serving(stored) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 200 and relay.texts() == ["A 3"]
        sent = {name.lower(): value for name, value in server.posts[0].headers.items()}
    assert (sent["cf-aig-skip-cache"], sent["x-portkey-cache-force-refresh"]) == ("true", "true")
    assert relay.counts()["retried"] == 2


def test_of_several_choices_only_the_broken_ones_are_asked_again(start_relay: StartRelay) -> None:
    """Good ones are kept; each of the others is asked with its own seed."""

    def second_and_fourth_break(asked: Asked) -> Reply:
        whole = answers(asked).body
        if asked.number == 1:
            for place in (1, 3):
                whole["choices"][place] |= {"finish_reason": None}
        return Reply(whole)

    with serving(second_and_fourth_break) as server:
        relay = start_relay(server.url)
        status, reply = relay.post({**QUESTION, "n": 4, "seed": 40})
        assert sorted((asked.body["n"], asked.body["seed"]) for asked in server.posts) == [(1, 41), (1, 43), (4, 40)]
        texts = [one["message"]["content"] for one in reply["choices"]]
        relay.stop()
        again = start_relay(server.url, answers=relay.state / "t.answers.jsonl")
        assert [
            one["message"]["content"] for one in again.post({**QUESTION, "n": 4, "seed": 40})[1]["choices"]
        ] == texts
        assert len(server.posts) == 3
    assert (status, texts) == (200, ["A 1", "A 2", "A 3", "A 3"])
    assert again.counts()["replayed"] == 4


def test_what_an_older_evalctl_took_for_an_answer_is_not_replayed(start_relay: StartRelay, tmp_path: Path) -> None:
    """A stored line is judged like a fresh reply."""
    kept = tmp_path / "kept.jsonl"
    with serving(answers) as server:
        first = start_relay(server.url, answers=kept)
        first.post(QUESTION)
        first.stop()
        line = json.loads(kept.read_text())
        line["choices"] = [BROKEN]
        kept.write_text(json.dumps(line) + "\n")
        second = start_relay(server.url, answers=kept)
        assert second.post(QUESTION)[1]["choices"][0]["message"]["content"] == "A 2"
    assert second.counts()["replayed"] == 0


def test_the_parts_of_a_content_reach_the_framework_as_one_text(start_relay: StartRelay) -> None:
    """Thoughts go to the reasoning, text to the content; nothing counts as empty."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "C"}]
    with serving(lambda asked: completion([parts])) as server:  # type: ignore[list-item]
        relay = start_relay(server.url)
        message = relay.post(QUESTION)[1]["choices"][0]["message"]
    assert (message["content"], message["reasoning"], relay.counts()["empty"]) == ("C", "hm", 0)


@pytest.mark.parametrize(
    "usage",
    [
        '{"prompt_tokens": NaN, "completion_tokens": 3}', '{"prompt_tokens": -Infinity}', '{"prompt_tokens": 1e999}',
        "[NaN]", '"3"', "true", "-1", '{"prompt_tokens": true, "completion_tokens": -3}', "[[[]]]",
        '{"completion_tokens": ' + "9" * 4000 + "}", "[" * 500 + "]" * 500, "[" * 100_000,
    ],
)  # fmt: skip
def test_no_usage_ends_the_relay(start_relay: StartRelay, usage: str) -> None:
    """Whatever it costs by its own account: the counts on disk stay strict JSON, and the next question is answered."""
    with serving(lambda asked: with_usage(usage) if asked.number == 1 else answers(asked)) as server:
        relay = start_relay(server.url)
        assert [relay.post(question(number))[0] for number in range(2)] == [200, 200]
    assert relay.counts()["answered"] == 2 and relay.process.poll() is None
    on_disk = (relay.state / "t.counts.json").read_text()
    assert json.loads(on_disk, parse_constant=pytest.fail)["prompt_tokens"] in (10, 20)


@pytest.mark.parametrize(
    "reply",
    [
        Reply([]), Reply("[1]"), Reply({"choices": None}), Reply({"choices": {}}), Reply({"choices": []}), Reply("null"),
        Reply("<html>busy</html>"), Reply("data: {}\n\ndata: [DONE]\n\n", headers={"Content-Type": "text/event-stream"}),
        Reply(b"not gzip", headers={"Content-Encoding": "gzip"}), Reply({"error": {"message": "\ud83d half"}}, 500),
        Reply({"error": "\ud83d", "choices": [BROKEN]}), Reply(b"\xff\xfe\x00", 200), Reply("[" * 10**5, 500),
        Reply({"error": {"message": {"deep": [["x"]]}}}, 503), Reply({}, 429, {"Retry-After": "²"}), Reply("", 302, {"Location": "http://[::1"}),
        Reply({}, 429, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 GMT"}), Reply("", 204),
        Reply(completion(["C"]).body | {"error": {"code": 502, "message": "after all"}}),
    ],
)  # fmt: skip
def test_a_reply_that_is_none_is_asked_again_or_fails(start_relay: StartRelay, reply: Reply) -> None:
    """It is never an answer, never the end of the relay, and every question is answered or counted as failed."""
    with serving(lambda asked: reply if asked.number == 1 else answers(asked)) as server:
        relay = start_relay(server.url)
        first, second = relay.post(question(1))[0], relay.post(question(2))[0]
    counts = relay.counts()
    assert second == 200 and first in (200, 502) and relay.process.poll() is None
    assert counts["answered"] + counts["failed"] == counts["asked"] == 2
    assert len(relay.texts()) == counts["answered"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply('data: {"choices": []}\n\ndata: [DONE]\n\n', headers={"Content-Type": "text/event-stream"}), Reply([1]),
        Reply('{"text": "café"}'.encode("latin-1")), Reply("[" * 500 + "]" * 500),
    ],
)  # fmt: skip
def test_what_would_come_again_is_tried_a_few_times(start_relay: StartRelay, reply: Reply) -> None:
    """A stream that was not asked for is paid each time."""
    with serving(lambda asked: reply) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 502 and len(server.posts) == 3


@pytest.mark.parametrize("nothing", [{}, "", False])
def test_an_empty_error_beside_an_answer_is_none(start_relay: StartRelay, nothing: Any) -> None:
    """The answer is paid, and would come with it again."""
    with serving(lambda asked: Reply({**answers(asked).body, "error": nothing})) as server:
        assert start_relay(server.url).post(QUESTION)[0] == 200 and len(server.posts) == 1


def test_another_good_status_is_a_good_one(start_relay: StartRelay) -> None:
    """What counts is the reply; one without any is asked again."""
    statuses = {1: Reply("", 204), 2: Reply("", 202)}
    with serving(lambda asked: statuses.get(asked.number) or Reply(answers(asked).body, 201)) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 200 and len(server.posts) == 3


def test_the_framework_gets_a_form_of_ours(start_relay: StartRelay) -> None:
    """Its client reads every field of a reply; a server's own ones stay on file."""
    odd = {
        "id": 5,
        "created": "yesterday",
        "object": [],
        "model": ["m"],
        "choices_": 3,
        "system_fingerprint": {},
        "evalctl_blank": True,
    }
    with serving(lambda asked: Reply({**completion(["C"]).body, **odd})) as server:
        relay = start_relay(server.url)
        given = relay.post(QUESTION)[1]
    assert {name: given[name] for name in ("id", "object", "created", "model")} == {
        "id": "evalctl", "object": "chat.completion", "created": 0, "model": "m",
    }  # fmt: skip
    assert set(given) == {"id", "object", "created", "model", "choices", "usage"}
    assert relay.answers()[0]["reply"]["choices_"] == 3
    assert relay.counts()["models"] == {"(not named)": 1}


def test_a_packed_reply_is_unpacked(start_relay: StartRelay) -> None:
    """gzip is how many providers answer."""
    content = gzip.compress(json.dumps(completion(["C"]).body).encode())
    with serving(lambda asked: Reply(content, headers={"Content-Encoding": "gzip"})) as server:
        assert start_relay(server.url).post(QUESTION)[0] == 200


@pytest.fixture(scope="module")
def replied() -> list[Any]:
    """What the server of the property test answers next."""
    return [None]


def test_no_json_at_all_ends_the_relay(start_relay: StartRelay, replied: list[Any]) -> None:
    """Any JSON, with any status of success or failure: the relay answers, counts, and goes on."""
    with serving(lambda asked: Reply(json.dumps(replied[0]))) as server:
        relay = start_relay(server.url, "--tries", "1")
        numbers = itertools.count()

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(REPLIES | ANYTHING)
        def survives(reply: Any) -> None:
            replied[0] = reply
            key = f"t{next(numbers)}"
            status, _ = relay.post({**QUESTION, "n": 1}, key)
            assert status in (200, 502) or 400 <= status < 600
            survived(relay, key, status)

        survives()


def survived(relay: Relay, key: str, status: int) -> None:
    """The counts of a question are whole, on disk, and fit what the framework got."""
    counts = relay.counts(key)
    assert relay.process.poll() is None
    assert (counts["answered"], counts["failed"]) == ((1, 0) if status == 200 else (0, 1))
    on_disk = (relay.state / f"{key}.counts.json").read_text(encoding="utf-8")
    assert json.loads(on_disk, parse_constant=pytest.fail) == counts


def test_a_request_that_is_no_strict_json_is_refused(start_relay: StartRelay) -> None:
    """A framework's NaN would reach the counts, and the model's server."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        assert relay.post({**QUESTION, "temperature": float("nan")})[0] == 400
        assert relay.post({**QUESTION, "stop": "\ud83d"})[0] == 200
        assert not [asked for asked in server.posts if "NaN" in json.dumps(asked.body)]
    assert relay.counts()["asked"] == 1 and (relay.state / "t.counts.json").exists()


def test_two_relays_never_share_an_answers_file(start_relay: StartRelay, tmp_path: Path) -> None:
    """The second one asks nothing and says why; what the first one keeps is whole."""
    kept = tmp_path / "kept.jsonl"
    with serving(answers) as server:
        first, second = (start_relay(server.url, answers=kept) for _ in range(2))
        assert first.post(QUESTION)[0] == 200
        status, reply = second.post(QUESTION)
        assert (status, len(server.posts)) == (400, 1)
        assert "another job still writes the answers of this eval" in reply["error"]["message"]
        first.stop()
        third = start_relay(server.url, answers=kept)
        assert third.post(QUESTION)[0] == 200 and len(server.posts) == 1


SLOW = """
import asyncio, json, sys
import aiohttp
from evalctl_job import transport

transport.MOST_REPLY_SECONDS = float(sys.argv[1])

async def dripping(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nConnection: close\\r\\n\\r\\n")
    try:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)
    except ConnectionError:
        writer.close()

async def main():
    server = await asyncio.start_server(dripping, "127.0.0.1", 0)
    base = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    limit = aiohttp.ClientTimeout(total=float(sys.argv[2]))
    async with aiohttp.ClientSession(timeout=limit) as session:
        found = await transport.Http(transport.Sessions(session), None).send("POST", base, "/v1/chat/completions", {})
    print(json.dumps([found.status, found.why, found.transient, found.few]))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("seconds", "total", "expected"),
    [
        ("0.5", "600", [0, "the reply did not end within 0.5 s", True, True]),
        ("600", "0.5", [504, "the model did not answer in time", True, False]),
    ],
)
def test_a_reply_of_endless_blanks_is_refused(
    environment: Path, variables: dict[str, str], seconds: str, total: str, expected: list[Any]
) -> None:
    """A byte now and then keeps a connection alive for ever: the whole reply has a limit, beside that of the whole try."""
    command = [str(environment / "bin" / "python"), "-c", SLOW, seconds, total]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found[1:] == expected[1:] and (found[0] == 504) == (expected[0] == 504)
