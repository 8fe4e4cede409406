"""`evalctl --help`: the commands in groups, each in one line."""

from __future__ import annotations

import re

import pytest

from evalctl import cli
from evalctl.cli.words import COMMANDS, GROUPS

COLUMNS = 80


def help_text(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What `--help` prints."""
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_every_command_is_in_one_group_in_the_order_of_work(capsys: pytest.CaptureFixture[str]) -> None:
    """Write, check, run, read, set up: a command is listed once, below the title of its group."""
    listed = re.findall(r"(?m)^(?:  (\w+) {2,}\S|(\w[\w ]+):$)", help_text(capsys))
    expected = [pair for title, group in GROUPS.items() for pair in [("", title), *((name, "") for name in group)]]
    assert listed[: len(expected)] == expected
    assert len(COMMANDS) == sum(map(len, GROUPS.values()))


def test_a_command_takes_one_line_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrapped at 80 columns."""
    lines = help_text(capsys).splitlines()
    assert [name for name, words in COMMANDS.items() if f"  {name:<12} {words.summary}" not in lines] == []
    assert [words.summary for words in COMMANDS.values() if 15 + len(words.summary) > COLUMNS] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_begins_with_what_the_command_does(name: str) -> None:
    """A verb in lower case and no full stop: `write …`, `show …`."""
    assert re.match(r"[a-z]+[ ,]", COMMANDS[name].summary)
    assert not COMMANDS[name].summary.endswith(".")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_its_summary(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the list says is what the command's own help says first, and an example follows the options."""
    text = help_text(capsys, name)
    assert f"\n{COMMANDS[name].description}\n" in text
    assert text.endswith(f"example:\n  {COMMANDS[name].example}\n")
