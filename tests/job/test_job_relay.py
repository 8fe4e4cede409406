"""The relay against a real server on loopback that misbehaves as providers do."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from chat_upstream import Asked, Reply, answers, completion, serving
from relay_process import BEARER, KEY, Relay, StartRelay, wait_for

from evalctl_job.address import watched_socket

pytestmark = pytest.mark.environments

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "7 + 5 は?"}], "temperature": 0.0}
ERROR = {"error": {"message": "no", "code": 1}}


def first(asked_before: int, then: Reply) -> Any:
    """A behaviour: `then` for the first requests, good answers afterwards."""
    return lambda asked: then if asked.number <= asked_before else answers(asked)


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_answers_come_through_and_are_counted(start_relay: StartRelay) -> None:
    """The framework gets the model's reply; what was sent and answered is counted and kept."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        status, reply = relay.post(QUESTION)
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "A 1")
    assert server.posts[0].body == QUESTION
    counts = relay.counts()
    assert {name: counts[name] for name in ("asked", "answered", "failed", "empty", "retried")} == {
        "asked": 1, "answered": 1, "failed": 0, "empty": 0, "retried": 0,
    }  # fmt: skip
    assert (counts["prompt_tokens"], counts["completion_tokens"]) == (10, 3)
    assert counts["keys"] == ["messages", "model", "temperature"] and counts["sent"]["temperature"] == [0.0]
    (kept,) = relay.answers()
    assert (kept["choices"], kept["body"]) == (reply["choices"], QUESTION)
    assert json.loads((relay.state / "t.counts.json").read_text()) == counts


def test_requests_belong_to_the_task_of_their_address(start_relay: StartRelay) -> None:
    """Two tasks on one relay do not share counts, answers or options."""
    with serving(answers) as server:
        relay = start_relay(server.url, options={"add": {"top_k": 5}})
        relay.post(QUESTION, "t")
        relay.post(QUESTION, "u")
        relay.post(QUESTION, "u")
    assert (relay.counts("t")["asked"], relay.counts("u")["asked"]) == (1, 2)
    assert ["top_k" in asked.body for asked in server.posts] == [True, False, False]


def test_the_key_is_added_and_stays_here(start_relay: StartRelay) -> None:
    """The provider gets the key of the variable, never the framework's; no file and no reply contains it."""
    secret = "sk-test-0123456789abcdef"

    def refuses(asked: Asked) -> Reply:
        return Reply({"error": {"message": f"Incorrect API key provided: {secret}"}}, status=401)

    with serving(refuses) as server:
        relay = start_relay(server.url, "--key-variable", "DEMO_API_KEY", DEMO_API_KEY=secret)
        status, reply = relay.post(QUESTION)
        assert [asked.headers["Authorization"] for asked in server.posts] == [f"Bearer {secret}"]
    relay.stop()
    assert status == 401 and secret not in json.dumps(reply)
    assert KEY not in "".join(path.read_text() for path in relay.state.iterdir())
    assert all(secret not in path.read_text() for path in relay.state.iterdir())
    assert "[redacted]" in json.loads((relay.state / "t.counts.json").read_text())["first_error"]


def test_a_key_in_an_answer_is_neither_kept_nor_delivered(start_relay: StartRelay) -> None:
    """A provider that repeats it, as it is or encoded: no file of answers, no score and no details has it."""
    secret = "Zq7/p+W9xk" + "T4mLw0Rr"
    said = f"the key is {secret}, {quote(secret, safe='')}, {base64.b64encode(secret.encode()).decode()}"
    with serving(lambda _: completion([said], reasoning=said)) as server:
        relay = start_relay(server.url, "--key-variable", "DEMO_API_KEY", DEMO_API_KEY=secret)
        _, reply = relay.post(QUESTION)
    relay.stop()
    content = reply["choices"][0]["message"]["content"]
    assert content == "the key is [redacted], [redacted], [redacted]"
    texts = [json.dumps(reply), *(path.read_text() for path in relay.state.iterdir())]
    assert not any(form in text for text in texts for form in (secret, secret[-6:], quote(secret, safe="")))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_carries_neither_key_nor_question_elsewhere(start_relay: StartRelay, status: int) -> None:
    """The address is part of the eval, so another one does not answer for it, and no host but its own gets the key."""
    with serving(answers) as stranger:
        with serving(lambda _: Reply({}, status, {"Location": f"{stranger.url}/v1/chat/completions"})) as server:
            relay = start_relay(
                server.url, "--key-variable", "DEMO_API_KEY", DEMO_API_KEY="sk-" + "test-0123456789abcdef"
            )
            replied, reply = relay.post(QUESTION)
        assert (replied >= 400, len(server.posts), stranger.asked) == (True, 1, [])
    assert f"HTTP {status}: redirected to 127.0.0.1, not followed" in json.dumps(reply)


def refused_to_start(environment: Path, variables: dict[str, str], folder: Path, *more: str) -> str:
    """What a relay says that ends at once, and with which exit code."""
    files: list[str | Path] = ["--listen-port-file", folder / "port", "--state", folder / "state"]
    command: list[str | Path] = [environment / "bin" / "python", "-m", "evalctl_job.relay", *files, *more]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert not (folder / "port").exists() and not (folder / "state").exists()
    return f"{ended.returncode}: {ended.stderr}"


def test_a_missing_key_is_said_before_anything_is_asked(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """Without its variable, or with an empty one, the relay does not start: every request would be refused."""
    flags = ["--upstream", "https://api.example/v1", "--key-variable", "NOT_SET"]
    for places in (variables, {**variables, "NOT_SET": ""}):
        said = refused_to_start(environment, places, tmp_path, *flags)
        assert said.startswith("1: ") and "NOT_SET is not set" in said


def test_a_relay_without_a_key_of_its_own_does_not_start(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """It would serve whoever asks."""
    for key in ({}, {"EVALCTL_RELAY_KEY": ""}):
        places = {name: value for name, value in variables.items() if name != "EVALCTL_RELAY_KEY"}
        said = refused_to_start(environment, places | key, tmp_path, "--upstream", "https://api.example/v1")
        assert said.startswith("1: ") and "EVALCTL_RELAY_KEY is not set" in said


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer ", f"bearer {KEY}", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", "Bearer \xe9"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("GET", "/task/t/counts"), ("GET", "/task/t/v1/models"), ("GET", "/absent"),
     ("OPTIONS", "/health"), ("PUT", "/task/t/v1/chat/completions")],
)  # fmt: skip
def test_without_the_jobs_key_the_relay_says_nothing(keyed_relay: Relay, given: str, method: str, path: str) -> None:
    """401 on every path, whatever there is; a task is not even met."""
    asked = http.client.HTTPConnection("127.0.0.1", keyed_relay.port, timeout=60)
    asked.putrequest(method, path)
    asked.putheader("Authorization", given.encode("latin-1"))
    asked.endheaders()
    with asked.getresponse() as replied:
        assert (replied.status, replied.getheader("Connection")) == (401, "close")
        assert json.loads(replied.read())["error"]["message"].startswith("this is the relay of a job")
    asked.close()
    assert list(keyed_relay.state.glob("t.*")) == []


def test_a_question_without_the_jobs_key_is_refused_before_it_is_read(keyed_relay: Relay) -> None:
    """Nothing of it is waited for, and the model is not asked."""
    head = f"POST /task/t/v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {2**28}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", keyed_relay.port), timeout=60) as client:
        client.sendall(head.encode())
        assert client.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: \0\r\n\r\n", 400),
        (b"GET http://[::1 HTTP/1.1\r\n\r\n", 400),
        (b"POST /task/t/v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 401),
    ],
)
def test_another_user_writes_nothing_into_the_relays_log(
    start_relay: StartRelay, tmp_path: Path, sent: bytes, status: int
) -> None:
    """What is no HTTP is refused without a line: such requests could fill the disk of the run folder."""
    log = tmp_path / "log"
    relay = start_relay("http://127.0.0.1:1/v1", first=f"exec >{log} 2>&1")
    with socket.create_connection(("127.0.0.1", relay.port), timeout=60) as client:
        client.sendall(sent)
        assert client.makefile("rb").readline().split()[1] == str(status).encode()
    assert relay.get("/health")[0] == 200  # what came before is done with
    assert relay.stop() == 0
    assert log.read_text() == ""


def test_what_fails_for_a_program_of_the_job_is_in_the_relays_log(start_relay: StartRelay, tmp_path: Path) -> None:
    """With its stack, whatever it is: here a body that is not packed as it says."""
    log = tmp_path / "log"
    relay = start_relay("http://127.0.0.1:1/v1", first=f"exec >{log} 2>&1")
    asked = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=60)
    asked.request("POST", "/task/t/v1/chat/completions", b"hello", {**BEARER, "Content-Encoding": "gzip"})
    assert asked.getresponse().status == 500
    asked.close()
    assert "POST /task/t/v1/chat/completions\nTraceback" in log.read_text() and KEY not in log.read_text()


@pytest.fixture(scope="module")
def keyed_relay(
    environment: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """One for many questions that it refuses; its model would be away."""
    folder = tmp_path_factory.mktemp("keyed")
    files: list[str | Path] = ["--listen-port-file", folder / "port", "--state", folder / "state"]
    program: list[str | Path] = [
        environment / "bin/python",
        "-m",
        "evalctl_job.relay",
        *files,
        "--upstream",
        "http://127.0.0.1:1/v1",
    ]
    with subprocess.Popen(program, env=variables, text=True) as process:
        wait_for((folder / "port").exists)
        yield Relay(process, int((folder / "port").read_text()), folder / "state")
        process.terminate()


def test_an_address_that_is_none_is_said_before_anything_is_asked(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """It is a wrong command line."""
    said = refused_to_start(environment, variables, tmp_path, "--upstream", "api.example/v1")
    assert said.startswith("2: ") and "--upstream must be an http(s) address: api.example/v1" in said


@pytest.mark.parametrize(("status", "again"), [(200, None), (400, "false"), (500, "false")])
def test_an_error_says_that_it_is_not_to_be_asked_again(
    start_relay: StartRelay, status: int, again: str | None
) -> None:
    """The client of OpenAI would ask it again by itself, which the relay has done."""
    with serving(lambda asked: answers(asked) if status == 200 else Reply(ERROR, status)) as server:
        relay = start_relay(server.url, "--tries", "1")
        asked = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=60)
        asked.request("POST", "/task/t/v1/chat/completions", json.dumps(QUESTION), BEARER)
        with asked.getresponse() as replied:
            assert (replied.status, replied.getheader("x-should-retry")) == (status, again)
        asked.close()


@pytest.mark.parametrize(
    "hiccup",
    [
        Reply(ERROR, 500),
        Reply(ERROR, 503),
        Reply(hang_up=True),
        Reply("<html>", 200),
        Reply("混雑".encode("shift_jis"), 502),
    ],
)
def test_what_is_transient_is_asked_again(start_relay: StartRelay, hiccup: Reply) -> None:
    """A server error, a closed connection or a proxy's page is not an answer and not yet a failure."""
    with serving(first(2, hiccup)) as server:
        relay = start_relay(server.url)
        status, _ = relay.post(QUESTION)
    counts = relay.counts()
    assert status == 200
    assert (counts["answered"], counts["failed"], counts["retried"], counts["first_error"]) == (1, 0, 2, None)


def test_what_nobody_answers_is_told_while_it_is_tried(start_relay: StartRelay) -> None:
    """The counts on disk name the last refusal before anything is given up, and forget it with the next answer."""
    down = threading.Event()
    down.set()

    def back_later(asked: Asked) -> Reply:
        return Reply({"error": {"message": "overloaded"}}, 503) if down.is_set() else answers(asked)

    with serving(back_later) as server:
        relay = start_relay(server.url)
        asking = threading.Thread(target=relay.post, args=(QUESTION,))
        asking.start()
        wait_for(lambda: "HTTP 503: overloaded" in (_counts_on_disk(relay.state).get("last_refusal") or ""))
        assert relay.counts()["failed"] == 0
        down.clear()
        asking.join()
    assert (relay.counts()["answered"], relay.counts()["last_refusal"]) == (1, None)


def _counts_on_disk(state: Path) -> dict[str, Any]:
    path = state / "t.counts.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def test_a_rate_limit_is_waited_for_as_long_as_it_says(start_relay: StartRelay) -> None:
    """429 with Retry-After: the next try comes no earlier."""
    with serving(first(1, Reply(ERROR, 429, {"Retry-After": "2"}))) as server:
        relay = start_relay(server.url)
        start = time.monotonic()
        assert relay.post(QUESTION)[0] == 200
    assert time.monotonic() - start >= 2


def test_the_other_end_of_a_connection_is_looked_for() -> None:
    """A firewall that has dropped a connection while the model wrote its answer says nothing, ever."""
    with watched_socket((socket.AF_INET, socket.SOCK_STREAM, 0)) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert 0 < made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60


def test_patience_has_an_end(start_relay: StartRelay) -> None:
    """A server that only fails is given up after the tries that were granted, and the first reason is kept."""
    with serving(lambda asked: Reply({"error": {"message": f"broken {asked.number}"}}, 500)) as server:
        relay = start_relay(server.url, "--tries", "2")
        status, reply = relay.post(QUESTION)
        assert len(server.posts) == 2
    counts = relay.counts()
    assert status == 500 and reply["error"]["message"] == "HTTP 500: broken 2 (tried 2 times)"
    assert (counts["asked"], counts["answered"], counts["failed"]) == (1, 0, 1)
    assert "broken 2" in counts["first_error"]


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_not_asked_again(start_relay: StartRelay, status: int) -> None:
    """What the server refuses once it refuses always: the framework is told at once, and told not to retry."""
    with serving(lambda asked: Reply({"error": {"message": "maximum context length is 1024"}}, status)) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == status
        assert len(server.posts) == 1
    assert relay.counts()["failed"] == 1


def test_a_dead_server_costs_its_patience_once(start_relay: StartRelay) -> None:
    """Requests that come after the server was given up do not each wait for it again."""
    relay = start_relay(f"http://127.0.0.1:{closed_port()}/v1", "--patience", "2")
    start = time.monotonic()
    assert relay.post(QUESTION)[0] == 502
    given_up = time.monotonic()
    assert [relay.post(QUESTION)[0] for _ in range(5)] == [502] * 5
    assert time.monotonic() - given_up < given_up - start
    assert relay.counts()["failed"] == 6
    assert "no connection" in relay.counts()["first_error"]


def test_an_error_inside_a_good_status_is_no_answer(start_relay: StartRelay) -> None:
    """Some gateways answer 200 with an error object."""
    with serving(first(1, Reply(ERROR, 200))) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[0] == 200
    assert relay.counts()["retried"] == 1


def test_n_is_asked_in_parts_that_do_not_repeat(start_relay: StartRelay) -> None:
    """max_n 2: five choices come from 2 + 2 + 1; with a seed, each part goes on where the one before stopped."""
    with serving(answers) as server:
        relay = start_relay(server.url, options={"max_n": 2})
        status, reply = relay.post({**QUESTION, "temperature": 1.0, "n": 5, "seed": 40})
    assert status == 200 and sorted(asked.body["n"] for asked in server.posts) == [1, 2, 2]
    assert sorted(asked.body["seed"] for asked in server.posts) == [40, 42, 44]
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2, 3, 4]
    assert reply["usage"] == {"prompt_tokens": 30, "completion_tokens": 15, "total_tokens": 45}
    counts = relay.counts()
    assert (counts["requests"], counts["asked"], counts["answered"], counts["completion_tokens"]) == (1, 5, 5, 15)
    assert len({kept["digest"] for kept in relay.answers()}) == 1


def test_a_provider_that_ignores_n_is_asked_until_all_are_there(start_relay: StartRelay) -> None:
    """Four samples are four answers, even when each reply holds one."""
    with serving(lambda asked: completion([f"A {asked.number}"])) as server:
        relay = start_relay(server.url)
        _, reply = relay.post({**QUESTION, "n": 4})
    assert [choice["message"]["content"] for choice in reply["choices"]] == ["A 1", "A 2", "A 3", "A 4"]
    assert [asked.body["n"] for asked in server.posts] == [4, 3, 2, 1]


def test_one_failed_part_fails_the_request_but_keeps_the_others(start_relay: StartRelay) -> None:
    """No half answer reaches the framework; what was answered stays on file for the next attempt."""
    with serving(lambda asked: Reply(ERROR, 400) if asked.body["n"] == 1 else answers(asked)) as server:
        relay = start_relay(server.url, options={"max_n": 2})
        assert relay.post({**QUESTION, "n": 3})[0] == 400
    counts = relay.counts()
    assert (counts["asked"], counts["answered"], counts["failed"]) == (3, 0, 3)
    assert (counts["fresh"], len(relay.texts())) == (2, 2)  # whichever of the parts was asked first


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_answers_for_missing_content(start_relay: StartRelay, field: str) -> None:
    """With `null_content: reasoning` the reasoning is the answer; a given content stays."""
    replies = {1: completion([None], **{field: "because 12"}), 2: completion(["12"], **{field: "because"})}
    with serving(lambda asked: replies[asked.number]) as server:
        relay = start_relay(server.url, options={"null_content": "reasoning"})
        texts = [relay.post(QUESTION)[1]["choices"][0]["message"]["content"] for _ in replies]
    assert texts == ["because 12", "12"]
    assert relay.counts()["empty"] == 0
    assert [kept["choices"][0]["message"][field] for kept in relay.answers()] == ["because 12", "because"]


