"""`evalctl status`: each eval's state, reason, age and what slows it; of many, what is left by request, on one screen."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace

from evalctl.commands.machine import BEFORE_SUBMISSION, Machine, machine
from evalctl.commands.selecting import chosen
from evalctl.suggest import plural
from evalctl.sync.control import Line, status
from evalctl.sync.lastwords import with_last_words
from evalctl.sync.slow import with_causes
from evalctl.terminal import as_json

SCREEN = 40  # with more evals than this, or more requests, they are summed up
_ORDER = ("stop", "failed", "close", "collect", "submit", "running", "wait", "report", "done")


def run(arguments: argparse.Namespace) -> int:
    """Prints a table, or JSON; asks the scheduler once and changes nothing."""
    here = machine(arguments, committed=False)
    lines, warnings = status(here.context, here.plans)
    lines = [_named(line, here) for line in lines]
    lines = with_last_words(_selected(here, lines, arguments.selectors), here.context.root)
    few = len(lines) <= SCREEN or bool(arguments.selectors)
    # thousands of finished evals are not all looked into
    lines, damaged = with_causes(lines, here.context.root, done=few)
    if arguments.json:
        print(as_json([asdict(line) for line in lines], indent=1))
    else:
        print(table(lines) if few or arguments.all else summary(lines))
    for warning in [*warnings, *damaged]:
        print(f"warning: {warning}", file=sys.stderr if arguments.json else sys.stdout)
    return 0


def _named(line: Line, here: Machine) -> Line:
    """What was never submitted because its request is not compiled or not committed is called just that."""
    if line.request not in here.not_ready or line.reason not in BEFORE_SUBMISSION:
        return line
    reason, help = here.not_ready[line.request]
    return replace(line, state="stop", reason=reason, detail=help)


def _selected(here: Machine, lines: Sequence[Line], selectors: Sequence[str]) -> list[Line]:
    """A task key selects its own lines, other words whole jobs."""
    jobs = {job.name for job in chosen(here.plans, selectors)}
    keys = {line.task for line in lines} & set(selectors)
    return [line for line in lines if line.job in jobs and (not keys or line.task in keys)]


def table(lines: Sequence[Line]) -> str:
    """Rows of state, task, model, settings, age and reason, each with what slows it down; grouped by request."""
    if not lines:
        return "no evals: there is no request without errors here, or none matches"
    rows = [("STATE", "TASK", "MODEL", "AGE", "REASON")]
    for line in lines:
        named = f" ({line.settings})" if line.settings else ""
        why = "  ".join(filter(None, (line.reason, line.detail)))
        rows.append((line.state, line.task, line.model + named, _age(line.age_seconds), why))
    head, *shown = _aligned(rows)
    causes = ("".join(f"\n    {cause}" for cause in line.causes) for line in lines)
    return "\n".join([head, *(row + told for row, told in zip(shown, causes, strict=True))])


def summary(lines: Sequence[Line]) -> str:
    """A row per request that is not done, those that need a person first, and how many evals there are of each state."""
    requests: dict[str, list[Line]] = {}
    for line in lines:
        requests.setdefault(line.request, []).append(line)
    left = sorted(
        (found for found in requests.values() if _left(found)), key=lambda found: _rank(_left(found)[0].state)
    )
    rows = [("STATE", "REQUEST", "DONE", "AGE", "REASON"), *(_row(found) for found in left[:SCREEN])]
    more = [f"and {plural(len(left) - SCREEN, 'more request')} (evalctl status --all)"] if len(left) > SCREEN else []
    done = len(requests) - len(left)
    states = Counter(line.state for line in lines)
    counts = ", ".join(f"{states[state]} {state}" for state in sorted(states, key=_rank))
    total = f"{plural(len(lines), 'eval')} of {plural(len(requests), 'request')}, {done} of them done: {counts}"
    return "\n".join([*(_aligned(rows) if left else []), *more, total])


def _left(lines: Sequence[Line]) -> list[Line]:
    """The evals that are not done, the gravest first."""
    return sorted((line for line in lines if line.state != "done"), key=lambda line: _rank(line.state))


def _row(lines: Sequence[Line]) -> tuple[str, str, str, str, str]:
    left = _left(lines)
    reasons = Counter(line.reason or line.state for line in left)
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    slow = ", ".join(dict.fromkeys(cause.name for line in left for cause in line.causes))
    ages = [line.age_seconds for line in left if line.age_seconds is not None]
    name = lines[0].request.removeprefix("manifests/requests/").removesuffix(".yaml")
    return (
        left[0].state,
        name,
        f"{len(lines) - len(left)}/{len(lines)}",
        _age(max(ages, default=None)),
        f"{why} ({slow})" if slow else why,
    )


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else 0


def _aligned(rows: Sequence[tuple[str, str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]).rstrip()
        for row in rows
    ]


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
