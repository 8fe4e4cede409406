"""A site where everything goes wrong that a login node has seen: `sync.world` and its faults.

What evalctl may rely on, and this site keeps: a job can be seen at the latest half a grace period after its submission,
and is never out of sight for a whole one.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from sync.world import World, mark, run_tasks, task_done

from evalctl.shell import Command, Reply

GRACE_S = 600.0
_JOB = files("evalctl.render").joinpath("job.sh").read_text(encoding="utf-8")
GUARD = re.search(r"^mkdir .*started\.lock.*$", _JOB, re.MULTILINE)[0]  # type: ignore[index]


@dataclass
class Site(World):
    """`late`: seconds until a submission can be seen. `history`: whether jobs that have ended are listed."""

    late: float = 0.0
    history: bool = False
    accepted: set[tuple[str, str]] = field(default_factory=set)  # (attempt's name, digest) of accepted tasks

    def run_as(self, user: str) -> Callable[[Command], Reply]:
        """The scheduler's programs as one user calls them."""

        def run(command: Command) -> Reply:
            verb, *words = command.argv
            with unlimited_files():
                programs: dict[str, Callable[..., Reply]]
                programs = {"fake-submit": self.submit, "fake-list": self.listing, "fake-cancel": self.cancel}
                return programs[verb](user, *words)

        return run

    def submit(self, user: str, name: str, run_dir: str, *_: str) -> Reply:
        """Accepts, refuses, or accepts without a word."""
        before = len(self.state()["jobs"])
        reply = self._submit(name, run_dir)
        for job in self.jobs()[before:]:
            self.change(job["id"], user=user, visible_at=self.now + self.late, hidden=False, tasks=[])
        return reply

    def listing(self, user: str, whose: str = "") -> Reply:
        """The user's jobs, as far as they can be seen."""
        if whose == "--version":
            return self._list(whose)
        if self.silent:
            return Reply(2, "", "Socket timed out")
        shown = [
            job for job in self.jobs()
            if job["user"] == user and job["visible_at"] <= self.now and not job["hidden"]
            and (self.history or job["state"] != "ended")
        ]  # fmt: skip
        return Reply(0, json.dumps(shown), "")

    def cancel(self, user: str, native_id: str, *_: str) -> Reply:
        """A running job hears of it and says so, as the job does."""
        job = self.state()["jobs"][native_id]
        if job["state"] == "running":
            self.end(job, "cancelled")
        self.change(native_id, state="ended")
        return Reply(0, "", "")

    def jobs(self, *states: str) -> list[dict[str, Any]]:
        """All jobs, or those in a state, in the order of their submission."""
        return [job for job in self.state()["jobs"].values() if not states or job["state"] in states]

    def alive(self) -> list[dict[str, Any]]:
        """Jobs that have not ended."""
        return [job for job in self.jobs() if job["state"] != "ended"]

    def change(self, number: str, **more: Any) -> None:
        """What the scheduler knows of one job."""
        state = self.state()
        state["jobs"][number].update(more)
        self._save(state)

    def start(self, job: Mapping[str, Any]) -> None:
        """The script begins: with the real guard, so that a second start ends at once."""
        run_dir = Path(job["run_dir"])
        done = subprocess.run(["bash", "-c", GUARD], env={"folder": str(run_dir), "PATH": "/usr/bin:/bin"}, check=False)
        if done.returncode != 0:
            self.change(job["id"], state="ended")
            return
        state = self.state()
        state["starts"][job["name"]] = state["starts"].get(job["name"], 0) + 1
        self._save(state)
        mark(run_dir, "started", {"started_at": int(self.now), "host": "node1", "native_id": job["id"]})
        self.change(job["id"], state="running", tasks=run_tasks(run_dir))

    def end(self, job: Mapping[str, Any], how: str) -> None:
        """`done`, `failed:REASON`, `timeout` after the first task, `cancelled` before; without a last word `killed` after it and `lost` before."""
        run_dir, keys = Path(job["run_dir"]), job["tasks"]
        word, _, reason = how.partition(":")
        finished = {"done": len(keys), "failed": 0, "timeout": 1, "cancelled": 0, "killed": 1, "lost": 0}[word]
        inputs = json.loads((run_dir / "submission.json").read_text())["tasks"]
        for index, key in enumerate(keys):
            if index < finished or word == "failed":
                task_done(run_dir, key, inputs[key]["inputs"]["task"]["script"], reason or None, int(self.now))
            if index < finished:
                self.accepted.add((job["name"], inputs[key]["inputs"]["digest"]))
        if word not in ("killed", "lost"):
            said = {"failed": "tasks-failed", "done": ""}.get(word, word)
            mark(run_dir, "finished", {"exit": 0 if word == "done" else 3, "reason": said})
        self.change(job["id"], state="ended")

    def pass_time(self, seconds: float) -> None:
        """No job stays out of sight for as long as the grace period."""
        self.now += seconds
        for job in self.jobs():
            if job["hidden"] and self.now - job["hidden"] >= GRACE_S:
                self.change(job["id"], hidden=False)

    def calm_down(self) -> None:
        """The scheduler answers and shows everything; what was held goes on; every job runs well to its end."""
        self.silent, self.lose_reply, self.refuse, self.late = False, False, "", 0.0
        for job in self.alive():
            self.change(job["id"], hidden=False, visible_at=0.0, state="running" if job["tasks"] else "queued")
        for job in self.jobs("queued"):
            self.start(job)
        for job in self.jobs("running"):
            self.end(job, "done")


@contextmanager
def unlimited_files() -> Any:
    """The scheduler is another machine: our full disk is not its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
