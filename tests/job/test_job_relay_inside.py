"""The relay within the tests' own process, with the aiohttp of the development environment: each decision of it, quickly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from chat_upstream import Asked, Reply, answers, serving
from relay_process import BEARER, KEY, wait_for

from evalctl_job import relay, store
from evalctl_job.admission import START
from evalctl_job.relay_options import parser

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "7 + 5 は?"}], "temperature": 0.0}
AWAY = "http://127.0.0.1:1/v1"  # nothing listens there
TICK, LAST_REPLIES, GOODBYE = relay.TICK_SECONDS, relay.LAST_REPLIES_SECONDS, relay.GOODBYE_SECONDS
LOOKS = 0.3  # seconds in which the relay looks at its parent and its folder a few times
LONGEST = 10  # seconds that a test waits for what is to happen


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay's own waits are short."""
    monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(relay, "LAST_REPLIES_SECONDS", 0.02)


@dataclass
class Served:
    """A relay that serves in this event loop."""

    session: Any
    work: asyncio.Task[None]
    folder: Path

    async def post(self, body: Any = QUESTION, path: str = "/task/t/v1/chat/completions") -> tuple[int, Any, Any]:
        """Status, header `x-should-retry` and object of the reply."""
        async with self.session.post(path, json=body) as reply:
            return reply.status, reply.headers.get("x-should-retry"), await reply.json()

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and object of the reply."""
        async with self.session.get(path) as reply:
            return reply.status, await reply.json()

    async def ended(self) -> None:
        """The relay has ended without being stopped."""
        await asyncio.wait_for(asyncio.shield(self.work), LONGEST)

    def noted(self, name: str) -> Any:
        """A file of its folder; nothing where it is absent."""
        path = self.folder / "state" / name
        return json.loads(path.read_text()) if path.exists() else {}


@asynccontextmanager
async def served(folder: Path, *flags: str, secret: str | None = None) -> AsyncIterator[Served]:
    """A relay for the time of the block; then it is stopped as a job stops it, unless it has ended."""
    files = ["--listen-port-file", f"{folder}/port", "--state", f"{folder}/state"]
    work = asyncio.create_task(relay.serve(parser().parse_args([*files, *flags]), secret, KEY))
    await until(lambda: (folder / "port").exists() or work.done())
    if work.done():
        await work
    address = f"http://127.0.0.1:{int((folder / 'port').read_text())}"
    async with aiohttp.ClientSession(address, headers=BEARER) as session:
        yield Served(session, work, folder)
        if not work.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(work, LONGEST)


async def until(what: Callable[[], Any]) -> None:
    """Wait for a true value, at most as long as a test waits."""
    async with asyncio.timeout(LONGEST):
        while not what():
            await asyncio.sleep(0.01)


def run(work: Coroutine[Any, Any, None]) -> None:
    """An asynchronous test."""
    asyncio.run(work)


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_a_question_is_asked_at_the_same_path_and_counted_once(tmp_path: Path, path: str) -> None:
    """Of the relay's path, what is behind `/v1`; the reply is delivered, so it counts as answered."""

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url) as here:
            status, again, reply = await here.post(path=f"/task/t/v1{path}")
            assert (status, again, reply["choices"][0]["message"]["content"]) == (200, None, "A 1")
            status, counts = await here.get("/task/t/counts")
            assert (status, counts["asked"], counts["answered"], counts["failed"]) == (200, 1, 1, 0)
            assert here.noted("t.counts.json") == counts

    with serving(answers) as server:
        run(asks(server.url))
    assert [asked.path for asked in server.posts] == [f"/v1{path}"]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_client_is_not_to_repeat_a_request_that_failed(tmp_path: Path, status: int) -> None:
    """The relay has repeated it as often as it may."""

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url, "--tries", "1") as here:
            assert (await here.post())[:2] == (status, "false")

    with serving(lambda _: Reply({"error": {"message": "no"}}, status)) as server:
        run(asks(server.url))


@pytest.mark.parametrize("given", ["", f"Bearer {KEY}x"])
def test_without_the_jobs_key_there_is_a_refusal_alone(tmp_path: Path, given: str) -> None:
    """401, the connection ends, and the task is not met."""

    async def asks() -> None:
        headers = {"Authorization": given}
        async with (
            served(tmp_path, "--upstream", AWAY) as here,
            here.session.get("/task/t/counts", headers=headers) as reply,
        ):
            assert (reply.status, reply.headers.get("Connection")) == (401, "close")
            assert (await reply.json())["error"]["message"].startswith("this is the relay of a job")

    run(asks())
    assert list((tmp_path / "state").glob("t.*")) == []


