"""What code, comments and pages refer to is in this repository."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from .documents import REPOSITORY

PROMISES = REPOSITORY / "docs" / "promises.md"
MANUAL = REPOSITORY / "docs" / "manual-coverage.md"
KINDS = (".py", ".sh", ".md", ".yml", ".yaml", ".toml", ".in")
# Written by programs, recorded elsewhere, or full of names that only tests know.
LEFT_OUT = ("tests/golden/", "tests/spec/", "generated/", "results/", "tests/docs/test_references.py")


def remarks(text: str) -> str:
    """Comments and strings of more than a line, which are docstrings: the text that refers to something."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    kept = [one.string for one in tokens if one.type == tokenize.COMMENT or one.string.startswith('"""')]
    return "\n".join(kept)


def read(path: Path) -> str:
    """Of a test only its remarks: its data name files that do not exist."""
    text = path.read_text(encoding="utf-8")
    return remarks(text) if path.suffix == ".py" and "tests" in path.relative_to(REPOSITORY).parts else text


def texts() -> dict[str, str]:
    """Every text of the repository that may refer to another one."""
    listed = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout.split("\0")
    wanted = [
        name for name in listed if name.endswith((*KINDS, "Makefile", ".ci/run")) and not name.startswith(LEFT_OUT)
    ]
    return {name: read(REPOSITORY / name) for name in wanted if (REPOSITORY / name).is_file()}


TEXTS = texts()


def found(pattern: str) -> list[tuple[str, str]]:
    """(file, what it says) wherever a pattern matches."""
    return [(name, match) for name, text in TEXTS.items() for match in re.findall(pattern, text)]


def headings(page: Path) -> set[str]:
    """The headings of a page."""
    return set(re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8")))


def test_there_is_something_to_look_at() -> None:
    """The list of files is not empty, and comments of tests are read."""
    assert len(TEXTS) > 500
    assert found(r"\bP[1-7]\b")


@pytest.mark.parametrize(
    "pattern", [r"\b(?:design|faults|style)\.md\b", r"(?i)\bdesign,? §", r"\bfacts/\w", r"\.\./shared\b"]
)
def test_no_document_outside_the_repository_is_referred_to(pattern: str) -> None:
    """Who clones the repository has every document that it names."""
    assert found(pattern) == []


def test_a_paragraph_is_one_of_the_manual() -> None:
    """`§` is written for paragraphs of the lab's manual only, on its own page."""
    assert {name for name, _ in found("§")} <= {"docs/manual-coverage.md", "tests/docs/test_manual_coverage.py"}


def test_a_promise_has_its_page() -> None:
    """P1 to P7 are headings of docs/promises.md."""
    known = {heading.split()[0] for heading in headings(PROMISES)}
    assert [(name, word) for name, word in found(r"\bP[0-9]\b") if word not in known] == []


def test_a_section_of_the_manual_is_covered() -> None:
    """`the manual, 3.7` is a row of docs/manual-coverage.md."""
    known = set(re.findall(r"(?m)^\| (\d\.\d) ", MANUAL.read_text(encoding="utf-8")))
    named = found(r"\bmanual(?:'s)?,? \(?(\d\.\d)\b")
    assert named
    assert [(name, section) for name, section in named if section not in known] == []


def test_a_page_that_is_named_exists() -> None:
    """docs/NAME.md from anywhere; another path from the root or from the folder of the file that names it."""
    named = found(r"(?<![\w/.])((?:docs|tests|compiler|manifests|\.github)/(?:[\w.-]+/)*[\w.-]+\.md)\b")
    assert named
    assert [
        (name, page)
        for name, page in named
        if not (REPOSITORY / page).exists() and "NAME" not in page and "CODE" not in page
    ] == []


def test_a_section_of_a_page_that_is_named_exists() -> None:
    """`docs/PAGE.md, "Heading"` and `[PAGE.md](PAGE.md), "Heading"`."""
    named = [
        (name, page, heading)
        for name, text in TEXTS.items()
        for page, heading in re.findall(r'([\w-]+\.md)[`)]?, "([^"]+)"', text)
    ]
    assert named
    pages = {path.name: path for path in [*(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "CONTRIBUTING.md"]}
    assert [one for one in named if one[2] not in headings(pages[one[1]])] == []


def test_each_picture_is_on_a_page_and_small() -> None:
    """At most 150 kB; README.md and README.ja.md have the same ones."""
    found = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs/pictures").iterdir()}
    for page in ("README.md", "README.ja.md"):
        assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", (REPOSITORY / page).read_text(encoding="utf-8"))) == found
    assert all((REPOSITORY / path).stat().st_size <= 150_000 for path in found)
