"""The whiskers within tables as SVG text, which need no script; the charts beside the tables are drawn by static/charts.js.

Positions are attributes, since the pages' policy allows no style in a page; colours come from classes of site.css.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10

from markupsafe import Markup

WIDE, HIGH = 200, 20  # of a row's whisker, in pixels
_EDGE = 6  # room at both ends for the point
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_MOST = 1e300  # larger values are drawn at the edge: the difference of two of these is finite
_FINEST = 1e-6  # of the largest value: finer steps are lost where numbers of that size are rounded
_PLAIN = 1e9  # larger numbers have an exponent


@dataclass(frozen=True, slots=True)
class Scale:
    """The values at the left and the right end of a chart."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value is, in pixels with one decimal."""
        share = (min(max(self.low, value), self.high) - self.low) / (self.high - self.low)
        return round(_EDGE + share * (WIDE - 2 * _EDGE), 1)

    def ticks(self) -> tuple[str, str, str]:
        """The ends and the middle as text."""
        return tick(self.low), tick((self.low + self.high) / 2), tick(self.high)


def tick(value: float) -> str:
    """A round number without zeros at its end."""
    if abs(value) >= _PLAIN:
        return f"{value:.4g}"
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def scale(values: Iterable[float], *, around_zero: bool = False) -> Scale:
    """Round ends that include all finite values and differ; `around_zero`: 0 is in the middle."""
    there = _drawable(values)
    if not there:
        return Scale(0.0, 1.0)
    low, high = min(there), max(there)
    if around_zero:
        most = _rounded_up(max(abs(low), abs(high), 1e-4))
        return Scale(-most, most)
    step = _rounded_up(max(high - low, 1e-3, _FINEST * max(abs(low), abs(high))) / 4)
    return Scale(round(floor(low / step) * step, 6), round((floor(high / step) + 1) * step, 6))


def _drawable(values: Iterable[float]) -> list[float]:
    return [min(max(one, -_MOST), _MOST) for one in values if isfinite(one)]


def _rounded_up(value: float) -> float:
    size: float = 10 ** floor(log10(value))
    return float(next(step * size for step in _STEPS if step * size >= value * 0.999999))


def whisker(
    on: Scale, value: float, low: float | None, high: float | None, kind: str = "", zero: bool = False
) -> Markup:
    """A point at the value and a line from low to high; its text is in the cells beside it, so it is hidden from readers."""
    middle = HIGH // 2
    parts = [f'<path class="zero" d="M{on.at(0)} 0V{HIGH}"/>'] if zero else []
    if low is not None and high is not None:
        left, right = on.at(low), on.at(high)
        parts.append(f'<path class="line" d="M{left} {middle}H{right}M{left} {middle - 4}v8M{right} {middle - 4}v8"/>')
    parts.append(f'<circle cx="{on.at(value)}" cy="{middle}" r="3.5"/>')
    return _svg(f"whisker {kind}".strip(), WIDE, HIGH, "".join(parts))


def axis(on: Scale) -> Markup:
    """The scale's ends and middle, as a row of text."""
    low, middle, high = on.ticks()
    return Markup('<span class="axis" aria-hidden="true"><i>{}</i><i>{}</i><i>{}</i></span>').format(low, middle, high)


def _svg(kind: str, width: int, height: int, body: str) -> Markup:
    head = f'<svg class="{kind}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
    return Markup(head + body + "</svg>")
