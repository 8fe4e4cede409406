"""The model's server: started at the same time as the frameworks, checked, and started again once if it dies."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from evalctl_job.files import write_by_rename
from evalctl_job.marks import ServerReady, ServerRestarted
from evalctl_job.run_folder import ServerFolder
from evalctl_job.server_variables import passed_on
from evalctl_job.supervisor.deaths import death
from evalctl_job.supervisor.document import Server
from evalctl_job.supervisor.ending import ENVIRONMENT, NEVER_READY, SERVER_DIED, GiveUp
from evalctl_job.supervisor.http_get import get
from evalctl_job.supervisor.local_folders import remove_tree
from evalctl_job.supervisor.marks import now
from evalctl_job.supervisor.place import Place, say
from evalctl_job.supervisor.processes import Child, KnownProcess, family
from evalctl_job.supervisor.secrets import HUB_TOKENS

_END_SECONDS = 6.0  # TERM to KILL: its workers would keep the GPU's memory
_LOOK_SECONDS, _SICK_SECONDS = 5, 60
_LOG_BYTES = 1024 * 1024


class OurServer:
    """One server process at a time; its state is the current check: `_await_ready`, `_watch`, or `_rest` while nobody asks."""

    def __init__(self, place: Place, server: Server, start_seconds: int, weights_changed: Callable[[], str]) -> None:
        """Starts no process. `weights_changed` returns what is wrong with the checkpoint, or ""."""
        self._place, self._server, self._start_seconds = place, server, start_seconds
        self._weights_changed = weights_changed
        self._child: Child | None = None
        self._look: Callable[[], None] = self._await_ready
        self._socket, self._restarts, self._log_from = place.private / "server-0.sock", 0, 0
        self._starts = 0
        self.known: set[KnownProcess] = set()  # those whose parents may have ended before the job ends
        self._begin = self._look_due = self._healthy_at = 0.0
        self._ready: tuple[int, int] | None = None  # when first, and seconds of its start

    def start(self) -> None:
        """Starts it without waiting: frameworks load meanwhile, and the relay lets their requests wait."""
        files = self._written_files()
        self._begin, self._look = self._place.clock.seconds(), self._await_ready
        # A dead server leaves its socket, on which a new server cannot listen.
        self._socket = self._place.private / f"server-{self._starts}.sock"
        self._starts += 1
        log = self._place.folder.server_log
        self._log_from = log.stat().st_size if log.exists() else 0
        argv = [*self._server.command, *files, "--uds", str(self._socket)]
        self._child = self._place.launch(
            argv,
            log,
            self._variables(),
            folder=self._folder.empty,
            umask=self._place.cache_umask,
        )
        self._place.folder.server_pid.write_text(f"{self._child.pid}\n")

    def tend(self, *, asked: bool = True) -> None:
        """Checks it once. It is ended where nobody asks any more, and started again where that was wrong."""
        if self._look == self._watch and not asked:
            say("every question is answered: the server is ended, while scoring goes on")
            self.known |= family()
            self.end()
            self._look = self._rest
        elif self._look == self._rest and asked:
            self.start()
        else:
            self._look()

    def _rest(self) -> None:
        """Nothing is to be checked."""

    def end(self) -> None:
        """Ends it with all its workers."""
        if self._child is not None:
            self._child.end(_END_SECONDS)

    @property
    def _folder(self) -> ServerFolder:
        return self._place.folder.server

    def _written_files(self) -> list[str]:
        """A text of a manifest is a file with a name of evalctl's, never a word of the command: vLLM opens some words as paths
        (seen: 0.32, --chat-template). The server works in an empty folder: no model's name is a folder there.
        """
        try:
            remove_tree(self._folder.path)
            for folder in (self._folder.path, self._folder.empty, self._folder.files):
                folder.mkdir(mode=0o700)
            return [word for file in self._server.files for word in (file.option, self._written(file.name, file.text))]
        except OSError as error:
            raise GiveUp(
                SERVER_DIED, "disk-full", f"{self._folder.path} cannot be written: {error.strerror}"
            ) from error

    def _written(self, name: str, text: str) -> str:
        path = self._folder.files / name
        path.touch(mode=0o600)
        path.write_bytes(text.encode())
        return str(path)

    def _variables(self) -> dict[str, str]:
        trusted = "--trust-remote-code" in self._server.command  # the model's own code gets no key
        variables = self._place.without_secrets(() if trusted else HUB_TOKENS)
        variables, left = passed_on(variables)
        if left:
            say(f"not passed on to the server, since they can change its answers: {', '.join(left)}")
        own = {"VLLM_NO_USAGE_STATS": "1", "PATH": self._place.path_of(self._server.environment, variables)}
        own["VLLM_RPC_BASE_PATH"] = str(self._place.private)  # where its processes' own sockets are (seen: 0.32)
        return variables | {"PYTHONUTF8": "1"} | dict(self._server.variables) | own  # the template is UTF-8

    def _await_ready(self) -> None:
        limit = self._start_seconds * 4 or 600  # a site may put nothing on top of the tasks' times
        seconds = self._place.clock.seconds() - self._begin
        if not self._running.alive():
            self._did_not_start()
        elif self._serves():
            self._is_ready(int(seconds))
        elif seconds >= limit:
            raise GiveUp(NEVER_READY, "server-start-timeout", f"not ready after {limit} seconds")

    @property
    def _running(self) -> Child:
        assert self._child is not None, "it was started"
        return self._child

    def _serves(self) -> bool:
        if get(self._socket, "/health") is None:
            return False
        listed = get(self._socket, "/v1/models") or b""
        return any(
            json.dumps(self._server.served_name, ensure_ascii=ascii).encode() in listed for ascii in (True, False)
        )

    def _is_ready(self, seconds: int) -> None:
        if wrong := self._weights_changed():  # before the first question
            raise GiveUp(ENVIRONMENT, "weights-changed", wrong)
        self._look, self._look_due = self._watch, self._place.clock.seconds()
        self._healthy_at = self._look_due
        self._ready = self._ready or (now(), seconds)
        self._place.marks.write(ServerReady(
            ready_at=self._ready[0], seconds=self._ready[1], restarts=self._restarts,
            server_version=_version(get(self._socket, "/version")),
        ))  # fmt: skip
        where = quote(str(self._socket), safe="")
        write_by_rename(
            self._place.folder.relay.upstream, f"http+unix://{where}/v1\n"
        )  # the relay reads its address there

    def _did_not_start(self) -> None:
        raise GiveUp(SERVER_DIED if self._restarts else NEVER_READY, *self._death())

    def _watch(self) -> None:
        """vLLM's front end may outlive its engine and answer 503 without end; a busy one may answer late, so it gets a minute."""
        seconds = self._place.clock.seconds()
        if not self._running.alive():
            self._died()
        elif seconds >= self._look_due:
            self._look_due = seconds + _LOOK_SECONDS
            if get(self._socket, "/health") is not None:
                self._healthy_at = seconds
            elif seconds - self._healthy_at >= _SICK_SECONDS:
                say("the server's /health has not answered 200 for a minute: ending it")
                self.end()
                self._died()

    def _died(self) -> None:
        """Starts it once more: the relay keeps the answers and sends the other requests again, unnoticed by the frameworks."""
        self._place.folder.relay.upstream.unlink(missing_ok=True)
        self.end()
        reason, detail = self._death()
        if self._restarts or self._place.clock.left() <= self._start_seconds:
            raise GiveUp(SERVER_DIED, reason, detail)
        self._restarts = 1
        say(f"the server died ({reason}: {self._place.marks.shown(detail)}): starting it again")
        self._place.marks.write(ServerRestarted(restarted_at=now(), reason=reason, detail=detail))
        self.start()

    def _death(self) -> tuple[str, str]:
        status = self._running.status()
        return death(_tail(self._place.folder.server_log, self._log_from), status)


def _tail(path: Path, begin: int) -> str:
    """The end of a log, nothing from before `begin`."""
    try:
        with path.open("rb") as file:
            file.seek(max(begin, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _version(body: bytes | None) -> str:
    try:
        reply: Mapping[str, object] = json.loads(body or b"{}")
        return str(reply.get("version", ""))
    except (ValueError, AttributeError):
        return ""
