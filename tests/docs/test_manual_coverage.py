"""docs/manual-coverage.md promises nothing that is not there."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache

import pytest

from evalctl import cli
from evalctl.cli.words import COMMANDS

from .documents import REPOSITORY

PAGE = REPOSITORY / "docs" / "manual-coverage.md"
SECTIONS = [
    "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7",
]  # fmt: skip
UNFINISHED = ("**not yet**",)


def rows() -> list[list[str]]:
    """The cells of every line of the tables, their heads left out."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "§"]


@cache
def functions_of(path: str) -> frozenset[str]:
    """The names of the functions in a file."""
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_section_has_its_rows_of_four_cells() -> None:
    """From 1.1 to 3.7, none left out."""
    assert {row[0] for row in rows()} == {*SECTIONS, "–"}
    assert [row for row in rows() if len(row) != 4] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]} {row[1][:40]}")
def test_a_row_names_a_test_that_exists_or_says_that_it_is_unfinished(row: list[str]) -> None:
    """`tests/…::name` is a function of that file."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row[3])
    assert named or any(word in row[2] for word in UNFINISHED)
    for path, name in named:
        assert name in functions_of(path), f"{path}::{name}"


@pytest.mark.parametrize("line", sorted({line for row in rows() for line in re.findall(r"`(evalctl [^`]+)`", row[2])}))
def test_a_command_of_the_page_exists(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its words are those of the command line."""
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    assert f"evalctl {words[0]}" in capsys.readouterr().out
