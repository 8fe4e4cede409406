"""Jobs as values, and a place to run their scripts in: stand-in programs where the job environments would be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalctl.model.evaluation import Batch, Eval, Invocation, Job, JobTask, Resolved, Server, Site, Subject, Task
from evalctl.model.plan_file import CostEstimate
from evalctl.render.script import script
from evalctl_job.options import Options

STANDINS = Path(__file__).with_name("standins")
SOURCES = Path(__file__).parents[2] / "compiler"  # evalctl_job is in it
# Seconds that a script may take on a machine that is very busy; stand-ins that hang do so for much longer, so that a job
# which ends at all has not waited for them.
LONGEST = 240


def standin(program: str, python: Path | str) -> str:
    """The text of a program that stands in for another one; it needs nothing but `python`."""
    text = (STANDINS / f"{program}.py").read_text(encoding="utf-8")
    return f"#!{python} -IS\n" + text.replace('"SOURCES"', repr(str(SOURCES)))


def job_task(key: str, *, says: str = "", seconds: int = 600, **invocation: Any) -> JobTask:
    """A task whose framework does as the word `says` tells the stand-in."""
    task = Task(key, key, key, "lighteval", {}, {}, False)
    subject = Subject("vllm", "org/Model-1B", "0123abc", "default", "manifests/models/org/Model-1B.yaml", "1")
    evaluation = Eval(f"digest-of-{key}", subject, task, "0.13.0", "", Resolved(), None, f"results/{key}/result.json")
    call = Invocation(
        ("lighteval", "endpoint", "litellm", "config.yaml", says or f"{key}|0", "--output-dir", "output"),
        (("TASK_VARIABLE", "a value"),),
        "model_parameters:\n  model_name: hosted_vllm/org/Model-1B\n  system_prompt: 'it''s\n\n    日本語 $HOME'\n",
        Options(max_n=2, add={"top_k": 1}),
    )
    return JobTask(evaluation, replace(call, **invocation), seconds)


def make_job(*tasks: JobTask, walltime: int = 600, drain: int = 5, start: int = 5, **changes: Any) -> Job:
    """A job on service local whose server is the stand-in."""
    command = ("vllm", "serve", "org/Model-1B", "--served-model-name", "org/Model-1B", "--max-model-len", "1024")
    server = Server("vllm", command, (), "vllm-env", "org/Model-1B", "", "", 0)
    job = Job(
        name="ev-first-0123abcd", request="manifests/requests/first.yaml", service="local", node_kind="cpu_vllm",
        batch=Batch("ev-first-0123abcd", walltime, 0, None, (), drain), server=server, tasks=tasks, parallel_tasks=2, admit="auto", admit_most=64,
        start_seconds=start, framework_environments={"lighteval": "lighteval-env"}, secrets=(), cuda_visible_devices=None,
        retries=1, estimate=CostEstimate("point", 0.5, 1.25, None, 0.2, 0.0, 0.0, "JPY", 62.5, "2026-08-25"),
        site=Site("local", "", (), (("SITE_NAME", "here"),), ()),
    )  # fmt: skip
    return replace(job, **changes)


def with_server(job: Job, way: str, **variables: str) -> Job:
    """The same job, its server behaving as the stand-in's `way`."""
    pairs = (("STANDIN_SERVER", way), *variables.items())
    return replace(job, server=replace(job.server, variables=pairs))