def test_a_bug_is_in_the_log_and_a_wrong_path_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With its stack, and what was asked; a program of the job that asks for what there is not gets 404."""

    async def asks() -> None:
        async with served(tmp_path, "--upstream", AWAY) as here:
            async with here.session.get("/nothing") as reply:
                assert reply.status == 404
            assert [one for one in caplog.records if one.name == relay.__name__] == []
            monkeypatch.setattr(relay.Answering, "counts", lambda *_: 1 // 0)
            async with here.session.get("/task/t/counts") as reply:
                assert reply.status == 500
        (logged,) = [one for one in caplog.records if one.name == relay.__name__]
        assert logged.getMessage() == "GET /task/t/counts" and logged.exc_info

    run(asks())


def test_models_and_the_servers_health_are_passed_on(tmp_path: Path) -> None:
    """The list as the server gives it; the health as the server says."""

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url, "--health", f"{url.removesuffix('/v1')}/health") as here:
            assert await here.get("/task/t/v1/models") == (200, {"data": [{"id": "m"}]})
            assert await here.get("/health") == (200, {"relay": True, "upstream": True})

    with serving(lambda _: Reply({"data": [{"id": "m"}]})) as server:
        run(asks(server.url))


def test_requests_do_not_wait_for_one_anothers_connections(tmp_path: Path) -> None:
    """All that are admitted are with the server at the same time."""
    met = threading.Barrier(4)

    def meets(asked: Asked) -> Reply:
        met.wait(LONGEST)
        return answers(asked)

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url, "--tries", "1") as here:
            replies = await asyncio.gather(*(here.post({**QUESTION, "seed": number}) for number in range(4)))
            assert [status for status, _, _ in replies] == [200] * 4

    with serving(meets) as server:
        run(asks(server.url))


@pytest.mark.parametrize(("flags", "limit"), [(("--admit", "3"), 3), ((), START)])
def test_the_limit_is_the_one_that_was_given_or_begins_at_the_usual_one(
    tmp_path: Path, flags: tuple[str, ...], limit: int
) -> None:
    """The notes of the server tell it."""

    async def starts() -> None:
        async with served(tmp_path, "--upstream", AWAY, *flags) as here:
            assert (await here.get("/task/t/counts"))[0] == 200
        notes = here.noted("server.json")
        assert (notes["limit_least"], notes["admission"]) == (limit, "fixed" if flags else "auto")

    run(starts())


def test_a_proxy_of_the_site_is_not_used_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider is asked through it."""
    monkeypatch.setenv("no_proxy", "")

    async def asks(folder: Path, url: str) -> None:
        folder.mkdir()
        async with served(folder, "--upstream", url, "--tries", "1") as here:
            assert (await here.post())[0] == 200

    with serving(answers) as server:
        monkeypatch.setenv("http_proxy", AWAY.removesuffix("/v1"))
        run(asks(tmp_path / "near", server.url))
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        run(asks(tmp_path / "far", "http://provider.invalid/v1"))
    assert [asked.path for asked in server.posts] == [
        "/v1/chat/completions", "http://provider.invalid/v1/chat/completions"
    ]  # fmt: skip


def test_the_providers_key_goes_to_the_provider(tmp_path: Path) -> None:
    """The relay's own does not."""

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url, secret="for the provider") as here:
            assert (await here.post())[0] == 200

    with serving(answers) as server:
        run(asks(server.url))
    assert [asked.headers["Authorization"] for asked in server.posts] == ["Bearer for the provider"]


