"""What this repository's attempts cost: from the ledger of this clone and its plans; asks no scheduler and no remote."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from evalctl.clone.last_attempts import ledger_of
from evalctl.model import plan_file
from evalctl.model.plan_file import PlanFile
from evalctl.policy.spent import Expenses, ledger
from evalctl.sync.charges import recorded


def costs(root: Path) -> tuple[Expenses, int] | None:
    """(all costs, the number of records that cannot be read); None where this clone has no ledger."""
    records = ledger_of(root)
    if records is None:
        return None
    return ledger(recorded(records), _plans(root), time.time()), len(records.unreadable)


def _plans(root: Path) -> Iterator[PlanFile]:
    """The requests as they are compiled; what `evalctl compile` did not write is left out."""
    for path in sorted((root / "generated").rglob("plan.json")):
        try:
            yield plan_file.of_json(json.loads(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            continue
