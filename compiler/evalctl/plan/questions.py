"""Where the questions of tasks come from: data sets that their framework loads, or files of the job environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evalctl.frameworks import FRAMEWORKS
from evalctl.frameworks.pins import shipped_task_digest
from evalctl.model.evaluation import Task


@dataclass(frozen=True, slots=True)
class Reading:
    """The scripts of one framework whose data sets are on the Hub, each with the keys of its tasks."""

    framework: str
    environment: str  # its name in compiler/evalctl_environments
    scripts: dict[str, list[str]]


def on_the_hub(tasks: Iterable[Task]) -> list[Reading]:
    """By framework, in alphabetical order."""
    found: dict[str, dict[str, list[str]]] = {}
    for task in tasks:
        if not shipped_task_digest(task.script):
            found.setdefault(task.framework, {}).setdefault(task.script, []).append(task.key)
    return [Reading(name, FRAMEWORKS[name].ENVIRONMENT, found[name]) for name in sorted(found)]


def shipped(tasks: Iterable[Task]) -> list[str]:
    """The keys of the tasks whose questions evalctl brings."""
    return [task.key for task in tasks if shipped_task_digest(task.script)]
