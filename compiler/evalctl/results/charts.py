"""Charts in HTML: a bar for each model and the history of its score; no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from evalctl.results.entries import shown

MOST_BARS = 30  # of one chart; the table has everybody
_WIDE, _HIGH = 88, 20  # of a trend, in pixels


@dataclass(frozen=True, slots=True)
class Bar:
    """One model's score, and its scores so far, the oldest first."""

    name: str
    value: float
    before: tuple[tuple[str, float], ...] = ()


def chart(entry: str, bars: Sequence[Bar]) -> str:
    """A figure for one entry, the best first; the longest bar is the best of them, or 1 for shares."""
    best = sorted(bars, key=lambda bar: -bar.value)
    drawn, left = best[:MOST_BARS], best[MOST_BARS:]
    most = max([1.0, *(bar.value for bar in drawn)])
    rows = "".join(_bar(bar, most) for bar in drawn)
    more = f" ({len(left)} more in the table)" if left else ""
    return f"<figure><figcaption>{escape(entry)}{more}</figcaption>\n<ol>\n{rows}</ol></figure>\n"


def _bar(bar: Bar, most: float) -> str:
    share = max(0.2, bar.value / most * 100) if bar.value > 0 else 0.0
    trend = _trend(bar.before) if len(bar.before) > 1 else ""
    return (
        f'<li><div class="name">{escape(bar.name)}</div>'
        f'<div class="bar" style="width: {share:.1f}%"></div><div>{shown(bar.value)}</div>{trend}</li>\n'
    )


def _trend(before: Sequence[tuple[str, float]]) -> str:
    """A line through the scores so far, between the lowest and the highest, with a dot on the newest."""
    values = [value for _, value in before]
    low, span = min(values), (max(values) - min(values)) or 1.0
    step = (_WIDE - 8) / (len(values) - 1)
    points = [(4 + step * at, _HIGH - 4 - (value - low) / span * (_HIGH - 8)) for at, value in enumerate(values)]
    told = ", ".join(f"{day} {shown(value)}" for day, value in before)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg class="trend" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{escape(told)}">'
        f'<title>{escape(told)}</title><polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )
