"""Asks the questions of a framework's call: all at once over one connection to the job's relay.

    BASE/questions    one request with all questions of the call, one reply with each answer as soon as it is there (`question_stream`)

A framework's own client asks from threads over litellm's pool of connections. With more than about 100 requests under way answers are
lost and threads wait without end (seen: litellm 1.101 with httpx, lighteval 0.13 and the fork), and each question costs 3 to 12 ms of CPU.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evalctl_job.relay_key import CHOICES, header

ADDRESS = "EVALCTL_RELAY"  # the environment variable with the task's address at the relay
TRIES = 3  # of connections that bring no answer; the relay closes none while it runs
SENT_AT_ONCE = 2**18


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """The status of a question, and the reply: a chat completion if the status is 200, else an `error`."""

    status: int
    reply: dict[str, Any]


class RelayLost(Exception):
    """The relay does not answer any more."""


class RelayClient:
    """The relay, as one task sees it."""

    def __init__(self, base: str, key: str) -> None:
        """`base` is the task's address at the relay, `key` that of the job."""
        self._parts, self._header = urlsplit(base), header(key)

    def answers(
        self, questions: Sequence[Mapping[str, Any]], *, first: bool = False
    ) -> Iterator[tuple[int, StreamedAnswer]]:
        """The position of each question with its answer, in the order in which they come. Raises RelayLost.

        `first`: they never wait behind questions of other tasks.
        """
        left, failures = dict(enumerate(questions)), 0
        while left:
            before = len(left)
            try:
                for position, answer in self._of_one_connection(left, {} if first else choices_of(left)):
                    if left.pop(position, None) is not None:
                        yield position, answer
            except (OSError, http.client.HTTPException, ValueError) as problem:
                why = f"{type(problem).__name__}: {problem}"
            else:
                why = "the relay has closed the connection"
            failures = 0 if len(left) < before else failures + 1
            if left and failures == TRIES:
                raise RelayLost(f"{len(left)} questions have no answer: {why}")

    def _of_one_connection(
        self, questions: Mapping[int, Mapping[str, Any]], said: Mapping[str, str]
    ) -> Iterator[tuple[int, StreamedAnswer]]:
        connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port)
        connection.connect()
        # Answers come while questions are still being sent: were they not read, both sides would wait for each other.
        sender = _Sender(connection.sock)
        try:
            self._begin(connection, said)
            sender.start(questions)
            with connection.getresponse() as response:
                if response.status != 200:
                    raise http.client.HTTPException(f"status {response.status}")
                yield from map(read_answer, response)
            sender.check()
        except (OSError, http.client.HTTPException):
            sender.check()
            raise
        finally:
            sender.stop()
            connection.close()

    def _begin(self, connection: http.client.HTTPConnection, said: Mapping[str, str]) -> None:
        connection.putrequest("POST", f"{self._parts.path}/questions", skip_accept_encoding=True)
        for name, value in {**self._header, **said, "Transfer-Encoding": "chunked"}.items():
            connection.putheader(name, value)
        connection.endheaders()


class _Sender:
    """Sends the lines in large chunks, in a thread. A connection that breaks is reported by who reads from it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._problem: Exception | None = None

    def start(self, questions: Mapping[int, Mapping[str, Any]]) -> None:
        threading.Thread(target=self._send, args=[dict(questions)], daemon=True).start()

    def check(self) -> None:
        """TypeError for a question that is no JSON, a bug of who asks."""
        if self._problem is not None:
            raise TypeError(f"no question in JSON: {self._problem}") from self._problem

    def stop(self) -> None:
        """Wakes the thread where it waits for the relay; closing the socket would not."""
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)

    def _send(self, questions: Mapping[int, Mapping[str, Any]]) -> None:
        with suppress(OSError):
            try:
                for chunk in chunks(questions):
                    self._link.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self._link.sendall(b"0\r\n\r\n")
            except (TypeError, ValueError) as problem:
                self._problem = problem
                self.stop()


def choices_of(questions: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """The header that says how much is asked; a task without it never waits behind the others.

    So do tasks that want several answers to a question: most of them run code when they score, while the server answers the others.
    """
    several = any((one.get("n") or 1) > 1 for one in questions.values())
    return {} if several or len(questions) == 1 else {CHOICES: str(len(questions))}


def chunks(questions: Mapping[int, Mapping[str, Any]]) -> Iterator[bytes]:
    """The lines of the request, some hundred kilobytes at a time."""
    chunk = bytearray()
    for number, body in questions.items():
        chunk += b"%d %s\n" % (number, json.dumps(body).encode())
        if len(chunk) >= SENT_AT_ONCE:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def read_answer(line: bytes) -> tuple[int, StreamedAnswer]:
    """A line of the reply; ValueError for one that is cut off."""
    number, status, reply = line.split(b" ", 2)
    return int(number), StreamedAnswer(int(status), json.loads(reply))
