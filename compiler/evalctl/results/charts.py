"""Bars by model and how their scores came to be, as SVG within a page: text and shapes, no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from evalctl.results.leaderboard import shown

MOST_BARS = 30  # of one chart; the table has everybody
_NAME, _BAR, _VALUE, _TREND, _ROW = 420, 320, 70, 90, 24  # in pixels
_LETTERS = 56  # of a name that fit beside the bars
_WIDTH = _NAME + _BAR + _VALUE + _TREND


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
    told = "; ".join(f"{bar.name} {shown(bar.value)}" for bar in drawn)
    shapes = "".join(_bar(row, bar, most) for row, bar in enumerate(drawn))
    more = f" ({len(left)} more in the table)" if left else ""
    return (
        f"<figure><figcaption>{escape(entry)}{more}</figcaption>\n"
        f'<svg viewBox="0 0 {_WIDTH} {len(drawn) * _ROW}" width="{_WIDTH}" role="img" '
        f'aria-label="{escape(f"{entry}: {told}")}">\n{shapes}</svg></figure>\n'
    )


def _bar(row: int, bar: Bar, most: float) -> str:
    top = row * _ROW
    width = max(1.0, bar.value / most * _BAR) if bar.value > 0 else 0.0
    return (
        f'<text x="0" y="{top + 16}"><title>{escape(bar.name)}</title>{escape(_short(bar.name))}</text>'
        f'<rect x="{_NAME}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}"/>'
        f'<text x="{_NAME + width + 6:.1f}" y="{top + 16}">{shown(bar.value)}</text>'
        f"{_trend(top, bar.before) if len(bar.before) > 1 else ''}\n"
    )


def _short(name: str) -> str:
    """A long name loses its beginning: whole parts of its path, the provider's first, as long as half of it stays."""
    if len(name) <= _LETTERS:
        return name
    tail = name[-_LETTERS + 1 :]
    return "…" + tail[max(0, tail.find("/", 0, _LETTERS // 2)) :]


def _trend(top: int, before: Sequence[tuple[str, float]]) -> str:
    """A line through the scores so far, between the lowest and the highest, with a dot on the newest."""
    values = [value for _, value in before]
    low, span = min(values), (max(values) - min(values)) or 1.0
    left, right = _WIDTH - _TREND + 4, _WIDTH - 6
    step = (right - left) / (len(values) - 1)
    points = [(left + step * at, top + 18 - (value - low) / span * 12) for at, value in enumerate(values)]
    told = ", ".join(f"{day} {shown(value)}" for day, value in before)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<g class="trend"><title>{escape(told)}</title><polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></g>'
    )


def by_language(entries: Mapping[str, Sequence[str]], scripts: Mapping[str, str]) -> dict[str, list[str]]:
    """The entries (name to its framework tasks) by the language of their tasks' keys, in order; `scripts` has each key's
    framework task.
    """
    languages = {script: key.partition("_")[0] for key, script in reversed(list(scripts.items()))}
    groups: dict[str, list[str]] = {}
    for name, tasks in entries.items():
        language = next((languages[task] for task in tasks if task in languages), "other")
        groups.setdefault(language, []).append(name)
    return groups