def test_missing_content_is_empty_otherwise(start_relay: StartRelay) -> None:
    """Without the option nothing is made up: the answer counts as empty."""
    with serving(lambda asked: completion([None], "length", reasoning="because")) as server:
        relay = start_relay(server.url)
        assert relay.post(QUESTION)[1]["choices"][0]["message"]["content"] is None
    counts = relay.counts()
    assert (counts["answered"], counts["empty"], counts["truncated"]) == (1, 1, 1)


def test_decoding_keys_are_added_where_the_framework_set_none(start_relay: StartRelay) -> None:
    """What a framework drops comes back; what it says stays; what a provider refuses is taken out."""
    options = {"add": {"top_k": 20, "temperature": 0.6, "top_p": 0.9}, "remove": ["max_tokens"]}
    with serving(answers) as server:
        relay = start_relay(server.url, options=options)
        relay.post({**QUESTION, "top_p": None, "max_tokens": 16, "max_completion_tokens": 24})
    expected = {**QUESTION, "top_k": 20, "top_p": 0.9, "max_completion_tokens": 24}
    assert server.posts[0].body == expected
    assert relay.counts()["keys"] == sorted(expected)


def test_unusable_options_stop_the_task_before_it_asks(start_relay: StartRelay) -> None:
    """A mistake in the options is a counted failure, never a request with other settings."""
    with serving(answers) as server:
        relay = start_relay(server.url, options={"max_m": 2})
        status, reply = relay.post(QUESTION)
        assert not server.posts
    assert status == 400 and "max_m" in reply["error"]["message"]
    assert relay.counts()["failed"] == 1


