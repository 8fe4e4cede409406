"""What is known of one request after it was compiled, and how that is remembered for the next command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalctl import memory
from evalctl.memory import Memory
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.evaluation import Artifact

_SHORT = 16  # hex digits; two marks that are equal by chance would only cost a closer look


@dataclass(slots=True)
class Entry:
    """Findings, plan.json, digests of the artifacts, and their texts if they were made now.

    `asks` maps a mark of each result's place to a mark of the eval that is to lie there.
    """

    key: str
    models: list[str]
    diagnostics: list[Diagnostic]
    plan: bytes | None  # as JSON; None where an error forbids planning
    asks: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] | None = None  # path -> sha256; None when it was never rendered
    fresh: list[Artifact] = field(default_factory=list)

    @property
    def summary(self) -> Mapping[str, Any] | None:
        """plan.json as data; read at each call, since of a thousand requests few are looked at."""
        return None if self.plan is None else dict(json.loads(self.plan))


def entry(key: str, models: list[str], diagnostics: list[Diagnostic], summary: Mapping[str, Any] | None) -> Entry:
    """The entry of a request that was compiled now."""
    if summary is None:
        return Entry(key, models, diagnostics, None)
    tasks = [task for job in summary["jobs"] for task in job["tasks"]]
    asks = {_mark(task["result"]): task["digest"][:_SHORT] for task in tasks}
    if len(asks) < len(tasks):  # a place named twice: whether it conflicts with itself is for a closer look
        asks["self"] = hashlib.sha256(key.encode()).hexdigest()
    return Entry(key, models, diagnostics, memory.as_json(summary), asks)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def suspects(entries: Iterable[Entry]) -> Iterator[Mapping[str, Any]]:
    """plan.json of each request that may ask for another's (or its own) result differently, in order."""
    listed = [one for one in entries if one.plan is not None]
    first: dict[str, str] = {}
    disputed = {
        place
        for one in listed
        for place, digest in one.asks.items()
        if first.setdefault(place, digest) != digest or place == "self"
    }
    for one in listed if disputed else ():
        if not disputed.isdisjoint(one.asks) and (summary := one.summary) is not None:
            yield summary


def recalled(known: Memory, path: str) -> Entry | None:
    """The entry of `path` as it was remembered."""
    row = known.index.get("requests", {}).get(path)
    if row is None:
        return None
    key, models, diagnostics, place, asks, artifacts = row
    plan = None if place is None else known.text(place)
    return Entry(key, models, memory.unpack(diagnostics), plan, asks, artifacts)


def remembered(entries: Mapping[str, Entry]) -> tuple[dict[str, Any], bytes]:
    """Rows for the index, and the texts that they name."""
    rows: dict[str, Any] = {}
    texts: list[bytes] = []
    position = 0
    for path, one in entries.items():
        place = None
        if one.plan is not None:
            texts.append(one.plan)
            place = [position, position + len(one.plan)]
            position = place[1]
        rows[path] = [one.key, one.models, memory.pack(one.diagnostics), place, one.asks, one.artifacts]
    return rows, b"".join(texts)
