"""`evalctl logs`: prints the logs of jobs and their tasks."""

from __future__ import annotations

import argparse
import codecs
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalctl.clone.jobs import with_forgotten
from evalctl.clone.machine import machine
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.evaluation import Job
from evalctl.sync.control import logs
from evalctl.sync.secrets import hidden
from evalctl.terminal import plain_lines
from evalctl_job.shards import read_key

_PAUSE_S = 0.5


def run(arguments: argparse.Namespace) -> int:
    """Prints the logs of the last attempts; with -f continues until Ctrl-C."""
    here = machine(arguments, committed=False)
    jobs, forgotten = with_forgotten(here.context, here.plans, arguments.selectors)
    names = [*(job.name for job in jobs), *forgotten]

    def listed() -> list[Path]:
        return _wanted(logs(here.context, names), arguments.selectors, jobs)

    paths = listed()
    if not paths:
        print("no logs: no matching job has run on this machine")
        return PERSON
    if arguments.paths:
        print("\n".join(map(str, paths)))
        return SUCCESS
    show(listed, lambda text: hidden(text, here.context.environment), follow=arguments.follow)
    return SUCCESS


def _wanted(paths: Sequence[Path], selectors: Sequence[str], jobs: Sequence[Job]) -> list[Path]:
    """The logs to print: with a task key among the selectors, only that task's logs."""
    keys = {task.evaluation.task.key for job in jobs for task in job.tasks} & set(selectors)
    return [path for path in paths if not keys or read_key(path.parent.name)[0] in keys]


def show(listed: Callable[[], Sequence[Path]], shown: Callable[[str], str], *, follow: bool) -> None:
    """Prints the logs, each text through `shown`, without terminal control sequences."""
    last: Path | None = None
    for new in rounds(listed):
        for path, text in new:
            if path != last:
                print(f"==> {path} <==")
            print(plain_lines(shown(text)), end="", flush=True)
            last = path
        if not follow:
            return
        time.sleep(_PAUSE_S)


def rounds(listed: Callable[[], Sequence[Path]]) -> Iterator[list[tuple[Path, str]]]:
    """Yields at each step the new text of all logs, including logs that were created meanwhile."""
    known: dict[Path, _Log] = {}
    while True:
        found = [known.setdefault(path, _Log(path)) for path in listed()]
        yield [(one.path, text) for one in found if (text := one.more())]


@dataclass(slots=True)
class _Log:
    """A log, and how much of it has been read; an incomplete character at its end is kept until its rest arrives."""

    path: Path
    size: int = 0
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def more(self) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(self.size)
                data = file.read()
        except FileNotFoundError:  # deleted after the files were listed
            return ""
        self.size += len(data)
        return self.decoder.decode(data)
