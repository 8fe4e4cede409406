"""How answers ended, for people and programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalctl.model.aggregate import Stability
from evalctl.results import ended_text

WELL = Stability(
    questions=100, answers=100, cut_off=0, unended=0, refused=0, repeats=0, empty=0, unknown=0, finished=100, score=0.5
)
CUT = replace(WELL, cut_off=12, unended=3, finished=86, score=0.6123)


def test_only_what_did_not_end_well_is_said() -> None:
    """By entry, the one with the fewest finished questions first."""
    found = list(ended_text.sentences({"a": WELL, "b": replace(WELL, repeats=1), "c": CUT}))
    assert found == [
        "c: of 100 answers 12.0% cut off, 3.0% with reasoning that never ended; 0.6123 over the 86 of 100 questions whose answers all "
        "ended by themselves",
        "b: of 100 answers 1.0% repeating themselves",
    ]


def test_many_entries_are_counted() -> None:
    """Programs read all of them."""
    found = list(ended_text.sentences({f"e{number}": CUT for number in range(15)}))
    assert len(found) == 13 and found[-1] == "how the answers of 3 more entries ended: --json"


def test_two_models_have_the_difference_of_their_shares() -> None:
    """Of each kind that one of them has; none where one of the two is not known."""
    assert ended_text.both("a", CUT, WELL) == (
        "answers of a, model / baseline: cut off 12.0% / 0.0% (+12.0%), with reasoning that never ended 3.0% / 0.0% (+3.0%); "
        "0.6123 / 0.5000 over 86 / 100 questions whose answers all ended by themselves"
    )
    assert ended_text.both("a", WELL, WELL) == ""
    made = ended_text.differences(CUT, WELL)
    assert made is not None and made["cut_off"] == {"model": 0.12, "baseline": 0.0, "difference": pytest.approx(0.12)}
    assert ended_text.differences(CUT, None) is ended_text.differences(None, WELL) is None
