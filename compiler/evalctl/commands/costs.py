"""`evalctl costs`: what attempts have cost, by month, person, model, service or task, and what reused results saved."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields

from evalctl.clone.costs import costs
from evalctl.clone.requests import root_of
from evalctl.exits import SUCCESS
from evalctl.policy.spent import Expense, ExpenseRow, Expenses, grouped
from evalctl.results.tables import harmless
from evalctl.screen.results_text import folded, room, table
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import plural
from evalctl.terminal import as_json

_LEGEND = (
    "LOST: attempts that gave neither results nor answers. SAVED: what results that another request uses, too, would have "
    "cost again. ≤: at most, for a job that left no end. Months are in UTC."
)


def run(arguments: argparse.Namespace) -> int:
    """Prints a table, JSON or CSV; reads the ledger of this clone only."""
    found = costs(root_of(arguments))
    if found is None:
        raise EnvironmentProblem(
            "this clone has no ledger (the branch evalctl-state)", help="git fetch, or: evalctl sync"
        )
    ledger, unreadable = found
    rows = grouped(ledger, arguments.by)
    if arguments.form == "json":
        print(as_json(_document(arguments.by, rows, ledger, unreadable), indent=1))
    elif arguments.form == "csv":
        print(_csv(arguments.by, rows), end="")
    else:
        print("\n".join(_text(arguments.by, rows, ledger, room(wide=arguments.wide))))
    if unreadable:
        print(
            f"warning: {plural(unreadable, 'record')} of the ledger cannot be read and count for nothing here",
            file=sys.stderr,
        )
    return SUCCESS


def _text(by: str, rows: Sequence[ExpenseRow], ledger: Expenses, width: int | None) -> list[str]:
    lines = ["nothing was spent yet"]
    if rows:
        head = (
            by.upper(),
            *(() if by == "service" else ("SERVICE",)),
            "SPENT",
            "MONEY",
            "LOST",
            "SAVED",
            "HOURS",
            "ATTEMPTS",
        )
        cells = [head, *(_cells(by, row) for row in rows)]
        lines = [table(cells, width, 1 if by == "service" else 2, by_name=False), *folded(_LEGEND, width)]
    lines += [line for text in _flying(ledger.in_flight) for line in folded(text, width)]
    if ledger.unknown:
        is_in = "has" if ledger.unknown == 1 else "have"
        text = f"{plural(ledger.unknown, 'attempt')} of an older evalctl {is_in} no recorded cost and count for nothing here"
        lines += folded(text, width)
    return lines


def _cells(by: str, row: ExpenseRow) -> tuple[str, ...]:
    most = "≤ " if row.at_most else ""
    money = "–" if row.money is None else f"{most}{row.money:,.0f} {row.currency}".strip()
    priced = row.unit != ""
    amounts = [f"{most}{row.spent:,.4f} {row.unit}s" if priced else "–", money]
    amounts += [f"{one:,.4f}" if priced else "–" for one in (row.lost, row.saved)]
    names = (row.key or "–",) if by == "service" else (row.key or "–", row.service)
    return (*names, *amounts, f"{row.hours:,.2f}", str(row.attempts))


def _flying(amounts: Sequence[Expense]) -> list[str]:
    """A line per service with attempts under way."""
    found: dict[tuple[str, str], list[Expense]] = {}
    for one in amounts:
        found.setdefault((one.service, one.unit), []).append(one)
    return [
        f"under way on {service}: {plural(len(those), 'attempt')}"
        + (f", at most {sum(one.value for one in those):,.4f} {unit}s" if unit else "")
        for (service, unit), those in sorted(found.items())
    ]


def _document(by: str, rows: Sequence[ExpenseRow], ledger: Expenses, unreadable: int) -> dict[str, object]:
    return {
        "by": by, "rows": [asdict(row) for row in rows], "in_flight": [asdict(one) for one in ledger.in_flight],
        "without_cost": ledger.unknown, "unreadable": unreadable,
    }  # fmt: skip


def _csv(by: str, rows: Sequence[ExpenseRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [one.name for one in fields(ExpenseRow)]
    writer.writerow([by, *names[1:]])
    for row in rows:
        values = asdict(row)
        writer.writerow([harmless(value) if isinstance(value := values[name], str) else value for name in names])
    return out.getvalue()
