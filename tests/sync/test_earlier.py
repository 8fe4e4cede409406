"""Jobs that an evalctl from before 2026-11-27 submitted, whose program was part of the script: they are watched and collected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync.sync import SyncReport, sync

from .world import Clone, World, attempt_facts, git, make_eval, make_job, plan

# Word for word as the shell program wrote them, but for the acceptance check's part.
STARTED = (
    '{"started_at": 1700000000, "host": "node1", "pid": 1619, "native_id": "1", "job": "ev-one", "name": "ev-one-a1", '
    '"attempt": 1, "gpu_name": ""}\n'
)
READY = '{"ready_at": 1700000001, "seconds": 1, "restarts": 0, "port": 36271, "server_version": "0.32.0"}\n'
RUNNING = (
    '{"key": "%s", "state": "running", "reason": "", "detail": "", "digest": "%s", "started_at": 1700000001, '
    '"ended_at": null, "exit": null, "acceptance": null}\n'
)
DONE = (
    '{"key": "%s", "state": "done", "reason": "", "detail": "", "digest": "%s", "started_at": 1700000001, '
    '"ended_at": 1700000002, "exit": 0, "acceptance": %s}\n'
)
FINISHED = (
    '{"exit": 0, "reason": "", "detail": "", "ended_at": 1700000003, "seconds": 3, "tasks_done": ["arithmetic"], '
    '"tasks_failed": []}\n'
)


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job that is submitted, its folder as the earlier evalctl left it."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    go(clone, made)
    folder = run_dir(clone, made)
    facts = attempt_facts(folder)
    text = f"ATTEMPT=1\nATTEMPT_NAME={facts['name']}\nENVIRONMENTS={facts['environments']}\nRUN_TASKS=(arithmetic)\n"
    (folder / "attempt.sh").write_text(text, encoding="utf-8")
    for name in ("attempt.json", "environments"):
        (folder / name).unlink()
    (folder / "started.lock").mkdir()
    (folder / "marks/task").mkdir(parents=True)
    (folder / "marks/started.json").write_text(STARTED, encoding="utf-8")
    return made


def go(clone: Clone, job: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(job))


def run_dir(clone: Clone, job: Job) -> Path:
    """The folder of its first attempt."""
    return clone.context().run_dir(job.name, 1)


def said(clone: Clone, job: Job) -> list[tuple[Action, str]]:
    """What one pass did about it."""
    return [(step.action, step.reason) for step in go(clone, job).steps]


def test_it_is_waited_for_and_collected(clone: Clone, world: World, job: Job) -> None:
    """Its marks are those of today: nothing is submitted again, and its result is a result."""
    folder, evaluation = run_dir(clone, job), job.tasks[0].evaluation
    key = evaluation.task.key
    (folder / "marks/server_ready.json").write_text(READY, encoding="utf-8")
    (folder / f"marks/task/{key}.json").write_text(RUNNING % (key, evaluation.digest), encoding="utf-8")
    world.set_state("running")
    assert said(clone, job) == [(Action.WAIT, "running")]
    acceptance = {
        "verdict": "done", "reason": None, "scores": {f"{evaluation.task.script}|0": {"em": 0.5, "em_stderr": 0.1}},
        "config_tasks": {f"{evaluation.task.script}|0": {"effective_num_docs": 10}},
        "samples": {"asked": 10, "answered": 10, "empty": 0, "truncated": 0, "failed": 0},
        "versions": {"lighteval": "0.13.0"},
    }  # fmt: skip
    done = DONE % (key, evaluation.digest, json.dumps(acceptance))
    (folder / f"marks/task/{key}.json").write_text(done, encoding="utf-8")
    (folder / "marks/finished.json").write_text(FINISHED, encoding="utf-8")
    world.set_state("ended")
    assert said(clone, job) == [(Action.DONE, "result-current")]
    assert evaluation.result_path in git(clone.root, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert world.submissions == 1


def test_it_is_tried_again_where_it_died(clone: Clone, world: World, job: Job) -> None:
    """The next attempt is of the form of today."""
    (run_dir(clone, job) / "marks/finished.json").write_text(
        '{"exit": 70, "reason": "server-died", "detail": "exit status 137", "ended_at": 1700000003, "seconds": 3, '
        '"tasks_done": [], "tasks_failed": []}\n',
        encoding="utf-8",
    )
    world.set_state("ended")
    assert said(clone, job) == [(Action.SUBMIT, "retry")]
    assert attempt_facts(clone.context().run_dir(job.name, 2))["number"] == 2
