"""`evalctl sync`: runs one pass, or with --watch passes in the foreground until nothing is left to do."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, replace

from evalctl import columns, terminal
from evalctl.clone.machine import BEFORE_SUBMISSION, Machine, machine
from evalctl.exits import LATER, PERSON, SUCCESS
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.run import Action, JobProgress, State, Step
from evalctl.model.weights import WeightsToDownload
from evalctl.report import show
from evalctl.screen.downloading import download
from evalctl.screen.live import Live
from evalctl.screen.progress import words
from evalctl.screen.uploading import upload
from evalctl.sync.progress import of_attempts
from evalctl.sync.sync import SyncReport, joined, sync, watch
from evalctl.sync.uploads import Upload, UploadReport
from evalctl.sync.weights import AWAITED, awaited, is_refused

_SHOWN_ALWAYS = (Action.SUBMIT, Action.COLLECT, Action.CLOSE, Action.STOP, Action.REPORT, Action.CANCEL)


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 for success, 1 if a person must act, 4 to try again later."""
    passes = Passes(arguments)
    if arguments.watch and not arguments.dry_run:
        screen = Screen(arguments.json, passes.progress)
        with redirect_stderr(terminal.Preceded(sys.stderr, screen.live.clear)):
            report = watch(passes.run_pass, screen.show, lambda: time.sleep(arguments.interval))
    else:
        report = passes.run_pass()
        _show(report, arguments.json, dry_run=arguments.dry_run)
    if passes.blocked and not arguments.json:
        print(f"left out because of the errors above: {', '.join(passes.blocked)}")
    return report.exit_code


class Passes:
    """Runs passes; each reads the clone again, because requests are added, edited and deleted while --watch runs."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.blocked: tuple[str, ...] = ()
        self.errors: tuple[Diagnostic, ...] = ()
        self.fetched: set[WeightsToDownload] = set()
        self.unsent: dict[Upload, UploadReport] = {}
        self.here: Machine | None = None

    def progress(self, report: SyncReport) -> dict[str, JobProgress]:
        """The progress of the jobs that were running in the last pass."""
        running = {step.job for step in report.steps if step.reason == State.RUNNING.value}
        attempts = {name: one for name, one in report.under_way.items() if name in running}
        return of_attempts(self.here.context, self.here.plans, attempts) if self.here and attempts else {}

    def run_pass(self) -> SyncReport:
        """Runs one pass; prints errors of requests when they are new."""
        dry_run = self.arguments.dry_run
        here = self.here = machine(self.arguments, committed=not dry_run, settle=True)
        if here.errors != self.errors and not dry_run:
            show(here.errors, here.context.root, "text", sys.stderr)
        self.blocked, self.errors = here.blocked, here.errors
        report = sync(here.context, here.plans, here.settled, dry_run=dry_run, pruning=self.arguments.prune)
        if dry_run:
            return self._with_blocked(_refused(report, here))
        if self._fetched_what_is_awaited(here, report):
            report = joined(report, sync(here.context, here.plans, here.settled))
        self.unsent = upload(here.context, here.for_the_hub, self.unsent)
        return self._with_blocked(_with_uploads(report, list(self.unsent.values())))

    def _with_blocked(self, report: SyncReport) -> SyncReport:
        """The report, in which blocked requests need a person."""
        return replace(report, exit_code=report.exit_code or PERSON) if self.blocked else report

    def _fetched_what_is_awaited(self, here: Machine, report: SyncReport) -> bool:
        """Downloads weights that jobs wait for, after everything else was started; a failure that needs a person is tried once."""
        wanted = [
            weights for weights in awaited(here.plans, report.steps)
            if weights not in self.fetched or not is_refused(here.context, weights)
        ]  # fmt: skip
        for weights in wanted:
            download(here.context, weights)
            self.fetched.add(weights)
        return bool(wanted)


def _with_uploads(report: SyncReport, failed: Sequence[UploadReport]) -> SyncReport:
    """The report, with a warning for each failed upload, which the next sync tries again."""
    warnings = tuple(f"not uploaded to {one.repo}: {one.reason}: {one.detail}" for one in failed)
    later = all(one.reason == "hub-unreachable" for one in failed)
    code = report.exit_code or (SUCCESS if not failed else LATER if later else PERSON)
    return replace(report, warnings=(*report.warnings, *warnings), exit_code=code)


def _refused(report: SyncReport, here: Machine) -> SyncReport:
    """The report of a dry run, in which requests that are not compiled or not committed are marked as not submitted."""
    refused = {
        name: here.not_ready[plan.request]
        for plan in here.plans if plan.request in here.not_ready
        for name in (*(job.name for job in plan.jobs), *(one.name for one in plan.downloads))
    }  # fmt: skip
    steps = tuple(
        replace(step, action=Action.STOP, reason=refused[step.job][0], detail=refused[step.job][1])
        if step.job in refused and (step.action is Action.SUBMIT or step.reason in BEFORE_SUBMISSION) else step
        for step in report.steps
    )  # fmt: skip
    return replace(report, steps=steps, exit_code=PERSON if steps != report.steps else report.exit_code)


def _show(report: SyncReport, as_json: bool, *, dry_run: bool = False) -> None:
    if as_json:
        steps = [{**asdict(step), "action": step.action.value} for step in report.steps]
        print(
            terminal.as_json(
                {"steps": steps, "warnings": report.warnings, "exit": report.exit_code, "commit": report.commit}
            )
        )
        return
    waiting = [line(step) for step in report.steps if step.reason in AWAITED and step.action is Action.WAIT]
    for text in (*_events(report), *waiting):
        print(text)
    print(summary(report, dry_run=dry_run), flush=True)


class Screen:
    """The output of --watch: each event once, and below the unfinished jobs, with the progress of running ones."""

    def __init__(
        self, as_json: bool, progress: Callable[[SyncReport], Mapping[str, JobProgress]] = lambda _: {}
    ) -> None:
        self.as_json = as_json
        self.progress = progress
        self.live = Live()

    def show(self, report: SyncReport) -> None:
        """Prints a report after a pass; off a terminal the table only when a job's state has changed."""
        if self.as_json:
            _show(report, True)
            return
        waiting, last = [step for step in report.steps if step.action is Action.WAIT], summary(report)
        jobs, now = self.progress(report), time.time()
        lines = [text for step in waiting for text in _with_progress(step, jobs.get(step.job), now)]
        self.live.show(_events(report), [*lines, last], "\n".join([*map(line, waiting), last]))


