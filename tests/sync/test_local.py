"""A pass over the real local queue: real processes, a script that leaves marks as the job does."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.schedulers import SCHEDULERS
from evalctl.shell import run
from evalctl.sync.context import Context
from evalctl.sync.control import cancel
from evalctl.sync.sync import sync

from .world import Clone, git, make_eval, make_job, plan, service, wait_for

# The stand-in for the job: its guard, its marks, and a task that takes as long as it is told.
SCRIPT = """#!/bin/bash
mkdir "$EVALCTL_RUN_DIR/started.lock" || exit 75
marks=$EVALCTL_RUN_DIR/marks
mkdir -p "$marks/task"
say() { printf '%s\\n' "$2" >"$marks/$1.tmp"; mv "$marks/$1.tmp" "$marks/$1.json"; }
trap 'say finished "{\\"exit\\": 76, \\"reason\\": \\"cancelled\\"}"; exit 76' TERM
say started '{"started_at": 1, "host": "here"}'
echo run >>"$EVALCTL_RUN_DIR/../runs.log"
sleep SECONDS & wait $!
for key in $(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))["run_tasks"])' "$EVALCTL_RUN_DIR/attempt.json"); do
  say "task/$key" "{\\"key\\": \\"$key\\", \\"state\\": \\"done\\", \\"started_at\\": 1, \\"ended_at\\": 2,
    \\"acceptance\\": {\\"verdict\\": \\"done\\", \\"scores\\": {\\"${key#en_}|0\\": {\\"em\\": 0.25}}}}"
done
say finished '{"exit": 0, "reason": ""}'
"""


def local(clone: Clone) -> Context:
    """The service `local` of this machine, with nothing replaced."""
    made = service().model_copy(update={"scheduler": "local", "grace_minutes": 0})
    return clone.context(service=made, service_name="site", run=run, schedulers=SCHEDULERS)


@pytest.fixture
def job(clone: Clone, request: pytest.FixtureRequest) -> Job:
    """A CPU job whose script sleeps for the given seconds."""
    made = make_job(make_eval("arithmetic"), make_eval("capitals"))
    made = replace(made, batch=replace(made.batch, gpus=0))
    path = clone.root / made.script_path
    path.parent.mkdir(parents=True)
    path.write_text(SCRIPT.replace("SECONDS", str(getattr(request, "param", 0))))
    git(clone.root, "add", "generated")
    git(clone.root, "commit", "-qm", "request")
    git(clone.root, "push", "-q")
    return made


def run_dir(clone: Clone, job: Job) -> Path:
    """The folder of the first attempt."""
    return clone.root / ".evalctl/runs" / job.name / "a1"


def test_a_request_runs_on_this_machine_and_is_committed(clone: Clone, job: Job) -> None:
    """Submit, a real process, collect; the queue's ended job does not keep the request open."""
    assert [step.action for step in sync(local(clone), plan(job)).steps] == [Action.SUBMIT]
    wait_for((run_dir(clone, job) / "marks/finished.json").exists)
    report = sync(local(clone), plan(job))
    assert [(step.action, step.reason) for step in report.steps] == [(Action.DONE, "result-current")]
    assert report.exit_code == 0
    assert "| 0.2500 | 0.2500 |" in git(clone.root, "show", "HEAD:results/README.md")
    assert (run_dir(clone, job).parent / "runs.log").read_text() == "run\n"


@pytest.mark.parametrize("job", [60], indirect=True)
def test_cancel_ends_the_process(clone: Clone, job: Job) -> None:
    """TERM to the job, its own mark, and nothing runs again."""
    sync(local(clone), plan(job))
    wait_for((run_dir(clone, job) / "marks/started.json").exists)
    assert [step.reason for step in sync(local(clone), plan(job)).steps] == ["running"]
    assert [(one.done, one.what) for one in cancel(local(clone), plan(job), [job])] == [(True, "is ending")]
    wait_for((run_dir(clone, job) / "marks/finished.json").exists)
    assert [(step.action, step.reason) for step in sync(local(clone), plan(job)).steps] == [(Action.STOP, "cancelled")]


@pytest.mark.parametrize("job", [60], indirect=True)
def test_a_job_that_was_killed_is_lost_and_tried_again(clone: Clone, job: Job) -> None:
    """SIGKILL leaves no mark: the queue knows that nobody lives, and the second attempt starts."""
    sync(local(clone), plan(job))
    wait_for((run_dir(clone, job) / "marks/started.json").exists)
    for pid in processes_of(run_dir(clone, job)):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes_of(run_dir(clone, job)))
    report = sync(local(clone), plan(job))
    assert [(step.action, step.reason) for step in report.steps] == [(Action.SUBMIT, "retry")]
    second = run_dir(clone, job).with_name("a2")
    wait_for((second / "marks/started.json").exists)
    cancel(local(clone), plan(job), [job])
    wait_for((second / "marks/finished.json").exists)


def processes_of(folder: Path) -> list[int]:
    """Processes that this attempt started, by their environment."""
    marker, found = f"EVALCTL_RUN_DIR={folder}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:  # it ended meanwhile
                continue
            if marker in variables:
                found.append(int(entry.name))
    return found
