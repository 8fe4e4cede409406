"""What `sync --watch` and `status --watch` draw on a terminal, and what they print where there is none."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.columns import cut
from evalctl.commands.sync import Screen
from evalctl.model.run import Action, JobProgress, Progress, Step
from evalctl.sync.sync import SyncReport
from evalctl.terminal import Preceded, move


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(monkeypatch: pytest.MonkeyPatch, steps: list[Step]) -> list[str]:
    out = Terminal()
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("LINES", "6")
    monkeypatch.setattr(sys, "stdout", out)
    Screen(False).show(SyncReport(tuple(steps), 4))
    return out.getvalue().splitlines()


def test_no_line_of_the_table_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of the table takes one row of the terminal, so that as many rows are cleared as were drawn."""
    lines = _shown(monkeypatch, [Step("j" * 40, Action.WAIT, "running", "x" * 90)])
    assert all(len(line) < 30 for line in lines)


def test_the_table_is_not_higher_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor cannot go above the first row: what does not fit is counted."""
    lines = _shown(monkeypatch, [Step(f"job{n}", Action.WAIT, "running", "") for n in range(20)])
    assert len(lines) == 5
    assert lines[-2] == "and 17 more lines"


def test_wide_characters_take_two_columns() -> None:
    """A line in Japanese is cut by the columns that it takes."""
    assert cut("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c"


WAITS = Step("ev-r", Action.WAIT, "running", "7.server")
HALF = {"ev-r": JobProgress({"ja_mmlu": Progress(1, 4), "ja_niah": Progress(2)}, Progress(3))}


def test_a_running_job_has_its_progress_in_all_and_by_task(capsys: pytest.CaptureFixture[str]) -> None:
    """Below its line; off a terminal the numbers alone are no reason to print the table again."""
    screen = Screen(False, lambda _: HALF)
    for answered in (3, 4):
        HALF["ev-r"] = JobProgress({"ja_mmlu": Progress(1, 4), "ja_niah": Progress(2)}, Progress(answered))
        screen.show(SyncReport((WAITS,), 0))
    assert capsys.readouterr().out.splitlines() == [
        "wait      ev-r  running  7.server",
        "    ja_mmlu    1/4 answers",
        "    ja_niah    2 answers (total unknown)",
        "    all tasks  3 answers (total unknown)",
        "1 waiting (1 running)",
    ]


@dataclass
class Emulator:
    """What a terminal shows: text, line ends, and the two sequences that evalctl sends."""

    rows: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0

    def feed(self, text: str) -> None:
        """More of what was written."""
        for part in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if part == "\n":
                self.row += 1
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif part == "\r":
                self.column = 0
            elif part.endswith("F"):
                self.row, self.column = self.row - int(part[2:-1]), 0
                assert self.row >= 0
            elif part == "\x1b[J":
                self.rows[self.row :] = [self.rows[self.row][: self.column]]
            else:
                assert not part.startswith("\x1b"), f"another sequence: {part!r}"
                line = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = line[: self.column] + part + line[self.column + len(part) :]
                self.column += len(part)

    def shown(self) -> list[str]:
        """The rows without empty ones at the end."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip().split("\n")


@contextlib.contextmanager
def pseudo_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard output and standard error are a terminal of 60 columns and 12 rows; its other end."""
    other, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    with os.fdopen(own, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)  # whose size is asked for
        yield other
        monkeypatch.undo()
    os.close(other)


def test_the_table_is_redrawn_in_place_through_a_pseudo_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later numbers replace earlier ones; events and what a pass says on standard error stay above the table."""
    emulator = Emulator()
    with pseudo_terminal(monkeypatch) as other:
        numbers = iter([Progress(3, 9), Progress(5, 9), Progress(9, 9)])
        screen = Screen(False, lambda _: {"ev-r": JobProgress({"ja_mmlu": next(numbers)}, Progress(9, 9))})
        with redirect_stderr(Preceded(sys.stderr, screen.live.clear)):
            screen.show(SyncReport((WAITS, Step("ev-q", Action.SUBMIT, "never-submitted", "")), 0))
            screen.show(SyncReport((WAITS,), 0))
            sys.stderr.write("collecting ev-r: done\n")
            move("\r", sys.stderr)
            screen.show(SyncReport((WAITS,), 0))
        sys.stdout.flush()
        said = until(other, b"", lambda text: text.count(b"1 waiting (1 running)\r\n") == 2)
        emulator.feed(said.decode())
    assert emulator.shown() == [
        "submit    ev-q  never-submitted",
        "collecting ev-r: done",
        "wait      ev-r  running  7.server",
        "    ja_mmlu  9/9 answers",
        "1 waiting (1 running)",
    ]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose only request is committed, and waits for another service."""
    monkeypatch.setenv("EVALCTL_QUEUE", str(tmp_path / "queue"))
    made = repository(
        tmp_path / "root", {"manifests/requests/a.yaml": "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n"}
    )
    assert cli.main(["--repo", str(made), "compile"]) == 0
    for words in (["init", "-q", "-b", "main"], ["add", "manifests", "generated"], ["commit", "-q", "-m", "request"]):
        subprocess.run(
            ["git", "-C", str(made), "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True
        )
    return made


def test_an_interrupted_watch_leaves_the_terminal_clean(root: Path) -> None:
    """Ctrl-C ends with 130; the table stays as it was, the cursor below it, and no mode of the terminal is changed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(COLUMNS="80", LINES="24")
        words = ["--repo", str(root), "status", "--watch", "--interval", "0.2"]
        os.execv(sys.executable, [sys.executable, "-m", "evalctl", *words])
    said = b""
    try:
        before = termios.tcgetattr(terminal)
        said = until(terminal, said, lambda text: text.count(b"other-service") >= 6)  # drawn twice, at least
        os.write(terminal, b"\x03")
        said = until(terminal, said, lambda text: b"interrupted" in text)
        assert termios.tcgetattr(terminal)[3] == before[3]
        _, status = os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    emulator = Emulator()
    emulator.feed(said.decode().replace("^C", ""))
    shown = emulator.shown()
    assert (sum("other-service" in row for row in shown), sum("STATE" in row for row in shown)) == (3, 1)
    assert shown[-1].startswith("interrupted")


def until(terminal: int, said: bytes, enough: object) -> bytes:
    """What was written to a terminal, until it is enough."""
    end = time.monotonic() + 120
    while not enough(said):  # type: ignore[operator]
        assert time.monotonic() < end, said
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65536)
    return said


def test_a_watch_that_has_nothing_to_wait_for_ends(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not committed needs a person: no job changes it. Off a terminal there are no control sequences."""
    request = root / "manifests/requests/a.yaml"
    request.write_text(f"{request.read_text()}reason: again\n")
    assert cli.main(["--repo", str(root), "status", "--watch"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("not-committed") == 3 and "\x1b" not in printed
