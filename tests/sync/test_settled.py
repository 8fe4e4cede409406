"""Requests that have all their results are known by name alone: no plan is made of them, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalctl.model.evaluation import Job, RequestPlan
from evalctl.model.plan_file import PlanFile
from evalctl.model.run import Action
from evalctl.plan.summary import summary
from evalctl.sync.settled import SettledJob, settled
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan


@pytest.fixture
def job(clone: Clone) -> Job:
    """Two tasks, compiled and committed."""
    made = make_job(make_eval("arithmetic"), make_eval("capitals"))
    clone.add_script(made)
    return made


def plan_file(job: Job) -> PlanFile:
    """Its request's plan.json."""
    return summary(RequestPlan(job.request, (job,)))


def measured(clone: Clone, world: World, job: Job) -> None:
    """The job has run and its results are committed."""
    sync(clone.context(), plan(job))
    world.run_all()
    sync(clone.context(), plan(job))


def test_a_request_is_settled_when_all_its_results_are_there(clone: Clone, world: World, job: Job) -> None:
    """Not before, and not when one of them is another eval's."""
    asked = {job.request: plan_file(job)}
    assert settled(clone.context(), asked) == {}
    measured(clone, world, job)
    (found,) = settled(clone.context(), asked)[job.request]
    assert (found.name, found.service, len(found.results)) == (job.name, "site", 2)
    other = make_job(make_eval("arithmetic", version="2"), make_eval("capitals"))
    assert settled(clone.context(), {job.request: plan_file(other)}) == {}


def test_a_settled_job_is_done_here_and_elsewhere(clone: Clone, world: World, job: Job) -> None:
    """Nobody is asked, nothing is written."""
    measured(clone, world, job)
    (here,) = settled(clone.context(), {job.request: plan_file(job)})[job.request]
    asked, head = world.queries, git(clone.root, "rev-parse", "HEAD")
    report = sync(clone.context(), [], [here, replace(here, name="ev-there-1", service="another")])
    assert [(step.action, step.reason) for step in report.steps] == [(Action.DONE, "result-current")] * 2
    assert (world.queries, git(clone.root, "rev-parse", "HEAD")) == (asked, head)


def test_an_old_attempt_does_not_replace_a_settled_result(clone: Clone, world: World, job: Job) -> None:
    """Settings were edited and taken back while it ran: the place is for the other eval by now."""
    old = make_job(make_eval("arithmetic", version="2"))
    clone.add_script(old)
    measured(clone, world, job)
    sync(clone.context(), plan(job, old))
    world.run_all()
    places = {one.evaluation.result_path: one.evaluation.digest for one in job.tasks}
    head = git(clone.root, "rev-parse", "HEAD")
    sync(clone.context(), [], [SettledJob(job.name, "site", job.request, places)])
    assert git(clone.root, "rev-parse", "HEAD") == head
