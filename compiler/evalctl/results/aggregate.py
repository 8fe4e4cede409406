"""aggregated_results.json: the lab's form, a pure function of the result.json files of a model folder and metrics.yaml.

-1 for a missing entry is the lab's word and exists only here. Where the lab's aggregator would quietly compute with a
missing weight, this one leaves the entry out (-1) and warns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from evalctl.model.aggregate import GENERATED_BY, MISSING, Aggregate, AggregatedEval
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.providers import model_name
from evalctl.model.recorded import RecordedSettings
from evalctl.model.result import Result
from evalctl.model.scores import TaskScores
from evalctl.results.names import task_name
from evalctl.results.newest import newest
from evalctl.results.question_values import Scored
from evalctl.results.stability import stabilities
from evalctl.results.uncertainty import uncertainties

NO_QUESTIONS: Mapping[str, Scored | str] = {}


@dataclass(frozen=True, slots=True)
class Rows:
    """Scores by task name (`name` or `name:subset`), and those of each `name` by subset ("" is the task itself)."""

    by_name: Mapping[str, TaskScores]
    by_task: Mapping[str, Mapping[str, TaskScores]]


class Unusable(Exception):
    """An entry that cannot be computed from rows that are there; the text becomes a warning."""


class NoSuchMetric(Unusable):
    """The task was measured, and its framework wrote other metrics than the entry names."""

    def __init__(self, task: str, metric: str, rows: Sequence[TaskScores]) -> None:
        there = sorted({name for row in rows for name in row.metrics})
        super().__init__(f"task `{task}` has no metric `{metric}`; it has {', '.join(there) or 'none'}")


def aggregated(
    folder: str, results: Sequence[Result], metrics: Metrics, scored: Mapping[str, Scored | str] = NO_QUESTIONS
) -> Aggregate:
    """The aggregate of one model folder (`results/hosted_vllm/publisher/model[/settings]`).

    `scored` has the values of questions by the record's path, or why there are none.
    """
    ordered = sorted(results, key=lambda result: (result.measured_at, result.path))
    rows, there = _rows(ordered), newest(ordered)
    values: dict[str, float | None] = {}
    warnings: list[str] = [
        *_mixed(ordered), *_measured_twice(ordered), *_measured_partly(ordered, metrics), *remarks_of(ordered),
    ]  # fmt: skip
    unmatched: dict[str, str] = {}
    imported = {name: value for result in ordered for name, value in result.entries.items()}
    for entry in metrics.entries:
        value, problems = _value(entry, rows, metrics.subset_groups)
        values[entry.name] = imported.get(entry.name, MISSING) if value == MISSING else value
        warnings += [f"{entry.name}: {problem}" for problem in problems]
        if values[entry.name] == MISSING and (lacking := _lacking(problems)):
            unmatched[entry.name] = lacking
    return Aggregate(
        model=_model(folder, ordered), results=values, overall=",".join(str(value) for value in values.values()),
        tasks=tuple(values), custom_settings=_custom_settings(ordered),
        evals={result.task.key: _eval(folder, result) for result in sorted(results, key=lambda one: one.task.key)},
        uncertainty=dict(uncertainties(values, there, scored, metrics)),
        stability=dict(stabilities(values, there, scored, metrics)),
        missing=tuple(name for name, value in values.items() if value == MISSING),
        unmatched=unmatched, warnings=tuple(warnings), generated_by=GENERATED_BY,
    )  # fmt: skip


def _lacking(problems: Iterable[Exception]) -> str:
    """What the framework's results do not have that the entry names."""
    return "; ".join(str(one) for one in problems if isinstance(one, NoSuchMetric))


def _rows(results: Iterable[Result]) -> Rows:
    """The scores of all results; the newest result is last and replaces older ones, as in the lab's aggregator."""
    by_name: dict[str, TaskScores] = {}
    for result in results:
        scores = result.scores
        by_name.update((task_name(key), scores[key]) for key in _own(result))
    by_task: dict[str, dict[str, TaskScores]] = {}
    for name, row in by_name.items():
        task, _, subset = name.partition(":")
        by_task.setdefault(task, {})[subset] = row
    return Rows(by_name, by_task)


