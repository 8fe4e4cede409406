"""`evalctl status` names what slows an eval down, from the small files that the relay leaves in the attempt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalctl.sync.eval_status import EvalStatus, status
from evalctl.sync.slow import with_causes
from evalctl.sync.sync import sync

from .world import Clone, World, attempt_facts, make_eval, make_job, mark, plan

KEY = "en_arithmetic"
FULL = {"admission": "auto", "preemptions": 7, "highest_cache_use": 1.0}


@pytest.fixture
def relay(clone: Clone, world: World) -> Path:
    """The relay's folder of an attempt whose first task is running."""
    job = make_job(make_eval("arithmetic"), make_eval("capitals"))
    clone.add_script(job)
    sync(clone.context(), plan(job))
    world.set_state("running")
    (submitted,) = world.state()["jobs"].values()
    run_dir = Path(submitted["run_dir"])
    mark(run_dir, "started", {"started_at": int(world.now)})
    mark(run_dir, f"task/{KEY}", {"key": KEY, "state": "running"})
    (run_dir / "relay").mkdir(exist_ok=True)
    return run_dir / "relay"


def looked(clone: Clone, *, done: bool = False) -> tuple[EvalStatus, list[str]]:
    """The line of the running task, and what was damaged."""
    job = make_job(make_eval("arithmetic"), make_eval("capitals"))
    lines, problems = with_causes(status(clone.context(), plan(job))[0], clone.root, done=done)
    return next(line for line in lines if line.task == KEY), problems


def write(path: Path, document: Any) -> None:
    """A file of the relay."""
    path.write_text(json.dumps(document))


def test_a_task_at_work_says_what_slows_it(clone: Clone, relay: Path) -> None:
    """The server's memory, and answers that the framework did not wait for."""
    assert (looked(clone)[0].causes, looked(clone)[1]) == ((), [])
    write(relay / "server.json", FULL)
    write(relay / f"{KEY}.counts.json", {"asked": 100, "answered": 90, "abandoned": 8, "first_error": None})
    line, problems = looked(clone)
    assert (line.state, problems) == ("running", [])
    assert [str(cause) for cause in line.causes] == [
        "timeouts: 8 answers came too late for the framework; a larger request_timeout, or a node kind with more GPUs",
        "too little memory: 7 preemptions, cache up to 100% full; a larger node kind, or a smaller max_model_length",
    ]


def answer(text: str) -> str:
    """A line of the relay's about an answer that was cut off."""
    choice = {"message": {"content": text}, "finish_reason": "length"}
    return json.dumps({"body": {"prompt": "Q"}, "choices": [choice]}) + "\n"


def test_answers_that_loop_are_told_from_long_ones(clone: Clone, relay: Path) -> None:
    """Where many were cut off, the last answers are looked at, and only the last of a large file."""
    write(relay / f"{KEY}.counts.json", {"asked": 100, "answered": 90, "truncated": 45})
    kept = relay / f"{KEY}.answers.jsonl"
    kept.write_text(answer("はい、" * 60) * 2 + answer("long") * 10_000)
    assert [cause.name for cause in looked(clone)[0].causes] == ["length"]
    kept.write_text(answer("long") * 10_000 + answer("はい、" * 60) * 200)
    assert [cause.name for cause in looked(clone)[0].causes] == ["repetition", "length"]


def test_a_task_that_failed_over_time_says_so_without_counts(clone: Clone, relay: Path) -> None:
    """The framework's own log told the job."""
    failed = {"key": KEY, "state": "failed", "reason": "request-timeout"}
    mark(relay.parent, f"task/{KEY}", failed)
    assert [cause.name for cause in looked(clone)[0].causes] == ["timeouts"]


@pytest.mark.parametrize("content", ["{", "[]", '{"preemptions": "many"}', ""])
def test_damaged_notes_are_named_once_and_cost_their_causes_alone(clone: Clone, relay: Path, content: str) -> None:
    """What the counts tell is told."""
    (relay / "server.json").write_text(content)
    write(relay / f"{KEY}.counts.json", {"asked": 100, "answered": 90, "truncated": 45})
    line, problems = looked(clone)
    assert [cause.name for cause in line.causes] == ["length"]
    assert len(problems) == 1 and str(relay / "server.json") in problems[0]


def test_finished_evals_are_looked_into_only_when_asked(clone: Clone, relay: Path, world: World) -> None:
    """There may be thousands of them."""
    write(relay / "server.json", FULL)
    world.run_all()
    sync(clone.context(), plan(make_job(make_eval("arithmetic"), make_eval("capitals"))))
    assert (looked(clone)[0].state, looked(clone)[0].causes) == ("done", ())
    assert [cause.name for cause in looked(clone, done=True)[0].causes] == ["too little memory"]


def test_answers_beside_a_result_are_still_seen_to_loop(clone: Clone, relay: Path, world: World) -> None:
    """`sync` moves them there when it collects; who asks later gets the same causes."""
    write(relay / f"{KEY}.counts.json", {"asked": 100, "answered": 90, "truncated": 45})
    store = Path(attempt_facts(relay.parent)["answers"])
    store.mkdir(parents=True, exist_ok=True)
    kept = store / f"{make_eval('arithmetic').digest}.jsonl"
    kept.write_text(answer("はい、" * 60) * 2)
    (relay / f"{KEY}.answers.jsonl").symlink_to(kept)
    world.run_all()
    sync(clone.context(), plan(make_job(make_eval("arithmetic"), make_eval("capitals"))))
    line = looked(clone, done=True)[0]
    assert (line.state, kept.exists(), [cause.name for cause in line.causes]) == (
        "done",
        False,
        ["repetition", "length"],
    )
