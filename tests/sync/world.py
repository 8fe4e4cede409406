"""A scheduler that keeps its jobs in a file, so that it outlives a killed sync, and the jobs that it runs."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evalctl.sync
from evalctl.model.evaluation import (
    Batch,
    Eval,
    Invocation,
    Job,
    JobTask,
    RequestPlan,
    Resolved,
    Server,
    Site,
    Subject,
    Task,
    Work,
)
from evalctl.model.metrics import Metrics
from evalctl.model.run import Sighting, State
from evalctl.model.service import NodeKind, Service
from evalctl.schedulers import Unreadable
from evalctl.shell import Command, Reply
from evalctl.sync.context import Context
from evalctl_job.options import Options
from evalctl_job.question_set import QuestionSet
from evalctl_job.run_folder import kept_answers
from evalctl_job.shards import Shard, read_key

METRICS = Metrics.model_validate(
    {
        "entries": [
            {"name": "arithmetic", "function": "pick", "metrics": ["em"], "tasks": ["arithmetic"]},
            {"name": "capitals", "function": "pick", "metrics": ["em"], "tasks": ["capitals"]},
            {"name": "subjects", "function": "micro", "metrics": ["em"], "tasks": ["subjects"]},
        ]
    }
)


def git(folder: Path, *words: str) -> str:
    """Runs git and returns its output; fails loudly."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.rstrip("\n")


def make_eval(script: str, *, settings: str = "default", version: str = "1", model: str = "team/tiny") -> Eval:
    """An eval whose digest follows from its words; `version` stands for everything that changes a score."""
    task = Task(f"en_{script}", script, f"en/{script}", "lighteval", {"hrt_q": 60}, {}, False)
    subject = Subject("vllm", model, "a" * 40, settings, "manifests/models/team/tiny.yaml", version)
    digest = f"{hash_of(model, script, version):064x}"
    return Eval(
        digest, subject, task, "0.13.0", "t" * 64, Resolved((("temperature", 0.0),), (("max_model_length", 512),)), None,
        f"results/hosted_vllm/{model}/{settings}/en/{script}/result.json",
    )  # fmt: skip


def hash_of(*words: str) -> int:
    """A number that is the same in every process."""
    return int(hashlib.sha256("|".join(words).encode()).hexdigest(), 16)


TASK_SECONDS = 1700  # with two of them, a minute to start and one to end, an hour in steps of ten minutes


def make_job(
    *evals: Eval,
    request: str = "manifests/requests/one.yaml",
    service: str = "site",
    retries: int = 1,
    stem: str = "one",
) -> Job:
    """A job that runs the evals on one server."""
    digest8 = f"{hash_of(*(one.digest for one in evals)):064x}"[:8]
    return Job(
        name=f"ev-{stem}-{digest8}", request=request, service=service, node_kind="gpu_1",
        batch=Batch(f"ev-{stem}-{digest8}", 3600, 1, None, (), 60, 600),
        server=Server("vllm", ("vllm", "serve"), (), "vllm-cpu-0123456789ab", "tiny", "", "", 1),
        tasks=tuple(JobTask(one, Invocation(("lighteval",), (), "", Options()), TASK_SECONDS) for one in evals),
        parallel_tasks=2, admit="auto", admit_most=64, start_seconds=60, framework_environments={"lighteval": "lighteval-0123456789ab"}, secrets=(),
        cuda_visible_devices=None, retries=retries, estimate=None,
        site=Site("slurm", "", (), (), ()),
    )  # fmt: skip