def test_streaming_is_refused(start_relay: StartRelay) -> None:
    """A stream could end in the middle unseen."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        assert relay.post({**QUESTION, "stream": True})[0] == 400
        assert not server.posts


def test_long_prompts_pass(start_relay: StartRelay) -> None:
    """Two MiB of prompt are no reason to refuse (aiohttp's default is one)."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        assert relay.post({**QUESTION, "messages": [{"role": "user", "content": "あ" * 700_000}]})[0] == 200


def test_requests_are_with_the_server_side_by_side(start_relay: StartRelay) -> None:
    """As many as the server bears, each on a connection of its own."""
    met = threading.Barrier(4)

    def meets(asked: Asked) -> Reply:
        met.wait(30)
        return answers(asked)

    with serving(meets) as server, ThreadPoolExecutor(4) as pool:
        relay = start_relay(server.url, "--tries", "1")
        bodies = [{**QUESTION, "seed": number} for number in range(4)]
        assert [status for status, _ in pool.map(relay.post, bodies)] == [200] * 4


def test_the_site_s_proxy_is_for_the_way_out_only(start_relay: StartRelay) -> None:
    """A server on this machine is asked directly, a provider through the proxy that the variables name."""
    with serving(answers) as server:
        near = start_relay(server.url, "--tries", "1", http_proxy="http://127.0.0.1:9", no_proxy="")
        assert near.post(QUESTION)[0] == 200
        proxy = server.url.removesuffix("/v1")
        far = start_relay("http://provider.invalid/v1", "--tries", "1", http_proxy=proxy, no_proxy="")
        assert far.post(QUESTION)[0] == 200
    assert [asked.path for asked in server.posts] == [
        "/v1/chat/completions", "http://provider.invalid/v1/chat/completions"
    ]  # fmt: skip


def test_models_and_health_are_told(start_relay: StartRelay) -> None:
    """/models passes through; /health tells the server's own state and asks nothing of the model."""
    with serving(lambda asked: Reply({"data": [{"id": "m"}]})) as server:
        relay = start_relay(server.url, "--health", f"{server.url}/health")
        assert relay.get("/task/t/v1/models") == (200, {"data": [{"id": "m"}]})
        assert relay.get("/health") == (200, {"relay": True, "upstream": True})
    assert relay.get("/health") == (200, {"relay": True, "upstream": False})


def test_an_answer_is_on_file_before_the_framework_has_it(start_relay: StartRelay) -> None:
    """kill -9 right after an answer loses nothing of it."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        for _ in range(3):
            relay.post(QUESTION)
        relay.process.kill()
        relay.process.wait()
    assert relay.texts() == ["A 1", "A 2", "A 3"]


def test_the_last_counts_are_on_disk_at_the_end(start_relay: StartRelay) -> None:
    """Also those of the last half second."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        relay.post(QUESTION)
        wait_for(lambda: _counts_on_disk(relay.state).get("answered"))
        relay.post(QUESTION)
        relay.stop()
    assert _counts_on_disk(relay.state)["answered"] == 2


@pytest.mark.parametrize("ending", ["file", "SIGTERM"])
def test_an_abort_fails_what_is_in_flight_at_once(start_relay: StartRelay, ending: str) -> None:
    """Nobody waits for a job that was given up; the counts on disk say what happened."""
    with serving(lambda asked: Reply(ERROR, pause=8)) as server:
        relay = start_relay(server.url)
        replies: list[int] = []
        asking = threading.Thread(target=lambda: replies.append(relay.post(QUESTION)[0]))
        asking.start()
        wait_for(lambda: server.posts)
        start = time.monotonic()
        if ending == "file":
            (relay.state / "aborted").touch()
        else:
            assert relay.stop() == 0
        asking.join()
        assert replies == [503] and time.monotonic() - start < 8  # the server's pause
    counts = wait_for(lambda: _failed_counts(relay.state / "t.counts.json"))
    assert (counts["asked"], counts["failed"], counts["first_error"]) == (1, 1, "the job was aborted")


def test_after_an_abort_nothing_reaches_the_model(start_relay: StartRelay) -> None:
    """A framework that goes on to its next question before it is ended has it neither asked nor paid for."""

    def second_is_slow(asked: Asked) -> Reply:
        return answers(asked) if asked.number != 2 else Reply(ERROR, pause=8)

    with serving(second_is_slow) as server:
        relay = start_relay(server.url)
        slow = threading.Thread(target=lambda: replies.append(relay.post(QUESTION)[0]))
        replies: list[int] = []
        assert relay.post(QUESTION)[0] == 200
        slow.start()
        wait_for(lambda: len(server.posts) == 2)
        assert relay.post(QUESTION)[0] == 200  # leaves an open connection, which the next request could take at once
        (relay.state / "aborted").touch()
        slow.join()
        replies.append(relay.post(QUESTION)[0])
        time.sleep(0.2)
        assert (replies, len(server.posts)) == ([503, 503], 3)


def _failed_counts(path: Path) -> dict[str, Any] | None:
    counts: dict[str, Any] = json.loads(path.read_text())
    return counts if counts["failed"] else None


def test_a_socket_that_was_handed_over_takes_requests_before_the_relay_is_there(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """They are queued by the kernel and answered once it has loaded; after its end they are refused."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        number, port = door.fileno(), door.getsockname()[1]
        early = socket.create_connection(("127.0.0.1", port))
        early.sendall(f"GET /task/t/counts HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        flags = ["--listen-fd", str(number), "--listen-port-file", f"{tmp_path}/port", "--state", f"{tmp_path}/state"]
        program: list[str | Path] = [
            environment / "bin/python",
            "-m",
            "evalctl_job.relay",
            *flags,
            "--upstream",
            "http://127.0.0.1:1/v1",
        ]
        relay = subprocess.Popen(program, env=variables, pass_fds=[number])
    with early:
        assert early.recv(12) == b"HTTP/1.0 200"
    assert int(wait_for((tmp_path / "port").read_text)) == port
    relay.terminate()
    assert relay.wait(timeout=60) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_relay_ends_with_the_process_that_started_it(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """With --exit-with-parent a killed job script leaves no relay behind."""
    flags = f"--listen-port-file {tmp_path}/port --upstream http://127.0.0.1:1/v1 --state {tmp_path}/state"
    program = (
        f"{environment}/bin/python -m evalctl_job.relay {flags} --exit-with-parent & echo $! >{tmp_path}/pid; wait"
    )
    shell = subprocess.Popen(["bash", "-c", program], env=variables)
    wait_for((tmp_path / "port").exists)
    relay = Path("/proc") / (tmp_path / "pid").read_text().strip()
    time.sleep(1)  # some looks at the parent
    assert not has_ended(relay)
    shell.kill()
    shell.wait()
    wait_for(lambda: has_ended(relay))


def test_a_relay_whose_parent_ends_while_it_starts_ends_too(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """Killed at the very moment in which the port is told, a job script leaves no relay behind."""
    flags = f"--listen-port-file {tmp_path}/port --upstream http://127.0.0.1:1/v1 --state {tmp_path}/state"
    pipe = f"mkfifo {tmp_path}/.port.$BASHPID.draft"  # the relay writes its port there and then renames it
    begin = f"{pipe}; echo $BASHPID >{tmp_path}/pid; until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    relay = f"exec {environment}/bin/python -m evalctl_job.relay {flags} --exit-with-parent"
    shell = subprocess.Popen(["bash", "-c", f"({begin}; {relay}) & wait"], env=variables)
    wait_for((tmp_path / "pid").exists)
    process = Path("/proc") / wait_for((tmp_path / "pid").read_text).strip()
    draft = tmp_path / f".port.{process.name}.draft"
    with full_pipe(draft) as emptied:  # so that it stops there
        (tmp_path / "go").touch()
        wait_for(lambda: has_open(process, draft))
        shell.kill()
        shell.wait()
        emptied()
        wait_for(lambda: has_ended(process))


@contextmanager
def full_pipe(path: Path) -> Iterator[Callable[[], bytes]]:
    """A pipe into which nothing more goes until it is emptied."""
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while os.write(pipe, bytes(4096)):
            pass
    yield lambda: os.read(pipe, 2**20)
    os.close(pipe)


def has_open(process: Path, path: Path) -> bool:
    """Whether a process of /proc holds this file open; one that it closes meanwhile is looked for again."""
    with contextlib.suppress(FileNotFoundError):
        return path in {link.readlink() for link in (process / "fd").iterdir()}
    return False


def has_ended(process: Path) -> bool:
    """Whether a process of /proc is gone, or dead with nobody to hear of it."""
    try:
        return "\nState:\tZ" in (process / "status").read_text()
    except OSError:
        return True
