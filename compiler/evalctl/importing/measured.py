"""Scores that the lab measured before, from its raw results files or its aggregate, as records of ours.

What the lab's files do not say (revision, server, system message, what was answered) is not made up: such a record has
`imported`, a digest that no eval can have, and is therefore shown but never reused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evalctl.importing.reading import Measured, Source, folder_provider
from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.evaluation import Task
from evalctl.model.manifest import Metrics
from evalctl.model.names import NAME
from evalctl.model.providers import PROVIDERS, Provider
from evalctl.model.result import IMPORTED, SCHEMA, Facts, Result
from evalctl.results.names import task_name

_PARTLY = "import the other subsets as well; until then its entries are means over these alone"
FORK = "lighteval-swallow"  # what the lab's files were measured with; a task of upstream may have the same name


@dataclass(frozen=True)
class Known:
    """What results can belong to here."""

    tasks: Mapping[str, Task]
    metrics: Metrics
    providers: Mapping[str, Provider] = field(default_factory=lambda: PROVIDERS)
    subsets: Mapping[str, int] = field(default_factory=dict)  # how many each of the fork's tasks has

    @cached_property
    def key_of(self) -> dict[str, str]:
        """Task key by the fork's name, variants that an entry names beside it included; the first of several tasks."""
        own = {task.script: task.key for task in reversed(list(self.tasks.values())) if task.framework == FORK}
        variants = {
            name: own[known]
            for entry in self.metrics.entries
            for known in entry.tasks
            for name in entry.tasks
            if known in own and name not in own
        }
        return {**variants, **own}


@dataclass(slots=True)
class _Part:
    """All that the files say about one task of ours, the newest of each subset."""

    scores: dict[str, Mapping[str, float]]
    weights: dict[str, int]
    entries: dict[str, float]
    at: float | None
    sources: dict[str, Source]


def folder_of(model: str, settings: str) -> str:
    """The model's folder, by the manual's 3.3: the name in the lab's files is its path already."""
    return "/".join(filter(None, ("results", model, settings)))


def records(found: Sequence[Measured], known: Known, on: str) -> tuple[dict[str, Result], list[Diagnostic]]:
    """Records by path, of files of one model and settings; the newest score of each task and subset counts."""
    problems: list[Diagnostic] = []
    parts: dict[str, _Part] = {}
    for one in sorted(found, key=lambda one: (one.at or 0, one.source.name)):
        _add_scores(one, known, parts, problems)
        _add_entries(one, known, parts, problems)
    newest = found[-1]
    folder = folder_of(newest.model, newest.settings["name"])
    made = {}
    for key, part in parts.items():
        task = known.tasks[key]
        lacking = _lacking(task, part, known)
        problems += [
            Diagnostic("unreadable-source", f"{task.key}: {one}", _file(part), _PARTLY, severity=WARNING)
            for one in lacking
        ]
        path = f"{folder}/{task.result_dir}/result.json"
        made[path] = Result(_facts(task, newest, part, on, known.providers, lacking), path)
    return made, problems


def _lacking(task: Task, part: _Part, known: Known) -> list[str]:
    """In words, where the files have single subsets of a task whose entries are means over all of them."""
    names = {task_name(key) for key in part.scores}
    subsets = Counter(name.partition(":")[0] for name in names if ":" in name and "_average" not in name)
    found = []
    for base, there in sorted(subsets.items()):
        if task.script == base and base not in names and there < known.subsets.get(base, 0):
            found.append(f"only {there} of the {known.subsets[base]} subsets of `{base}` were measured")
    return found


def _file(part: _Part) -> Span:
    return Span(list(part.sources.values())[-1].file)


# ---- records ----------------------------------------------------------------------------------------------------


def _add_scores(one: Measured, known: Known, parts: dict[str, _Part], problems: list[Diagnostic]) -> None:
    keys = known.key_of
    unknown: set[str] = set()
    for key, metrics in one.scores.items():
        name = task_name(key)
        task = keys.get(name) or keys.get(name.partition(":")[0])
        if task is None:
            unknown.add(name.partition(":")[0])
            continue
        part = _part(parts, task, one)
        for old in [old for old in part.scores if task_name(old) == name]:  # an older run, maybe of other shots
            del part.scores[old]
            part.weights.pop(old, None)
        part.scores[key] = metrics
        part.weights.update({key: one.weights[key]} if key in one.weights else {})
    problems += _unknown(unknown, "task", "evalctl new task", one)


def _add_entries(one: Measured, known: Known, parts: dict[str, _Part], problems: list[Diagnostic]) -> None:
    """Of an entry with several alternative tasks nobody knows which was run: it goes to the first that we have."""
    keys = known.key_of
    tasks = {
        entry.name: next((keys[name] for name in entry.tasks if name in keys), None) for entry in known.metrics.entries
    }
    for name, value in one.entries.items():
        if (task := tasks.get(name)) is not None:
            _part(parts, task, one).entries[name] = value
    unknown = {name for name in one.entries if tasks.get(name) is None}
    problems += _unknown(unknown, "entry", "add it to manifests/tasks/metrics.yaml", one)


def _part(parts: dict[str, _Part], task: str, one: Measured) -> _Part:
    part = parts.setdefault(task, _Part({}, {}, {}, None, {}))
    part.at = one.at
    part.sources[one.source.name] = one.source
    return part


def _unknown(names: Iterable[str], what: str, help: str, one: Measured) -> Iterator[Diagnostic]:
    for name in sorted(names):
        message = f"left out: there is no {what} `{name}` here"
        yield Diagnostic("unknown-task", message, Span(one.source.file), help, severity=WARNING)


def _facts(
    task: Task, newest: Measured, part: _Part, on: str, providers: Mapping[str, Provider], lacking: list[str]
) -> Facts:
    content = json.dumps(
        [newest.model, newest.settings, task.key, part.scores, part.weights, part.entries], sort_keys=True
    )
    sources = [{"file": one.name, "sha256": one.sha256} for one in part.sources.values()]
    return {
        "schema": SCHEMA,
        "digest": f"{IMPORTED}{hashlib.sha256(content.encode()).hexdigest()[:48]}",
        "task": {"key": task.key, "script": task.script, "result_dir": task.result_dir, "framework": task.framework},
        "subject": _subject(newest, providers),
        "max_samples": None,
        "scores": part.scores,
        "weights": part.weights,
        **({"entries": part.entries} if part.entries else {}),
        "samples": None,
        "seconds": None,
        "measured_at": part.at,
        "imported": {"on": on, "sources": sources},
        "warnings": lacking,  # that it is imported is said once for the whole aggregate
    }


def _subject(newest: Measured, providers: Mapping[str, Provider]) -> Facts:
    provider = folder_provider(newest.model, providers) or "openai"
    model = newest.model if provider == "openai" else newest.model.partition("/")[2]
    return {
        "provider": provider, "model": model, "revision": "", "path": None, "custom_settings": dict(newest.settings),
    }  # fmt: skip


def is_settings_name(name: str) -> bool:
    """Whether custom settings can have that name, which becomes a folder."""
    return re.fullmatch(NAME, name) is not None
