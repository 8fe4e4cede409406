"""Numbers of any size on the pages: whiskers have scales with ends that differ, and what is no number is left out."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest

from evalctl.site.drawing import Scale, scale, whisker

SIZES = [
    [0.0],
    [0.5],
    [5e-324],
    [3e12],
    [-3e12],
    [1e16, 1e16 + 2],
    [1e305],
    [1.7e308, -1.7e308],
    [0.0, 3e12],
    [-1e305, 0.5],
]


@pytest.mark.parametrize("around_zero", [False, True])
@pytest.mark.parametrize("values", SIZES, ids=str)
def test_a_chart_has_room_for_values_of_every_size(values: list[float], around_zero: bool) -> None:
    """Its ends are finite and differ, each value is between them or at an end, and no number of the axis is a line long."""
    on = scale(values, around_zero=around_zero)
    assert isfinite(on.low) and isfinite(on.high) and on.low < on.high
    assert all(6 <= on.at(value) <= 194 for value in values)
    assert all(len(text) < 15 for text in on.ticks())


@pytest.mark.parametrize("around_zero", [False, True])
def test_what_is_not_finite_is_left_out_of_a_scale(around_zero: bool) -> None:
    """The other values have the scale that they have alone; where there are no others it goes from 0 to 1."""
    assert scale([nan, 0.3, inf, 0.9, -inf], around_zero=around_zero) == scale([0.3, 0.9], around_zero=around_zero)
    assert scale([nan, inf], around_zero=around_zero) == Scale(0.0, 1.0)


def test_no_chart_has_a_position_that_is_no_number() -> None:
    """The point and its interval are at an edge."""
    for value in (nan, inf, -inf, 1.7e308):
        drawn = whisker(Scale(0.0, 1.0), value, -value, value)
        assert "nan" not in drawn and "inf" not in drawn