@pytest.mark.parametrize("by", ["file", signal.SIGTERM, signal.SIGINT])
def test_whoever_waits_is_told_when_the_job_ends(tmp_path: Path, by: Any) -> None:
    """By the file or a signal; after a signal nothing of the relay goes on."""
    asked = threading.Event()

    def never(one: Asked) -> Reply:
        asked.set()
        free.wait(LONGEST)
        return answers(one)

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url) as here:
            asking = asyncio.create_task(here.post())
            await until(asked.is_set)
            if by == "file":
                (tmp_path / "state/aborted").touch()
            else:
                os.kill(os.getpid(), by)
            status, _, reply = await asyncio.wait_for(asking, LONGEST)
            assert (status, reply["error"]["message"]) == (503, "the job was aborted")
            free.set()
        names = {str(getattr(task.get_coro(), "__qualname__", "")) for task in asyncio.all_tasks()}
        assert not {"Relay.watch", "Relay.keep_synced", "Watch.run", "Event.wait"} & names

    free = threading.Event()
    with serving(never) as server:
        run(asks(server.url))


@pytest.mark.parametrize("other", [499, 501])
@pytest.mark.parametrize("bound", [True, False])
def test_the_relay_ends_with_its_parent_only_where_it_is_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: bool, other: int
) -> None:
    """It goes on while its parent is the one that it began with, and without `--exit-with-parent` whatever happens."""
    parents = ["500"]
    monkeypatch.setattr(os, "getppid", lambda: int(parents[-1]))

    async def lives() -> None:
        async with served(tmp_path, "--upstream", AWAY, *(["--exit-with-parent"] if bound else [])) as here:
            await asyncio.sleep(LOOKS)
            assert not here.work.done() and (await here.get("/task/t/counts"))[0] == 200
            parents.append(str(other))
            if bound:
                await here.ended()
            else:
                await asyncio.sleep(LOOKS)
                assert not here.work.done()

    run(lives())


def test_a_fault_of_what_goes_on_beside_the_requests_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay ends by it; its log has the reason."""

    async def breaks() -> None:
        async with served(tmp_path, "--upstream", AWAY, "--exit-with-parent") as here:
            monkeypatch.setattr(os, "getppid", lambda: 1 // 0)
            await until(here.work.done)

    with pytest.raises(ZeroDivisionError):
        run(breaks())


def test_counts_that_no_file_has_are_written_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the time since the last look."""
    monkeypatch.setattr(store, "FRESH_SECONDS", float("inf"))

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url) as here:
            await here.post()
            assert here.noted("t.counts.json") == {}
        assert here.noted("t.counts.json")["answered"] == 1

    with serving(answers) as server:
        run(asks(server.url))


def test_the_kernel_chooses_the_port(tmp_path: Path) -> None:
    """One that every user may have, and the file names it."""

    async def listens() -> None:
        async with served(tmp_path, "--upstream", AWAY) as here:
            assert (await here.get("/health")) == (200, {"relay": True, "upstream": None})
            assert int((tmp_path / "port").read_text()) >= 1024

    run(listens())


def test_a_socket_that_is_given_is_the_one_that_listens(tmp_path: Path) -> None:
    """The file names its port."""

    async def listens(descriptor: int, port: int) -> None:
        async with served(tmp_path, "--upstream", AWAY, "--listen-fd", str(descriptor)) as here:
            assert int((tmp_path / "port").read_text()) == port
            assert (await here.get("/task/t/counts"))[0] == 200

    with socket.create_server(("127.0.0.1", 0)) as door:
        run(listens(os.dup(door.fileno()), door.getsockname()[1]))


def test_1024_connections_wait_until_they_are_accepted(tmp_path: Path) -> None:
    """The kernel says so of a socket that listens (seen: Linux 6.18, `tcpi_sacked`)."""

    async def listens(door: socket.socket) -> None:
        async with served(tmp_path, "--upstream", AWAY, "--listen-fd", str(os.dup(door.fileno()))):
            information = door.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            assert struct.unpack_from("I", information, 28) == (1024,)

    with socket.create_server(("127.0.0.1", 0)) as door:
        run(listens(door))


def test_a_connection_has_half_a_minute_and_a_reply_the_time_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no connection is known long before one that thinks for an hour."""
    timeouts: list[Any] = []
    session = aiohttp.ClientSession

    def noted(*address: str, **options: Any) -> aiohttp.ClientSession:
        timeouts.append(options.get("timeout"))
        return session(*address, **options)

    async def starts() -> None:
        async with served(tmp_path, "--upstream", AWAY, "--timeout", "7200"):
            assert timeouts[0] == aiohttp.ClientTimeout(total=7200, sock_connect=30)

    monkeypatch.setattr(aiohttp, "ClientSession", noted)
    run(starts())


def test_a_prompt_of_two_mebibytes_passes(tmp_path: Path) -> None:
    """The limit is 256 MiB; aiohttp's own is one."""
    assert relay.MOST_BYTES == 256 * 2**20

    async def asks(url: str) -> None:
        async with served(tmp_path, "--upstream", url) as here:
            long = [{"role": "user", "content": "あ" * 700_000}]
            assert (await here.post({**QUESTION, "messages": long}))[0] == 200

    with serving(answers) as server:
        run(asks(server.url))


