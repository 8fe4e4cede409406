"""`evalctl status`: shows state, reason, age and progress of each eval, and why it is slow; for many evals, a summary by request."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, replace

from evalctl.clone.jobs import chosen
from evalctl.clone.machine import BEFORE_SUBMISSION, Machine, machine
from evalctl.clone.policy import left
from evalctl.columns import aligned
from evalctl.exits import SUCCESS
from evalctl.model.names import request_name
from evalctl.model.run import JobProgress
from evalctl.screen import progress
from evalctl.screen.live import Live
from evalctl.shell import TryLater
from evalctl.suggest import plural
from evalctl.sync.eval_status import EvalStatus, status
from evalctl.sync.lastwords import with_last_words
from evalctl.sync.progress import of_lines
from evalctl.sync.slow import with_causes
from evalctl.terminal import as_json
from evalctl_job.shards import read_key, words

SCREEN = 40  # with more evals than this, or more requests, a summary is shown
_ORDER = ("stop", "failed", "close", "collect", "submit", "running", "wait", "report", "done")
_FINAL = ("done", "stop", "report")  # states that no job changes any more
_MOST_JOBS = 5  # with more jobs, only their common progress is shown
NONE = "no evals: every request has errors, or no request matches"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at one moment: the selected evals, the progress of their running jobs, warnings."""

    lines: Sequence[EvalStatus]
    jobs: Mapping[str, JobProgress]
    warnings: Sequence[str]
    few: bool
    now: float
    budgets: Sequence[str] = ()  # a line for each

    def text(self, everything: bool) -> list[str]:
        """A table or a summary, followed by the progress of running jobs."""
        if not (self.few or everything):
            return [*summary(self.lines).splitlines(), *self.running(), *self.budgets]
        shown = grouped_table(self.lines, self.now) if self.jobs else table(self.lines)
        return [*shown.splitlines(), *self.running(), *self.budgets]

    def live(self, everything: bool) -> list[str]:
        """The same without finished evals, as long as there are others."""
        left = [line for line in self.lines if line.state != "done"]
        if not left or not (self.few or everything):
            return self.text(everything)
        done = len(self.lines) - len(left)
        counted = [f"{done} of {plural(len(self.lines), 'eval')} done"] if done else []
        return [*grouped_table(left, self.now).splitlines(), *self.running(), *counted]

    @property
    def is_final(self) -> bool:
        """Whether no job will change anything any more."""
        return all(line.state in _FINAL for line in self.lines)

    def running(self) -> list[str]:
        """The progress of each running job if there are only few, and of all together."""
        found = progress.together(self.jobs, self.now)
        return found if len(self.jobs) <= _MOST_JOBS else found[-1:]

    def document(self) -> list[dict[str, object]]:
        """For --json: an object per eval."""
        return [
            asdict(line)
            | {"progress": progress.document(line.progress), "job_progress": progress.document(line.job_progress)}
            for line in self.lines
        ]


def run(arguments: argparse.Namespace) -> int:
    """Prints a table, or JSON; queries the scheduler once and changes nothing. With --watch repeatedly."""
    if arguments.watch:
        return _watched(arguments)
    snapshot = _snapshot(arguments)
    print(as_json(snapshot.document(), indent=1) if arguments.json else "\n".join(snapshot.text(arguments.all)))
    for warning in snapshot.warnings:
        print(f"warning: {warning}", file=sys.stderr if arguments.json else sys.stdout)
    return SUCCESS


def _watched(arguments: argparse.Namespace) -> int:
    """Repeats until no job will change anything any more, at the interval of `sync --watch`."""
    live, last = Live(), ""
    while True:
        snapshot, events = _looked(arguments)
        if arguments.json:
            print("\n".join(events), end="\n" if events else "", file=sys.stderr)
            print(as_json(snapshot.document()) if snapshot else "", end="\n" if snapshot else "", flush=True)
        elif snapshot is None:
            live.show(events, live.drawn.splitlines(), live.state)
        else:
            state = "\n".join(
                " ".join((line.state, line.job, line.task, line.reason, line.detail)) for line in snapshot.lines
            )
            printed, running = live.show(events, snapshot.live(arguments.all), state), snapshot.running()
            if not printed and running and running[-1] != last:
                print(running[-1], flush=True)
            last = running[-1] if running else ""
        if snapshot and snapshot.is_final:
            return SUCCESS
        time.sleep(arguments.interval)


def _looked(arguments: argparse.Namespace) -> tuple[Snapshot | None, list[str]]:
    """(a snapshot, lines printed to standard error meanwhile): printing those at once would disturb the redrawn lines."""
    warnings_shown = io.StringIO()
    try:
        with redirect_stderr(warnings_shown):
            snapshot = _snapshot(arguments)
    except TryLater as problem:
        return None, [*warnings_shown.getvalue().splitlines(), f"warning: {problem.message}: trying again"]
    return snapshot, [
        *warnings_shown.getvalue().splitlines(),
        *(f"warning: {warning}" for warning in snapshot.warnings),
    ]


