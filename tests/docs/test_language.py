"""Plain technical English: phrases that a reader would have to guess are on a closed list, and in no page, message or docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .documents import REPOSITORY

# History keeps its words.
LEFT_OUT = {"decisions.md"}
PAGES = [
    page
    for pattern in (
        "*.md",
        "docs/*.md",
        "manifests/*.md",
        "compiler/evalctl/check/explain/*.md",
        "compiler/evalctl/sync/*.md",
    )
    for page in sorted(REPOSITORY.glob(pattern))
    if page.name not in {*LEFT_OUT, "CHANGELOG.md"} and not page.name.endswith(".ja.md")
]
PHRASES = (
    r"\blies? (?:in|at|under|where|below|on)\b", r"\blying\b", r"\bmend(?:s|ed|ing)?\b", r"\bin vain\b", r"\bfor ever\b",
    r"\blooks? after\b", r"stands? (?:in the way|in|at|there|beside|for)\b", r"\bwithout a word\b", r"\bbefall", r"\bbetray",
    r"\bput(?:s|ting)? up with\b", r"\bhere and there\b", r"\bnow and then\b", r"\bby and by\b", r"\ball the same\b", r"\bshouts?\b",
    r"\bwants? an?\b", r"\bshall\b", r"\btold\b", r"\bhas (?:not )?said\b", r"\bspeaks?\b", r"\bbehind (?:its|the) back\b",
    r"\bforgiv", r"\blopsided\b", r"\bjourney\b", r"\bside by side\b", r"\bthe other way round\b",
    r"\bnever forgets\b", r"\btells? (?:itself|about itself|its story)\b",
)  # fmt: skip

# A word of the glossary, and what must not be written in its place or has another meaning.
INSTEAD = {
    "attempt": r"\b(?:last|first|earlier) try\b", "claim is withdrawn": r"\bclaims? (?:is|was|are|were) given back\b",
    "mark": r"\b(?:reasoning marks?|marks? of reasoning)\b", "site test": r"\b(?:walltime of the probe|the probe runs)\b",
    "note": r"\bnote the results\b",
}  # fmt: skip


def prose(page: Path) -> str:
    """A page without its blocks and without what is in backticks."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", re.sub(r"`[^`]*`", "", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_page_has_no_figure_of_speech(page: Path) -> None:
    """Say what a thing is or does: `is at`, `fix`, `silently`, `manages`."""
    assert re.findall("|".join((*PHRASES, *INSTEAD.values())), prose(page)) == []


# The one exception: texts of packages of the job environments are part of digests of evals and environments.
PACKAGES = "environments/packages/"


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the words of each text of a module: docstrings, messages, parts of f-strings; without what is in backticks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, re.sub(r"\s+", " ", re.sub(r"`[^`]*`", "", node.value))


def test_no_message_and_no_docstring_has_a_figure_of_speech() -> None:
    """In all texts of the programs, for both sides of a job."""
    compiler = REPOSITORY / "compiler"
    names = {path: path.relative_to(compiler).as_posix() for path in sorted(compiler.rglob("*.py"))}
    found = [
        f"{name}:{line}: {phrase}"
        for path, name in names.items()
        if not name.startswith(PACKAGES)
        for line, text in texts(path)
        for phrase in re.findall("|".join((*PHRASES, *INSTEAD.values())), text)
    ]
    assert len(names) > 300
    assert found == []


GLOSSARY = REPOSITORY / "docs" / "README.md"
TERMS = [
    term
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines()
    if line.startswith("| **")
    for term in re.findall(r"\*\*([^*]+)\*\*", line.split("|")[1])
]
TEXTS = {
    page: re.sub(r"\s+", " ", page.read_text(encoding="utf-8")).lower()
    for pattern in ("*.md", "docs/*.md", "manifests/*.md", "compiler/evalctl/**/*.md")
    for page in REPOSITORY.glob(pattern)
    if page != GLOSSARY and not page.name.endswith(".ja.md") and page.name != "CHANGELOG.md"
}


def test_a_term_is_in_the_glossary_once() -> None:
    """One entry, so one meaning, for each term."""
    assert len(TERMS) > 40
    assert [term for term in TERMS if TERMS.count(term) > 1] == []


def test_each_rule_about_a_term_is_about_one_of_the_glossary() -> None:
    """And finds what it forbids."""
    assert all(set(rule.split()) & set(TERMS) or rule in TERMS for rule in INSTEAD)
    text = "the last try failed, its claim was given back, reasoning marks were left, the probe runs, note the results"
    assert len(re.findall("|".join(INSTEAD.values()), text)) == len(INSTEAD)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_of_the_glossary_is_used(term: str) -> None:
    """A term that no other page has needs no entry."""
    assert any(re.search(rf"\b{re.escape(term)}s?\b", text) for text in TEXTS.values())