def test_the_relay_looks_often_and_ends_within_a_second() -> None:
    """Schedulers kill a job some seconds after SIGTERM: whoever waits is told first, and then the connections end."""
    assert 0 < TICK < 1
    assert 0 < LAST_REPLIES < GOODBYE < 1


PROGRAM: tuple[str, ...] = ("--listen-port-file", "port", "--state", "state")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a relay that is started by its command line, with its key; one that does not end is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVALCTL_RELAY_KEY", KEY)
    before = signal.signal(signal.SIGALRM, _is_late)
    signal.alarm(LONGEST)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _is_late(*_: Any) -> None:
    raise TimeoutError("the relay has not ended")


@pytest.mark.parametrize(
    ("flags", "variables", "code", "said"),
    [
        (("--upstream", "api.example/v1"), {}, 2, "--upstream must be an http(s) address: api.example/v1"),
        (("--upstream", AWAY, "--key-variable", "NOT_SET"), {}, 1, "NOT_SET is not set"),
        (("--upstream", AWAY, "--key-variable", "EMPTY"), {"EMPTY": ""}, 1, "EMPTY is not set"),
        (("--upstream", AWAY), {"EVALCTL_RELAY_KEY": ""}, 1, "EVALCTL_RELAY_KEY is not set"),
    ],
)
def test_a_relay_that_could_not_work_does_not_start(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...], variables: dict[str, str], code: int, said: str,
) -> None:  # fmt: skip
    """2: a wrong command line; 1: a key is not set. Nothing is written."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended: str | int | None
    try:
        ended = relay.main([*PROGRAM, *flags])
    except SystemExit as problem:
        ended = problem.code
    assert ended == code and said in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("named", [("--upstream", AWAY), ("--upstream-file", "upstream")])
@pytest.mark.parametrize("key", [(), ("--key-variable", "PROVIDER")])
def test_a_relay_that_was_started_ends_with_0_after_sigterm(
    here: Path, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...], key: tuple[str, ...]
) -> None:
    """With a server's address, or with a file that does not name one yet; with a provider's key, or without."""
    monkeypatch.setenv("PROVIDER", "for the provider")

    def stops() -> None:
        address = f"http://127.0.0.1:{int(wait_for(_port))}/task/t/counts"
        with urllib.request.urlopen(urllib.request.Request(address, headers=BEARER), timeout=LONGEST):
            os.kill(os.getpid(), signal.SIGTERM)  # it serves, so it has its handlers

    stopping = threading.Thread(target=stops, daemon=True)
    stopping.start()
    assert relay.main([*PROGRAM, *named, *key]) == 0
    stopping.join()


def _port() -> str:
    return Path("port").read_text() if Path("port").exists() else ""


def test_the_providers_key_is_taken_from_its_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line names is the variable, not the key."""
    monkeypatch.setenv("PROVIDER", "for the provider")

    def stops() -> None:
        address = f"http://127.0.0.1:{int(wait_for(_port))}/task/t/v1/chat/completions"
        asked = urllib.request.Request(address, json.dumps(QUESTION).encode(), BEARER)
        with urllib.request.urlopen(asked, timeout=LONGEST):
            os.kill(os.getpid(), signal.SIGTERM)

    with serving(answers) as server:
        stopping = threading.Thread(target=stops, daemon=True)
        stopping.start()
        assert relay.main([*PROGRAM, "--upstream", server.url, "--key-variable", "PROVIDER"]) == 0
        stopping.join()
    assert [asked.headers["Authorization"] for asked in server.posts] == ["Bearer for the provider"]


def test_it_is_a_program() -> None:
    """Without its options it says which it needs."""
    ended = subprocess.run([sys.executable, "-m", "evalctl_job.relay"], capture_output=True, text=True)
    assert ended.returncode == 2 and "--listen-port-file" in ended.stderr
