"""What a gate's rules mean, and outcomes that only some data have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from samples import catalogue

from evalctl.model.gate import Gate
from evalctl.results.comparing import ComparedEntry, SideScore
from evalctl.results.gate_text import reasons
from evalctl.results.gated import ADVISORY, REQUIRED, gated, groups
from evalctl.results.gating import Candidate, averaged, worst
from evalctl.review.difference import difference
from evalctl.review.gate import Outcome
from evalctl.review.values import Pairs
from evalctl.review.verdicts import Verdict

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


@pytest.mark.parametrize(("left_out", "outcome"), [(0, Outcome.PASS), (60, Outcome.INCONCLUSIVE)])
def test_questions_without_a_value_never_help_an_average(left_out: int, outcome: Outcome) -> None:
    """Both entries have 60 of 2,060 questions without one: they may have moved the average by 2.9 points."""
    gate = Gate.model_validate({
        "baseline": "a/b", "candidates": ["a/c"], "required": [{"average": "ja", "margin": 0.012}], "advisory": [],
    })  # fmt: skip
    (rule,) = gated(gate, groups(catalogue({"manifests/tasks/metrics.yaml": METRICS})))
    changes = np.repeat([1.0, -1.0, 0.0], (10, 10, 1980))
    found = [difference(Pairs(changes * scale, None, False, scale, left_out=left_out)) for scale in (1, 10)]
    line = averaged(
        rule,
        [
            ComparedEntry(entry.name, SideScore(0.5), SideScore(0.5), Verdict.NOT_SHOWN, "", one)
            for entry, one in zip(rule.entries, found, strict=True)
        ],
    )
    assert line.outcome is outcome
    said = " ".join(reasons(Candidate("a/c", line.outcome, (line,))))
    assert ("120 questions have no value of both models" in said) == bool(left_out)


def test_an_average_is_bounded_by_what_each_entry_lacks() -> None:
    """Better by 0.6 of 20 questions; with 10 more that may be lost, 0.4 - 1/3 of all 30. A complete entry of 5,000 questions
    leaves half of that, and hides nothing.
    """
    gate = Gate.model_validate({
        "baseline": "a/b", "candidates": ["a/c"], "required": [{"average": "ja", "margin": 0.1}], "advisory": [],
    })  # fmt: skip
    (rule,) = gated(gate, groups(catalogue({"manifests/tasks/metrics.yaml": METRICS})))
    small = difference(Pairs(np.tile([0.5, 0.7], 10), None, False, left_out=10))
    large = difference(Pairs(np.tile([1.0, -1.0], 2500), None, False, 10.0))
    parts = [ComparedEntry("", SideScore(0.5), SideScore(0.5), Verdict.NOT_SHOWN, "", one) for one in (small, large)]
    line = averaged(rule, parts)
    assert line.difference is not None
    low, high = line.difference.bounds()
    assert low == pytest.approx((0.4 - 1 / 3) / 2, abs=0.02) and low < (0.4 - 1 / 3) / 2
    assert high == pytest.approx((0.4 + 1 / 3) / 2, abs=0.02) and high > (0.4 + 1 / 3) / 2
