"""`evalctl status` names a failure after the last attempt as well as after the first."""

from __future__ import annotations

from pathlib import Path

from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Job
from evalctl.sync.eval_status import status
from evalctl.sync.lastwords import last_attempt, with_last_words
from evalctl.sync.ledger import Ledger
from evalctl.sync.sync import sync

from .world import Clone, World, make_eval, make_job, mark, plan

KEY = "en_arithmetic"
FAILED = {"key": KEY, "state": "failed", "reason": "dataset-unreachable", "detail": "no host has team/numbers"}


def a_try(clone: Clone, world: World, job: Job) -> None:
    """One attempt that lacks its data set."""
    sync(clone.context(), plan(job))
    (run_dir,) = [Path(one["run_dir"]) for one in world.state()["jobs"].values() if one["name"] == world.live()[0]]
    world.run_all({KEY: "dataset-unreachable"}, reason="dataset-unreachable")
    mark(run_dir, f"task/{KEY}", FAILED)


def said(clone: Clone, job: Job) -> str:
    """What plan and explain say of the last attempt."""
    record = Ledger(open_repository(clone.root)).read().of(job.name)
    return last_attempt(record, job.retries, clone.context().home, KEY)


def test_the_reason_of_the_last_attempt_is_named_between_attempts_and_when_all_are_used_up(
    clone: Clone, world: World
) -> None:
    """Reason, words and advice of the last attempt, and the number of attempts, are on the eval's line, after each attempt."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    a_try(clone, world, job)
    full = clone.context().service.model_copy(update={"max_submitted": 0})
    sync(clone.context(service=full), plan(job))  # collects, and may not submit
    (line,) = with_last_words(status(clone.context(), plan(job))[0], clone.root)
    assert (line.state, line.reason) == ("submit", "retry")
    assert line.detail == "dataset-unreachable: no host has team/numbers"
    assert said(clone, job) == "dataset-unreachable: no host has team/numbers (it is tried again)"
    a_try(clone, world, job)
    sync(clone.context(), plan(job))
    (line,) = with_last_words(status(clone.context(), plan(job))[0], clone.root)
    assert (line.state, line.reason) == ("stop", "attempts-exhausted")
    assert line.detail.startswith("dataset-unreachable: no host has team/numbers: ")
    assert "evalctl retry" in line.detail and line.detail.endswith("(2 attempts)")
    assert said(clone, job).startswith(
        "attempts-exhausted: dataset-unreachable: no host has team/numbers (2 attempts): "
    )
    assert "evalctl datasets fetch" in said(clone, job)
