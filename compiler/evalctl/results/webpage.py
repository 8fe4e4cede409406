"""The leaderboard as one HTML file: sortable, with a chart per entry, and nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evalctl.results.leaderboard import shown
from evalctl.results.tables import Measured

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --bar: #3b7dd8; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid var(--bar); }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 13px; }
svg rect { fill: var(--bar); }
"""
_SCRIPT = """\
for (const [column, button] of [...document.querySelectorAll("th button")].entries()) {
  button.addEventListener("click", () => {
    const body = document.querySelector("tbody"), down = button.dataset.down !== "yes";
    const key = row => row.cells[column].dataset.value;
    const value = row => column ? (key(row) === "" ? -Infinity : Number(key(row))) : key(row);
    const rows = [...body.rows].sort((a, b) => value(a) < value(b) ? 1 : value(a) > value(b) ? -1 : 0);
    body.append(...(down ? rows : rows.reverse()));
    button.dataset.down = down ? "yes" : "no";
  });
}
"""
_NAME, _BAR, _ROW = 420, 320, 24  # of a chart, in pixels


def page(measured: Sequence[Measured], names: Sequence[str]) -> str:
    """The whole file; models' and entries' names are text in it, whatever they hold."""
    head = "".join(f'<th scope="col"><button>{escape(name)}</button></th>' for name in ("model", *names))
    rows = "".join(_row(one, names) for one in measured)
    charts = "".join(_chart(measured, name) for name in names)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Results</title>\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>Results</h1>\n"
        "<p>A dash is an entry that was not measured. A click on a name sorts by it.</p>\n"
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'
        f"{charts}<script>\n{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _row(one: Measured, names: Sequence[str]) -> str:
    cells = "".join(f'<td data-value="{_number(one, name)}">{shown(one.value(name))}</td>' for name in names)
    return f'<tr><td data-value="{escape(one.name)}">{escape(one.name)}</td>{cells}</tr>\n'


def _number(one: Measured, name: str) -> str:
    value = one.value(name)
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def _chart(measured: Sequence[Measured], name: str) -> str:
    """A bar per model that has the entry; the longest is the best of them, or 1 for shares."""
    bars = sorted(((float(text), one) for one in measured if (text := _number(one, name))), key=lambda bar: -bar[0])
    most = max([1.0, *(value for value, _ in bars)])
    drawn = "".join(_bar(number, value / most, value, one.name) for number, (value, one) in enumerate(bars))
    size = f"0 0 {_NAME + _BAR + 80} {len(bars) * _ROW}"
    return f'<h2>{escape(name)}</h2>\n<svg viewBox="{size}" width="{_NAME + _BAR + 80}" role="img">{drawn}</svg>\n'


def _bar(number: int, share: float, value: float, name: str) -> str:
    top = number * _ROW
    width = max(1.0, share * _BAR) if share > 0 else 0.0
    return (
        f'<text x="0" y="{top + 16}">{escape(name if len(name) <= 56 else "…" + name[-55:])}</text>'
        f'<rect x="{_NAME}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}"/>'
        f'<text x="{_NAME + width + 6:.1f}" y="{top + 16}">{shown(value)}</text>'
    )
