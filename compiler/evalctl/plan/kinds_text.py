"""How a job is placed, as text: GPUs and copies, expected hours and what they were predicted from, and what other node kinds would
take and cost.
"""

from __future__ import annotations

from evalctl.model.plan_file import ASSUMED, LIMIT, CostEstimate, PlannedJob, PlannedKind
from evalctl.model.walltime import clock
from evalctl.suggest import listed, plural

BASES = {
    ASSUMED: "assumed lengths of answers, bandwidth of the GPUs",
    LIMIT: "the limit of tasks_runtime.csv: nothing better is known",
}


def placed(job: PlannedJob) -> str:
    """`2 copies on 4 GPUs each, expected 01:40:00 (…)`; "" for a job without a server."""
    if not job.kinds:
        return ""
    mine = job.kinds[0]
    basis = f"from {BASES.get(mine.basis, mine.basis)}"
    return f"{_gpus(mine)}; expected for all tasks{_whole(job)}: {_expected(mine, job.cost)} ({basis})"


def _whole(job: PlannedJob) -> str:
    """Nobody knows how many questions a task has, so that a run with max_samples has only a lower bound."""
    if not any(task.result.startswith("results/debug/") for task in job.tasks):
        return ""
    return f" of a whole run (with max_samples less: at least the start, {clock(job.start_seconds)})"


def markdown(job: PlannedJob) -> list[str]:
    """Both as lines of Markdown."""
    words = placed(job)
    return [f"Placed: {words}", "", *[f"- or {line}" for line in others(job)], ""] if words else []


def others(job: PlannedJob) -> list[str]:
    """A line for each other node kind of the service, and one for all that cannot be compared for the same reason."""
    compared = [kind for kind in job.kinds[1:] if kind.seconds is not None]
    reasons: dict[str, list[str]] = {}
    for kind in job.kinds[1:]:
        if kind.seconds is None:
            reasons.setdefault(kind.why, []).append(kind.node_kind)
    left = [f"{listed(names)}: not compared, {why}" for why, names in reasons.items()]
    return [f"{kind.node_kind}: {_other(kind, job.cost)}" for kind in compared] + left


def _other(kind: PlannedKind, cost: CostEstimate | None) -> str:
    why = f" ({kind.why})" if kind.why else ""
    return f"{_gpus(kind)}; expected {_expected(kind, cost)}{why}"


def _gpus(kind: PlannedKind) -> str:
    copies = "1 copy" if kind.data_parallel == 1 else f"{kind.data_parallel} copies"
    return f"{copies} on {plural(kind.tensor_parallel, 'GPU')}{' each' if kind.data_parallel > 1 else ''}"


def _expected(kind: PlannedKind, cost: CostEstimate | None) -> str:
    more = " (LONGER than tasks_runtime.csv allows: several attempts)" if kind.exceeds_limit else ""
    words = f"{clock(kind.seconds or 0)}{more}"
    if kind.expected is None or kind.worst is None:
        return words
    return f"{words}, {_amount(kind.expected, kind, cost)}, at most {_amount(kind.worst, kind, cost)}"


def _amount(value: float, kind: PlannedKind, cost: CostEstimate | None) -> str:
    money = f" = {value * cost.currency_per_unit:,.0f} {cost.currency}" if cost and cost.currency_per_unit else ""
    return f"{value:g} {kind.unit}s{money}"
