"""The words that status, sync and plan print, each with what it means, why it happens and what to type: reasons.md.

It is the only source of these texts: the advice beside a reason, `evalctl explain WORD` and the tables of docs/operations.md
are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_AGAIN = "It is tried again by itself, `retries` times."  # of the group `again`; what to do if that did not help
_FILE = Path(__file__).with_name("reasons.md")
_SECTION = re.compile(r"## (?P<word>.+)\n(?P<means>.+)\nWhy: (?P<why>.+)\nDo: (?P<do>.+)")


@dataclass(frozen=True, slots=True)
class Page:
    """One word; `group` is the table that it is in. Commands and keys are in backticks."""

    word: str
    group: str
    means: str
    why: str
    do: str


@lru_cache(maxsize=1)
def pages() -> Mapping[str, Page]:
    """Every word, in the order of the file."""
    found = dict[str, Page]()
    for part in _FILE.read_text(encoding="utf-8").split("\n# "):
        group, *sections = part.removeprefix("# ").split("\n\n")
        for section in sections:
            match = _SECTION.fullmatch(section.strip("\n"))
            assert match, f"{_FILE}: {section}"
            found[match["word"]] = Page(match["word"], group.strip(), match["means"], match["why"], match["do"])
    return found


def page_of(word: str) -> Page | None:
    """The page of a word as it is printed: `failed:timeout` is the reason `timeout`, `progressed:timeout` is `progressed`."""
    first, _, rest = word.partition(":")
    return pages().get({"failed": rest, "progressed": first}.get(first, word) if rest else word)


def text(page: Page) -> str:
    """The page as `evalctl explain` prints it."""
    again = f"{_AGAIN} If that did not help: {page.do}" if page.group == "again" else page.do
    return f"# {page.word}\n\n{page.means}\n\nWhy: {page.why}\n\nWhat to do: {again}"
