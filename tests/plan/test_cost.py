"""What a job costs: the sites' own formulas, with the values that were seen there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import catalogue, one_job

from evalctl.model.plan_file import CostEstimate, PlannedJob, PlannedTask
from evalctl.plan.cost import charged, cost_of, estimate, walltime_of

# TSUBAME's price list, as in manifests/services/tsubame.yaml: cpu_4 costs 0.015 an hour.
CPU_4 = {
    "manifests/services/tsubame.yaml": (
        "scheduler: gridengine\nsmall_model: cpu_4\n"
        "node_kinds: {cpu_4: {gpus: 0, runtime_column: hrt_f, coefficient: 0.015}, "
        "node_q: {gpus: 1, runtime_column: hrt_q, coefficient: 0.25}, "
        "node_f: {gpus: 4, runtime_column: hrt_f, coefficient: 1.0}}\n"
        'priorities: {"-5": 1, "-4": 2, "-3": 4}\ndefault_priority: -5\n'
        "cost: {unit: point, used: 0.7, reserved: 0.1, minimum_seconds: 300, currency: JPY, currency_per_unit: 62.5, "
        'checked: "2026-08-25", source: terms}\n'
    )
}


def tsubame(kind: str, used: float, walltime: int, priority: int | None = -5) -> CostEstimate:
    """The cost of a job there."""
    service = catalogue(CPU_4).services["tsubame"].service
    found = estimate(service, service.node_kinds[kind], priority, int(used), walltime)
    assert found is not None
    return found


def abci(kind: str, used: int, walltime: int) -> CostEstimate:
    """The cost of a job there."""
    service = catalogue().services["abci"].service
    found = estimate(service, service.node_kinds[kind], None, used, walltime)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "used", "walltime", "points"),
    [
        ("cpu_4", 2.5, 300, 0.0010),
        ("node_q", 142, 1800, 0.0270),
        ("node_q", 3600, 7200, 0.225),
        ("node_q", 3600, 3600, 0.200),
    ],
)
def test_tsubame_points_as_measured_there(kind: str, used: float, walltime: int, points: float) -> None:
    """Two jobs whose points were read from the site's accounting, and the price of asking for too much."""
    assert tsubame(kind, used, walltime).expected == points


def test_a_whole_suite_costs_what_the_facts_say() -> None:
    """25 hours on node_q 5.0 points, 100 on node_f 80, at worst; 313 yen on campus."""
    quarter, full = tsubame("node_q", 25 * 3600, 25 * 3600), tsubame("node_f", 100 * 3600, 100 * 3600)
    assert (quarter.worst, full.worst) == (5.0, 80.0)
    assert quarter.currency_per_unit is not None
    assert round(quarter.worst * quarter.currency_per_unit) in (312, 313)


@pytest.mark.parametrize(("priority", "factor"), [(-5, 1), (-4, 2), (-3, 4), (None, 1)])
def test_priority_multiplies(priority: int | None, factor: int) -> None:
    """The site's table."""
    assert tsubame("node_f", 3600, 3600, priority).worst == pytest.approx(0.8 * factor)


def test_abci_takes_the_walltime_first() -> None:
    """Held: the whole walltime; expected: what is used; both cut after the fourth decimal."""
    found = abci("rt_HG", 3600, 7200)
    assert (found.held, found.expected, found.worst) == (6.0, 3.0, 6.0)
    assert abci("rt_HF", 100 * 3600, 100 * 3600).worst == 1600.0
    assert abci("rt_HG", 25 * 3600, 25 * 3600).worst == 75.0
    assert abci("rt_HC", 1, 3600).expected == 0.0005


@pytest.mark.parametrize(
    ("tenths_of_thousandths", "points"), [(1 - 4e-7, 0.0001), (1 - 6e-7, 0.0), (0.999, 0.0), (1.999, 0.0001)]
)
def test_a_cost_is_cut_after_the_fourth_decimal(tenths_of_thousandths: float, points: float) -> None:
    """Only what is lost in binary, less than half a millionth of the last decimal, is made good first."""
    rates = replace(PRICE, used_rate=0.36, reserved_rate=0.0, minimum_seconds=0)
    assert charged(rates, tenths_of_thousandths, 0) == points


def test_elapsed_time_is_never_beyond_the_walltime() -> None:
    """The scheduler ends the job there."""
    assert tsubame("node_q", 99_999, 3600).expected == tsubame("node_q", 3600, 3600).expected


def test_the_least_time_of_the_site_is_charged() -> None:
    """Used and reserved time are added up: at least 300 s at 0.7, 600 s at 0.1, with a coefficient of 0.25."""
    assert tsubame("node_q", 10, 600).expected == 0.0187  # 0.25 * (0.7 * 300 + 0.1 * 600) / 3600 = 0.01875, cut
    assert tsubame("node_q", 302, 600).expected == 0.0188


def test_a_node_kind_without_a_price_has_no_estimate() -> None:
    """Nor has one of a service without a formula: both are needed."""
    service = catalogue(CPU_4).services["tsubame"].service
    node = service.node_kinds["node_q"].model_copy(update={"coefficient": None})
    assert estimate(service, node, None, 1, 1) is None
    assert estimate(service.model_copy(update={"cost": None}), service.node_kinds["node_q"], None, 1, 1) is None


PRICE = CostEstimate("point", 9.0, 9.0, 9.0, 2.0, 0.5, 60, None, None, "2026-08-25")
PART = PlannedJob(
    name="ev-a-1", script="generated/a/ev-a-1.sh", service="site", node_kind="gpu", provider="vllm", model="lab/m", revision="r",
    custom_settings=None, trust_remote_code=False, retries=1, advice=(),
    start_seconds=100, drain_seconds=30, step_seconds=1, walltime_seconds=5000, cost=PRICE,
    tasks=(PlannedTask("a", "1", "a/result.json", 700), PlannedTask("b", "2", "b/result.json", 1900)),
)  # fmt: skip


@pytest.mark.parametrize(("tasks", "seconds"), [("a", 830), ("b", 2030), ("ab", 2730), ("", 130)])
def test_the_walltime_of_a_part_is_that_of_what_runs(tasks: str, seconds: int) -> None:
    """The start, these tasks, and the time to end in."""
    assert walltime_of(PART, tasks) == seconds


def test_a_part_of_a_job_costs_what_its_own_time_does() -> None:
    """Expected: the start and its tasks are used; at worst all of its walltime is; held is the worst."""
    found = cost_of(PART, "a")
    assert found is not None
    assert found.expected == 0.5597  # (2 * 800 + 0.5 * 830) / 3600
    assert found.worst == found.held == 0.5763  # 2.5 * 830 / 3600
    assert found.unit == "point"


def test_a_part_holds_nothing_where_the_whole_does_not() -> None:
    """Only ABCI takes the price of the walltime first."""
    found = cost_of(replace(PART, cost=replace(PRICE, held=None)), "a")
    assert found is not None and found.held is None
    assert cost_of(replace(PART, cost=None), "a") is None


def test_no_price_is_no_estimate() -> None:
    """Nothing is made up for a service without one."""
    assert one_job("model: lab/small-8B\nservice: slurm\ntasks: [en_own]\n").estimate is None
    assert (
        one_job(
            "model: lab/small-8B\nservice: local\nnode_kind: gpu_1\ncuda_visible_devices: 0\ntasks: [en_own]\n"
        ).estimate
        is None
    )
