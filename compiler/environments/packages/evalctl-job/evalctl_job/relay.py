"""The relay: the framework talks to loopback, the model is asked once per answer, and nothing gets lost unseen.

    python -m evalctl_job.relay --listen-port-file F --upstream-file U --state DIR

serves `/task/<key>/v1/chat/completions` (also `/completions`, `/models`), `/task/<key>/counts` and `/health` on
127.0.0.1, at a port that the kernel chooses and F names. U names the model's API once there is a server; while it is
away requests wait. The relay ends on SIGTERM; a file DIR/aborted fails all requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from evalctl_job.address import Address, is_web, watched_socket
from evalctl_job.admission import START
from evalctl_job.asking import Request
from evalctl_job.files import write_by_rename
from evalctl_job.forward import Upstream
from evalctl_job.gate import Gate
from evalctl_job.options import apply
from evalctl_job.outcomes import GivenUp, Patience
from evalctl_job.store import Store, TaskState
from evalctl_job.transport import Http
from evalctl_job.watch import Watch

TICK_SECONDS = 0.2
GOODBYE_SECONDS = 0.5
MOST_BYTES = 256 * 2**20  # a request may carry images or a 128k-token prompt; aiohttp refuses above 1 MiB by default
KEY = r"[A-Za-z0-9][A-Za-z0-9_.\-]*"
MOST_CHOICES = 10_000
ABORTED = "the job was aborted"
REFUSED_BEFORE = 400
T = TypeVar("T")


class Relay:
    """Answers the framework's requests from the model, and counts them."""

    def __init__(self, store: Store, upstream: Upstream, address: Address) -> None:
        """`aborted` is set once and for all when the job has been given up."""
        self.store, self.upstream, self.address = store, upstream, address
        self.aborted = asyncio.Event()

    def application(self) -> web.Application:
        """The addresses that the relay serves."""
        served = web.Application(client_max_size=MOST_BYTES)
        task = f"/task/{{key:{KEY}}}"
        served.router.add_post(f"{task}/v1/chat/completions", self.completions)
        served.router.add_post(f"{task}/v1/completions", self.completions)
        served.router.add_get(f"{task}/v1/models", self.models)
        served.router.add_get(f"{task}/counts", self.counts)
        served.router.add_get("/health", self.health)
        return served

    async def completions(self, request: web.Request) -> web.Response:
        """One request of the framework: all of its choices, or an error that is counted."""
        task = await self.store.task(request.match_info["key"])
        path = request.path.partition("/v1")[2]
        try:
            asked = await request.json(loads=_strict)
            body, n = apply(task.options, asked), _choices_asked(asked)
        except (ValueError, AttributeError, TypeError, RecursionError) as problem:
            return refusal(400, f"not a request of this API: {problem}")
        task.counts.ask(body, n)
        task.changed = True
        try:
            if self.aborted.is_set():  # before the first step: an open connection would take the request at once
                raise GivenUp(503, ABORTED)
            if task.answers is None:
                raise GivenUp(400, str(task.refusal))
            self._refuse_in_vain(task)
            asking = Request(task, task.answers, path, body, n, self.store.refusals)
            whole = await self._unless_aborted(self._answer(task, asking))
        except GivenUp as given_up:
            return _failed(request, task, n, given_up.status, str(given_up))
        except OSError as problem:
            return _failed(request, task, n, 507, f"the answer could not be kept: {problem.strerror or problem}")
        if request.transport is None:
            asking.undelivered()
        else:
            asking.delivered(whole)
        task.changed = True
        return web.json_response(whole)

    def _refuse_in_vain(self, task: TaskState) -> None:
        """What would be refused like all before it is not asked any more."""
        told = self.store.refusals.for_all_tasks
        if words := told[1] if told else task.refusals.settled:
            raise GivenUp(REFUSED_BEFORE, words)

    async def _answer(self, task: TaskState, asking: Request) -> dict[str, Any]:
        try:
            return await asking.answer(self.upstream)
        except GivenUp as given_up:
            if given_up.lasting:
                task.refusals.refused(asking.question, str(given_up))
                self.store.refusals.refused(asking.question, str(given_up))
            raise

    async def _unless_aborted(self, answering: Awaitable[T]) -> T:
        work = asyncio.ensure_future(answering)
        abort = asyncio.ensure_future(self.aborted.wait())
        await asyncio.wait({work, abort}, return_when=asyncio.FIRST_COMPLETED)
        abort.cancel()
        if work.done():
            return work.result()
        work.cancel()
        raise GivenUp(503, ABORTED)

    async def models(self, request: web.Request) -> web.Response:
        """The server's list of models, as it is."""
        try:
            return web.json_response(await self._unless_aborted(self.upstream.get("/models")))
        except GivenUp as given_up:
            return refusal(given_up.status, str(given_up))

    async def counts(self, request: web.Request) -> web.Response:
        """The task's counts now, on disk and in the reply."""
        task = await self.store.task(request.match_info["key"])
        self.store.flush(now=True)
        return web.json_response(task.counts.as_json())

    async def health(self, request: web.Request) -> web.Response:
        """That the relay lives, and what the server says of itself (null: no health address was given)."""
        return web.json_response({"relay": True, "upstream": await self.upstream.healthy()})

    async def watch(self, parent: int | None) -> None:
        """Notice an abort from outside and keep the counts fresh, until the relay ends."""
        while parent is None or os.getppid() == parent:
            if self.store.aborted:
                self.aborted.set()
            self.address.look()
            self.store.tell_refusal()
            self.store.flush()
            await asyncio.sleep(TICK_SECONDS)

    async def keep_synced(self) -> None:
        """Have the disk hold what was kept, soon after; apart from `watch`, since a disk may take its time."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.store.sync()


def _strict(text: str) -> Any:
    """What the framework sends is JSON without NaN, or it is no request."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _choices_asked(body: Mapping[str, Any]) -> int:
    n = 1 if body.get("n") is None else body["n"]
    if type(n) is not int or not 1 <= n <= MOST_CHOICES:
        raise ValueError(f"n must be a number from 1 to {MOST_CHOICES}")
    if body.get("stream"):
        raise ValueError("streaming is not supported")
    return n