def _value(entry: MetricEntry, rows: Rows, groups: Mapping[str, Sequence[str]]) -> tuple[float | None, list[Unusable]]:
    """One entry and its problems: of several alternative tasks the one that was run counts; two of them give -1."""
    allowed = groups[entry.subsets] if entry.subsets else None
    found: list[tuple[str, float]] = []
    problems: list[Unusable] = []
    for task in entry.tasks:
        try:
            value = _FUNCTIONS[entry.function](task, entry.metrics, rows, allowed)
        except Unusable as problem:
            problems.append(problem)
            continue
        if value is not None and not math.isfinite(value):  # no number of a JSON file
            problems.append(Unusable(f"the scores of `{task}` are too large to compute with"))
        elif value is not None and value != MISSING:  # the lab's aggregator ignores a measured -1, too
            found.append((task, value))
    if found:  # an alternative with other metrics is not the task that the entry means
        problems = [one for one in problems if not isinstance(one, NoSuchMetric)]
    if len(found) > 1:
        problems.append(Unusable(f"several of its tasks were run ({', '.join(task for task, _ in found)})"))
    return (found[0][1] if len(found) == 1 else MISSING), problems


def _measured_twice(ordered: Sequence[Result]) -> list[str]:
    """A warning for each framework task that several of our tasks measured: their results share an entry."""
    tasks: dict[str, list[str]] = {}
    for result in ordered:
        for name in dict.fromkeys(task_name(key).partition(":")[0] for key in _own(result)):
            tasks.setdefault(name, []).append(result.task.key)
    scripts = {result.task.key: result.task.script for result in ordered}
    return [
        f"{name} was measured by several tasks ({', '.join(found)}): the newest, {found[-1]}, counts"
        for name, found in sorted(tasks.items())
        if len({task_name(scripts[task]) for task in found}) < len(found)
    ]


def _measured_partly(ordered: Sequence[Result], metrics: Metrics) -> Iterator[str]:
    """A warning for each of our tasks that is one subset of a task whose entries are means over all of them."""
    wholes = {task for entry in metrics.entries if entry.function == "micro" for task in entry.tasks}
    scripts = {task_name(result.task.script) for result in ordered}
    for result in ordered:
        base, _, subset = task_name(result.task.script).partition(":")
        if subset and base in wholes - scripts:
            yield f"{result.task.key}: this is the subset {subset} of {base}, whose entries are means over the subsets that were measured"


def _own(result: Result) -> list[str]:
    """The score keys of a task or a subset, without averages that the framework adds."""
    return [key for key in result.scores if key != "all" and "_average" not in task_name(key).partition(":")[2]]


def _pick(task: str, metrics: Sequence[str], rows: Rows, _: Sequence[str] | None) -> float | None:
    """The metric as it is in the record."""
    return _metric(task, metrics[0], rows.by_name[task]) if task in rows.by_name else None


def _mean(task: str, metrics: Sequence[str], rows: Rows, _: Sequence[str] | None) -> float | None:
    """Plain mean of several metrics of one task; one without a value leaves nothing."""
    row = rows.by_name.get(task)
    found = [_metric(task, metric, row) for metric in metrics] if row else []
    values = [float(value) for value in found if value is not None]
    return sum(values) / len(values) if values and len(values) == len(found) else None


def _metric(task: str, metric: str, row: TaskScores) -> float | None:
    if metric not in row.values:
        raise NoSuchMetric(task, metric, [row])
    return row.values[metric]


