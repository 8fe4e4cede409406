"""Every word of the command line does something."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import evalctl
from evalctl import cli
from evalctl.cli.words import COMMANDS
from evalctl.exits import USAGE
from evalctl.shell import problem_of, write_atomically

TOP = Path(evalctl.__file__).parent
SHARED = ("clone/machine", "clone/requests")  # they read --service and --repo for all


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The names under which a parser and those below it leave what was given."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)
        if action.dest not in ("help", argparse.SUPPRESS):
            yield action.dest


def command_parser(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    (subparsers,) = [one for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction)]
    found: argparse.ArgumentParser = subparsers.choices[name]
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_what_can_be_given_is_read(name: str) -> None:
    """`sync REQUEST` once took a request, and ran everything."""
    own = f"commands/{COMMANDS[name].module}"
    handed_on = re.findall(
        r"^\s*from evalctl\.(commands|details|screen) import ([\w, ]+?) *(?:#.*)?$",
        (TOP / f"{own}.py").read_text(),
        re.MULTILINE,
    )
    later = getattr(
        import_module(f"evalctl.commands.{COMMANDS[name].module}"), "_ELSEWHERE", ()
    )  # imported by name, when they run
    handed_on += [("commands", module) for module in later]
    modules = (own, *(f"{package}/{module}" for package, names in handed_on for module in names.split(", ")), *SHARED)
    text = "".join((TOP / f"{module}.py").read_text(encoding="utf-8") for module in modules)
    unread = [
        dest for dest in options(command_parser(name))
        if f"arguments.{dest}" not in text and f'getattr(arguments, "{dest}"' not in text
    ]  # fmt: skip
    assert unread == []


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser's subcommands and theirs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from (below, *parsers(below))


def test_every_help_ends_with_an_example() -> None:
    """Something to type, for `env setup` as for `env`. A command that is gone has no help."""
    assert [one.prog for one in parsers(cli.parser()) if one.add_help and "example:" not in (one.epilog or "")] == []


def test_sync_takes_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    """It is about all of them; a word that would not narrow it is refused before anything is submitted."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["sync", "my-request"])
    assert ended.value.code == USAGE
    assert "my-request" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "details a --limit -1", "details a --longest 0", "details a --question many", "probe a --max-calls -3",
        "probe a --up-to 0",
        "doctor --probe --walltime 0", "sync --watch --interval -1", "sync --watch --interval nan",
    ],
)  # fmt: skip
def test_a_number_that_counts_nothing_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`details --limit -1` once left out the last answer, and `sync --watch --interval -1` ended with a bug."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words.split())
    assert ended.value.code == USAGE
    assert f"{words.split()[-1]!r} is not a" in capsys.readouterr().err


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    """The message names what was given, not a file that is gone."""
    with pytest.raises(IsADirectoryError) as refused:
        write_atomically(tmp_path, "text")
    told = problem_of(refused.value)
    assert told is not None and told.message == f"{tmp_path}: Is a directory"