def _failed(request: web.Request, task: TaskState, choices: int, status: int, why: str) -> web.Response:
    """Where the framework has hung up, what it asks again is what counts."""
    if request.transport is None:
        task.counts.forget(choices)
    else:
        task.counts.fail(choices, why)
        task.counts.refused_alike = task.refusals.alike
    task.changed = True
    return refusal(status, why)


def refusal(status: int, why: str) -> web.Response:
    """An error in OpenAI's form that its client does not ask again (`x-should-retry`, seen: openai 1.x and 2.x)."""
    body = {"error": {"message": why, "type": "evalctl_relay", "code": status}}
    return web.json_response(body, status=status if 400 <= status < 600 else 502, headers={"x-should-retry": "false"})


async def serve(arguments: argparse.Namespace, secret: str | None) -> None:
    """Run until SIGTERM or SIGINT (or, when asked, until the parent is gone)."""
    parent = os.getppid() if arguments.exit_with_parent else None  # before the port is told: from then on it may end
    address = Address(arguments.upstream, arguments.upstream_file, arguments.health, arguments.health_path)
    timeout = aiohttp.ClientTimeout(total=arguments.timeout, sock_connect=30)
    connector = aiohttp.TCPConnector(limit=0, socket_factory=watched_socket)
    # A proxy of the site is for the way out; loopback must not go through it.
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, trust_env=not address.is_local) as session:
        gate = Gate(arguments.admit or START)
        upstream = Upstream(Http(session, secret), address, Patience(arguments.patience, arguments.tries), gate)
        relay = Relay(Store(arguments.state, ours=upstream.ours), upstream, address)
        watch = Watch(gate, upstream, address, arguments.admit, arguments.state / "server.json")
        runner = web.AppRunner(relay.application(), access_log=None, shutdown_timeout=GOODBYE_SECONDS)
        await runner.setup()
        try:
            await _listen(runner, arguments.listen_port_file)
            await _until_ended(relay, watch, parent)
        finally:
            watch.write()
            relay.store.flush(now=True)
            await relay.store.sync()
            await runner.cleanup()


async def _listen(runner: web.AppRunner, port_file: Path) -> None:
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    write_by_rename(port_file, f"{runner.addresses[0][1]}\n")


async def _until_ended(relay: Relay, watch: Watch, parent: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    works = (relay.watch(parent), relay.keep_synced(), watch.run(), stop.wait())
    going = [asyncio.create_task(work) for work in works]
    ended, _ = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    relay.aborted.set()
    await asyncio.sleep(GOODBYE_SECONDS / 5)  # the requests in flight are told before the door closes
    for task in going:
        task.cancel()
    for task in ended:
        task.result()  # an exception in here is a bug, and is told


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m evalctl_job.relay", description=__doc__.splitlines()[0])
    made.add_argument("--listen-port-file", type=Path, required=True, help="written by rename once requests are taken")
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--upstream", help="base address of the model's API, ending in /v1 as a rule")
    where.add_argument("--upstream-file", type=Path, help="file with that address; away while there is no server")
    made.add_argument("--state", type=Path, required=True, help="folder of options, answers and counts")
    made.add_argument("--key-variable", help="NAME of the environment variable that holds the API key")
    made.add_argument("--health", help="address that answers 200 while a fixed --upstream can work")
    made.add_argument("--health-path", default="/health", help="the same on the server that --upstream-file names")
    made.add_argument("--admit", type=admitted, default=None, metavar="auto|N", help="choices under way at a time")
    made.add_argument("--patience", type=float, default=600.0, help="seconds that one request is tried again")
    made.add_argument("--tries", type=int, default=20, help="how often one request is tried at most")
    made.add_argument("--timeout", type=float, default=None, help="seconds that one try may take (default: no limit)")
    made.add_argument("--exit-with-parent", action="store_true", help="end when the starting process is gone")
    return made


def admitted(word: str) -> int | None:
    """A fixed limit, or None to adapt it to what the server bears."""
    if word != "auto" and int(word) < 1:
        raise ValueError("a limit is 1 at least")
    return None if word == "auto" else int(word)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 after SIGTERM, 2 for a wrong command line, 1 when the key is not there."""
    arguments = parser().parse_args(argv)
    if arguments.upstream is not None and not is_web(arguments.upstream):
        parser().error(f"--upstream must be an http(s) address: {arguments.upstream}")
    secret = os.environ.get(arguments.key_variable) if arguments.key_variable else None
    if arguments.key_variable and not secret:
        sys.stderr.write(f"relay: the environment variable {arguments.key_variable} is not set; put it into .env\n")
        return 1
    asyncio.run(serve(arguments, secret))
    return 0


if __name__ == "__main__":
    sys.exit(main())
