"""Workflows as data, and a runner of their `run:` steps that does what GitHub's runner does with them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = REPOSITORY / ".github" / "workflows"


@dataclass(frozen=True)
class Ran:
    """What one step printed, and its exit status."""

    status: int
    output: str


@dataclass(frozen=True)
class Run:
    """One run of a job: steps by name (those that were skipped are absent), and the job summary."""

    steps: Mapping[str, Ran]
    summary: str

    def annotations(self, step: str) -> list[str]:
        """The step's lines that the runner takes for commands."""
        return [line for line in self.steps[step].output.splitlines() if line.lstrip().startswith("::")]


def load(name: str) -> dict[str, Any]:
    """A workflow. YAML 1.1 makes the key `on` a true; here it is text again."""
    document = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in document.items()}


def jobs(workflow: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The jobs of a workflow."""
    return list(workflow["jobs"].values())


def run_job(job: Mapping[str, Any], clone: Path, scratch: Path, *, leave_out: str) -> Run:
    """Runs the job's `run:` steps in `clone` with the evalctl under test; `leave_out` is the id of a step not to run.

    As GitHub's runner (2.3xx): `bash -e FILE`, stdout and stderr together, and after a failure only steps whose
    `if:` says so.
    """
    summary = scratch / "summary.md"
    summary.touch()
    environment = _environment(job, scratch, summary)
    steps: dict[str, Ran] = {}
    for step in job["steps"]:
        failed = any(ran.status for ran in steps.values())
        if "run" not in step or step.get("id") == leave_out or (failed and "!cancelled()" not in step.get("if", "")):
            continue
        steps[step["name"]] = run_step(step, clone, scratch, environment)
    return Run(steps, summary.read_text(encoding="utf-8"))


def run_step(step: Mapping[str, Any], clone: Path, scratch: Path, environment: Mapping[str, str]) -> Ran:
    """Runs one step as it stands."""
    script = scratch / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    done = subprocess.run(
        ["bash", "-e", str(script)], cwd=clone, env=dict(environment), text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout)


def _environment(job: Mapping[str, Any], scratch: Path, summary: Path) -> dict[str, str]:
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(scratch),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(scratch),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "lab/evaluations",
        "GITHUB_REF": "refs/pull/7/merge",
        **job.get("env", {}),
    }
