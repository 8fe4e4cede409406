"""Node time, GPU hours and cost: by hand from records, plans, services and the ledger, and "not known" where these are not there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from planted_site import REPOSITORY, commit, planted

from evalctl import cli
from evalctl.model.plan_file import PlannedJob
from evalctl.model.result import Result
from evalctl.model.service import Cost, NodeKind, Service
from evalctl.plan.cost import estimate
from evalctl.site.costs import Prices, spent

NODE = NodeKind(gpus=2, runtime_column="hrt_q", coefficient=0.5)
SERVICE = Service(
    scheduler="slurm", node_kinds={"n": NODE}, priorities={"-5": 1, "-4": 2}, default_priority=-5,
    cost=Cost(unit="point", used=0.7, reserved=0.1, minimum_seconds=300, currency="JPY", currency_per_unit=100.0, checked="x", source="x"),
)  # fmt: skip
PRICES = Prices({"here": SERVICE}, {}, {("job", 1): 7200, ("job", 2): 600})


def record(ended: float = 10_000, seconds: float | None = 3600, attempt: int = 1, **facts: Any) -> Result:
    """Of a task that ran in an attempt of one job."""
    ran = {"service": "here", "node_kind": "n", "job": "job", "attempt": attempt, **facts.pop("ran", {})}
    return Result({"seconds": seconds, "measured_at": ended, "ran": ran, **facts}, "results/x/result.json")


def test_tasks_that_ran_beside_each_other_are_paid_once() -> None:
    """An attempt lasts from its first start to its last end; both attempts are paid, the short one as long as the minimum."""
    found = spent([record(10_000), record(9_000, 1_800), record(20_000, 60, attempt=2)], PRICES)
    assert (found.tasks_seconds, found.node_seconds, found.gpu_seconds) == (5460, 3660, 7320)
    (amount,) = found.amounts
    first, second = 0.5 * (0.7 * 3600 + 0.1 * 7200) / 3600, 0.5 * (0.7 * 300 + 0.1 * 600) / 3600
    assert amount.value == pytest.approx(first + second, abs=1e-9) and amount.name == "point (here)"
    assert amount.money == pytest.approx(100 * amount.value) and (found.evals, found.without_cost) == (3, 0)


def test_the_plan_of_the_job_has_its_priority() -> None:
    """Its rates count; without it the service's default priority does."""
    planned = PlannedJob(
        name="job", script="", service="here", node_kind="n", walltime_seconds=7200, start_seconds=0, drain_seconds=0,
        step_seconds=60, provider="", model="", revision="", custom_settings=None, trust_remote_code=False, retries=0,
        cost=estimate(SERVICE, NODE, -4, 0, 0), advice=(), tasks=(),
    )  # fmt: skip
    twice = spent([record()], Prices({"here": SERVICE}, {"job": planned}))
    once = spent([record()], PRICES)
    assert twice.amounts[0].value == pytest.approx(2 * once.amounts[0].value, abs=1e-9)


@pytest.mark.parametrize(
    ("one", "missing"),
    [
        (record(seconds=None), (1, 1, 1)),
        (record(seconds=1e308), (1, 1, 1)),
        (record(ended=0), (1, 1, 1)),
        (record(ran={"job": None}), (1, 1, 1)),
        (record(ran={"service": "gone"}), (0, 1, 1)),
        (record(ran={"node_kind": "gone"}), (0, 1, 1)),
        (record(attempt=9), (0, 0, 1)),  # the ledger has no walltime of it, which the service charges for
    ],
)
def test_what_is_not_there_is_not_known(one: Result, missing: tuple[int, int, int]) -> None:
    """Neither nothing nor a guess: time, GPUs and cost each say of how many evals they are not known."""
    found = spent([one], PRICES)
    assert (found.without_time, found.without_gpus, found.without_cost) == missing and found.evals == 1
    assert (found.node_hours == "", found.gpu_hours == "", found.amounts == []) == tuple(map(bool, missing))


def test_reused_and_imported_results_cost_nothing_here() -> None:
    """They were paid where they were measured."""
    found = spent([record(reused_from="results/y/result.json"), record(imported={})], PRICES)
    assert (found.evals, found.node_seconds, found.amounts) == (0, 0, [])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models at a service with a price; the node of one is not one of the service's."""
    root = planted(tmp_path_factory.mktemp("clone"), ["lab/one", "lab/two"], questions=5, only=["ja_gpqa"])
    shutil.copytree(REPOSITORY / "manifests/services", root / "manifests/services")
    path = root / "results/hosted_vllm/lab/two/ja/gpqa/result.json"
    facts = json.loads(path.read_text("utf-8"))
    facts["ran"]["node_kind"] = "node_z"
    path.write_text(json.dumps(facts), encoding="utf-8")
    # the ledger is not here: a plan names the walltime
    job: dict[str, Any] = {
        "name": "ev-x", "script": "", "service": "tsubame", "node_kind": "node_q", "walltime_seconds": 7200, "start_seconds": 0,
        "drain_seconds": 0, "step_seconds": 60, "provider": "vllm", "model": "lab/one", "revision": "", "custom_settings": None,
        "trust_remote_code": False, "retries": 0, "advice": [], "tasks": [],
        "cost": {"unit": "point", "expected": 1, "worst": 1, "held": None, "used_rate": 0.35, "reserved_rate": 0.05,
                 "minimum_seconds": 300, "currency": "JPY", "currency_per_unit": 62.5, "checked": "x"},
    }  # fmt: skip
    hostile = {**job, "name": "ev-y", "cost": {**job["cost"], "used_rate": "much", "reserved_rate": 1e308}}
    for name, text in (
        ("one", json.dumps({"schema": "evalctl/plan/1", "request": "", "jobs": [job]})),
        ("broken", "[]"),
        ("hostile", json.dumps({"request": "", "jobs": [hostile]})),
    ):
        (root / f"generated/{name}").mkdir(parents=True)
        (root / f"generated/{name}/plan.json").write_text(text)
    commit(root, "services")
    folder = tmp_path_factory.mktemp("site")
    assert cli.main(["--repo", str(root), "results", "site", "-o", str(folder)]) == 0
    return folder


def test_the_table_and_the_models_page_have_the_same_numbers(site: Path) -> None:
    """Hours, GPU hours and points with money; what is not known is said; it is written from what they are computed."""
    table = (site / "costs.html").read_text("utf-8")
    value = int((0.35 * 2340.5 + 0.05 * 7200) / 3600 * 10_000) / 10_000
    assert sorted(re.findall(r">(lab/\w+)</a>", table)) == ["lab/one", "lab/two"]
    assert f"<td>{value:.4f}<i>{value * 62.5:,.0f} JPY</i></td>" in table and table.count("<td>0.65</td>") == 5
    assert "Computed from the records in git" in table
    (page,) = (path.read_text("utf-8") for path in site.glob("models/*lab-one-*.html"))
    assert f"<dd>{value:.4f}<i>{value * 62.5:,.0f} JPY</i></dd>" in page and "Cost, at least: point (tsubame)" in page
    (page,) = (path.read_text("utf-8") for path in site.glob("models/*lab-two-*.html"))
    assert "<dt>GPU hours, at least</dt><dd>not known</dd>" in page
