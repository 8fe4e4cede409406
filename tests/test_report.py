"""How findings look: in a terminal, as JSON, as GitHub annotations."""

from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl import report
from evalctl.columns import display_width
from evalctl.model.diagnostic import NOTE, WARNING, Diagnostic, Note, Span
from evalctl.terminal import plain

LINE = "tasks: [日本語_mmlu, ja_mmul]  # 試験"
FILE = "manifests/requests/a.yaml"
FINDING = Diagnostic(
    "unknown-task", "there is no task or suite `ja_mmul`", Span(FILE, 12, 19, 26), "did you mean `ja_mmlu`?",
    (Note("first given here", Span(FILE, 3, 1, 4)), Note("weights 16.1 GB")),
)  # fmt: skip


def text(finding: Diagnostic, line: str = LINE, colours: bool = False) -> str:
    """The finding as a terminal shows it, over a file whose every line is `line`."""
    return report.as_text(finding, lambda _: [line] * 12, colours)


def test_a_finding_in_a_terminal() -> None:
    """Headline, place, the line with a caret under the columns that Japanese takes twice, notes, help."""
    assert text(FINDING) == (
        "error[unknown-task]: there is no task or suite `ja_mmul`\n"
        "  --> manifests/requests/a.yaml:12:19\n"
        "   |\n"
        "12 | tasks: [日本語_mmlu, ja_mmul]  # 試験\n"
        "   |                      ^^^^^^^\n"
        "   = note: first given here (manifests/requests/a.yaml:3:1)\n"
        "   = note: weights 16.1 GB\n"
        "   = help: did you mean `ja_mmlu`?\n"
    )


def test_a_caret_under_japanese_is_twice_as_wide() -> None:
    """日本語_mmlu are eight characters and eleven columns."""
    finding = Diagnostic("forbidden-text", "x", Span(FILE, 1, 9, 17))
    assert text(finding).splitlines()[4] == "  |         ^^^^^^^^^^^"


def test_colours_change_nothing_but_colours() -> None:
    """Taken out again, the text is the same."""
    painted = text(FINDING, colours=True)
    assert painted != text(FINDING)
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == text(FINDING)


def test_a_place_without_a_line_has_no_excerpt() -> None:
    """A file that is not there, a line behind the end."""
    finding = Diagnostic("missing-file", "there is no x", Span("x"), "create x")
    assert (
        report.as_text(finding, lambda _: []) == "error[missing-file]: there is no x\n --> x:1:1\n  = help: create x\n"
    )


@given(st.text(max_size=40), st.integers(1, 45), st.integers(0, 45))
def test_the_caret_stands_under_the_place(line: str, column: int, width: int) -> None:
    """For any line, the columns before the caret are those of the text before the place."""
    finding = Diagnostic("x-y", "m", Span(FILE, 1, column, column + width))
    shown, caret = text(finding, line.replace("\n", " ")).split("\n")[3:5]
    before = plain(line.replace("\n", " ")[: column - 1])
    assert caret.index("^") == len("  | ") + display_width(before)
    assert shown.startswith(f"1 | {before}")


def test_a_long_line_is_cut_around_the_place() -> None:
    """The place is always seen, and nothing is longer than a screen or two."""
    line = "x" * 5000 + "HERE" + "y" * 5000
    shown = text(Diagnostic("x-y", "m", Span(FILE, 1, 5001, 5005)), line).split("\n")
    assert len(shown[3]) < 200
    assert shown[3].index("HERE") == shown[4].index("^^^^")
    whole = text(Diagnostic("x-y", "m", Span(FILE, 1, 1, 10_000)), line).split("\n")
    assert len(whole[3]) < 200 and len(whole[4]) < 200


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_from_a_file_controls_the_terminal(message: str, help: str, file: str, line: str) -> None:
    """No escape sequences, no direction marks, no line of its own: the shape of the text is ours."""
    finding = Diagnostic("x-y", message, Span(file), help, (Note(message, Span(file)),))
    shown = report.as_text(finding, lambda _: [line.replace("\n", " ")])
    assert all(
        character == "\n" or character.isprintable() or character in "\u3000\xa0\u2003" or character.isspace()
        for character in shown
    )
    assert "\x1b" not in shown and "\u202e" not in shown
    assert shown.count("\n") == (7 if help else 6)


def test_a_tab_keeps_its_column() -> None:
    """A tab is shown as one blank, and the caret counts it as one."""
    shown = text(Diagnostic("x-y", "m", Span(FILE, 1, 2, 3)), "\tx").split("\n")
    assert shown[3:5] == ["1 |  x", "  |  ^"]


