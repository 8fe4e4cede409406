"""Finds tasks that the pinned framework lacks, or that no chat endpoint can answer, before a job is submitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from evalctl.frameworks import FRAMEWORKS
from evalctl.frameworks.pins import listed_tasks, shipped_task_digest
from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic, Note, Span
from evalctl.model.evaluation import Task
from evalctl.suggest import did_you_mean


def of_rows(tasks: Mapping[str, Task], spans: Mapping[str, Span]) -> list[Diagnostic]:
    """A warning for each such row of the table; it is an error only in a request that runs the task."""
    return [
        _finding(task, *why, spans[task.key], WARNING)
        for task in tasks.values()
        if (why := _why_not(task.framework, task.script))
    ]


def of_request(tasks: Iterable[tuple[Task, Span]], rows: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """An error for each such task that a request runs, with the task's row."""
    for task, span in tasks:
        if why := _why_not(task.framework, task.script):
            notes = (Note("its row", rows[task.key]),) if task.key in rows else ()
            yield _finding(task, *why, span, ERROR, notes)


def subset_counts(framework: str) -> dict[str, int]:
    """The number of subsets of each of the framework's own tasks that has any."""
    listed = listed_tasks(FRAMEWORKS[framework].ENVIRONMENT)
    return dict(Counter(name.partition(":")[0] for name in listed if ":" in name))


def _finding(
    task: Task, message: str, help: str, span: Span, severity: str, notes: tuple[Note, ...] = ()
) -> Diagnostic:
    return Diagnostic("unavailable-task", f"task `{task.key}` cannot run: {message}", span, help, notes, severity)


@cache  # thousands of requests name the same tasks, and a framework's list is long
def _why_not(name: str, script: str) -> tuple[str, str] | None:
    """(why the task cannot run, what to do); None where it can."""
    framework = FRAMEWORKS[name]
    listed = listed_tasks(framework.ENVIRONMENT)
    if shipped_task_digest(script):
        return None
    needs = {listed[script]} if script in listed else {
        need for one, need in listed.items() if one.startswith(f"{script}:")
    }  # fmt: skip
    if not needs:
        guess = did_you_mean(script, {*listed, *(one.partition(":")[0] for one in listed)})
        help = "set `script` to a task of the framework (compiler/evalctl_environments/*.tasks), or pin a framework version with this task"
        version = framework.version()
        return f"{name} {version} has no task `{script}`", f"did you mean `{guess}`?" if guess else help
    if "logprobs" in needs:
        help = "choose a task that generates its answer: a chat endpoint returns no log-probabilities of a given text"
        return f"`{script}` compares log-probabilities", help
    return None
