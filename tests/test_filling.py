"""The simulation of a job's tasks (`python -m tests.bench filling`), and the bar for the server's filling in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.bench.filling import NOW, ONE_BY_ONE, TASKS, Kind, Policy, Run, lengths, ordered

CHOICES = sum(kind.questions * kind.turns * kind.choices for kind in TASKS.values())


def test_the_server_is_full_until_the_last_answers() -> None:
    """The standard run on a node of 16 cores: at least 0.95 of 256 places, and nothing but the last tasks' scoring after them."""
    run = Run(NOW, 256, ordered(longest_first=True))
    found = run.outcome()
    assert run.answered == CHOICES
    assert found.filled >= 0.95
    assert found.scoring < 60


@pytest.mark.parametrize(
    "policy", [ONE_BY_ONE, NOW, replace(NOW, at_once=1), replace(NOW, conversations_at_once=False)]
)
def test_every_policy_answers_everything(policy: Policy) -> None:
    """Each question once, each turn after the one before, and never more than the server bears."""
    tasks = [("a", Kind(40, 100)), ("b", Kind(5, 50, 10, 30.0)), ("c", Kind(4, 20, turns=2))]
    run = Run(policy, 12, tasks)
    found = run.outcome()
    assert run.answered == 40 + 50 + 8
    assert max(under_way for _, under_way, _ in run.samples) <= 12
    assert 0 < found.filled <= 1
    assert found.idle + 40 * 100 * 0.008 / 12 <= found.seconds


def test_one_request_takes_a_step_for_each_token() -> None:
    """What can be computed by hand: loading, the steps of one choice, scoring."""
    alone = Kind(1, 100)
    found = Run(NOW, 12, [("a", alone)]).outcome()
    assert found.seconds == pytest.approx(15.001 + 0.00803 * lengths("a", alone)[0][0] + 8.003)
