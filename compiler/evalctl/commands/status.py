"""`evalctl status`: each eval's state, reason and age."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from evalctl.commands.machine import machine
from evalctl.commands.selecting import chosen
from evalctl.sync.control import Line, status


def run(arguments: argparse.Namespace) -> int:
    """Prints a table, or JSON; asks the scheduler once and changes nothing."""
    here = machine(arguments, committed=False)
    lines, warnings = status(here.context, here.plans)
    jobs = {job.name for job in chosen(here.plans, arguments.selectors)}
    keys = {line.task for line in lines} & set(
        arguments.selectors
    )  # a task key selects its own lines, other words whole jobs
    lines = [line for line in lines if line.job in jobs and (not keys or line.task in keys)]
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines], indent=1, ensure_ascii=False))
        return 0
    print(table(lines))
    for warning in warnings:
        print(f"warning: {warning}")
    return 0


def table(lines: Sequence[Line]) -> str:
    """Rows of state, task, model, settings, age and reason; grouped by request."""
    if not lines:
        return "no evals: there is no request here, or none matches"
    rows = [("STATE", "TASK", "MODEL", "AGE", "REASON")]
    for line in lines:
        named = f" ({line.settings})" if line.settings else ""
        why = "  ".join(filter(None, (line.reason, line.detail)))
        rows.append((line.state, line.task, line.model + named, _age(line.age_seconds), why))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]).rstrip()
        for row in rows
    )


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
