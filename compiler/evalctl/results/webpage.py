"""The leaderboard as one HTML file: sortable, with charts by language, nothing loaded from anywhere, readable on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from evalctl.results.charts import Bar, chart
from evalctl.results.leaderboard import REMARKED
from evalctl.results.tables import Measured

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --bar: #3b7dd8; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child {
  text-align: left; position: sticky; left: 0; background: Canvas;
  min-width: min(24rem, 40vw); white-space: normal; overflow-wrap: anywhere;
}
button { all: unset; cursor: pointer; font-weight: 600; }
button:focus-visible { outline: 2px solid var(--bar); }
figure { margin: 1rem 0 1.5rem; break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
ol { list-style: none; margin: 0; padding: 0; }
ol li { display: grid; grid-template-columns: minmax(0, 2fr) minmax(6rem, 3fr) 4rem 5.5rem; gap: 0 .8rem; align-items: center; }
.bar { height: 1rem; background: var(--bar); }
.trend { width: 5.5rem; height: 1.2rem; vertical-align: middle; }
.trend polyline { fill: none; stroke: currentColor; stroke-width: 1.5; opacity: .6; }
.trend circle { fill: var(--bar); }
@media (max-width: 40rem) {
  ol li { grid-template-columns: minmax(0, 1fr) 4rem; margin-bottom: .6rem; }
  .name, .trend { grid-column: 1 / -1; }
}
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  body { margin: 0; max-width: none; print-color-adjust: exact; }
  .wide { overflow: visible; }
  th, td { padding: .2rem .4rem; font-size: 9px; }
  th:first-child, td:first-child { min-width: 0; white-space: nowrap; }
  h2 { break-after: avoid; }
}
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
NOTHING = "nothing has been measured yet: what is not committed does not count"
# Scores of a model folder over time, the oldest first: the day, and the aggregate of that day.
History = Sequence[tuple[str, Measured]]


def page(
    measured: Sequence[Measured],
    names: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    history: Mapping[str, History],
    remarks: Sequence[str] = (),
) -> str:
    """The whole file: all of `names` in the table, `remarks` on them, a chart of each by group; `history` is by model folder.

    Names of models, entries and groups are text in it, whatever they hold.
    """
    head = "".join(f'<th scope="col"><button>{escape(name)}</button></th>' for name in ("model", *names))
    rows = "".join(_row(one, names) for one in measured)
    charts = "".join(_section(group, measured, entries, history) for group, entries in groups.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Results</title>\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>Results</h1>\n"
        "<p>A dash is an entry that was not measured. A click on a name sorts by it. A line beside a score: its scores so far.</p>\n"
        f"{'' if measured else f'<p>{NOTHING}</p>'}"
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'
        f"{_remarks(remarks)}{charts}<script>\n{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _remarks(lines: Sequence[str]) -> str:
    listed = "".join(f"<li>{escape(line)}</li>\n" for line in lines)
    return f"<p>{REMARKED} read with care:</p>\n<ul>\n{listed}</ul>\n" if lines else ""


def _row(one: Measured, names: Sequence[str]) -> str:
    cells = "".join(f'<td data-value="{_number(one, name)}">{escape(one.text(name))}</td>' for name in names)
    return f'<tr><td data-value="{escape(one.name)}">{escape(one.name)}</td>{cells}</tr>\n'


def _number(one: Measured, name: str) -> str:
    value = one.value(name)
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def _section(group: str, measured: Sequence[Measured], names: Sequence[str], history: Mapping[str, History]) -> str:
    charts = "".join(chart(name, _bars(measured, name, history)) for name in names)
    return f"<section>\n<h2>{escape(group)}</h2>\n{charts}</section>\n"


def _bars(measured: Sequence[Measured], name: str, history: Mapping[str, History]) -> list[Bar]:
    """One for each model that has the entry."""
    return [
        Bar(one.name, float(value), _before(name, history.get(one.folder, ())))
        for one in measured if (value := _number(one, name))
    ]  # fmt: skip


def _before(name: str, versions: History) -> tuple[tuple[str, float], ...]:
    return tuple((day, float(value)) for day, one in versions if (value := _number(one, name)))