@dataclass
class Ran:
    """What a script left behind."""

    status: int
    folder: Path

    def mark(self, name: str) -> dict[str, Any]:
        """One mark, as written."""
        return dict(json.loads((self.folder / "marks" / f"{name}.json").read_text(encoding="utf-8")))

    def marks(self) -> set[str]:
        """The names of all marks, and of nothing half-written."""
        top = self.folder / "marks"
        return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}

    def call(self, task: str) -> dict[str, Any]:
        """How the framework was called for `task`."""
        return dict(json.loads((self.folder / "tasks" / task / "call.json").read_text(encoding="utf-8")))

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What a stand-in recorded, call by call."""
        return [json.loads(line) for line in (self.folder / f"{name}.json").read_text().splitlines()]


class Place:
    """A run folder, an `.env` and an environments folder with stand-ins, under one temporary path."""

    def __init__(self, top: Path, run_dir: str = "run a1", python: str = sys.executable) -> None:
        """Nothing runs yet. `python` is one that whoever runs the job may start."""
        self.top, self.run_dir, self.environments, self.python = top, top / run_dir, top / "environments", python
        self.env_file = top / ".env"
        self.run_dir.mkdir()
        self.env_file.write_text("", encoding="utf-8")
        self._install("vllm-env", "vllm")
        self._install("lighteval-env", "lighteval", "python")

    def _install(self, name: str, *programs: str) -> None:
        folder = self.environments / name / "bin"
        folder.mkdir(parents=True)
        for program in programs:
            (folder / program).write_text(standin(program, self.python), encoding="utf-8")
            (folder / program).chmod(0o755)
        (folder.parent / ".complete").touch()

    def write(
        self,
        job: Job,
        *,
        run_tasks: Sequence[str] = (),
        answers: Path | None = None,
        stall: int | None = None,
        rest: int | None = None,
        caches: Path | None = None,
    ) -> Path:
        """The script and attempt.json, as sync would leave them; with a `stall`, silent frameworks are looked for, with a `rest`
        the server is ended after so many seconds without a question."""
        attempt = {
            "number": 1, "name": f"{job.name}-a1", "environments": str(self.environments), "env_file": str(self.env_file),
            "walltime_seconds": job.batch.walltime_seconds, "run_tasks": list(run_tasks), "answers": str(answers or ""),
            "caches": str(caches or ""),
        }  # fmt: skip
        if stall is not None:
            (self.run_dir / "stall").touch()
            attempt["stall_seconds"] = stall
        if rest is not None:
            attempt["rest_seconds"] = rest
        (self.run_dir / "attempt.json").write_text(json.dumps(attempt), encoding="utf-8")
        (self.run_dir / "environments").write_text(str(self.environments), encoding="utf-8")
        for name in ("attempt.json", "environments"):  # as sync makes them, whatever the umask
            (self.run_dir / name).chmod(0o600)
        path = self.top / "job.sh"
        path.write_bytes(script(job).data)
        return path

    def start(self, job: Job, **attempt: Any) -> subprocess.Popen[bytes]:
        """The script, running."""
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "EVALCTL_RUN_DIR": str(self.run_dir), "JOB_ID": "4711"}
        return subprocess.Popen(
            ["bash", str(self.write(job, **attempt))], env=environment, start_new_session=True, cwd=self.top,
            stdin=subprocess.DEVNULL, stdout=(self.top / "out").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, job: Job, **attempt: Any) -> Ran:
        """The script, run to its end."""
        return Ran(self.start(job, **attempt).wait(timeout=LONGEST), self.run_dir)

    def end(self, process: subprocess.Popen[bytes], sign: signal.Signals) -> Ran:
        """What a signal makes of a running script."""
        process.send_signal(sign)
        return Ran(process.wait(timeout=LONGEST), self.run_dir)

    def wait_for(self, *parts: str) -> None:
        """Until the job has written a file."""
        path, limit = self.run_dir.joinpath(*parts), time.monotonic() + LONGEST
        while not path.exists():
            assert time.monotonic() < limit, f"{path} never came: {self.job_log()}"
            time.sleep(0.05)

    def wait_for_mark(self, name: str, **fields: Any) -> dict[str, Any]:
        """Until a mark says that."""
        while True:
            self.wait_for("marks", f"{name}.json")
            mark = dict(json.loads((self.run_dir / "marks" / f"{name}.json").read_text(encoding="utf-8")))
            if fields.items() <= mark.items():
                return mark
            time.sleep(0.05)

    def wait_until_empty(self) -> None:
        """Until no process of this place is left."""
        limit = time.monotonic() + LONGEST
        while self.processes():
            assert time.monotonic() < limit, self.processes()
            time.sleep(0.1)

    def pids(self) -> list[int]:
        """The job's processes."""
        folder = f"EVALCTL_RUN_DIR={self.run_dir}".encode()
        found = []
        for one in Path("/proc").glob("[0-9]*"):
            try:
                if folder in (one / "environ").read_bytes().split(b"\0"):
                    found.append(int(one.name))
            except OSError:
                continue
        return found

    def job_log(self) -> str:
        """All that the job said."""
        logs = (self.top / "out", self.run_dir / "job.log")
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def processes(self) -> list[str]:
        """Command lines of the living processes that this place started."""
        return [line for line in map(_of_place, Path("/proc").iterdir()) if str(self.top) in line]


def _of_place(folder: Path) -> str:
    """Command line and environment of a process; "" for what is no process or is gone."""
    try:
        return (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") + "\n" + (
            (folder / "environ").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )  # fmt: skip
    except OSError:
        return ""
