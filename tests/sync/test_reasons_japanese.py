"""compiler/evalctl/sync/reasons.ja.md: every word in Japanese, and the tables of docs/operations.ja.md."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import pytest

from evalctl.sync import pages

from .test_reasons import PACKAGE, REPOSITORY, tables

FILE = PACKAGE / "sync/reasons.ja.md"
SECTION = re.compile(
    r"## (?P<word>.+) <!-- (?P<digest>[0-9a-f]{8}) -->\n(?P<means>.+)\nなぜ: (?P<why>.+)\n対処: (?P<do>.+)"
)


def digest(page: pages.Page) -> str:
    """What a Japanese section says of the English one that it translates."""
    return hashlib.sha256("\n".join([page.means, page.why, page.do]).encode()).hexdigest()[:8]


def sections() -> dict[str, re.Match[str]]:
    """The Japanese sections by their words, in the order of the file."""
    found = map(SECTION.fullmatch, FILE.read_text(encoding="utf-8").strip("\n").split("\n\n"))
    return {match["word"]: match for match in found if match}


def japanese() -> dict[str, pages.Page]:
    """The pages in Japanese, in the groups and the order of the English ones."""
    ours = sections()
    return {
        word: pages.Page(word, page.group, ours[word]["means"], ours[word]["why"], ours[word]["do"])
        for word, page in pages.pages().items()
    }


def test_every_word_has_a_japanese_section() -> None:
    """The same words in the same order, each with what it means, why, and what to do."""
    assert list(sections()) == list(pages.pages())
    assert FILE.read_text(encoding="utf-8").count("## ") == len(sections())


def test_a_japanese_section_is_of_this_english_one() -> None:
    """Who changes a section of reasons.md changes the one of reasons.ja.md, then its digest."""
    ours = sections()
    old = {
        word: digest(page)
        for word, page in pages.pages().items()
        if word in ours and ours[word]["digest"] != digest(page)
    }
    assert old == {}, f"these changed in reasons.md: bring reasons.ja.md in step, then write these digests: {old}"


@pytest.mark.parametrize("word", pages.pages())
def test_what_to_type_is_the_same(word: str) -> None:
    """Commands and keys are not translated."""
    english, ours = pages.pages()[word], japanese()[word]
    for one, other in ((english.means, ours.means), (english.why, ours.why), (english.do, ours.do)):
        assert Counter(re.findall(r"`[^`]+`", other)) == Counter(re.findall(r"`[^`]+`", one))


def test_the_operations_page_has_the_japanese_sections(pytestconfig: pytest.Config) -> None:
    """Its tables are written from them: `pytest tests/sync/test_reasons_japanese.py --update-golden` does so."""
    page = REPOSITORY / "docs/operations.ja.md"
    made = tables(page, japanese(), "| ことば | 意味と原因 | 対処 |")
    if pytestconfig.getoption("--update-golden"):
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made
