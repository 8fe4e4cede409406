"""The relay's state of each task: answers are stored at once, counts soon after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evalctl_job.answers import Answers
from evalctl_job.counts import Counts
from evalctl_job.files import complain, write_by_rename, write_json
from evalctl_job.options import BadOptions, Options, read_options
from evalctl_job.refusals import Refusals
from evalctl_job.run_folder import RelayFolder
from evalctl_job.shards import others

FRESH_SECONDS = 0.5


@dataclass(slots=True)
class TaskState:
    """One task's options, answers and counts; `refusal` says why its requests cannot be sent."""

    key: str
    folder: RelayFolder
    options: Options = field(default_factory=Options)
    answers: Answers | None = None
    refusal: str | None = None
    counts: Counts = field(default_factory=Counts)
    refusals: Refusals = field(default_factory=Refusals)
    changed: bool = True
    written: float = 0.0

    def flush(self, *, now: bool = False) -> None:
        """Bring the counts file up to date, at most every half second unless asked for at once."""
        if now or (self.changed and time.monotonic() - self.written >= FRESH_SECONDS):
            self.written = time.monotonic()
            write_json(self.folder.counts(self.key), self.counts.now().as_json())
            self.changed = False

    def begin_again(self) -> None:
        """The framework is started again: every answer on file is there to be given, as at the task's first request."""
        self.counts, self.refusals, self.changed = self.counts.begun_again(), Refusals(), True
        if self.answers is not None:
            self.answers.rewind()
            self.counts.unreadable = self.answers.unreadable


def restored_state(key: str, folder: RelayFolder, ours: bool) -> TaskState:
    """The state of a task at its first request, with the answers of earlier attempts, and of other shards where they are its own."""
    task = TaskState(key, folder)
    try:
        task.options = read_options(folder.options(key))
        task.counts.unanswered_allowed = task.options.unanswered
        task.answers = Answers(folder.answers(key), task.options, ours=ours)
        for path in others(folder.answers(key)):
            task.answers.adopt(path, lambda body: not task.options.is_elsewhere(body))
        task.counts.unreadable = task.answers.unreadable
        task.counts.counted_short |= task.answers.counted_short
    except BadOptions as problem:
        task.refusal = str(problem)
    except OSError as problem:
        task.refusal = f"the answers cannot be kept in {folder.answers(key).name}: {problem.strerror or problem}"
    return task


class Store:
    """The tasks that have sent requests, each with its files in one folder."""

    def __init__(self, folder: Path, *, ours: bool = False) -> None:
        """Keep everything under `folder`, which is made when absent. `ours`: the server is the job's own."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._ours = RelayFolder(folder), ours
        self.refusals = Refusals()  # of all tasks together
        self._meetings: dict[str, asyncio.Future[TaskState]] = {}
        self._complained: set[str] = set()

    @property
    def aborted(self) -> bool:
        """Whether the file `aborted` exists; a file system that does not answer does not count."""
        try:
            return self.folder.aborted.exists()
        except OSError:
            return False

    async def task(self, key: str) -> TaskState:
        """The task's state; its files are read once, at its first request."""
        if key not in self._meetings:
            self._meetings[key] = asyncio.ensure_future(asyncio.to_thread(restored_state, key, self.folder, self._ours))
        meeting = self._meetings[key]
        return meeting.result() if meeting.done() else await asyncio.shield(meeting)

    def record_refusal(self) -> None:
        """Write once for the job that no task will get an answer."""
        if (refused := self.refusals.for_all_tasks) is None or self.folder.refused.exists():
            return
        try:
            write_by_rename(self.folder.refused, "\n".join((*refused, "")))
        except OSError as problem:
            self._complain(self.folder.refused.name, problem)

    def flush(self, *, now: bool = False) -> None:
        """Bring every counts file up to date. A full disk is no reason to end: the counts are in memory."""
        for task in self._tasks():
            try:
                task.flush(now=now)
            except OSError as problem:
                self._complain(self.folder.counts(task.key).name, problem)

    async def sync(self) -> None:
        """Sync all answers to disk, without blocking requests."""
        for task in self._tasks():
            try:
                if task.answers:
                    await asyncio.to_thread(task.answers.sync)
            except OSError as problem:
                self._complain(self.folder.answers(task.key).name, problem)

    def _tasks(self) -> Iterator[TaskState]:
        for meeting in tuple(self._meetings.values()):
            if meeting.done():
                yield meeting.result()

    def _complain(self, name: str, problem: OSError) -> None:
        if name not in self._complained:
            self._complained.add(name)
            complain(name, problem)