def test_json_has_everything() -> None:
    """For programs: one object a finding, with places as numbers."""
    assert json.loads(report.as_json([FINDING])) == [{
        "code": "unknown-task", "severity": "error", "message": "there is no task or suite `ja_mmul`", "file": FILE,
        "line": 12, "column": 19, "end_column": 26, "help": "did you mean `ja_mmlu`?",
        "notes": [
            {"message": "first given here", "place": f"{FILE}:3:1"}, {"message": "weights 16.1 GB", "place": None},
        ],
    }]  # fmt: skip
    assert json.loads(report.as_json([])) == []


def test_a_github_annotation() -> None:
    """One line; the file, the line and the columns that GitHub marks; the code as its title."""
    assert report.as_github(FINDING) == (
        "::error file=manifests/requests/a.yaml,line=12,col=19,endColumn=26,title=unknown-task"
        "::there is no task or suite `ja_mmul`%0Adid you mean `ja_mmlu`?"
    )


@pytest.mark.parametrize(("severity", "command"), [(WARNING, "warning"), (NOTE, "notice")])
def test_a_github_annotation_has_the_severity(severity: str, command: str) -> None:
    """GitHub calls a note a notice."""
    assert report.as_github(Diagnostic("x-y", "m", Span("f"), severity=severity)).startswith(f"::{command} ")


def test_github_escapes() -> None:
    """Percent signs, and in properties commas and colons, as GitHub's own toolkit escapes them."""
    finding = Diagnostic("x-y", "100% a:b,c", Span("manifests/requests/a,b:c%.yaml"), "")
    assert report.as_github(finding) == (
        "::error file=manifests/requests/a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=2,title=x-y::100%25 a:b,c"
    )


@given(st.text(), st.text(), st.text())
def test_no_text_forges_an_annotation(message: str, help: str, file: str) -> None:
    """Whatever stands in a manifest, a finding stays one command on one line."""
    shown = report.as_github(Diagnostic("x-y", message, Span(file), help))
    assert len(re.split("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", shown)) == 1
    assert shown.startswith("::error file=")
    properties = shown.removeprefix("::error ").split("::", 1)[0]
    assert [pair.split("=")[0] for pair in properties.split(",")] == ["file", "line", "col", "endColumn", "title"]


def test_show_reads_the_lines_of_each_file(tmp_path: Path) -> None:
    """With a byte order mark, Windows line breaks and letters that are no UTF-8."""
    (tmp_path / "a.yaml").write_bytes("\ufeff一行目\r\n二行目\r\n".encode() + b"\x83\n")
    out = io.StringIO()
    report.show([Diagnostic("x-y", "m", Span("a.yaml", line, 1, 2)) for line in (1, 2, 3)], tmp_path, "text", out)
    assert [line for line in out.getvalue().splitlines() if re.match(r"\d \|", line)] == [
        "1 | 一行目",
        "2 | 二行目",
        "3 | \ufffd",
    ]


@pytest.mark.parametrize(
    ("severities", "line"),
    [
        ((), "no findings"),
        (("error",), "1 error"),
        (("error", "error", "warning"), "2 errors, 1 warning"),
        (("note",), "1 note"),
    ],
)
def test_the_last_line_counts(severities: tuple[str, ...], line: str) -> None:
    """Errors, warnings and notes, in the right number."""
    assert report.count_line(Diagnostic("x-y", "m", Span("f"), severity=severity) for severity in severities) == line


def test_notes_come_after_what_needs_action() -> None:
    """Notes are sorted after all warnings and errors, whatever their files, and are counted."""
    note = Diagnostic("x-y", "m", Span("a"), severity="note")
    found = sorted([note, Diagnostic("x-y", "m", Span("b"), severity="warning")], key=lambda one: one.sort_key)
    assert [one.severity for one in found] == ["warning", "note"]
    assert report.count_line(found) == "1 warning, 1 note"


def test_messages_are_plain_english() -> None:
    """No text of the program that a person can see has a figure of speech for "fix", "is at" or "no request needs"."""
    figures = re.compile(
        r"\bmend(?:s|ed)?\b|\bin vain\b|\blies (?:in|at|below|under)\b|\bnobody waits\b|stands in the way"
    )
    found = []
    for path in sorted((Path(__file__).parents[1] / "compiler" / "evalctl").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        statements = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}  # docstrings
        texts = [one for one in ast.walk(tree) if isinstance(one, ast.Constant) and id(one) not in statements]
        found += [
            f"{path.name}: {one.value}" for one in texts if isinstance(one.value, str) and figures.search(one.value)
        ]
    assert found == []
