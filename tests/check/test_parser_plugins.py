"""Parser plug-ins are read as text: what one registers is known without running it, and it holds nothing hidden."""

from __future__ import annotations

import pytest

from evalctl.check.parser_plugins import PLUGINS, parser_plugins
from evalctl.model.diagnostic import Diagnostic

PATH = f"{PLUGINS}mine.py"
HEAD = "from vllm.reasoning import ReasoningParserManager\n"
GOOD = f'{HEAD}\n@ReasoningParserManager.register_module("mine")\nclass Mine:\n    pass\n'


def read(text: str) -> tuple[tuple[str, ...] | None, list[Diagnostic]]:
    """The registered names (None: the file cannot be used), and the findings."""
    problems: list[Diagnostic] = []
    found = parser_plugins({PATH: text}, problems)
    return (found["mine"].names if "mine" in found else None), problems


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (GOOD, ("mine",)),
        (f'{HEAD}@ReasoningParserManager.register_module(["a", "b"])\nclass X: pass\n', ("a", "b")),
        (f'{HEAD}@ReasoningParserManager.register_module(name="a", force=True)\nclass X: pass\n', ("a",)),
        (f"{HEAD}@ReasoningParserManager.register_module()\nclass X: pass\n", ("X",)),
        (f'{HEAD}class X: pass\nReasoningParserManager.register_module("a", True, X)\n', ("a",)),
        (f"{HEAD}class X: pass\nReasoningParserManager.register_module(module=X)\n", ("X",)),
        (f'{HEAD}ReasoningParserManager.register_lazy_module("a", "m", "C")\n', ("a",)),
        (f'{HEAD}ReasoningParserManager.register_lazy_module(name="a", module_path="m", class_name="C")\n', ("a",)),
        (
            "from vllm.reasoning import ReasoningParserManager as R\n@R.register_module('a')\nclass X: pass\n",
            ("a",),
        ),
        ("import vllm.reasoning as r\n@r.ReasoningParserManager.register_module('a')\nclass X: pass\n", ("a",)),
        (f'{HEAD}if True:\n    ReasoningParserManager.register_lazy_module("a", "m", "C")\n', ("a",)),
    ],
)
def test_the_names_are_those_that_an_import_registers(text: str, names: tuple[str, ...]) -> None:
    """In each form of vLLM's two functions."""
    assert read(text) == (names, [])


@pytest.mark.parametrize(
    "text",
    [
        "", "x = 1\n", 'raise SystemExit("run")\n',
        'from vllm.tool_parsers import ToolParserManager\n@ToolParserManager.register_module("a")\nclass X: pass\n',
        f'{HEAD}def later():\n    ReasoningParserManager.register_lazy_module("a", "m", "C")\n',
        f'{HEAD}ReasoningParserManager.register_module("a")\n',
        f'{HEAD}NAME = "a"\n@ReasoningParserManager.register_module(NAME)\nclass X: pass\n',
        '# @ReasoningParserManager.register_module("a")\n',
    ],
)  # fmt: skip
def test_a_file_that_registers_nothing_is_refused(text: str) -> None:
    """A tool parser, a call that no import makes, and a name that is no text register nothing."""
    names, problems = read(text)
    assert (names, [one.code for one in problems]) == (None, ["forbidden-text"])


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"{GOOD}# \u202e hidden\n", "forbidden-text", 6), (f"{GOOD}# \u200b\n", "forbidden-text", 6),
        (f"{GOOD}# one\rimport os\n", "forbidden-text", 6), (f"{GOOD}#\x0c\n", "forbidden-text", 6),
        (f"{GOOD}\0", "forbidden-text", 6), (f"\ufeff{GOOD}", "forbidden-text", 1),
        (f"# -*- coding: utf-7 -*-\n{GOOD}", "forbidden-text", 1), (f"\n# vim: set fileencoding=latin-1 :\n{GOOD}", "forbidden-text", 2),
        (f"{GOOD}def\n", "forbidden-text", 6), (f"{GOOD}x = {'-' * 90_000}1\n", "forbidden-text", 1),
        (f"{GOOD}#{'長' * 50_000}\n", "out-of-range", 1),
    ],
)  # fmt: skip
def test_what_a_reviewer_would_not_see_is_refused(text: str, code: str, line: int) -> None:
    """Hidden characters, a second kind of line end, other encodings, text that is not Python, and more than 128,000 bytes."""
    names, problems = read(text)
    assert names is None
    assert [(one.code, one.span.line) for one in problems] == [(code, line)]


@pytest.mark.parametrize("cookie", ["# -*- coding: utf-8 -*-", "# coding=UTF_8", "# 全角\u3000の空白"])
def test_the_usual_heads_are_taken(cookie: str) -> None:
    """The encoding that it has anyway, and an ideographic space."""
    assert read(f"{cookie}\n{GOOD}") == (("mine",), [])


def test_reading_runs_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The code is for the node."""
    target = tmp_path_factory.mktemp("run") / "ran"
    assert read(f"{GOOD}open({str(target)!r}, 'w')\n") == (("mine",), [])
    assert not target.exists()
