"""What each attempt cost is in the ledger: by the service's formula and its prices on the day of the claim."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalctl.git.repository import open_repository
from evalctl.model.charge import AT_MOST, MARKS, NEVER_RAN, Charge
from evalctl.model.evaluation import Job
from evalctl.model.policy import Policy
from evalctl.model.run import Action
from evalctl.model.service import Cost, NodeKind, Service
from evalctl.sync.control import cancel
from evalctl.sync.ledger import Ledger
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, mark, plan

COST = Cost(
    unit="point", used=0.7, reserved=0.1, minimum_seconds=300, currency="JPY", currency_per_unit=62.5,
    checked="2026-08-25", source="a page",
)  # fmt: skip


def site(cost: Cost | None = COST) -> Service:
    """A site with a price."""
    kind = NodeKind(gpus=1, runtime_column="hrt_q", coefficient=0.25)
    return Service(
        scheduler="slurm", node_kinds={"gpu_1": kind}, grace_minutes=10, cost=cost, priorities={"-5": 1, "-3": 4}
    )


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job of two evals at a site with a price, at the highest priority."""
    made = make_job(make_eval("arithmetic"), make_eval("capitals"))
    made = replace(made, batch=replace(made.batch, priority=-3), requested_by="Alice Doe")
    clone.service = site()
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def charge_of(clone: Clone, job: Job, number: int = 1) -> Charge:
    """What the ledger says of an attempt."""
    return Ledger(open_repository(clone.root)).read().of(job.name).charges[number]


def go(clone: Clone, job: Job) -> None:
    """One pass."""
    sync(clone.context(), plan(job))


def ran(world: World, seconds: int | None) -> None:
    """Every live job starts, and ends after so long (None: without a word)."""
    for one in world.state()["jobs"].values():
        folder = world.file.parent / one["run_dir"]
        (folder / "started.lock").mkdir()
        mark(folder, "started", {"started_at": world.now})
        if seconds is not None:
            ending = {"exit": 76, "reason": "node-failure", "ended_at": world.now + seconds, "seconds": seconds}
            mark(folder, "finished", ending)
    world.vanish()


def test_the_price_of_the_day_is_recorded_with_the_claim(clone: Clone, world: World, job: Job) -> None:
    """Coefficient, priority, rates, walltime, currency and the date of the price: the file may change before the job ends."""
    go(clone, job)
    clone.service = site(replace_cost(COST, used=99.0))
    ran(world, 1800)
    go(clone, job)
    charge = charge_of(clone, job)
    assert (charge.coefficient, charge.priority_factor, charge.walltime, charge.checked) == (
        0.25,
        4,
        3600,
        "2026-08-25",
    )
    assert (charge.person, charge.model) == ("Alice Doe", "team/tiny")
    # 0.25 x 4 x (0.7 x 1800 + 0.1 x 3600) / 3600
    assert (charge.amount, charge.elapsed, charge.how) == (0.45, 1800, MARKS)


def replace_cost(cost: Cost, **more: float) -> Cost:
    """The price with other numbers."""
    return Cost(**{**cost.model_dump(), **more})


def test_a_failed_attempt_costs_what_it_used(clone: Clone, world: World, job: Job) -> None:
    """And at least what the site charges for at least."""
    go(clone, job)
    ran(world, 10)
    go(clone, job)
    assert charge_of(clone, job).amount == pytest.approx((0.7 * 300 + 0.1 * 3600) / 3600, abs=1e-4)


def test_a_job_that_left_no_end_costs_at_most_until_it_was_closed(clone: Clone, world: World, job: Job) -> None:
    """Nobody knows when its node died; no job is longer than its walltime."""
    go(clone, job)
    ran(world, None)
    for _ in range(2):
        world.now += 1000
        go(clone, job)
    charge = charge_of(clone, job)
    assert (charge.elapsed, charge.how) == (2000, AT_MOST)
    assert charge.amount == pytest.approx((0.7 * 2000 + 0.1 * 3600) / 3600, abs=1e-4)


