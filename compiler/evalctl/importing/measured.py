"""Converts the lab's earlier scores, from its raw results files or its aggregate, to records.

Facts that the lab's files lack (revision, server, system message, answers) are not invented: such a record has the key
`imported` and a digest that no eval can have, so it is shown but never reused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evalctl.importing.reading import ResultsContent, ResultsFile, folder_provider
from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.evaluation import Task
from evalctl.model.metrics import Metrics
from evalctl.model.names import NAME
from evalctl.model.providers import PROVIDERS, Provider
from evalctl.model.recorded import Facts
from evalctl.model.result import IMPORTED, SCHEMA, Result
from evalctl.results.names import task_name

_PARTLY = "import the other subsets as well; until then the task's entries are means over these subsets only"
FORK = "lighteval-swallow"  # the framework of the lab's files; a task of upstream lighteval may have the same name


@dataclass(frozen=True)
class Assignable:
    """What an imported score can be assigned to: the tasks, entries and providers of this repository."""

    tasks: Mapping[str, Task]
    metrics: Metrics
    providers: Mapping[str, Provider] = field(default_factory=lambda: PROVIDERS)
    subsets: Mapping[str, int] = field(default_factory=dict)  # the fork's task name -> number of its subsets

    @cached_property
    def key_of(self) -> dict[str, str]:
        """The fork's task name -> key of the first task here, including variants that an entry of metrics.yaml names with it."""
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
    """What the files say about one task here: the newest score of each subset."""

    scores: dict[str, Mapping[str, float]]
    weights: dict[str, int]
    entries: dict[str, float]
    at: float | None
    sources: dict[str, ResultsFile]


def folder_of(model: str, settings: str) -> str:
    """The model's folder of results (manual, 3.3): the name in the lab's files is that path already."""
    return "/".join(filter(None, ("results", model, settings)))


def records(found: Sequence[ResultsContent], known: Assignable, on: str) -> tuple[dict[str, Result], list[Diagnostic]]:
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


def _lacking(task: Task, part: _Part, known: Assignable) -> list[str]:
    """A sentence for each group of missing subsets of a task whose entries are means over all subsets."""
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


def _add_scores(one: ResultsContent, known: Assignable, parts: dict[str, _Part], problems: list[Diagnostic]) -> None:
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


def _add_entries(one: ResultsContent, known: Assignable, parts: dict[str, _Part], problems: list[Diagnostic]) -> None:
    """Adds values of entries. An entry with several alternative tasks goes to the first of them that exists here: which one was run is unknown."""
    keys = known.key_of
    tasks = {
        entry.name: next((keys[name] for name in entry.tasks if name in keys), None) for entry in known.metrics.entries
    }
    for name, value in one.entries.items():
        if (task := tasks.get(name)) is not None:
            _part(parts, task, one).entries[name] = value
    unknown = {name for name in one.entries if tasks.get(name) is None}
    problems += _unknown(unknown, "entry", "add it to manifests/tasks/metrics.yaml", one)


def _part(parts: dict[str, _Part], task: str, one: ResultsContent) -> _Part:
    part = parts.setdefault(task, _Part({}, {}, {}, None, {}))
    part.at = one.at
    part.sources[one.source.name] = one.source
    return part


def _unknown(names: Iterable[str], what: str, help: str, one: ResultsContent) -> Iterator[Diagnostic]:
    for name in sorted(names):
        message = f"not imported: this repository has no {what} `{name}`"
        yield Diagnostic("unknown-task", message, Span(one.source.file), help, severity=WARNING)


def _facts(
    task: Task, newest: ResultsContent, part: _Part, on: str, providers: Mapping[str, Provider], lacking: list[str]
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
        "warnings": lacking,  # the aggregate as a whole is marked as imported
    }


def _subject(newest: ResultsContent, providers: Mapping[str, Provider]) -> Facts:
    provider = folder_provider(newest.model, providers) or "openai"
    model = newest.model if provider == "openai" else newest.model.partition("/")[2]
    return {
        "provider": provider, "model": model, "revision": "", "path": None, "custom_settings": dict(newest.settings),
    }  # fmt: skip


def is_settings_name(name: str) -> bool:
    """Whether custom settings can have that name, which becomes a folder."""
    return re.fullmatch(NAME, name) is not None