def _snapshot(arguments: argparse.Namespace) -> Snapshot:
    here = machine(arguments, committed=False)
    every, warnings = status(here.context, here.plans)
    lines = _selected(here, [_named(line, here) for line in every], arguments.selectors)
    lines = with_last_words(lines, here.context.root)
    jobs = of_lines(here.context, here.plans, every, {line.job for line in lines})
    few = len(lines) <= SCREEN or bool(arguments.selectors)
    # the progress of thousands of finished evals is not read
    lines, damaged = with_causes([_with_progress(line, jobs) for line in lines], here.context.root, done=few)
    return Snapshot(
        lines, jobs, [*warnings, *damaged], few, here.context.clock(), left(here.context.root, here.context.policy)
    )


def _with_progress(line: EvalStatus, jobs: Mapping[str, JobProgress]) -> EvalStatus:
    job = jobs.get(line.job)
    return line if job is None else replace(line, progress=job.tasks.get(line.task), job_progress=job.whole)


def _named(line: EvalStatus, here: Machine) -> EvalStatus:
    """The line, with `not-compiled` or `not-committed` as reason if the job was never submitted because of that."""
    if line.request not in here.not_ready or line.reason not in BEFORE_SUBMISSION:
        return line
    reason, help = here.not_ready[line.request]
    return replace(line, state="stop", reason=reason, detail=help)


def _selected(here: Machine, lines: Sequence[EvalStatus], selectors: Sequence[str]) -> list[EvalStatus]:
    """The selected lines: a task key selects its own lines, other selectors whole jobs."""
    jobs = {job.name for job in chosen(here.plans, selectors)}
    keys = {read_key(line.task)[0] for line in lines} & set(selectors)
    return [line for line in lines if line.job in jobs and (not keys or read_key(line.task)[0] in keys)]


def table(lines: Sequence[EvalStatus]) -> str:
    """Rows of state, task, model, settings, age and reason, with causes of slowness; grouped by request."""
    if not lines:
        return NONE
    rows = [("STATE", "TASK", "MODEL", "AGE", "REASON")]
    rows += [(line.state, words(line.task), _model(line), _age(line.age_seconds), _why(line)) for line in lines]
    head, *shown = aligned(rows)
    return "\n".join([head, *(row + _causes(line) for row, line in zip(shown, lines, strict=True))])


def grouped_table(lines: Sequence[EvalStatus], now: float) -> str:
    """The same, with the model above its rows; for running evals also answers, rate and estimated end."""
    if not lines:
        return NONE
    counted = any(line.progress for line in lines)
    rows = [("STATE", "TASK", *(("ANSWERS", "PER MIN", "EST. END") if counted else ()), "AGE", "REASON")]
    for line in lines:
        numbers = _counted(line, now) if counted else ()
        rows.append((line.state, words(line.task), *numbers, _age(line.age_seconds), _why(line)))
    head, *shown = aligned(rows, right=(2, 3) if counted else ())
    parts = [head]
    for position, (line, row) in enumerate(zip(lines, shown, strict=True)):
        before = lines[position - 1] if position else None
        if before is None or (before.request, _model(before)) != (line.request, _model(line)):
            parts.append(_model(line))
        parts.append(row + _causes(line))
    return "\n".join(parts)


def _model(line: EvalStatus) -> str:
    return f"{line.model} ({line.settings})" if line.settings else line.model


def _why(line: EvalStatus) -> str:
    return "  ".join(filter(None, (line.reason, line.detail)))


def _causes(line: EvalStatus) -> str:
    return "".join(f"\n    {cause}" for cause in line.causes)


def _counted(line: EvalStatus, now: float) -> tuple[str, str, str]:
    found = line.progress
    if found is None:
        return "", "", ""
    if line.state == "running" and found.answered == found.total:
        return progress.answers(found), "", "scoring"
    return progress.answers(found), progress.rate(found), progress.end(found, now)


def summary(lines: Sequence[EvalStatus]) -> str:
    """A row per unfinished request, those that need a person first, and the number of evals of each state."""
    requests: dict[str, list[EvalStatus]] = {}
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
    return "\n".join([*(aligned(rows) if left else []), *more, total])


def _left(lines: Sequence[EvalStatus]) -> list[EvalStatus]:
    """The evals that are not done, the most serious first."""
    return sorted((line for line in lines if line.state != "done"), key=lambda line: _rank(line.state))


def _row(lines: Sequence[EvalStatus]) -> tuple[str, str, str, str, str]:
    left = _left(lines)
    reasons = Counter(line.reason or line.state for line in left)
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    slow = ", ".join(dict.fromkeys(cause.name for line in left for cause in line.causes))
    ages = [line.age_seconds for line in left if line.age_seconds is not None]
    name = request_name(lines[0].request)
    return (
        left[0].state,
        name,
        f"{len(lines) - len(left)}/{len(lines)}",
        _age(max(ages, default=None)),
        f"{why} ({slow})" if slow else why,
    )


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else 0


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
