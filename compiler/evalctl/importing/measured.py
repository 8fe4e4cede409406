"""Scores that the lab measured before, from its raw results files or its aggregate, as records of ours.

What the lab's files do not say (revision, server, system message, what was answered) is not made up: such a record has
`imported`, a digest that no eval can have, and is therefore shown but never reused.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.evaluation import Task
from evalctl.model.fields import MODEL, NAME
from evalctl.model.manifest import Metrics
from evalctl.model.providers import PROVIDERS
from evalctl.model.result import IMPORTED, SCHEMA
from evalctl.results.names import task_name
from evalctl.results.record import weights

# lighteval stamps with local time without saying so; both sites' clocks show Japan's.
_JAPAN = timezone(timedelta(hours=9))
_STAMP = re.compile(r"results_(.+)\.json")
_STAMP_FORMS = ("%Y-%m-%dT%H-%M-%S.%f", "%Y-%m-%dT%H-%M-%S")  # isoformat leaves a fraction of zero out
_MISSING = -1


@dataclass(frozen=True, slots=True)
class Source:
    """A file of results: its name, where it lies, and the digest of its text."""

    name: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What one file says about one model: scores by task key (raw), or values by entry (aggregate)."""

    source: Source
    model: str
    at: float | None
    scores: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, int]
    entries: Mapping[str, Any]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What results can belong to here."""

    tasks: Mapping[str, Task]
    metrics: Metrics

    @property
    def key_of(self) -> dict[str, str]:
        """Task key by the framework's name, variants that an entry names beside it included; the first of several tasks."""
        own = {task.script: task.key for task in reversed(list(self.tasks.values()))}
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

    scores: dict[str, Any]
    weights: dict[str, int]
    entries: dict[str, Any]
    at: float | None
    sources: dict[str, Source]


def read(text: str, name: str, file: str) -> tuple[Measured | None, list[Diagnostic]]:
    """The content of a results file, raw or aggregated; None with a reason where it is neither or is left out."""
    try:
        document = json.loads(text, parse_constant=_no_score)
        source = Source(name, file, hashlib.sha256(text.encode()).hexdigest())
        return (_raw(document, source) if "config_general" in document else _aggregate(document, source)), []
    except json.JSONDecodeError as error:
        return None, [
            _refused(f"this is not JSON: {error.msg}", Span(file, error.lineno, error.colno, error.colno + 1))
        ]
    except _LeftOut as reason:
        return None, [Diagnostic("unreadable-source", f"left out: {reason}", Span(file), _LEAVE, severity=WARNING)]
    except KeyError as lacking:
        return None, [_refused(f"{lacking} is missing", Span(file))]
    except ValueError as error:
        return None, [_refused(str(error), Span(file))]
    except (TypeError, AttributeError, RecursionError):
        return None, [_refused("this does not have the form of the lab's results files", Span(file))]


def folder_of(model: str, settings: str) -> str:
    """The model's folder, by the manual's 3.3: the name in the lab's files is its path already."""
    return "/".join(filter(None, ("results", model, settings)))


def records(found: Sequence[Measured], known: Known, on: str) -> tuple[dict[str, dict[str, Any]], list[Diagnostic]]:
    """Documents by path, of files of one model and settings; the newest score of each task and subset counts."""
    problems: list[Diagnostic] = []
    parts: dict[str, _Part] = {}
    for one in sorted(found, key=lambda one: (one.at or 0, one.source.name)):
        _add_scores(one, known, parts, problems)
        _add_entries(one, known, parts, problems)
    newest = found[-1]
    folder = folder_of(newest.model, newest.settings["name"])
    documents = {}
    for key, part in parts.items():
        task = known.tasks[key]
        documents[f"{folder}/{task.result_dir}/result.json"] = _document(task, newest, part, on)
    return documents, problems


# ---- reading ----------------------------------------------------------------------------------------------------


