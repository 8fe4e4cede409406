"""`evalctl logs`: what a job and its tasks wrote."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from evalctl.commands.machine import machine
from evalctl.commands.selecting import with_forgotten
from evalctl.model.evaluation import Job
from evalctl.sync.control import logs

_PAUSE_S = 0.5


def run(arguments: argparse.Namespace) -> int:
    """Prints the logs of the last attempts; with -f goes on until Ctrl-C."""
    here = machine(arguments, committed=False)
    jobs, forgotten = with_forgotten(here.context, here.plans, arguments.selectors)
    paths = _wanted(logs(here.context, [*(job.name for job in jobs), *forgotten]), arguments.selectors, jobs)
    if not paths:
        print("no logs: nothing that matches has run on this machine")
        return 1
    if arguments.paths:
        print("\n".join(map(str, paths)))
        return 0
    _print(paths, follow=arguments.follow)
    return 0


def _wanted(paths: Sequence[Path], selectors: Sequence[str], jobs: Sequence[Job]) -> list[Path]:
    """With a task key among the words, only that task's log."""
    keys = {task.evaluation.task.key for job in jobs for task in job.tasks} & set(selectors)
    return [path for path in paths if not keys or path.parent.name in keys]


def _print(paths: Sequence[Path], *, follow: bool) -> None:
    seen = dict.fromkeys(paths, 0)
    last: Path | None = None
    while True:
        for path in paths:
            with path.open("rb") as file:
                file.seek(seen[path])
                data = file.read()
            if data:
                if path != last:
                    print(f"==> {path} <==")
                print(data.decode("utf-8", "replace"), end="", flush=True)
                seen[path], last = seen[path] + len(data), path
        if not follow:
            return
        time.sleep(_PAUSE_S)
