"""Whether a record is proven by an attempt in the ledger, or accepted by a person in git.

`results/accepted.json` holds what persons accepted: a list of {path, fingerprint, by, why}, written by `evalctl results
accept`. A record that changes afterwards has another fingerprint, and is unproven again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from evalctl.model.result import IMPORTED
from evalctl.results.store import Listed, ResultIndex

ACCEPTED_FILE = "results/accepted.json"
NOBODYS = "no attempt in the ledger accounts for it"
EDITED = "it differs from what was collected"
MISPLACED = "its place is not that of its model, settings and task"
PROVEN, ACCEPTED, UNPROVEN, NOT_CHECKED, TAKEN_OVER = "proven", "accepted", "unproven", "not checked", "imported"
KEYS = {"path", "fingerprint", "by", "why"}


@dataclass(frozen=True, slots=True)
class Proofs:
    """`attempts` maps a job and the number of an attempt to the digests of evals that it gave; None where
    there is no ledger. Of `unreadable` jobs nothing is known. `pinned` has the fingerprints of results as they were
    collected, by job, attempt and digest; an attempt that an older evalctl closed has none.
    """

    attempts: Mapping[tuple[str, int], frozenset[str]] | None
    accepted: frozenset[tuple[str, str]] = frozenset()
    unreadable: frozenset[str] = frozenset()
    pinned: Mapping[tuple[str, int, str], frozenset[str]] = field(default_factory=dict)

    def state(self, one: Listed) -> str:
        """Why this record counts, or that it is not known to."""
        if one.digest.startswith(IMPORTED):
            return TAKEN_OVER
        if (one.path, one.fingerprint) in self.accepted:
            return ACCEPTED
        if self.attempts is None or one.job in self.unreadable:
            return NOT_CHECKED
        return UNPROVEN if self.why_not(one) else PROVEN

    def why_not(self, one: Listed) -> str:
        """Why the ledger does not prove this record; "" if it does."""
        if one.digest not in (self.attempts or {}).get((one.job, one.attempt), frozenset()):
            return NOBODYS
        if one.belongs != one.path:
            return MISPLACED
        pinned = self.pinned.get((one.job, one.attempt, one.digest))
        return "" if pinned is None or one.fingerprint in pinned else EDITED


def accepted(text: str | bytes) -> frozenset[tuple[str, str]]:
    """Path and fingerprint of each record that a person accepted; raises ValueError where the file has another form."""
    return frozenset((row["path"], row["fingerprint"]) for row in rows(text))


def rows(text: str | bytes) -> list[dict[str, str]]:
    """The file's rows; raises ValueError where it has another form."""
    try:
        found = json.loads(text) if text else []
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    whole = isinstance(found, list) and all(
        isinstance(row, dict) and row.keys() == KEYS and all(isinstance(value, str) and value for value in row.values())
        for row in found
    )
    if not whole:
        raise ValueError(f"it is not a list of objects with {', '.join(sorted(KEYS))}")
    return list(found)


def unproven(index: ResultIndex, proofs: Proofs) -> dict[str, list[Listed]]:
    """The unproven records by model folder."""
    found: dict[str, list[Listed]] = {}
    for one in index.by_path.values():
        if proofs.state(one) == UNPROVEN:
            found.setdefault(one.folder, []).append(one)
    return found