class FakeScheduler:
    """Text in, text out, like the real ones: `fake-submit NAME RUN_DIR`, `fake-list`, `fake-cancel ID`."""

    PROGRAMS = ("fake-submit", "fake-list", "fake-cancel")
    STARTUP = (".fakerc",)
    VERSION = Command(("fake-list", "--version"))

    def directives(self, batch: Batch) -> list[str]:
        """None are needed."""
        return []

    def submit(
        self, script: str, *, name: str, output_dir: str, run_dir: str, walltime_seconds: int | None = None,
        site_args: Sequence[str] = (), gpus: Sequence[str] = (),
    ) -> Command:  # fmt: skip
        """As the Protocol says."""
        return Command(("fake-submit", name, run_dir, *site_args))

    def native_id(self, reply: Reply, name: str) -> str:
        """The number alone."""
        return reply.stdout.strip()

    def refusal(self, reply: Reply) -> str | None:
        """Status 1 is a certain no, anything else is not."""
        return reply.stderr.strip() if reply.status == 1 else None

    def postponed(self, reply: Reply) -> str | None:
        """Status 3: not now."""
        return reply.stderr.strip() if reply.status == 3 else None

    def query(self, user: str, site_args: Sequence[str] = ()) -> Command:
        """All jobs."""
        return Command(("fake-list", user))

    def sightings(self, reply: Reply) -> list[Sighting]:
        """A JSON list, or nothing that may be believed."""
        if reply.status != 0:
            raise Unreadable(reply.stderr)
        try:
            return [Sighting(job["name"], job["id"], State(job["state"])) for job in json.loads(reply.stdout)]
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(str(error)) from error

    def recognises(self, version: Reply) -> bool:
        """`fake 1`."""
        return version.stdout == "fake 1\n"

    def cancel(self, native_id: str, site_args: Sequence[str] = ()) -> Command:
        """Ends a job."""
        return Command(("fake-cancel", native_id))

    def cancelled(self, reply: Reply) -> bool:
        """Status 0."""
        return reply.status == 0


@dataclass
class World:
    """One site: the scheduler's state in a file, and switches for what may go wrong."""

    file: Path
    silent: bool = False
    lose_reply: bool = False
    refuse: str = ""
    full: str = ""
    submissions: int = 0
    visible: bool = True
    program: str = "fake 1"  # what the program that lists jobs says of itself
    now: float = 1_700_000_000.0
    queries: int = 0

    def state(self) -> dict[str, Any]:
        """All jobs ever submitted, by id, and how often each attempt really started."""
        return json.loads(self.file.read_text()) if self.file.exists() else {"jobs": {}, "starts": {}}

    def _save(self, state: Mapping[str, Any]) -> None:
        self.file.write_text(json.dumps(state))

    def run(self, command: Command) -> Reply:
        """The stand-in for the scheduler's programs."""
        verb, *words = command.argv
        programs: dict[str, Callable[..., Reply]]
        programs = {"fake-submit": self._submit, "fake-list": self._list, "fake-cancel": self._cancel}
        return programs[verb](*words)

    def _submit(self, name: str, run_dir: str, *_: str) -> Reply:
        self.submissions += 1
        if self.full:
            return Reply(3, "", self.full)
        if self.refuse:
            return Reply(1, "", self.refuse)
        state = self.state()
        number = str(len(state["jobs"]) + 1)
        state["jobs"][number] = {"id": number, "name": name, "state": "queued", "run_dir": run_dir}
        self._save(state)
        return Reply(-1, "", "", timed_out=True) if self.lose_reply else Reply(0, f"{number}\n", "")

    def _list(self, whose: str) -> Reply:
        if whose == "--version":
            return Reply(0, f"{self.program}\n", "")
        self.queries += 1
        if self.silent:
            return Reply(2, "", "Socket timed out")
        jobs = [job for job in self.state()["jobs"].values() if job["state"] != "ended"]
        return Reply(0, json.dumps(jobs if self.visible else []), "")

    def _cancel(self, native_id: str) -> Reply:
        state = self.state()
        state["jobs"][native_id]["state"] = "ended"
        self._save(state)
        return Reply(0, "", "")

    def live(self) -> list[str]:
        """Names of jobs that have not ended."""
        return [job["name"] for job in self.state()["jobs"].values() if job["state"] != "ended"]

    def set_state(self, word: str) -> None:
        """All live jobs get this state."""
        state = self.state()
        for job in state["jobs"].values():
            job["state"] = word if job["state"] != "ended" else "ended"
        self._save(state)

    def run_all(self, outcome: Mapping[str, str] | None = None, *, reason: str = "", only: str = "") -> None:
        """Starts every live job (with `only` in its name) and lets it end; `outcome`: task keys to reasons of failure."""
        state = self.state()
        for job in state["jobs"].values():
            if job["state"] == "ended" or only not in job["name"]:
                continue
            job["state"] = "ended"
            if self._start(Path(job["run_dir"]), job["name"], state):
                finish(Path(job["run_dir"]), outcome or {}, reason, int(self.now))
        self._save(state)

    def vanish(self) -> None:
        """Every live job is gone without a word (node lost, killed with SIGKILL)."""
        self.set_state("ended")

    def _start(self, run_dir: Path, name: str, state: dict[str, Any]) -> bool:
        """As the script: mkdir is the guard against a second start."""
        try:
            (run_dir / "started.lock").mkdir()
        except FileExistsError:
            return False
        state["starts"][name] = state["starts"].get(name, 0) + 1
        mark(run_dir, "started", {"started_at": int(self.now), "host": "node1", "native_id": "7"})
        return True