def _micro(task: str, metrics: Sequence[str], rows: Rows, allowed: Sequence[str] | None) -> float | None:
    """Mean over the subsets weighted by their questions; a subset without the metric is left out."""
    there = _subsets(task, rows, allowed)
    used = [row for row in there if row.values.get(metrics[0]) is not None]
    if there and not any(metrics[0] in row.values for row in there):
        raise NoSuchMetric(task, metrics[0], there)
    if not used:
        return None
    counts = [row.questions for row in used if row.questions is not None]
    if len(counts) != len(used) or sum(counts) <= 0:
        raise Unusable(f"the number of questions of `{task}` is not known")
    return float(sum((row.values[metrics[0]] or 0) * (row.questions or 0) for row in used) / sum(counts))


def _subsets(task: str, rows: Rows, allowed: Sequence[str] | None) -> list[TaskScores]:
    """The rows `task` and `task:*`, or only those whose subset is allowed."""
    there = rows.by_task.get(task, {})
    return [row for subset, row in there.items() if allowed is None or subset in allowed]


_Function = Callable[[str, Sequence[str], Rows, "Sequence[str] | None"], "float | None"]
_FUNCTIONS: dict[str, _Function] = {"pick": _pick, "micro": _micro, "mean": _mean}


def _model(folder: str, results: Sequence[Result]) -> str:
    """The name as the lab passes it to lighteval (`hosted_vllm/publisher/model`): the folder without the settings."""
    name = re.sub(r"^results/(?:debug/max_samples-\d+/)?", "", folder)
    settings = _custom_settings(results).name
    return model_name(name.removesuffix(f"/{settings}") if settings else name)


def _custom_settings(results: Sequence[Result]) -> RecordedSettings:
    """Of the newest result; three empty strings when none were used, as the lab writes it."""
    newest = results[-1].subject.custom_settings if results else RecordedSettings({})
    return RecordedSettings({"path": newest.path, "name": newest.name, "version": newest.version})


def remarks_of(results: Sequence[Result]) -> list[str]:
    """The warnings of each result about its answers, a line each: cut off, missing, of another model."""
    found = [(one.task.key, warning) for one in results for warning in one.warnings]
    return [f"{task}: {' '.join(warning.split())}" for task, warning in found]


def _mixed(results: Sequence[Result]) -> list[str]:
    """A warning when the entries were not all measured with the same version of the settings or the same revision."""
    own = [one for one in results if one.imported is None]
    versions = {one.subject.custom_settings.version for one in own}
    revisions = {one.subject.revision for one in own}
    imported = sorted(one.task.key for one in results if one.imported is not None)
    found = [f"imported, with inputs that are not known: {', '.join(imported)}"] if imported else []
    if len(versions) > 1:
        found.append(f"measured with several versions of the custom settings: {', '.join(sorted(versions))}")
    if len(revisions) > 1:
        found.append(f"measured with several revisions of the model: {', '.join(sorted(revisions))}")
    return found + _served_differently(own)


def _served_differently(own: Sequence[Result]) -> list[str]:
    """A warning for each setting of the server that not all tasks share: an override of some of them."""
    servers = {result.task.key: result.server for result in own}
    found = []
    for name in sorted({name for server in servers.values() for name in server}):
        tasks: dict[str, list[str]] = {}
        for task in sorted(servers):
            tasks.setdefault(str(servers[task].get(name, "unset")), []).append(task)
        if len(tasks) > 1:
            values = "; ".join(f"{_short(value)} ({', '.join(named)})" for value, named in sorted(tasks.items()))
            found.append(f"measured with several values of {name}: {values}")
    return found


def _short(text: str) -> str:
    """A chat template is a page long."""
    words = " ".join(text.split())
    return words if len(words) <= 40 else words[:39] + "…"


def _eval(folder: str, result: Result) -> AggregatedEval:
    moment = result.measured_at
    return AggregatedEval(
        digest=result.digest,
        script=result.task.script,
        result=result.path.removeprefix(f"{folder}/"),
        measured=datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None,
        samples=result.samples,
        seconds=result.seconds,
        imported=result.imported,
        judge=str(result.judge or ""),
        code_execution=result.code_execution,
    )
