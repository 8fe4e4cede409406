"""Finds every result.json, in a folder or in a commit, and remembers what it read by content key.

A file that cannot be read is a Diagnostic; it is neither deleted nor guessed at, and the eval that it belongs to is not
thereby missing: `ResultIndex.unreadable` names its path so that nobody measures it again by accident.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.providers import result_path
from evalctl.model.result import Result
from evalctl.results.names import DETAILS, LOGS, task_name
from evalctl.results.reading import Read, parse
from evalctl.shell import json_text, write_atomically
from evalctl.stamps import Stamp, is_settled, stamp

FILE = "result.json"
_CACHE_SCHEMA = 11
# What a copy for another request has of its own (see `record.reused`). Of these, the parts of _INPUTS are what was measured.
_OF_A_COPY = frozenset({
    "schema", "task", "subject", "generation", "server", "max_samples", "unanswered", "request", "reused_from",
})  # fmt: skip
_INPUTS: Mapping[str, Sequence[str]] = {
    "task": ("script", "framework", "framework_version", "digest"),
    "subject": ("provider", "model", "revision", "address"),
}


class Listed(NamedTuple):
    """One result as the index knows it. `folder` is the model folder: the path without result_dir and file name.

    `metrics` are those that its framework wrote for `script`, `rows` the names that its scores have in an aggregate. `job`
    and `attempt` say what it names as its origin, and `fingerprint` identifies what was measured. `belongs` is where a result
    of its own model, settings and task has its place.
    """

    path: str
    digest: str
    task: str
    folder: str
    measured_at: float
    script: str = ""
    metrics: Sequence[str] = ()
    job: str = ""
    attempt: int = 0
    fingerprint: str = ""
    rows: Sequence[str] = ()
    belongs: str = ""


@dataclass(frozen=True, slots=True)
class ResultIndex:
    """All results by path, by digest (the first path in order, where several have it) and by model folder."""

    by_path: Mapping[str, Listed]
    by_digest: Mapping[str, Listed]
    by_folder: Mapping[str, Sequence[Listed]]
    unreadable: Mapping[str, str]

    def current(self, path: str, digest: str) -> bool:
        """Whether the path has a result with this digest."""
        return path in self.by_path and self.by_path[path].digest == digest

    def diagnostics(self) -> list[Diagnostic]:
        """One finding for each file that could not be read."""
        return [
            Diagnostic(
                "unreadable-result", f"this result cannot be read: {why}", Span(path),
                help=f"restore it (git checkout -- {path}); or delete it, commit that, and: evalctl retry",
            )
            for path, why in self.unreadable.items()
        ]  # fmt: skip


def index_folder(root: Path, cache: Path | None = None) -> ResultIndex:
    """The index of the files on disk under root/results."""
    now = time.time_ns()
    versions = {path: _version(seen, now) for path, seen in _walk(root, "results", FILE)}
    return index(versions, lambda paths: {path: (root / path).read_bytes() for path in paths}, cache)


def index(versions: Mapping[str, str], read: Read, cache: Path | None = None) -> ResultIndex:
    """The index of the files in `versions` (path to content key, "" for none); only what the cache does not know is read."""
    known = _load_cache(cache)
    rows = {path: known[path] for path, key in versions.items() if key and path in known and known[path][0] == key}
    fresh = [path for path in versions if path not in rows]
    if fresh:
        contents = read(fresh)
        rows.update({path: [versions[path], *_facts(path, contents[path])] for path in fresh})
    if cache is not None and (fresh or len(known) != len(rows)):
        _save_cache(cache, rows)
    return _indexed(rows)


def _version(seen: Stamp, now_ns: int) -> str:
    """The content key of a file on disk; "" while it may change without getting another."""
    return "-".join(map(str, seen)) if is_settled(seen, now_ns) else ""


def _save_cache(cache: Path, rows: Mapping[str, Any]) -> None:
    """Without this file reading only takes longer; a clone without write permission can be read as well."""
    with contextlib.suppress(OSError):
        write_atomically(cache, json_text({"schema": _CACHE_SCHEMA, "rows": rows}, indent=None), folder_mode=0o700)


def named(root: Path, name: str) -> list[str]:
    """Every file of that name on disk under root/results, whether it can be read or not."""
    return [path for path, _ in _walk(root, "results", name)]


def files_in(root: Path) -> Read:
    """Reads files on disk; leaves out what is no regular file, links included."""

    def read(paths: Sequence[str]) -> dict[str, bytes]:
        there = {path: root / path for path in paths}
        return {path: place.read_bytes() for path, place in there.items() if place.is_file() and not place.is_symlink()}

    return read


def folder_of(path: str, result_dir: str) -> str:
    """The model folder of a result: its path without `result_dir/result.json`."""
    ending = f"/{result_dir}/{FILE}"
    if not path.endswith(ending):
        raise ValueError(f"it is not in its task's folder `{result_dir}`")
    return path.removesuffix(ending)


def _walk(root: Path, folder: str, name: str) -> Iterator[tuple[str, Stamp]]:
    """Files called `name` below a folder, in order; links are not followed. scandir: half the time of os.walk."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name == name and entry.is_file(follow_symlinks=False):
            yield f"{folder}/{name}", stamp(entry.stat(follow_symlinks=False))
        elif entry.is_dir(follow_symlinks=False) and entry.name not in (LOGS, DETAILS):
            yield from _walk(root, f"{folder}/{entry.name}", name)


