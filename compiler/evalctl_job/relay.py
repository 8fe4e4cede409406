"""The relay between framework and model: it listens on loopback, stores each answer, and counts every request.

    python -m evalctl_job.relay --listen-port-file F --upstream-file U --state DIR

serves `/task/<key>/v1/chat/completions` (also `/completions`, `/models`), `/task/<key>/questions` (all questions of a framework's
call), `/task/<key>/counts`, `/task/<key>/again` (its framework is started again) and `/health` on 127.0.0.1, at a port that the kernel chooses and F names, or on a socket that it was given and that holds requests until
the relay is ready. Requests carry the key in $EVALCTL_RELAY_KEY as bearer, or are refused. U names the model's API once
there is a server; while U is missing requests wait. The relay ends on SIGTERM; a file DIR/aborted fails all requests.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import aiohttp
from aiohttp import web

from evalctl_job.address import Address, is_web, watched_socket
from evalctl_job.admission import START
from evalctl_job.answering import Answering, Reply, refusal
from evalctl_job.connections import Unauthenticated, most_unauthenticated
from evalctl_job.files import write_by_rename
from evalctl_job.forward import Upstream
from evalctl_job.limiter import Limiter
from evalctl_job.outcomes import Patience
from evalctl_job.question_stream import BadLine, QuestionStream
from evalctl_job.relay_key import CHOICES, VARIABLE, header
from evalctl_job.relay_options import parser
from evalctl_job.store import Store
from evalctl_job.transport import Http, Sessions
from evalctl_job.watch import Watch

TICK_SECONDS = 0.2
GOODBYE_SECONDS = 0.5
ACCEPTED_AT_ONCE = 128  # connections between two reads
BACKLOG = 1024  # connections that wait to be accepted; beyond that, the kernel lets a client wait for up to a minute
LAST_REPLIES_SECONDS = 0.1  # for replies to the requests in flight, before the relay stops listening
MOST_BYTES = 268_435_456  # a request may carry images or a 128k-token prompt; aiohttp refuses above 1 MiB by default
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEY = r"[A-Za-z0-9][A-Za-z0-9_.\-]*"
_LOG = logging.getLogger(__name__)
# aiohttp 3.14 logs a stack and up to 100 bytes of each request that it cannot parse: another user of the node could fill
# the disk of the run folder, with words of their choice.
_OF_STRANGERS = logging.Logger("not kept", logging.CRITICAL)


class Relay:
    """The HTTP endpoints of the relay, and its background tasks."""

    def __init__(self, store: Store, upstream: Upstream, address: Address, key: str) -> None:
        """`store` is watched for an abort from outside; requests without the `key` are refused."""
        self.store, self.address = store, address
        self._header = header(key)["Authorization"].encode()
        self.unauthenticated = Unauthenticated(most_unauthenticated())
        self.answering = Answering(store, upstream)

    def application(self) -> web.Application:
        """The addresses that the relay serves."""
        served = web.Application(client_max_size=MOST_BYTES, middlewares=[self.only_ours])
        task = f"/task/{{key:{KEY}}}"
        served.router.add_post(f"{task}/v1/chat/completions", self.completions)
        served.router.add_post(f"{task}/v1/completions", self.completions)
        served.router.add_post(f"{task}/questions", self.questions)
        served.router.add_get(f"{task}/v1/models", self.models)
        served.router.add_get(f"{task}/counts", self.counts)
        served.router.add_post(f"{task}/again", self.again)
        served.router.add_get("/health", self.health)
        return served

    @web.middleware
    async def only_ours(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests without the key (other users of the node can reach the port), before the body is read."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, self._header):
            self.unauthenticated.left(request.transport)
            return await _logged(handler, request)
        refused = _reply(refusal(401, "this is the relay of a job: its key is missing or another one"))
        refused.force_close()
        return refused

    async def completions(self, request: web.Request) -> web.Response:
        """One request of the framework: all of its choices, or an error that is counted."""
        path, content = request.path.partition("/v1")[2], await request.read()
        key = request.match_info["key"]
        return _reply(await self.answering.completions(key, path, content, lambda: request.transport is None))

    async def questions(self, request: web.Request) -> web.StreamResponse:
        """All questions of a framework's call; the reply goes on until the last answer."""
        lines = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await lines.prepare(request)
        key, choices = request.match_info["key"], choices_in(request)
        stream = QuestionStream(self.answering, key, lines.write, lambda: request.transport is None, choices)
        try:
            await stream.answer(request.content.iter_any())
        except BadLine as problem:
            _LOG.error("%s: %s", request.path, problem)
            request.protocol.force_close()
        except OSError as problem:
            if request.transport is not None:  # else the framework has hung up
                _LOG.error("%s: %s", request.path, problem)
                request.protocol.force_close()
        return lines

    async def models(self, request: web.Request) -> web.Response:
        """The server's list of models, as it is."""
        return _reply(await self.answering.models())

    async def counts(self, request: web.Request) -> web.Response:
        """The task's counts now, on disk and in the reply."""
        return _reply(await self.answering.counts(request.match_info["key"]))

    async def again(self, request: web.Request) -> web.Response:
        """The task's framework is started again."""
        return _reply(await self.answering.again(request.match_info["key"]))

    async def health(self, request: web.Request) -> web.Response:
        """That the relay runs, and the server's health."""
        return _reply(await self.answering.health())

    async def watch(self, parent: int | None) -> None:
        """Detect an abort from outside and write the counts, until the relay ends."""
        while parent is None or os.getppid() == parent:
            if self.store.aborted:
                self.answering.abort()
            self.address.look()
            self.unauthenticated.look()
            self.store.record_refusal()
            self.store.flush()
            await asyncio.sleep(TICK_SECONDS)

    async def keep_synced(self) -> None:
        """Sync stored answers to disk regularly; apart from `watch`, since a sync may take long."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.store.sync()


def choices_in(request: web.Request) -> int:
    """How many choices all questions of a request want together, as its framework says; 0 where it does not."""
    word = request.headers.get(CHOICES, "")
    return int(word) if re.fullmatch(r"[0-9]{1,9}", word) else 0


def _reply(reply: Reply) -> web.Response:
    """An error in a form that OpenAI's client does not ask again (`x-should-retry`, seen: openai 1.x and 2.x)."""
    status, body = reply
    return web.json_response(body, status=status, headers={} if status == 200 else {"x-should-retry": "false"})


