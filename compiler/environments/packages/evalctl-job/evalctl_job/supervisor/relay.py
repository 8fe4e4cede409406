"""The relay's process: all questions of all tasks pass through it."""

from __future__ import annotations

from collections.abc import Callable

from evalctl_job import run_folder
from evalctl_job.supervisor.document import Job
from evalctl_job.supervisor.ending import SERVER_DIED, SOME_FAILED, GiveUp
from evalctl_job.supervisor.place import Place

_START_SECONDS = 120
_END_SECONDS = 3.0


class RelayProcess:
    """Started before everything that asks; without it no answer can be believed."""

    def __init__(self, place: Place, job: Job) -> None:
        """It is starting."""
        assert job.server is not None, "a job without a server has no relay"
        self._place, self._state = place, place.folder.relay
        options = ["--listen-port-file", str(self._state / "port"), "--state", str(self._state), "--admit", job.admit]
        if job.server.command:
            options += ["--upstream-file", str(self._state / "upstream")]
        else:
            options += ["--upstream", job.server.base_url]
        key = job.server.key_variable
        options += ["--key-variable", key] if key else []
        argv = place.program("relay", *options, "--exit-with-parent")
        self._child = place.launch(argv, run_folder.RELAY_LOG, place.without_secrets([key]))
        self.port = 0

    def wait(self, check_time: Callable[[], None], nap: Callable[[float], None]) -> None:
        """Until it takes requests."""
        begin = self._place.clock.seconds()
        while not self._read_port():
            check_time()
            self.check(check_time)
            if self._place.clock.seconds() - begin >= _START_SECONDS:
                raise GiveUp(SERVER_DIED, "relay-died", f"the relay did not open its port in {_START_SECONDS} seconds")
            nap(0.1)

    def _read_port(self) -> int:
        try:
            self.port = int((self._state / "port").read_text())
        except (OSError, ValueError):
            return 0
        return self.port

    def check(self, check_time: Callable[[], None]) -> None:
        """GiveUp where no task will get an answer any more."""
        try:
            refused = (self._state / "refused").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            refused = []
        if refused:  # what is refused is not the task's own fault
            raise GiveUp(SOME_FAILED, refused[0], refused[1] if len(refused) > 1 else "")
        if not self._child.alive():
            check_time()  # it may be the scheduler that ended it, with everything else
            raise GiveUp(SERVER_DIED, "relay-died", self._last_line())

    def _last_line(self) -> str:
        try:
            lines = (self._place.folder.path / run_folder.RELAY_LOG).read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Ends it; it writes its counts before."""
        self._child.end(_END_SECONDS)