def test_a_job_never_costs_more_than_its_walltime_whatever_its_marks_say(clone: Clone, world: World, job: Job) -> None:
    """Marks are a job's own words."""
    go(clone, job)
    ran(world, 10**9)
    go(clone, job)
    assert charge_of(clone, job).amount == 0.8


def test_what_the_scheduler_did_not_take_costs_nothing(clone: Clone, world: World, job: Job) -> None:
    """Neither the minimum nor the walltime is charged."""
    world.refuse = "no such queue"
    go(clone, job)
    assert (charge_of(clone, job).amount, charge_of(clone, job).how) == (0, NEVER_RAN)


def test_a_job_cancelled_before_it_started_costs_nothing(clone: Clone, world: World, job: Job) -> None:
    """It waited in the queue only."""
    go(clone, job)
    cancel(clone.context(), plan(job), [job])
    assert (charge_of(clone, job).amount, charge_of(clone, job).how) == (0, NEVER_RAN)


def test_at_a_site_without_a_price_the_time_is_recorded(clone: Clone, world: World, job: Job) -> None:
    """Hours count there, too."""
    clone.service = site(None)
    go(clone, job)
    ran(world, 1800)
    go(clone, job)
    charge = charge_of(clone, job)
    assert (charge.unit, charge.elapsed, charge.amount) == ("", 1800, 0)


def policy(**budget: object) -> Policy:
    """One budget."""
    return Policy.model_validate({"budgets": [budget]})


def steps(clone: Clone, policy: Policy | str, *jobs: Job) -> dict[str, tuple[Action, str, str]]:
    """What a pass does about each job."""
    report = sync(replace(clone.context(), policy=policy), plan(*jobs))
    return {step.job: (step.action, step.reason, step.detail) for step in report.steps}


@pytest.fixture
def second(clone: Clone, job: Job) -> Job:
    """The job of a request that came later; each costs 0.8 points at most."""
    made = make_job(make_eval("subjects"), request="manifests/requests/a-second.yaml", stem="a-second")
    made = replace(made, batch=replace(made.batch, priority=-3))
    for moment, request in ((100, job.request), (200, made.request)):
        path = clone.root / request
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a request\n")
        git(clone.root, "add", request)
        git(clone.root, "-c", "user.name=A", "commit", "-q", "-m", request, f"--date=@{moment}")
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def test_what_the_budget_does_not_hold_waits_the_oldest_request_first(
    clone: Clone, world: World, job: Job, second: Job
) -> None:
    """A month's budget holds one of two; the next month holds the other."""
    month = policy(per="month", service="site", units=1)
    found = steps(clone, month, second, job)
    assert world.submissions == 1
    waiting = [(name, one[:2]) for name, one in found.items() if one[1] == "over-budget"]
    assert len(waiting) == 1 and waiting[0][1] == (Action.WAIT, "over-budget")
    assert "fits next month" in found[waiting[0][0]][2]
    ran(world, 3600)
    world.now += 40 * 86400
    steps(clone, month, second, job)
    assert world.submissions == 2


def test_what_is_larger_than_the_budget_needs_a_person(clone: Clone, world: World, job: Job) -> None:
    """It would wait for ever."""
    found = steps(clone, policy(per="month", service="site", units=0.5), job)
    assert (
        world.submissions == 0
        and found[job.name][:2] == (Action.STOP, "over-budget")
        and "never fits" in found[job.name][2]
    )


def test_a_policy_that_cannot_be_read_submits_nothing(clone: Clone, world: World, job: Job) -> None:
    """Everything needs a person."""
    assert steps(clone, "line 1: a tab", job)[job.name] == (Action.STOP, "policy-unreadable", "line 1: a tab")
    assert world.submissions == 0


def test_a_budget_that_is_large_enough_changes_nothing(clone: Clone, world: World, job: Job, second: Job) -> None:
    """Both run."""
    steps(clone, policy(per="month", service="site", units=2), job, second)
    assert world.submissions == 2
