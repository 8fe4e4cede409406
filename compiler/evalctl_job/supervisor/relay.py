"""The relay's process: all questions of all tasks pass through it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from evalctl_job import relay_key
from evalctl_job.supervisor.document import Job, Server
from evalctl_job.supervisor.ending import SERVER_DIED, SOME_FAILED, GiveUp
from evalctl_job.supervisor.place import Place

_START_SECONDS = 120
_END_SECONDS = 3.0
_BACKLOG = 1024
# For a server of ours, on loopback and without TLS: reading the system's certificates was a third of the CPU time of the
# relay's start (seen: aiohttp 3.14, which reads them when it is imported).
_NO_CERTIFICATES = {"SSL_CERT_FILE": os.devnull}


class RelayProcess:
    """Started before all programs that send requests; without it no answer is accepted."""

    def __init__(self, place: Place, job: Job) -> None:
        """Starts it; its `port` accepts connections already, so that no client needs to wait.

        This process keeps the port: no other user can listen there after the relay has died. Requests need the `key`.
        """
        assert job.server is not None, "a job without a server has no relay"
        self._place, self._state = place, place.folder.relay
        self._begin, self._answers = place.clock.seconds(), False
        self._door = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.port, self.key = int(self._door.getsockname()[1]), relay_key.made()
        door, provider = self._door.fileno(), job.server.key_variable
        argv = place.program("relay", *self._options(job.server, job, door), "--exit-with-parent")
        variables = place.without_secrets([provider]) | (_NO_CERTIFICATES if job.server.command else {})
        variables[relay_key.VARIABLE] = self.key
        self._child = place.launch(argv, place.folder.relay_log, variables, keeps=[door])

    def _options(self, server: Server, job: Job, door: int) -> list[str]:
        options = ["--listen-fd", str(door), "--listen-port-file", str(self._state.port)]
        options += ["--state", str(self._state.path), "--admit", job.admit, "--admit-most", str(job.admit_most)]
        ours = ["--upstream-file", str(self._state.upstream)]
        options += ["--upstream", server.base_url] if server.base_url else ours  # without both nothing is asked
        return options + (["--key-variable", server.key_variable] if server.key_variable else [])

    def takes_requests(self) -> bool:
        """Whether it answers requests; once true it stays true until the end."""
        self._answers = self._answers or self._state.port.exists()
        return self._answers

    def check(self, check_time: Callable[[], None]) -> None:
        """GiveUp if no task will get another answer."""
        try:
            refused = self._state.refused.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            refused = []
        if refused:  # the refusal concerns all tasks
            raise GiveUp(SOME_FAILED, refused[0], refused[1] if len(refused) > 1 else "")
        if not self._child.alive():
            check_time()  # the scheduler may have ended all processes
            raise GiveUp(SERVER_DIED, "relay-died", self._last_line())
        self._check_start()

    def _check_start(self) -> None:
        if not self.takes_requests() and self._place.clock.seconds() - self._begin >= _START_SECONDS:
            raise GiveUp(SERVER_DIED, "relay-died", f"the relay took no request in {_START_SECONDS} seconds")

    def _last_line(self) -> str:
        try:
            lines = self._place.folder.relay_log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Ends it, after it has written its counts."""
        self._child.end(_END_SECONDS)
        self._door.close()
