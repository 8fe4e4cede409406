"""Two PBS sites that answer alike: OpenPBS as `tests/clusters/pbs_up.sh` starts it, and the stand-in of `standins/pbs`."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from standin_place import make_job

from evalctl.model.run import Sighting
from evalctl.schedulers import pbs
from evalctl.shell import Command, Reply, run

STANDIN = Path(__file__).with_name("standins") / "pbs"
UP = Path(__file__).parents[1] / "clusters/pbs_up.sh"
INSTALLED = Path(os.environ.get("PBS_EXEC", "/opt/pbs"))
SERVER_PID = Path("/run/evalctl-clusters/pbs_server.pid")
PROGRAMS = ("qsub", "qstat", "qdel", "qalter", "qrls", "qrerun", "pbs_server")
GROUP = ("-P", "group")
DIRECTIVES = ("-q rt_HG", "-l select=1")


class Pbs:
    """One site, asked as sync asks it, by `user` where root runs the tests; `mark` keeps this test's jobs apart."""

    def __init__(self, programs: Path, user: str) -> None:
        """A folder of the user's, and nothing submitted."""
        self.programs, self.user, self.mark = programs, user, uuid.uuid4().hex[:8]
        self.top = Path(tempfile.mkdtemp(prefix="evalctl-pbs-"))
        self.own()

    def own(self) -> None:
        """The user's are all files of this test."""
        if self.user:
            subprocess.run(["chown", "-R", self.user, str(self.top)], check=True)

    def close(self) -> None:
        """No job and no file is left."""
        for one in self.listed():
            self.run(pbs.cancel(one.native_id))
        self.wait(lambda: not self.listed())
        shutil.rmtree(self.top)

    def python(self) -> str:
        """A Python that the user may start: root's own may lie in root's home folder."""
        return f"/usr/bin/python3.{sys.version_info.minor}" if self.user else sys.executable

    def attempt_name(self, stem: str = "t") -> str:
        """Sixty characters, as long as they get."""
        return f"ev-ab12-{stem}-".ljust(48, "x") + f"-{self.mark}-a1"

    def script(self, body: str, *directives: str) -> Path:
        """A little script with the directives of a real one."""
        batch = replace(make_job().batch, directives=directives or DIRECTIVES, walltime_seconds=300)
        path = self.top / f"{uuid.uuid4().hex}.sh"
        path.write_text("\n".join(["#!/bin/bash", *pbs.directives(batch), body, ""]))
        self.own()
        return path

    def submit(self, script: Path, name: str, *words: str, seconds: int = 300, folder: Path | None = None) -> str:
        """The new job's id."""
        reply = self.submit_reply(script, name, *GROUP, *words, seconds=seconds, folder=folder)
        assert pbs.refusal(reply) is None, reply
        assert pbs.native_id(reply, name), reply
        return pbs.native_id(reply, name)

    def submit_reply(
        self, script: Path, name: str, *words: str, seconds: int = 300, folder: Path | None = None, patience: float = 60
    ) -> Reply:
        """What qsub says."""
        command = pbs.submit(
            str(script), name=name, output_dir=str(folder or self.top), run_dir=str(folder or self.top),
            walltime_seconds=seconds, site_args=words,
        )  # fmt: skip
        return self.run(replace(command, timeout_s=patience))

    def run(self, command: Command) -> Reply:
        """One of evalctl's commands, as the user's shell would start it."""
        who = ("runuser", "-u", self.user, "--") if self.user else ()
        variables = (f"PATH={self.programs}:/usr/bin:/bin", f"HOME={self.top}", "OPENAI_API_KEY=not-a-real-key")
        return run(replace(command, argv=(*who, "env", *variables, *command.argv), cwd=Path("/")))

    def administrator(self, program: str, *words: str) -> Reply:
        """A command of who runs the site."""
        return run(Command((str(self.programs / program), *words)))

    def query(self) -> Reply:
        """What qstat says of all of this user's jobs."""
        return self.run(pbs.query(self.user or getpass.getuser()))

    def listed(self) -> list[Sighting]:
        """This test's jobs."""
        return [one for one in pbs.sightings(self.query()) if self.mark in one.name]

    def seen(self) -> dict[str, str]:
        """Their states by name."""
        return {one.name: one.state.value for one in self.listed()}

    def history(self, number: str) -> str:
        """What qstat tells of one job, also when it is over."""
        return self.run(Command(("qstat", "-x", "-f", "-w", number))).stdout

    def over(self, number: str) -> bool:
        """Whether the job has ended."""
        return "job_state = F" in self.history(number)

    def wait(self, condition: Callable[[], object], seconds: float = 300) -> None:
        """Until something holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.query()
            time.sleep(0.3)

    # ---- the server ----------------------------------------------------------------------------------------------------

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server stands still: it neither answers nor refuses."""
        pid = self._server()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def down(self) -> Iterator[None]:
        """There is no server; jobs go on."""
        pid = self._server()
        os.kill(pid, signal.SIGTERM)
        self.wait(lambda: self.query().status == 255)
        try:
            yield
        finally:
            self._start()

    def _server(self) -> int:
        return int(SERVER_PID.read_text())

    def _start(self) -> None:
        self.wait(lambda: run(Command((str(UP),), timeout_s=120)).status == 0)


class StandIn(Pbs):
    """The stand-in, with a server of its own."""

    def __init__(self, prefix: Path) -> None:
        """Installed, and its server started."""
        self.prefix = prefix
        install(prefix, sys.executable)
        self._start()
        super().__init__(prefix / "bin", "")

    def close(self) -> None:
        """The server last."""
        super().close()
        os.kill(self._server(), signal.SIGTERM)

    def _server(self) -> int:
        return int((self.prefix / "server.pid").read_text())

    def _start(self) -> None:
        assert run(Command((str(self.prefix / "bin/pbs_server"),))).status == 0


def install(prefix: Path, python: str) -> None:
    """The stand-in's programs, as OpenPBS's lie in its own folder."""
    (prefix / "bin").mkdir(parents=True)
    calls = dict.fromkeys(
        PROGRAMS, "from programs import main\nsys.exit(main(sys.argv[0].rpartition('/')[2], sys.argv[1:]))"
    )
    for name, call in {**calls, "pbs_mom": "from mom import main\nmain(sys.argv[1])"}.items():
        path = prefix / "bin" / name
        path.write_text(f"#!{python} -S\nimport sys\nsys.path.insert(0, {str(STANDIN)!r})\n{call}\n")
        path.chmod(0o755)
