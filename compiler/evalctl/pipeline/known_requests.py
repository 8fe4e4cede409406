"""The outcome of compiling one request, and how it is stored for the next command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalctl.load.places import folded
from evalctl.model import plan_file
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.plan_file import PlanFile
from evalctl.pipeline import memory
from evalctl.pipeline.memory import Memory
from evalctl.plan.applied import Applied, as_json, of_json

if TYPE_CHECKING:
    from evalctl.model.evaluation import Artifact

_SHORT = 16  # hex digits; two hashes that are equal by chance only cause a full comparison


@dataclass(slots=True)
class KnownRequest:
    """One compiled request: findings, plan.json, digests of its generated files, and their texts if rendered by this command.

    `settings` are those of `plan.applied`, as JSON. `asks` maps a hash of each result's path to a hash of the eval whose result it is.
    """

    key: str
    models: list[str]
    diagnostics: list[Diagnostic]
    plan: bytes | None  # plan.json; None where an error forbids planning
    settings: bytes = b"{}"
    asks: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] | None = None  # path -> sha256; None when it was never rendered
    fresh: list[Artifact] = field(default_factory=list)

    @property
    def summary(self) -> PlanFile | None:
        """plan.json as data; parsed at each call, since of a thousand requests only few are needed."""
        return None if self.plan is None else plan_file.of_json(json.loads(self.plan))

    @property
    def applied(self) -> Applied:
        """The settings of each job's evals, as text."""
        return of_json(json.loads(self.settings))


def known_request(
    key: str, models: list[str], diagnostics: list[Diagnostic], summary: PlanFile, plan: bytes, settings: Applied
) -> KnownRequest:
    """The outcome of a request that this command has compiled; `plan` is the text of `summary`."""
    tasks = list(summary.tasks)
    asks = {_hash(folded(task.result)): _hash(f"{task.result} {task.digest}") for task in tasks}
    if len(asks) < len(tasks):  # one path twice: `suspects` reports the request, the full comparison decides
        asks["self"] = hashlib.sha256(key.encode()).hexdigest()
    return KnownRequest(key, models, diagnostics, plan, memory.as_json(as_json(settings)), asks)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def suspects(entries: Iterable[KnownRequest]) -> Iterator[PlanFile]:
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


def recalled(known: Memory, path: str) -> KnownRequest | None:
    """The stored outcome of the request at `path`; None where there is none."""
    row = known.index.get("requests", {}).get(path)
    if row is None:
        return None
    key, models, diagnostics, plan, settings, asks, artifacts = row
    found = memory.unpack(diagnostics)
    if plan is None:
        return KnownRequest(key, models, found, None)
    return KnownRequest(key, models, found, known.text(plan), known.text(settings), asks, artifacts)


def remembered(entries: Mapping[str, KnownRequest]) -> tuple[dict[str, Any], bytes]:
    """Rows for the index, and the texts that the rows refer to."""
    rows: dict[str, Any] = {}
    texts = memory.TextsToRemember()
    for path, one in entries.items():
        places = [None, None] if one.plan is None else [texts.add(one.plan), texts.add(one.settings)]
        rows[path] = [one.key, one.models, memory.pack(one.diagnostics), *places, one.asks, one.artifacts]
    return rows, texts.joined
