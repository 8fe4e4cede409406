"""The places that the project knows."""

from __future__ import annotations

import re

import pytest

from evalctl.model.service import Service

from .conftest import MANIFESTS, document, rows, seconds

NAMES = sorted(path.stem for path in (MANIFESTS / "services").glob("*.yaml"))
KINDS = {
    "tsubame": {"node_f", "node_h", "node_q", "node_o", "gpu_1", "gpu_h", "cpu_160", "cpu_80", "cpu_40", "cpu_16",
                "cpu_8", "cpu_4"},
    "abci": {"rt_HF", "rt_HG", "rt_HC"},
    "local": {"gpu_1", "gpu_2", "gpu_4", "gpu_8", "cpu", "cpu_vllm"},
    "slurm": {"gpu_1", "gpu_8", "cpu"},
}  # fmt: skip


def service(name: str) -> Service:
    """A shipped service as the model."""
    return Service.model_validate(document(f"services/{name}.yaml"))


def test_the_four_services_are_there() -> None:
    """The manual's three and a generic Slurm, each with all its node kinds."""
    assert {name: set(service(name).node_kinds) for name in NAMES} == KINDS
    schedulers = {name: service(name).scheduler for name in NAMES}
    assert schedulers == {"tsubame": "gridengine", "abci": "pbs", "local": "local", "slurm": "slurm"}


@pytest.mark.parametrize("name", NAMES)
def test_the_chosen_kinds_exist_are_offered_and_fit_their_use(name: str) -> None:
    """Models go to GPUs, models that others serve do not; nothing that must not be chosen is chosen."""
    place = service(name)
    api = place.node_kinds[str(place.api)]
    assert api.offered and api.gpus == 0 and not api.serves
    if place.small_model or place.large_model:
        small, large = (place.node_kinds[str(kind)] for kind in (place.small_model, place.large_model))
        assert small.offered and large.offered and 0 < small.gpus < large.gpus
    else:  # chosen by cost, which wants memory, price and GPU of each
        serving = [kind for kind in place.node_kinds.values() if kind.offered and kind.can_serve]
        assert all(kind.gpu_memory_gb and kind.coefficient and kind.gpu for kind in serving) and place.cost


@pytest.mark.parametrize("name", NAMES)
def test_runtime_columns_are_those_of_the_table(name: str) -> None:
    """Each kind's times can be looked up."""
    columns = set(rows("tasks_runtime.csv")[0]) - {"key", "script", "result_dir", "framework"}
    assert {kind.runtime_column for kind in service(name).node_kinds.values()} <= columns


def test_runtime_columns_follow_the_labs_rule() -> None:
    """hrt_q for one whole GPU of TSUBAME, wlt_HG for rt_HG, the full node's times for all others, CPU kinds too."""
    tsubame, abci = service("tsubame").node_kinds, service("abci").node_kinds
    assert {name for name, kind in tsubame.items() if kind.runtime_column == "hrt_q"} == {"node_q", "gpu_1"}
    assert {kind.runtime_column for kind in tsubame.values()} == {"hrt_q", "hrt_f"}
    assert {name: kind.runtime_column for name, kind in abci.items()} == {
        "rt_HF": "wlt_HF", "rt_HG": "wlt_HG", "rt_HC": "wlt_HF",
    }  # fmt: skip


def test_half_gpus_are_never_served_on() -> None:
    """TSUBAME's MIG slices are listed, not offered."""
    kinds = service("tsubame").node_kinds
    assert {name for name, kind in kinds.items() if kind.serves is False} == {"node_o", "gpu_h"}
    assert not any(kinds[name].offered for name in ("node_o", "gpu_h"))


def test_a_cpu_serves_only_where_it_is_said() -> None:
    """vLLM on a CPU is for demonstrations, in an environment of its own."""
    kinds = [(name, key, kind) for name in NAMES for key, kind in service(name).node_kinds.items()]
    serving = [(name, key) for name, key, kind in kinds if kind.gpus == 0 and kind.serves]
    assert serving == [("local", "cpu_vllm")]
    kind = service("local").node_kinds["cpu_vllm"]
    assert (kind.server_environment, kind.offered) == ("vllm-cpu", False)


