"""Connections without the key of the relay: few and for a short time, whatever another user of the node opens."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from chat_upstream import answers, serving
from relay_process import KEY, Relay, StartRelay

from evalctl_job import connections
from evalctl_job.connections import Unauthenticated, most_unauthenticated

LONGEST = 20  # seconds that a test waits for what is to happen
HEAD = f"GET /task/t/counts HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo(asyncio.Protocol):
    """Sends back what comes; `key` is what a request with the key is to the relay."""

    def __init__(self, connections: Unauthenticated) -> None:
        """Not connected yet."""
        self.connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Kept, to answer on it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A request."""
        if data == b"key":
            self.connections.left(self.transport)
        self.transport.write(data)


def with_links(most: int, count: int, work: Callable[[Unauthenticated, list[Link]], object]) -> None:
    """Runs `work` with so many connections to a server that allows `most` without a key; made one after the other."""

    async def run() -> None:
        limited = Unauthenticated(most)
        server = await asyncio.get_running_loop().create_server(
            partial(limited.protocol, partial(Echo, limited)), "127.0.0.1", 0
        )
        address = server.sockets[0].getsockname()
        links = []
        for _ in range(count):
            links.append(await asyncio.open_connection(*address))
            await asyncio.sleep(0)
        await work(limited, links)  # type: ignore[misc]
        for _, writer in links:
            writer.close()
        server.close()

    asyncio.run(run())


async def is_closed(link: Link) -> bool:
    """Whether the server closes it; waits for that."""
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(link[0].read(1), LONGEST) == b""
    return True


async def echoed(link: Link, data: bytes) -> bool:
    """Whether the server answers there."""
    link[1].write(data)
    return await asyncio.wait_for(link[0].readexactly(len(data)), LONGEST) == data


def test_of_too_many_the_oldest_are_closed() -> None:
    """The newest stay: a request of the job is read long before its connection is the oldest."""

    async def work(_: Unauthenticated, links: list[Link]) -> None:
        assert [await is_closed(link) for link in links[:5]] == [True] * 5
        assert [await echoed(link, b"still there") for link in links[5:]] == [True] * 3

    with_links(3, 8, work)


def test_one_that_had_the_key_stays_and_is_not_counted() -> None:
    """However many come after it, and however long it is silent."""

    async def work(limited: Unauthenticated, links: list[Link]) -> None:
        for link in links[:3]:
            assert await echoed(link, b"key")
        for _ in range(connections.LOOKS + 1):
            limited.look()
        assert await is_closed(links[3])
        assert [await echoed(link, b"again") for link in links[:3]] == [True] * 3

    with_links(4, 4, work)


def test_one_without_a_key_is_closed_after_so_many_looks() -> None:
    """Whether it sends nothing or a part of a request now and then; not earlier, and one that has gone is forgotten."""

    async def work(limited: Unauthenticated, links: list[Link]) -> None:
        silent, slow, gone = links
        gone[1].close()
        await gone[1].wait_closed()
        await asyncio.sleep(0.1)
        for _ in range(connections.LOOKS):
            limited.look()
        assert await echoed(slow, b"half a he") and await echoed(silent, b"x")
        limited.look()
        assert await is_closed(slow) and await is_closed(silent)

    with_links(10, 3, work)


@pytest.fixture
def file_limits() -> Iterator[None]:
    """Limits of open files as they were, afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_relay_may_have_as_many_files_as_the_machine_allows(file_limits: None) -> None:
    """The soft limit is 1,024 on many nodes; 1,024 connections of frameworks need as many to the server."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    most = most_unauthenticated()
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert soft > 256 and most == min(connections.MOST, soft // 4)


def idle(relay: Relay, stack: ExitStack, count: int) -> list[socket.socket]:
    """Connections of another user, who sends nothing."""
    return [stack.enter_context(socket.create_connection(("127.0.0.1", relay.port), LONGEST)) for _ in range(count)]


@pytest.mark.environments
def test_idle_connections_leave_file_descriptors_for_the_job(start_relay: StartRelay) -> None:
    """With fewer descriptors than another user opens connections, requests of the framework are answered at once."""
    with serving(answers) as server, ExitStack() as stack:
        relay = start_relay(server.url, first="ulimit -n 128")
        strangers = idle(relay, stack, 300)
        assert relay.post({"model": "m", "messages": [{"role": "user", "content": "7 + 5 は?"}]})[0] == 200
        with contextlib.suppress(ConnectionResetError):
            assert strangers[0].recv(1) == b"", "the oldest is closed"


@pytest.mark.environments
def test_a_thousand_connections_of_frameworks_work_beside_a_thousand_idle_ones(
    start_relay: StartRelay, file_limits: None
) -> None:
    """All stay open, also where the soft limit of open files was 1,024."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 4096:
        pytest.skip("the test itself needs 4,096 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    with ExitStack() as stack:
        relay = start_relay("http://127.0.0.1:1/v1", first="ulimit -Sn 1024")
        ours = idle(relay, stack, 512)
        asked(ours)
        idle(relay, stack, 1024)
        ours += idle(relay, stack, 512)
        asked(ours)
        asked(ours)


def asked(links: list[socket.socket]) -> None:
    """Each sends a request with the key, and then each gets its reply."""
    for link in links:
        link.sendall(HEAD)
    for link in links:
        reply = link.recv(4096)
        assert reply.startswith(b"HTTP/1.1 200")


@pytest.mark.environments
def test_connections_wait_for_a_relay_that_is_busy(start_relay: StartRelay) -> None:
    """Eight hundred at once while it does something else: beyond its queue the kernel answers only after up to a minute."""
    relay = start_relay("http://127.0.0.1:9/v1")
    relay.process.send_signal(signal.SIGSTOP)
    waiting = []
    try:
        for _ in range(800):
            waiting.append(socket.create_connection(("127.0.0.1", relay.port), timeout=0.5))
    finally:
        relay.process.send_signal(signal.SIGCONT)
        for connection in waiting:
            connection.close()
    assert len(waiting) == 800
