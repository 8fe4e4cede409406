"""`evalctl logs`: what jobs and their tasks write, as it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalctl.commands.logs import rounds, show
from evalctl.sync.secrets import hidden


def test_a_log_that_a_later_task_begins_is_followed_as_well(tmp_path: Path) -> None:
    """A job of nineteen tasks has a few at work at a time; each text is told once."""
    followed = rounds(lambda: sorted(tmp_path.iterdir()))
    (tmp_path / "one").write_text("first\n")
    assert next(followed) == [(tmp_path / "one", "first\n")]
    (tmp_path / "two").write_text("second\n")
    assert next(followed) == [(tmp_path / "two", "second\n")]
    assert next(followed) == []


def test_a_character_that_is_half_written_is_waited_for(tmp_path: Path) -> None:
    """Who writes a log does not flush at the borders of characters."""
    log, text = tmp_path / "log", "東京".encode()
    followed = rounds(lambda: [log])
    log.write_bytes(text[:4])
    assert next(followed) == [(log, "東")]
    log.write_bytes(text)
    assert next(followed) == [(log, "京")]


def test_a_log_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    """The others are followed on."""
    gone, log = tmp_path / "gone", tmp_path / "log"
    followed = rounds(lambda: [gone, log])
    gone.write_text("a")
    next(followed)
    gone.unlink()
    log.write_text("b")
    assert next(followed) == [(log, "b")]


def test_a_log_cannot_move_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model writes what it likes into an error: no escape sequence, no title, no direction mark is printed."""
    (tmp_path / "job.log").write_bytes("\x1b[32mINFO\x1b[0m \x1b]0;x\x07 \x1b[2J 1%\r2%\n\u202e終\x9b1A".encode())
    show(lambda: [tmp_path / "job.log"], str, follow=False)
    assert capsys.readouterr().out.endswith("INFO   1%\n2%\n\N{REPLACEMENT CHARACTER}終")


def test_no_key_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither one of .env, in whatever form, nor text of a key's shape: what is printed is pasted into issues."""
    known, strange = "Zq7/p+W9xk" + "T4mLw0Rr", "gs" + "k_" + "aB3dE6gH9" * 5
    (tmp_path / "job.log").write_text(f"401: {known} and {known.encode().hex()}; {strange} too\n")
    show(lambda: [tmp_path / "job.log"], lambda text: hidden(text, {"LAB_API_KEY": known}), follow=False)
    printed = capsys.readouterr().out
    assert printed.endswith(f"401: [redacted] and [redacted]; {'*' * len(strange)} too\n")
