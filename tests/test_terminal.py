"""What is printed: no character of a file, a reply or a log moves a terminal, hides, or turns the direction of writing."""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl import terminal

HOSTILE = "a\x1b[2Jb\x9b31mc\u202ed\u200be\x00f\x85g\u2028h\rい"


class _Stream(TextIOWrapper):
    def __init__(self, *, tty: bool) -> None:
        super().__init__(BytesIO(), encoding="utf-8", write_through=True)
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def text(self) -> str:
        data: Any = self.buffer
        return str(data.getvalue().decode())


@pytest.mark.parametrize("tty", [True, False])
def test_nothing_hostile_is_printed(tty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a command prints on either stream, and wherever it came from; lines stay lines."""
    out, err = _Stream(tty=tty), _Stream(tty=tty)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with terminal.guarded(), terminal.guarded():
        print(HOSTILE, "日本語　x", sep="\n")  # noqa: T201
        print(HOSTILE, file=sys.stderr)  # noqa: T201
    print("\x1b[m", end="")  # noqa: T201
    assert out.text() == "a�[2Jb�31mc�d�e�f�g�h�い\n日本語　x\n\x1b[m"
    assert err.text() == "a�[2Jb�31mc�d�e�f�g�h�い\n"


@pytest.mark.parametrize(("tty", "shown"), [(True, "\x1b[1;31merror\x1b[0m �[2J"), (False, "�[1;31merror�[0m �[2J")])
def test_only_own_colours_reach_a_terminal(tty: bool, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the cursor moves only where evalctl itself moves it."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = _Stream(tty=tty)
    monkeypatch.setattr(sys, "stdout", out)
    with terminal.guarded():
        print("\x1b[1;31merror\x1b[0m \x1b[2J", end="")  # noqa: T201
        terminal.move("\x1b[2F\x1b[J", out)
    assert out.text() == shown + "\x1b[2F\x1b[J"


@given(st.text())
def test_plain_text_is_one_line(text: str) -> None:
    """Of any text: as many characters, each of which can be seen."""
    shown = terminal.plain(text)
    assert len(shown) == len(text)
    assert all(one.isprintable() or one in "\u3000" or one.isspace() for one in shown)
    assert not set(shown) & set("\n\r\t\x1b\u202e\u2028\x85")


def test_a_log_is_shown_without_what_moves_the_terminal() -> None:
    """Colours and titles are left out, a progress bar's returns are lines, tabs and Japanese stay."""
    log = "\x1b[36mINFO\x1b[0m\tload\x1b]0;title\x07ed\n 10%\r 20%\r\n終\u202e\x9b2J\x1b"
    assert terminal.plain_lines(log) == "INFO\tloaded\n 10%\n 20%\n終��"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_says_what_was_there(document: Any) -> None:
    """A program reads the text itself, of which nothing reaches a terminal as it is; Japanese stays readable."""
    for indent in (None, 1):
        text = terminal.as_json(document, indent)
        assert json.loads(text) == document
        assert all(terminal.plain(line) == line for line in text.split("\n"))
    assert terminal.as_json(["日本"]) == '["日本"]'
