"""The modules that decide, each with the tests that hold it: fast ones, so that thousands of runs are possible."""

from __future__ import annotations

from dataclasses import dataclass

_SOURCES = "compiler"


@dataclass(frozen=True)
class Module:
    """One module by its name, and its tests, as pytest takes them."""

    name: str
    tests: tuple[str, ...]

    @property
    def path(self) -> str:
        """Its file."""
        return f"{_SOURCES}/{self.name.replace('.', '/')}.py"


def _evalctl(name: str, *tests: str) -> Module:
    return Module(f"evalctl.{name}", tuple(f"tests/{test}" for test in tests))


def _job(name: str, *tests: str) -> Module:
    return Module(f"evalctl_job.{name}", tuple(f"tests/job/test_job_{test}.py" for test in tests))


_SCHEDULERS = ("schedulers/test_words.py", "schedulers/test_schedulers.py")
MODULES = {
    "decide": _evalctl("sync.decide", "sync/test_decide.py"),
    "reasons": _evalctl("sync.reasons", "sync/test_reasons.py", "sync/test_decide.py"),
    "identity": _evalctl("resolve.identity", "property/test_identity.py", "resolve/test_evals.py"),
    "placement": _evalctl("plan.placement", "plan/test_placement.py", "cards/test_families.py"),
    "cost": _evalctl("plan.cost", "plan/test_cost.py"),
    "aggregate": _evalctl("results.aggregate", "results/test_aggregate.py"),
    "quoting": _evalctl("render.quoting", "render/test_quoting.py"),
    "scheduler-common": _evalctl("schedulers.common", "schedulers/test_common.py", *_SCHEDULERS),
    "gridengine": _evalctl("schedulers.gridengine", *_SCHEDULERS),
    "pbs": _evalctl("schedulers.pbs", *_SCHEDULERS),
    "slurm": _evalctl("schedulers.slurm", *_SCHEDULERS),
    "slurm-words": _evalctl("schedulers.slurm_words", *_SCHEDULERS),
    "choices": _job("choices", "choices"),
    "replies": _job("replies", "replies"),
    "strict-json": _job("strict_json", "replies"),
    "repeats": _job("repeats", "repeats", "outcomes"),
    "filters": _job("filters", "replies", "outcomes"),
    "relay": _job("relay", "relay_inside"),
    "relay-options": _job("relay_options", "relay_options"),
    "asking": _job("asking", "asking", "answering"),
    "answering": _job("answering", "answering"),
    "outcomes": _job("outcomes", "outcomes"),
    "forward": _job("forward", "forward"),
    "limits": _job("limits", "limits"),
    "admission": _job("admission", "admission"),
    "job-reasons": _job("reasons", "reasons"),
    "ends": _job("ends", "packed_ends"),
    "stability": _job("stability", "ends"),
    "judges": _job("judges", "judges"),
    "accept": _job("accept", "judgement"),
    "judgement": _job("judgement", "judgement"),
    "answers": _job("answers", "answers"),
    "counts": _job("counts", "counts"),
    "refusals": _job("refusals", "refusals"),
}
