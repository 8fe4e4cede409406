"""What was measured. A missing score is absent here; the lab's -1 exists only in aggregated_results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = "evalctl/result/1"
IMPORTED = "imported-"  # begins the digest of a result measured before evalctl; no eval's digest has it


@dataclass(frozen=True, slots=True)
class Result:
    """The committed record of one eval (result.json).

    `scores` maps the framework's own task key (`swallow|jmmlu:x|0`) to metric values; `weights` gives the number of
    questions behind each of those keys. `document` is the whole JSON object as stored.
    """

    digest: str
    task: str
    script: str
    path: str  # of result.json, relative to the repository
    scores: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, int]
    document: Mapping[str, Any]
