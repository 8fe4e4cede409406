"""What a request will be able to show against its baseline, and whether that is as much as a gate demands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from evalctl import columns
from evalctl.model.plan_file import Baseline, PlannedTask
from evalctl.model.recorded import NOT_PLANNED, RecordedTask
from evalctl.results.entries import main_entries, of_tasks, shown

if TYPE_CHECKING:
    from evalctl.model.metrics import MetricEntry, Metrics
    from evalctl.plan.forecast import RequestForecast
    from evalctl.results.gated import Gated
    from evalctl.results.power import Outlook, Power

METHOD = "power by Student's t"  # review.methods.POWER, without loading it
_DEBUG = re.compile(r"results/debug/max_samples-(\d+)/")


@dataclass(frozen=True, slots=True)
class Showable:
    """A row of the plan: the smallest difference in an entry that will be shown, by `method`; None where `noise` says why not."""

    task: str
    entry: str
    questions: int | None
    answers: int
    shows: float | None
    noise: str
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class Demand:
    """A gate that names a model of the request as candidate, and what it compares with margins."""

    gate: str
    required: Sequence[Gated]


def powers(
    request: RequestForecast, outlook: Outlook, metrics: Metrics, planned: Mapping[str, RecordedTask]
) -> dict[str, Power]:
    """Entry to what the request will be able to show of it; `planned` has the task that a record will have, by key."""
    main = main_entries(metrics)
    return {
        entry.name: outlook.of(entry, task.task, most, planned.get(task.task, NOT_PLANNED))
        for task, most in _tasks(request) for entry in _entries(main, planned.get(task.task, NOT_PLANNED).script)
    }  # fmt: skip


def _tasks(request: RequestForecast) -> Iterator[tuple[PlannedTask, int | None]]:
    """Each task once, and of how many samples it is."""
    tasks = {task.task: task for job in request.jobs for task in job.job.tasks}
    for task in tasks.values():
        debug = _DEBUG.match(task.result)
        yield task, int(debug[1]) if debug else None


def _entries(main: Sequence[MetricEntry], script: str) -> list[MetricEntry]:
    names = of_tasks({script}, main) if script else set()
    return [entry for entry in main if entry.name in names]


def rows(found: Mapping[str, Power], tasks: Mapping[str, str]) -> tuple[Showable, ...]:
    """For the plan; `tasks` has the task key of each entry."""
    return tuple(
        Showable(tasks.get(name, ""), name, one.questions, one.answers, one.shows, one.noise)
        for name, one in found.items()
    )


def named(baseline: Baseline) -> str:
    """The baseline as people read it."""
    settings = f" ({baseline.custom_settings})" if baseline.custom_settings else ""
    return f"{baseline.model}{settings}"


def remark(request: RequestForecast) -> str:
    """What must be known of a debugging run; "" for others."""
    most = next((most for _, most in _tasks(request) if most is not None), None)
    return "" if most is None else (
        f"a run with max_samples is compared only with one of the baseline with max_samples {most}, and by no gate"
    )  # fmt: skip


def lines(request: RequestForecast) -> list[str]:
    """The rows as text."""
    shows, baseline = request.shows, request.baseline
    if not shows or baseline is None:
        return []
    head = f"  against {named(baseline)}: differences that 8 of 10 comparisons will show at 95 % ({METHOD})"
    width = max(columns.display_width(one.entry) for one in shows)
    rows = [f"    {columns.padded(one.entry, width)}  {shown(one.shows):>6}  {basis(one)}" for one in shows]
    return [head, *rows, *([f"    {text}"] if (text := remark(request)) else [])]


def basis(one: Showable) -> str:
    """What the number was computed from."""
    if one.questions is None:
        return one.noise
    answers = "1 answer" if one.answers == 1 else f"{one.answers} answers each"
    return f"{one.questions:,} questions, {answers}; {one.noise}"


def shortfalls(found: Mapping[str, Power], demands: Iterable[Demand]) -> Iterator[str]:
    """A sentence for each margin of a gate that is smaller than what can be shown."""
    for demand in demands:
        for gated in demand.required:
            shows = _shown_of(gated, found)
            if shows is not None and shows > gated.margin:
                more = _more(found[gated.name], gated.margin) if not gated.is_average else ""
                yield (
                    f"gate {demand.gate} demands {gated.name} within {gated.margin:g}, "
                    f"and this request will only show differences of {shown(shows)}{more}"
                )


def _shown_of(gated: Gated, found: Mapping[str, Power]) -> float | None:
    """In the units of the margin; None where a part of it is unknown or not of this request."""
    parts = [found[entry.name] for entry in gated.entries if entry.name in found]
    if len(parts) < len(gated.entries) or any(one.shows is None for one in parts):
        return None
    if not gated.is_average:
        return parts[0].shows
    shares = [(one.shows or 0.0) / (one.entry.full_mark or 1.0) for one in parts]
    return hypot(*shares) / len(shares)


def _more(one: Power, margin: float) -> str:
    needed = one.needed(margin)
    return "" if needed is None else f": about {needed:,} questions would do, it has {one.questions:,}"
