"""codes.py, the pages and the program name the same diagnostics."""

from __future__ import annotations

import ast
from pathlib import Path

import evalctl
from evalctl.check.codes import CODES, page
from evalctl.model.parsers import FRAMEWORK_PARSERS, VLLM_PARSERS
from evalctl.sync.pages import pages

PROGRAM = Path(evalctl.__file__).parent
RAISERS = {"Diagnostic", "PydanticCustomError", "_unknown", "_unread", "_forbidden"}


def raised() -> dict[str, list[str]]:
    """Code to the places that may give it: the literals inside of the first argument of what makes a finding."""
    found: dict[str, list[str]] = {}
    for path in sorted(PROGRAM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISERS and node.args:
                for inner in ast.walk(node.args[0]):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                        found.setdefault(inner.value, []).append(f"{path.name}:{node.lineno}")
    return found


def literals() -> set[str]:
    """Every string in the program outside of codes.py."""
    return {
        node.value
        for path in PROGRAM.rglob("*.py")
        if path.name != "codes.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_code_that_is_raised_is_listed() -> None:
    """A finding that nobody can look up is a bug."""
    known = {*CODES, *pages()}  # a few findings are of what a job's reason names, too
    unknown = {code: places for code, places in raised().items() if code not in known and "manifests" not in code}
    assert not {code: places for code, places in unknown.items() if "-" in code}, unknown
    assert len(raised()) > 40, "the scan finds the program's findings"


def test_each_code_that_is_listed_can_be_raised() -> None:
    """A page about nothing misleads."""
    assert not set(CODES) - literals()


def test_codes_are_sorted_kebab_case_with_a_line_each() -> None:
    """As `evalctl explain` lists them."""
    assert list(CODES) == sorted(CODES)
    assert all(code == code.lower() and " " not in code and "_" not in code for code in CODES)
    assert all(line and line[0].islower() and not line.endswith(".") and len(line) < 80 for line in CODES.values())


def test_the_page_lists_every_parser() -> None:
    """`evalctl explain unknown-parser` is the list that the help line promises."""
    words = set(page("unknown-parser").replace(",", " ").replace("`", " ").replace(".", " ").split())
    assert words >= VLLM_PARSERS | FRAMEWORK_PARSERS | {"ignore"}
