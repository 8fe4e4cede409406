"""Detects a framework that sends no requests although questions are left.

    python -m evalctl_job.stall --pid P --log F --relay URL/task/KEY --seconds 50 --state DIR --task-key KEY

runs beside the framework process P of one task and writes `DIR/KEY.stalled` once P has stalled; it ends with P. P has stalled when for so
many seconds all of this holds: its progress bar shows questions without an answer, the relay has no question of the task
in flight and gets none, and P and its children use no CPU time although they could (not suspended, not waiting for a disk).

It also writes `KEY.questions.json`: the number of questions in the framework's progress bar.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evalctl_job.files import complain, write_by_rename, write_json
from evalctl_job.relay_files import ShownQuestions, TaskCounts
from evalctl_job.relay_key import VARIABLE, header
from evalctl_job.run_folder import RelayFolder
from evalctl_job.typed import read

LOOK_SECONDS = 5.0
IDLE_SHARE, IDLE_SECONDS = 0.01, 0.1  # CPU time that a waiting process may use: a share of the time, and a constant
CARRY = 4096  # bytes of a log in which a bar that is written in two parts is found
READ = 2**20
# tqdm's bars in lighteval 0.13 and the fork 0.8: `Splits` is there from before the first question until after the last
# one, the bar without a name counts the answers. Bars of a judge or of executed code come after `Splits: 100%`.
BAR = re.compile(rb"\r(Splits: )? *\d+%\|[^|\r\n]*\| (\d{1,9})/(\d{1,9}) \[")
UNKNOWN = -1


class ProgressBar:
    """Reads the number of open questions from a growing log.

    `questions` is the total; None until the log has it, and with several splits, which the log counts separately.
    """

    def __init__(self, log: Path, begin: int = 0) -> None:
        """Nothing is read yet; the first `begin` bytes are of an earlier process."""
        self._log, self._offset, self._carry = log, begin, b""
        self._asking, self._left = False, 0
        self._whole = False
        self.questions: int | None = None

    def left(self) -> int:
        """How many questions are without an answer; 0 where that is not known."""
        with suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(self._offset)
            while part := file.read(READ):
                self._offset += len(part)
                self.feed(part)
        return self._left if self._asking else 0

    def feed(self, part: bytes) -> None:
        """One more part of the log."""
        text = self._carry + part
        for name, done, total in BAR.findall(text):
            if name:
                self._asking, self._left = int(done) < int(total), 0
                self._whole = int(total) == 1
            else:
                self._left = int(total) - int(done)
                self.questions = int(total) if self._asking and self._whole else self.questions
        last = max(text.rfind(b"\r"), len(text) - CARRY, 0)
        self._carry = text[last:]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: `at` in seconds, `asked` choices so far, `cpu` seconds so far."""

    at: float
    left: int
    in_flight: int
    asked: int
    cpu: float
    busy: bool


def silent_since(first: Sample | None, last: Sample | None, now: Sample) -> Sample | None:
    """The sample at which the present silence began (`first`: as of the `last` sample); None without silence.

    After a gap between two samples the silence begins again: the node was suspended, or a disk did not answer.
    """
    if not now.left or now.in_flight or now.busy:
        return None
    if first is None or last is None or now.at - last.at > 4 * LOOK_SECONDS:
        return now
    idle = IDLE_SECONDS + IDLE_SHARE * (now.at - first.at)
    return first if now.asked == first.asked and 0 <= now.cpu - first.cpu <= idle else now


def stalled(first: Sample | None, now: Sample, seconds: float) -> str | None:
    """The sentence about a stall if the silence since `first` is long enough; else None."""
    if first is None or now.at - first.at < seconds:
        return None
    return (
        f"the framework stopped asking: {now.left} questions of its progress bar have no answer, none is in flight, "
        f"and for {now.at - first.at:.0f} seconds it has asked nothing and used no CPU time"
    )


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat; `cpu` has the children that have ended, too."""

    parent: int
    group: int
    state: str
    cpu: float


def read_process(stat: str) -> Process:
    """The name of a program may hold blanks and parentheses."""
    words = stat.rpartition(")")[2].split()
    ticks = sum(map(int, words[11:15]))
    return Process(int(words[1]), int(words[2]), words[0], ticks / os.sysconf("SC_CLK_TCK"))


def processes() -> dict[int, Process]:
    """All processes of the node."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                found[int(folder.name)] = read_process((folder / "stat").read_text(errors="replace"))
    return found


