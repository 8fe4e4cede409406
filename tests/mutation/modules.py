"""The modules that decide, each with the tests that hold it: those that start no process, so that thousands of runs are possible."""

from __future__ import annotations

from dataclasses import dataclass

_COMPILER = "compiler/evalctl"
_JOB = "compiler/environments/packages/evalctl-job/evalctl_job"


@dataclass(frozen=True)
class Module:
    """One file and its tests, as pytest takes them."""

    path: str
    tests: tuple[str, ...]


def _evalctl(path: str, *tests: str) -> Module:
    return Module(f"{_COMPILER}/{path}", tuple(f"tests/{test}" for test in tests))


def _job(name: str, *tests: str) -> Module:
    return Module(f"{_JOB}/{name}.py", tuple(f"tests/job/test_job_{test}.py" for test in tests))


MODULES = {
    "decide": _evalctl("sync/decide.py", "sync/test_decide.py"),
    "reasons": _evalctl("sync/reasons.py", "sync/test_reasons.py", "sync/test_decide.py"),
    "identity": _evalctl("resolve/identity.py", "property/test_identity.py", "resolve/test_evals.py"),
    "placement": _evalctl("plan/placement.py", "plan/test_placement.py", "cards/test_families.py"),
    "cost": _evalctl("plan/cost.py", "plan/test_cost.py"),
    "aggregate": _evalctl("results/aggregate.py", "results/test_aggregate.py"),
    "quoting": _evalctl("render/quoting.py", "render/test_quoting.py"),
    "scheduler-common": _evalctl("schedulers/common.py", "schedulers/test_common.py", "schedulers/test_schedulers.py"),
    "gridengine": _evalctl("schedulers/gridengine.py", "schedulers/test_schedulers.py", "schedulers/test_words.py"),
    "pbs": _evalctl("schedulers/pbs.py", "schedulers/test_schedulers.py", "schedulers/test_words.py"),
    "slurm": _evalctl("schedulers/slurm.py", "schedulers/test_schedulers.py", "schedulers/test_words.py"),
    "slurm-words": _evalctl("schedulers/slurm_words.py", "schedulers/test_schedulers.py", "schedulers/test_words.py"),
    "choices": _job("choices", "choices"),
    "replies": _job("replies", "replies", "choices"),
    "limits": _job("limits", "limits"),
    "admission": _job("admission", "admission"),
    "job-reasons": _job("reasons", "reasons"),
}