def finish(run_dir: Path, outcome: Mapping[str, str], reason: str, now: int) -> None:
    """The marks of a job that ended; tasks named in `outcome` failed, with `not-run` leaving no mark at all."""
    submission = json.loads((run_dir / "submission.json").read_text())
    wanted = run_tasks(run_dir) or list(submission["tasks"])
    mark(run_dir, "server_ready", {"ready_at": now, "server_version": "0.32.0"})
    for key in wanted:
        if outcome.get(key) != "not-run":
            task_done(run_dir, key, submission["tasks"][key]["inputs"]["task"]["script"], outcome.get(key), now)
    failed = [key for key in wanted if key in outcome]
    mark(run_dir, "finished", {"exit": 3 if failed else 0, "reason": reason or ("tasks-failed" if failed else "")})


def task_done(run_dir: Path, key: str, script: str, why: str | None, now: int) -> None:
    """The mark, log and details of one task; of a shard that has its answers a mark, its note and a file of answers."""
    if (shard := read_key(key)[1]) and not why:
        shard_done(run_dir, key, shard, now)
        return
    acceptance = {
        "verdict": "failed" if why else "done",
        "reason": why,
        "scores": {} if why else {f"{script}|0": {"em": 0.5, "em_stderr": 0.1}},
        "config_tasks": {f"{script}|0": {"effective_num_docs": 10}},
        "samples": {"asked": 10, "answered": 10, "empty": 0, "truncated": 0, "failed": 0},
        "versions": {"lighteval": "0.13.0"},
    }
    state = "failed" if why else "done"
    mark(
        run_dir, f"task/{key}",
        {"key": key, "state": state, "reason": "", "started_at": now - 5, "ended_at": now, "acceptance": acceptance},
    )  # fmt: skip
    details = run_dir / "tasks" / key / "output" / "details"
    details.mkdir(parents=True, exist_ok=True)
    (details / f"details_{script}.parquet").write_bytes(b"PAR1")
    (run_dir / "tasks" / key / "log").write_text("a log\n")
    if not why:
        questions_done(run_dir, key, f"{script}|0", "0101010101")


def shard_done(run_dir: Path, key: str, shard: Shard, now: int) -> None:
    """What a shard leaves."""
    submission = json.loads((run_dir / "submission.json").read_text())
    digest, kept = submission["tasks"][key]["inputs"]["digest"], Path(submission["answers"])
    note = {"number": shard.number, "of": shard.of, "digest": digest, "attempt": attempt_facts(run_dir)["name"]}
    shard.note(kept, digest).write_text(
        json.dumps({**note, "server_version": "0.32.0", "gpu_name": "H100", "answers": 5})
    )
    kept_answers(kept, shard.named(digest)).write_text("{}\n")
    facts = {"key": key, "state": "answered", "digest": digest, "started_at": now - 5, "ended_at": now, "exit": 87}
    mark(run_dir, f"task/{key}", facts)


