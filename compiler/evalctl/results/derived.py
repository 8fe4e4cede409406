"""Which files follow from changed records: the aggregates of their model folders, and the leaderboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalctl.model.manifest import Metrics
from evalctl.model.result import Result
from evalctl.results import leaderboard
from evalctl.results.aggregate import aggregated
from evalctl.results.store import ResultIndex, folder_of, parse

AGGREGATE = "aggregated_results.json"
Read = Callable[[Sequence[str]], Mapping[str, bytes]]
_NEEDED = {"model": str, "results": dict, "overall": str, "custom_settings": dict, "evals": dict}
_OF_SETTINGS = {"name": str, "version": str}
_OF_EVALS = {"measured": (str, type(None))}


@dataclass(frozen=True, slots=True)
class Base:
    """What lies under results/ already: the index of records, the paths of aggregates, and how to read either."""

    index: ResultIndex
    aggregates: Sequence[str]
    read: Read


def by_folder(records: Mapping[str, str]) -> dict[str, list[Result]]:
    """New records (path to text) by the model folder that they belong to."""
    folders: dict[str, list[Result]] = {}
    for path in sorted(records):
        result = parse(path, records[path])
        folders.setdefault(folder_of(path, result.document["task"]["result_dir"]), []).append(result)
    return folders


def aggregates(changed: Mapping[str, Sequence[Result]], base: Base, metrics: Metrics) -> dict[str, Any]:
    """Folder to its aggregate, with the `changed` records in place of what the base has."""
    return {folder: _aggregate(folder, changed[folder], base, metrics) for folder in sorted(changed)}


def page(documents: Mapping[str, Any], base: Base, metrics: Metrics) -> str:
    """The leaderboard: the given aggregates, and the base's for all other folders."""
    others = [path for path in base.aggregates if _folder(path) not in documents]
    known = {_folder(path): document for path, text in base.read(others).items() if (document := aggregate_in(text))}
    return leaderboard.leaderboard({**known, **documents}, metrics)


def _folder(path: str) -> str:
    return path.removesuffix(f"/{AGGREGATE}")


def _aggregate(folder: str, changed: Sequence[Result], base: Base, metrics: Metrics) -> dict[str, Any]:
    new = {result.path for result in changed}
    kept = [listed.path for listed in base.index.by_folder.get(folder, ()) if listed.path not in new]
    return aggregated(folder, [*(parse(path, text) for path, text in base.read(kept).items()), *changed], metrics)


def aggregate_in(text: bytes) -> dict[str, Any] | None:
    """An aggregate of the repository; one that somebody broke drops out of the table until it is made anew."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = _has(document, _NEEDED) and _has(document["custom_settings"], _OF_SETTINGS)
    return document if whole and all(_has(one, _OF_EVALS) for one in document["evals"].values()) else None


def _has(document: Any, needed: Mapping[str, type | tuple[type, ...]]) -> bool:
    return isinstance(document, dict) and all(
        key in document and isinstance(document[key], kind) for key, kind in needed.items()
    )