_LEAVE = "nothing to do; name only files that should be imported to be rid of this line"


class _LeftOut(Exception):
    """A file that is fine and not wanted."""


def _no_score(word: str) -> Any:
    raise ValueError(f"{word} is no score")


def _refused(message: str, span: Span) -> Diagnostic:
    return Diagnostic("unreadable-source", message, span, "mend the file, or name only files that can be imported")


def _raw(document: Mapping[str, Any], source: Source) -> Measured:
    general = document["config_general"]
    if general.get("max_samples") is not None:
        raise _LeftOut(f"a debugging run (max_samples {general['max_samples']})")
    scores = {key: _numbers(metrics) for key, metrics in document["results"].items() if key != "all"}
    described = {key: one for key, one in (document.get("config_tasks") or {}).items() if isinstance(one, dict)}
    counts = weights(scores, described)
    none = {"path": "", "name": "", "version": ""}
    return Measured(source, _model(general["model_name"]), _stamp(source.name), scores, counts, {}, none)


def _aggregate(document: Mapping[str, Any], source: Source) -> Measured:
    entries = {name: value for name, value in _numbers(document["results"]).items() if value != _MISSING}
    given = document.get("custom_settings") or {}
    settings = {key: str(given.get(key) or "") for key in ("path", "name", "version")}
    return Measured(source, _model(document["model"]), None, {}, {}, entries, settings)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The scores among the values; texts and truth values are none."""
    found = {name: value for name, value in values.items() if type(value) in (int, float)}
    if wrong := [name for name, value in found.items() if not math.isfinite(value)]:
        raise ValueError(f"`{wrong[0]}` is no finite number")
    return found


def _model(name: str) -> str:
    bare = name
    for provider in PROVIDERS.values():
        if provider.result_dir:
            bare = bare.removeprefix(f"{provider.result_dir}/")
    if not re.fullmatch(MODEL, bare):
        raise ValueError(f"`{name}` is no model as the lab names it (hosted_vllm/PUBLISHER/MODEL)")
    return name


def _stamp(name: str) -> float:
    match = _STAMP.fullmatch(name)
    for form in _STAMP_FORMS if match else ():
        try:
            return datetime.strptime(match[1] if match else "", form).replace(tzinfo=_JAPAN).timestamp()
        except ValueError:
            continue
    raise ValueError("the file's name does not say when it was written: results_2025-07-01T12-34-56.789012.json")


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


def _document(task: Task, newest: Measured, part: _Part, on: str) -> dict[str, Any]:
    content = json.dumps(
        [newest.model, newest.settings, task.key, part.scores, part.weights, part.entries], sort_keys=True
    )
    sources = [{"file": one.name, "sha256": one.sha256} for one in part.sources.values()]
    return {
        "schema": SCHEMA,
        "digest": f"{IMPORTED}{hashlib.sha256(content.encode()).hexdigest()[:48]}",
        "task": {"key": task.key, "script": task.script, "result_dir": task.result_dir, "framework": task.framework},
        "subject": _subject(newest),
        "max_samples": None,
        "scores": part.scores,
        "weights": part.weights,
        **({"entries": part.entries} if part.entries else {}),
        "samples": None,
        "seconds": None,
        "measured_at": part.at,
        "imported": {"on": on, "sources": sources},
        "warnings": ["imported: measured elsewhere, with inputs that are not known here"],
    }


def _subject(newest: Measured) -> dict[str, Any]:
    first, _, rest = newest.model.partition("/")
    provider = next((one.name for one in PROVIDERS.values() if one.result_dir == first and rest), "openai")
    model = newest.model if provider == "openai" else rest
    return {
        "provider": provider, "model": model, "revision": "", "path": None, "custom_settings": dict(newest.settings),
    }  # fmt: skip


def is_settings_name(name: str) -> bool:
    """Whether custom settings can have that name, which becomes a folder."""
    return re.fullmatch(NAME, name) is not None