def _with_progress(step: Step, job: JobProgress | None, now: float) -> list[str]:
    """The line of a job; for a running job also a line with answers per task and one for all tasks."""
    if job is None:
        return [line(step)]
    rows = {**job.tasks, **({"all tasks": job.whole} if len(job.tasks) > 1 else {})}
    width = max(map(columns.display_width, rows), default=0)
    return [line(step), *(f"    {columns.padded(key, width)}  {words(one, now)}" for key, one in rows.items())]


def _events(report: SyncReport) -> list[str]:
    commit = [f"committed results: {report.commit[:12]}"] if report.commit else []
    steps = [line(step) for step in report.steps if step.action in _SHOWN_ALWAYS]
    return [*steps, *(f"warning: {warning}" for warning in report.warnings), *commit]


def line(step: Step) -> str:
    """One step as a line of text."""
    return "  ".join(filter(None, (f"{step.action.value:<8}", step.job, step.reason, step.detail)))


def summary(report: SyncReport, *, dry_run: bool = False) -> str:
    """`3 done, 1 waiting`, with the reasons of waiting jobs; after a dry run, what sync would do."""
    counts = Counter(step.action for step in report.steps)
    words = {
        Action.DONE: "done",
        Action.SUBMIT: "to submit" if dry_run else "submitted",
        Action.WAIT: "waiting",
        Action.STOP: "need a person",
        Action.CANCEL: "to cancel" if dry_run else "cancelled",
    }
    if counts[Action.STOP] == 1:
        words[Action.STOP] = "needs a person"
    parts = [f"{number} {words.get(action, action.value)}" for action, number in counts.items()]
    waiting = Counter(step.reason for step in report.steps if step.action is Action.WAIT)
    why = f" ({', '.join(f'{number} {reason}' for reason, number in waiting.items())})" if waiting else ""
    if not counts and report.exit_code == LATER:
        return "try again later"
    if set(counts) <= {Action.DONE}:
        return "nothing to do: every eval has its result" if counts else "nothing to do: no requests"
    return ", ".join(parts) + why
