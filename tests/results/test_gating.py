"""What a gate's rules mean, and outcomes that only some data have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from samples import catalogue

from evalctl.model.gate import Gate
from evalctl.results.gated import ADVISORY, REQUIRED, gated, groups
from evalctl.results.gating import worst
from evalctl.review.gate import Outcome

METRICS = (
    "entries:\n  - {name: one, function: pick, metrics: [exact], tasks: [jemhopqa_cot]}\n"
    "  - {name: ten, function: pick, metrics: [judge], tasks: [japanese_mt_bench], full_mark: 10}\n"
    '  - {name: code, function: pick, metrics: ["pass@1"], tasks: [humaneval]}\n'
)


def compares(
    required: Sequence[dict[str, Any]], advisory: Sequence[dict[str, Any]] = ()
) -> list[tuple[str, str, float]]:
    """(tier, name, margin) of each line of a gate with these rules."""
    gate = Gate.model_validate(
        {"baseline": "a/b", "candidates": ["a/c"], "required": list(required), "advisory": list(advisory)}
    )
    known = groups(catalogue({"manifests/tasks/metrics.yaml": METRICS}))
    return [(one.tier, one.name, one.margin) for one in gated(gate, known)]


def test_a_margin_of_a_group_is_a_share_of_each_full_mark() -> None:
    """And one of an entry is in its own units."""
    assert compares([{"language": "ja", "margin": 0.02}]) == [(REQUIRED, "one", 0.02), (REQUIRED, "ten", 0.2)]
    assert compares([{"entry": "ten", "margin": 0.5}]) == [(REQUIRED, "ten", 0.5)]
    assert compares([{"average": "ja", "margin": 0.02}]) == [(REQUIRED, "average of ja", 0.02)]


def test_an_entry_with_a_rule_of_its_own_leaves_the_groups_of_its_tier_and_advisory_ones() -> None:
    """Never a required one for an advisory rule."""
    group, own = {"suite": "ja", "margin": 0.02}, {"entry": "one", "margin": 0.5}
    assert compares([group, own]) == [(REQUIRED, "ten", 0.2), (REQUIRED, "one", 0.5)]
    assert compares([own], [group]) == [(REQUIRED, "one", 0.5), (ADVISORY, "ten", 0.2)]
    assert (REQUIRED, "one", 0.02) in compares([group], [own])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("PASS PASS", "PASS"), ("PASS INCONCLUSIVE", "INCONCLUSIVE"), ("INCONCLUSIVE INVALID PASS", "INVALID"),
        ("INVALID FAIL PASS", "FAIL"), ("", "INVALID"),
    ],
)  # fmt: skip
def test_the_worst_outcome_counts(found: str, expected: str) -> None:
    """Nothing at all is INVALID."""
    assert worst(Outcome[name] for name in found.split()) is Outcome[expected]
