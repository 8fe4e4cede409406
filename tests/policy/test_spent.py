"""Costs of attempts are summed by month, person, model, service and task; what was reused is beside them."""

from __future__ import annotations

import pytest

from evalctl.model.charge import AT_MOST, MARKS, Charge
from evalctl.model.plan_file import PlanFile, PlannedJob, PlannedTask
from evalctl.model.run import Attempt, Phase
from evalctl.policy.spent import ExpenseRow, Expenses, Recorded, grouped, ledger

NOVEMBER = 1_795_000_000.0  # 2026-11-18
ONE, TWO = "manifests/requests/one.yaml", "manifests/requests/two.yaml"


def attempt(outcome: str, *, service: str = "tsubame", phase: Phase = Phase.CLOSED) -> Attempt:
    """An attempt of two evals."""
    return Attempt(
        "ev-a-1", 1, "ev-abcd-a-1-a1", phase, service, ONE, {"ja_mmlu": "a" * 64, "en_gpqa": "b" * 64}, "", NOVEMBER,
        outcome=outcome,
    )  # fmt: skip


def charge(**more: object) -> Charge:
    """An hour of node_q, three quarters of it for ja_mmlu."""
    facts = {
        "model": "team/tiny", "node_kind": "node_q", "person": "alice", "walltime": 7200.0, "unit": "point", "used_rate": 2.0,
        "currency": "JPY", "currency_per_unit": 100.0, "seconds": {"ja_mmlu": 300, "en_gpqa": 100}, "elapsed": 3600.0,
        "how": MARKS, "ended_at": NOVEMBER, "amount": 2.0,
    }  # fmt: skip
    return Charge(**{**facts, **more})  # type: ignore[arg-type]


def asking(request: str, *digests: str) -> PlanFile:
    """A request for these evals."""
    tasks = tuple(PlannedTask("t", digest, "results/x/result.json", 1) for digest in digests)
    job = PlannedJob(
        name="ev-b-2", script="", service="tsubame", node_kind="node_q", walltime_seconds=1, start_seconds=1, drain_seconds=1,
        step_seconds=1, provider="vllm", model="team/tiny", revision="", custom_settings=None, trust_remote_code=False, retries=1,
        cost=None, advice=(), tasks=tasks,
    )  # fmt: skip
    return PlanFile(request, (job,), requested_by="bob")


def rows(found: Expenses, by: str) -> dict[str, ExpenseRow]:
    """By their key."""
    return {row.key: row for row in grouped(found, by)}


def test_costs_are_divided_over_the_tasks_by_the_time_that_each_may_take() -> None:
    """Three quarters and one."""
    found = rows(ledger([Recorded(attempt("collected"), charge())], [], NOVEMBER), "task")
    assert {key: (row.spent, row.hours, row.money) for key, row in found.items()} == {
        "ja_mmlu": (1.5, 0.75, 150.0), "en_gpqa": (0.5, 0.25, 50.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("by", "key"), [("month", "2026-11"), ("person", "alice"), ("model", "team/tiny"), ("service", "tsubame")]
)
def test_every_sum_has_all_attempts(by: str, key: str) -> None:
    """Two attempts, the second in vain."""
    found = ledger(
        [Recorded(attempt("collected"), charge()), Recorded(attempt("failed:lost"), charge(how=AT_MOST))], [], NOVEMBER
    )
    row = rows(found, by)[key]
    assert (row.attempts, row.spent, row.money, row.lost, row.at_most) == (2, 4.0, 400.0, 2.0, 1)


def test_units_of_two_services_are_not_added() -> None:
    """A point of one is no point of the other."""
    both = [Recorded(attempt("collected", service=name), charge()) for name in ("abci", "tsubame")]
    assert [(row.service, row.spent) for row in grouped(ledger(both, [], NOVEMBER), "month")] == [
        ("abci", 2.0),
        ("tsubame", 2.0),
    ]


def test_a_result_that_another_request_uses_saved_what_it_cost() -> None:
    """For the person who asked for it again; the request that measured it saved nothing."""
    measured = Recorded(attempt("collected"), charge(), ("a" * 64, "b" * 64))
    found = ledger([measured], [asking(ONE, "a" * 64), asking(TWO, "a" * 64, "c" * 64)], NOVEMBER)
    assert {key: (row.spent, row.saved) for key, row in rows(found, "person").items()} == {
        "alice": (2.0, 0.0), "bob": (0.0, 1.5),
    }  # fmt: skip


def test_attempts_without_a_recorded_cost_are_counted() -> None:
    """Those that an older evalctl closed; what was never submitted is none."""
    olds = [Recorded(attempt(outcome), None) for outcome in ("collected", "failed:lost", "withdrawn")]
    found = ledger(olds, [], NOVEMBER)
    assert (found.unknown, found.spent) == (2, ())


def test_an_attempt_under_way_counts_at_its_worst_and_apart() -> None:
    """Two hours at two points."""
    flying = Recorded(attempt("", phase=Phase.SUBMITTED), charge(elapsed=None, amount=None, ended_at=None, how=""))
    found = ledger([flying], [], NOVEMBER)
    assert ([one.value for one in found.in_flight], found.spent) == ([4.0], ())