def test_each_kind_is_asked_for_in_the_sites_words() -> None:
    """One resource type on TSUBAME, queue and select on ABCI; the group comes from .env."""
    tsubame, abci = service("tsubame"), service("abci")
    assert {name: kind.directives for name, kind in tsubame.node_kinds.items()} == {
        name: (f"-l {name}=1",) for name in tsubame.node_kinds
    }
    assert {name: kind.directives for name, kind in abci.node_kinds.items()} == {
        name: (f"-q {name}", "-l select=1") for name in abci.node_kinds
    }
    assert (tsubame.submit_args, abci.submit_args) == (("-g", "{TSUBAME_GROUP}"), ("-P", "{ABCI_GROUP}"))


def test_placeholders_are_variables_of_the_template() -> None:
    """What a service wants from .env, .env_template asks for."""
    template = (MANIFESTS.parent / ".env_template").read_text(encoding="utf-8")
    wanted = {word for name in NAMES for word in re.findall(r"\{(\w+)\}", " ".join(service(name).submit_args))}
    assert wanted == {"TSUBAME_GROUP", "ABCI_GROUP"}
    assert all(re.search(rf"^{word}=", template, re.M) for word in wanted)


def cost(name: str, kind: str, used_hours: float, asked_hours: float, priority: str = "-5") -> float:
    """The formula that Cost documents."""
    place = service(name)
    assert place.cost is not None
    used = max(used_hours * 3600, place.cost.minimum_seconds) / 3600
    factor = place.priorities.get(priority, 1.0)
    rate = place.node_kinds[kind].coefficient
    assert rate is not None
    return rate * factor * (place.cost.used * used + place.cost.reserved * asked_hours)


@pytest.mark.parametrize(
    ("kind", "used", "asked", "priority", "points"),
    [
        ("node_q", 25, 25, "-5", 5.0),
        ("node_f", 100, 100, "-5", 80.0),
        ("node_q", 1, 2, "-5", 0.225),
        ("node_q", 142 / 3600, 0.5, "-5", 0.0270),
        ("cpu_4", 2.5 / 3600, 300 / 3600, "-5", 0.0010),
        ("node_q", 25, 25, "-3", 20.0),
    ],
)
def test_tsubame_costs_what_was_measured_there(
    kind: str, used: float, asked: float, priority: str, points: float
) -> None:
    """The check values of the facts: the standard run, over-asking, two short jobs, a higher priority."""
    assert cost("tsubame", kind, used, asked, priority) == pytest.approx(points, abs=1e-4)


@pytest.mark.parametrize(("kind", "hours", "points"), [("rt_HG", 25, 75), ("rt_HF", 100, 1600)])
def test_abci_costs_the_standard_tariff(kind: str, hours: float, points: float) -> None:
    """The standard run on one GPU and on a full node; the whole walltime is held."""
    place = service("abci")
    assert cost("abci", kind, hours, hours) == points
    assert place.cost is not None and place.cost.held


def test_prices_say_where_they_come_from() -> None:
    """A price without a date and a source is a rumour."""
    for name in ("tsubame", "abci"):
        price = service(name).cost
        assert price is not None
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.checked)
        assert len(price.source) > 20 and price.currency == "JPY"


def test_limits_are_the_sites() -> None:
    """24 hours on TSUBAME, 168 on ABCI; the longest task fits everywhere."""
    longest = max(seconds(row["hrt_f"]) for row in rows("tasks_runtime.csv"))
    limits = {name: seconds(service(name).max_walltime) // 3600 for name in NAMES}
    assert limits == {"tsubame": 24, "abci": 168, "local": 168, "slurm": 24}
    assert longest <= min(limits.values()) * 3600
    assert (service("tsubame").priorities, service("tsubame").default_priority) == ({"-5": 1, "-4": 2, "-3": 4}, -5)


def test_a_cuda_module_is_of_the_version_that_vllm_was_built_for() -> None:
    """FlashInfer compiles kernels with its nvcc when a server starts: with another major version than torch's the server dies."""
    lock = (MANIFESTS.parent / "compiler/evalctl_environments/vllm.lock").read_text(encoding="utf-8")
    built = re.search(r"^cuda-toolkit==(\d+)\.", lock, re.MULTILINE)
    assert built
    modules = {(name, one) for name in NAMES for one in service(name).modules if one.startswith("cuda")}
    assert {name for name, _ in modules} >= {"tsubame"}
    assert {one for one in modules if not one[1].startswith(f"cuda/{built[1]}.")} == set()


def test_no_two_services_are_detected_by_the_same_path() -> None:
    """A machine is one service; local and slurm are taken by name or when nothing else fits."""
    paths = [path for name in NAMES for path in service(name).detect]
    assert len(set(paths)) == len(paths)
    assert {name for name in NAMES if service(name).detect} == {"tsubame", "abci"}
