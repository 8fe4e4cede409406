"""Why an eval that has a result is measured again: which of its inputs changed."""

from __future__ import annotations

from pathlib import Path

from evalctl.model.evaluation import Eval
from evalctl.plan.differences import differences
from evalctl.plan.forecast import CHANGED
from evalctl.results.reading import parse
from evalctl.results.submission import inputs


def detail(root: Path, evaluation: Eval | None) -> str:
    """The forecast's reason, with each input that differs from the result on disk."""
    if evaluation is None:  # edited since the plan was read
        return CHANGED
    try:
        recorded = parse(evaluation.result_path, (root / evaluation.result_path).read_bytes())
    except (OSError, ValueError):  # changed since it was indexed; the next plan says so
        return CHANGED
    return f"{CHANGED}: {differences(recorded, inputs(evaluation))}"