async def _logged(handler: Handler, request: web.Request) -> web.StreamResponse:
    """The reply to a program of the job; a bug is in the log."""
    try:
        return await handler(request)
    except web.HTTPException:  # no such path
        raise
    except Exception:
        _LOG.exception("%s %s", request.method, request.path)
        raise


async def serve(arguments: argparse.Namespace, secret: str | None, key: str) -> None:
    """Run until SIGTERM or SIGINT (or, when asked, until the parent is gone)."""
    parent = (
        os.getppid() if arguments.exit_with_parent else None
    )  # before the port is written: from then on SIGTERM may come
    address = Address(arguments.upstream, arguments.upstream_file, arguments.health, arguments.health_path)
    timeout = aiohttp.ClientTimeout(total=arguments.timeout, sock_connect=30)
    connector = aiohttp.TCPConnector(limit=0, socket_factory=watched_socket)
    # Loopback must not go through the site's proxy.
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, trust_env=not address.is_local) as session:
        limiter, sessions = Limiter(arguments.admit or min(START, arguments.admit_most)), Sessions(session)
        upstream = Upstream(Http(sessions, secret), address, Patience(arguments.patience, arguments.tries), limiter)
        relay = Relay(Store(arguments.state, ours=upstream.ours), upstream, address, key)
        watch = Watch(limiter, upstream, address, arguments.admit, relay.store.folder.server, arguments.admit_most)
        runner = web.AppRunner(
            relay.application(), access_log=None, logger=_OF_STRANGERS, shutdown_timeout=GOODBYE_SECONDS
        )
        await runner.setup()
        door = await _listen(runner, relay.unauthenticated, arguments.listen_fd)
        try:
            write_by_rename(arguments.listen_port_file, f"{door.sockets[0].getsockname()[1]}\n")
            await _until_ended(relay, watch, parent)
        finally:
            door.close()
            watch.write()
            relay.store.flush(now=True)
            await relay.store.sync()
            await runner.cleanup()
            await sessions.close()


async def _listen(runner: web.AppRunner, connections: Unauthenticated, descriptor: int | None) -> asyncio.Server:
    door = socket.create_server(("127.0.0.1", 0)) if descriptor is None else socket.socket(fileno=descriptor)
    assert runner.server is not None, "it is set up"
    protocol = partial(connections.protocol, runner.server)
    server = await asyncio.get_running_loop().create_server(protocol, sock=door, backlog=ACCEPTED_AT_ONCE)
    door.listen(BACKLOG)  # asyncio has one number for both
    return server


async def _until_ended(relay: Relay, watch: Watch, parent: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    works = (relay.watch(parent), relay.keep_synced(), watch.run(), stop.wait())
    going = [asyncio.create_task(work) for work in works]
    ended, _ = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    relay.answering.abort()
    await asyncio.sleep(LAST_REPLIES_SECONDS)
    for task in going:
        task.cancel()
    for task in ended:
        task.result()  # an exception here is a bug, and is logged


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 after SIGTERM, 2 for a wrong command line, 1 when the key is not there."""
    arguments = parser().parse_args(argv)
    if arguments.upstream is not None and not is_web(arguments.upstream):
        parser().error(f"--upstream must be an http(s) address: {arguments.upstream}")
    secret = os.environ.get(arguments.key_variable) if arguments.key_variable else None
    if arguments.key_variable and not secret:
        sys.stderr.write(f"relay: the environment variable {arguments.key_variable} is not set; put it into .env\n")
        return 1
    key = os.environ.get(VARIABLE)
    if not key:
        sys.stderr.write(f"relay: {VARIABLE} is not set; the job sets it\n")
        return 1
    asyncio.run(serve(arguments, secret, key))
    return 0


if __name__ == "__main__":
    sys.exit(main())
