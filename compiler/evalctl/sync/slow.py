"""Causes of slowness of evals, from the small files of their attempts and their last few answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from evalctl import runfiles
from evalctl.home_folder import HomeFolder
from evalctl.results import answers, slowness
from evalctl.results.names import DETAILS
from evalctl.results.slowness import Cause
from evalctl.sync.eval_status import EvalStatus
from evalctl_job.relay_files import ServerLoad
from evalctl_job.run_folder import ANSWERS, INSIDE, RunFolder

_TAIL = 256 * 1024  # bytes of answers: some dozens of long ones
_NOBODY = "request-timeout"  # the reason of a task that failed because no answer came in time (evalctl_job/reasons.py)

T = TypeVar("T")


@dataclass(slots=True)
class _RunFiles:
    """Reads each file of run folders once; `problems` name those that could not be read."""

    problems: list[str] = field(default_factory=list)
    servers: dict[Path, ServerLoad | None] = field(default_factory=dict)

    def server(self, folder: Path) -> ServerLoad | None:
        if folder not in self.servers:
            self.servers[folder] = self.read(folder, INSIDE.relay.server, slowness.server_load)
        return self.servers[folder]

    def read(self, folder: Path, name: Path, form: Callable[[bytes], T]) -> T | None:
        """The parsed file; None, and a problem, where it is damaged or not trusted."""
        try:
            return form(runfiles.read(folder, name))
        except FileNotFoundError:
            return None  # not written yet, or deleted
        except (OSError, ValueError) as error:
            self.problems.append(f"{folder / name} does not say what slows its evals down: {error}")
            return None


def with_causes(lines: Sequence[EvalStatus], root: Path, *, done: bool) -> tuple[list[EvalStatus], list[str]]:
    """The lines with the causes of slowness in their attempts, and what is damaged; of `done` evals only when asked."""
    files = _RunFiles()
    found = [
        replace(line, causes=tuple(_causes(line, root, files)))
        if line.run_dir and (done or line.state != "done")
        else line
        for line in lines
    ]
    return found, files.problems


def _causes(line: EvalStatus, root: Path, files: _RunFiles) -> list[Cause]:
    folder = Path(line.run_dir)
    counts = files.read(folder, INSIDE.relay.counts(line.task), slowness.counts)
    found = slowness.causes_at_work(counts, files.server(folder), late=line.reason == _NOBODY)
    if any(
        cause.name == slowness.LENGTH for cause in found
    ):  # looping answers are cut off: without cut-off ones no answers need to be read
        found = [*slowness.looping(answers.summed(_last(*_answers_place(line, root)))), *found]
    return found


def _answers_place(line: EvalStatus, root: Path) -> tuple[Path, int]:
    """Where the eval's answers are, and how many folders of that path cannot be links: sync moves them beside its result.

    While it runs they are in `EVALCTL_HOME/answers/`, where the job's link points; a link to any other place is not followed.
    """
    if line.reason == "result-current":
        return root / Path(line.detail).parent / DETAILS / ANSWERS, 1
    own = RunFolder(Path(line.run_dir)).relay.answers(line.task)
    store = HomeFolder(Path(line.run_dir).parents[2]).answers
    named = own.readlink() if own.is_symlink() else own
    return (named, 2) if named.parent.parent == store else (own, 4)


def _last(path: Path, below: int) -> list[answers.Answer]:
    """The answers at the end of a file; none where it was moved or is not trusted."""
    try:
        with runfiles.opened(path.parent, path.name, sys.maxsize, below) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            whole = file.readlines()
    except (OSError, runfiles.NotTrusted):
        return []
    return answers.read(whole)[0]  # the first line may be incomplete: such a line is skipped
