"""What people read in several places is written by one function: times, durations, names of manifests, columns."""

from __future__ import annotations

import re
from math import inf, nan
from pathlib import Path

import pytest

from evalctl.model.names import below, request_name
from evalctl.model.walltime import duration, moment

PACKAGE = Path(__file__).parents[2] / "compiler/evalctl"
ONCE = {
    r"%H:%M UTC": {"model/walltime.py"},
    r"""removesuffix\(["']\.ya?ml["']\)""": {"model/names.py"},
    r":<\{\w*width\}": set(),
    r"// 60 % 60": {"model/walltime.py"},
}


@pytest.mark.parametrize("pattern", ONCE)
def test_a_form_is_written_in_one_module(pattern: str) -> None:
    """A second one would differ sooner or later."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }
    assert found == ONCE[pattern]


def test_a_duration_is_written_as_schedulers_read_it() -> None:
    """And nothing measured is a dash."""
    assert [duration(one) for one in (None, 0, 59, 3600 * 30 + 61)] == ["–", "–", "0:00:59", "30:01:01"]


@pytest.mark.parametrize("seconds", [nan, inf, -inf, -5.0, 1e12, 1e305, 10**400])
def test_a_duration_that_no_task_can_have_taken_is_a_dash(seconds: float) -> None:
    """Whatever a record says."""
    assert duration(seconds) == "–"


def test_a_time_is_in_utc() -> None:
    """To the minute; none is no text."""
    assert [moment(one) for one in (0, 1_700_000_000.9)] == ["", "2023-11-14 22:13 UTC"]


def test_a_manifest_has_the_name_of_its_file() -> None:
    """Below its folder, without the ending."""
    assert below("manifests/gates/release.yaml", "manifests/gates/") == "release"
    assert request_name("manifests/requests/team/one.yaml") == "team/one"
    assert request_name("team/one") == "team/one"