def family(pid: int, all_processes: dict[int, Process]) -> set[int]:
    """The process, its group, and whatever they have started."""
    found = {pid, *(one for one, process in all_processes.items() if process.group == pid)}
    while more := {one for one, process in all_processes.items() if process.parent in found} - found:
        found |= more
    return found & all_processes.keys()


def busy(pids: set[int]) -> bool:
    """Whether a thread is running or runnable, waits for a disk or is suspended; then missing CPU time proves nothing."""
    return any(state in "RDTt" for pid in pids for state in _states(pid))


def _states(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield read_process((thread / "stat").read_text(errors="replace")).state


def asked(relay: str) -> tuple[int, int]:
    """The choices that the task has asked for, and those of them in flight; a relay that does not answer counts as busy."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    question = urllib.request.Request(f"{relay}/counts", headers=header(os.environ.get(VARIABLE, "")))
    try:
        with direct.open(question, timeout=LOOK_SECONDS) as reply:
            counts = read(TaskCounts, json.load(reply), extra=True)
    except (OSError, ValueError, http.client.HTTPException):
        return 0, UNKNOWN
    return counts.asked, counts.asked - counts.answered - counts.failed


def sample(pid: int, left: int, relay: str) -> Sample:
    """One sample; processes are read only where nothing is in flight."""
    number, in_flight = asked(relay) if left else (0, 0)
    if not left or in_flight:
        return Sample(time.monotonic(), left, in_flight, number, 0.0, busy=False)
    found = processes()
    pids = family(pid, found)
    cpu = sum(found[one].cpu for one in pids)
    return Sample(time.monotonic(), left, in_flight, number, cpu, busy(pids))


def written(path: Path) -> str:
    """The sentence in the file; "" if the framework did not stall."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def note_questions(into: Path, questions: int) -> None:
    """Writes the total for `evalctl status`; a failure to write is ignored."""
    try:
        write_json(into, ShownQuestions(questions=questions).as_json())
    except OSError as problem:
        complain(into.name, problem)


def watch(pid: int, progress: ProgressBar, relay: str, seconds: float, questions: Path) -> str | None:
    """Take samples until the framework has stalled; None when it or its task's parent process has ended."""
    parent, first, last = os.getppid(), None, None
    noted: int | None = None
    while _lives(pid) and os.getppid() == parent:
        now = sample(pid, progress.left(), relay)
        if progress.questions is not None and progress.questions != noted:
            noted = progress.questions
            note_questions(questions, noted)
        first, last = silent_since(first, last, now), now
        if why := stalled(first, now, seconds):
            return why
        time.sleep(min(LOOK_SECONDS, seconds / 4))
    return None


def _lives(pid: int) -> bool:
    try:
        return read_process(Path(f"/proc/{pid}/stat").read_text(errors="replace")).state not in "ZX"
    except OSError:
        return False


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m evalctl_job.stall", description=__doc__.splitlines()[0])
    made.add_argument("--pid", type=int, required=True, help="the framework's process, which leads its group")
    made.add_argument("--log", type=Path, required=True, help="what the framework prints")
    made.add_argument("--log-begin", type=int, default=0, help="bytes of the log that an earlier process wrote")
    made.add_argument("--relay", required=True, help="address of this task at the relay")
    made.add_argument("--seconds", type=float, default=50.0, help="how long a silence is a stall")
    made.add_argument("--state", type=Path, required=True, help="the folder of the relay, where the words are written")
    made.add_argument("--task-key", required=True)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: the framework has ended or stalled."""
    arguments = parser().parse_args(argv)
    state, key = RelayFolder(arguments.state), arguments.task_key
    progress = ProgressBar(arguments.log, arguments.log_begin)
    if why := watch(arguments.pid, progress, arguments.relay, arguments.seconds, state.questions(key)):
        write_by_rename(state.stalled(key), f"{why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
