"""How sure each entry of an aggregate is, from the values of its questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose

from evalctl.model.aggregate import MISSING, Entries, Uncertainty
from evalctl.model.metrics import Metrics
from evalctl.results.newest import Newest
from evalctl.results.per_question import of_entry
from evalctl.results.question_values import Scored

_DECIMALS = 6  # processors and versions of SciPy agree on these, and every clone writes the same file


def uncertainties(
    entries: Entries, there: Newest, scored: Mapping[str, Scored | str], metrics: Metrics
) -> Iterator[tuple[str, Uncertainty]]:
    """Of the entries whose questions have values: those whose mean is the entry."""
    if all(isinstance(one, str) for one in scored.values()):
        return
    from evalctl.review.score import estimate  # SciPy is slow to load

    for entry in metrics.entries:
        value = entries.get(entry.name)
        if value is None or value == MISSING:
            continue
        values = of_entry(entry, there, scored, metrics.subset_groups)
        if isinstance(values, str):
            continue
        found = estimate(values)
        if isclose(found.mean, value, rel_tol=1e-9, abs_tol=1e-12):
            error, low, high, sampling = map(_rounded, (found.error, found.low, found.high, found.of_sampling))
            yield (
                entry.name,
                Uncertainty(found.questions, found.answers, found.clusters, error, low, high, sampling, found.method),
            )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, _DECIMALS) + 0.0  # + 0.0: no -0.0