def questions_done(run_dir: Path, key: str, task: str, digits: str) -> None:
    """The question set of one task, and the values of its questions by the metric `em`."""
    asked = QuestionSet(
        tuple(f"{hash_of(task, str(at)):064x}"[:16] for at in range(len(digits))), (task,) * len(digits)
    )
    folder = run_dir / "tasks" / key
    (folder / "questions.tsv").write_text(asked.text())
    document = {
        "schema": "evalctl/scores/1", "questions": asked.digest(), "answers": 1, "of_whole_texts": [],
        "metrics": {"em": {"form": "digits", "values": digits}},
    }  # fmt: skip
    (folder / "scores.json").write_text(json.dumps(document))


def run_tasks(run_dir: Path) -> list[str]:
    """Which tasks the attempt is to run."""
    return list(attempt_facts(run_dir)["run_tasks"])


def attempt_facts(run_dir: Path) -> dict[str, Any]:
    """What the job is told of its attempt."""
    return dict(json.loads((run_dir / "attempt.json").read_text(encoding="utf-8")))


def mark(run_dir: Path, name: str, document: Mapping[str, Any]) -> None:
    """A mark as the job writes it."""
    path = run_dir / "marks" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def service(**more: Any) -> Service:
    """A site with the fake scheduler under the name of a real one."""
    return Service(
        scheduler="slurm", node_kinds={"gpu_1": NodeKind(gpus=1, runtime_column="hrt_q")}, grace_minutes=10, **more
    )


class Clone:
    """One person's clone with a home of its own, at a site."""

    def __init__(self, root: Path, world: World, user: str = "alice") -> None:
        self.root = root
        self.world = world
        self.user = user
        self.seen: list[str] = []
        self.checkpoint: Any = self.seen.append
        self.environment: dict[str, str] = {}
        self.service = service()
        for name in ("vllm-cpu-0123456789ab", "lighteval-0123456789ab"):
            self.build(name)

    def build(self, environment: str) -> None:
        """A job environment that is whole."""
        folder = self.root / ".evalctl/environments" / environment
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin/python").touch()
        (folder / ".complete").write_text(f"{environment.rpartition('-')[2]}{'0' * 52}\n")

    def context(self, **more: Any) -> Context:
        """A context on this clone as a command would make it."""
        made: dict[str, Any] = {
            "root": self.root, "home": self.root / ".evalctl",
            "environments": self.root / ".evalctl/environments", "service_name": "site", "service": self.service,
            "metrics": METRICS, "environment": self.environment, "env_file": self.root / ".env",
            "commit": git(self.root, "rev-parse", "HEAD"), "run": self.world.run, "clock": lambda: self.world.now,
            "checkpoint": self.checkpoint, "user": self.user, "host": "login1", "schedulers": {"slurm": FakeScheduler()},
        }  # fmt: skip
        return Context(**{**made, **more})

    def add_script(self, job: Work) -> None:
        """The generated script of a job, committed."""
        path = self.root / job.script_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n# {job.name}\n")
        git(self.root, "add", job.script_path)
        git(self.root, "commit", "-q", "--allow-empty", "-m", f"request {job.name}")

    def status(self) -> str:
        """What git says about the work tree, every untracked file named."""
        return git(self.root, "status", "--porcelain", "-uall")


def plan(*jobs: Job) -> list[RequestPlan]:
    """Plans by request."""
    requests = dict.fromkeys(job.request for job in jobs)
    return [RequestPlan(request, tuple(job for job in jobs if job.request == request)) for request in requests]


def checkpoints(of: str = "*.py") -> list[str]:
    """The names of all checkpoints in the source of sync, or in the files `of` it, in the order of the files."""
    calls = [
        node
        for path in sorted(Path(evalctl.sync.__path__[0]).glob(of))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "checkpoint"
    ]
    return list(dict.fromkeys(ast.literal_eval(call.args[0]) for call in calls))


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    """Until it holds, or fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