def _load_cache(cache: Path | None) -> dict[str, list[Any]]:
    """The remembered rows; a cache that cannot be used is just rebuilt."""
    try:
        document = json.loads(cache.read_text(encoding="utf-8")) if cache else {}
    except (OSError, ValueError):
        return {}
    return dict(document["rows"]) if document.get("schema") == _CACHE_SCHEMA else {}


def _facts(path: str, content: bytes) -> list[Any]:
    """[why it is unreadable, then the fields of Listed without its path]."""
    try:
        result = parse(path, content)
        folder = folder_of(path, result.task.result_dir)
        job, attempt = result.ran.origin
        return [
            "", result.digest, result.task.key, folder, result.measured_at, result.task.script,
            metric_names(result), job, attempt, fingerprint(result), row_names(result), belongs(result),
        ]  # fmt: skip
    except ValueError as error:
        return [str(error)]


def metric_names(result: Result) -> list[str]:
    """The metrics that the framework wrote for the task or any of its subsets, without their standard errors."""
    return sorted(result.scores.metrics)


def row_names(result: Result) -> list[str]:
    """The names, without subsets, under which an aggregate finds the scores."""
    return sorted({task_name(key).partition(":")[0] for key in result.scores})


def belongs(result: Result) -> str:
    """The path that a result of this model, these settings and this task has; "" where the record does not say them."""
    subject, settings, most = result.subject, result.subject.custom_settings, result.recorded("max_samples")
    words = [subject.recorded("provider"), subject.recorded("model"), settings.recorded("name") or ""]
    if not all(isinstance(word, str) for word in words) or not isinstance(most, (int, NoneType)):
        return ""
    return result_path(subject.provider, subject.model, settings.name, result.task.result_dir, most)


def fingerprint(result: Result) -> str:
    """Identifies what was measured and all that the record says of it, whatever place it has: a copy for another request
    has the same."""
    own = {key: value for key, value in result.as_json().items() if key not in _OF_A_COPY}
    parts = {"task": result.task, "subject": result.subject}
    inputs = [[parts[key].recorded(name) for name in names] for key, names in _INPUTS.items()]
    settings = [_plain(result.recorded(key)) for key in ("generation", "server", "max_samples", "unanswered")]
    return hashlib.sha256(json.dumps([own, inputs, settings], sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Settings normalised as for the digest: 0 and 0.0 are one temperature."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _indexed(rows: Mapping[str, list[Any]]) -> ResultIndex:
    by_path: dict[str, Listed] = {}
    by_digest: dict[str, Listed] = {}
    by_folder: dict[str, list[Listed]] = {}
    unreadable: dict[str, str] = {}
    for path in sorted(rows):
        _, why, *facts = rows[path]
        if why:
            unreadable[path] = why
            continue
        by_path[path] = listed = Listed(path, *facts)
        by_digest.setdefault(listed.digest, listed)
        by_folder.setdefault(listed.folder, []).append(listed)
    return ResultIndex(by_path, by_digest, by_folder, unreadable)
