"""A page and its translation, as what both must have in common."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

from .documents import REPOSITORY

_FENCE = re.compile(r"^```[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"(<!-- (?:reasons|table): \w+ -->\n).*?(<!-- end -->)", re.DOTALL)
_HEADING = re.compile(r'(?m)(?:^<a id="(?P<anchor>[^"]*)"></a>\n)?^(?P<level>#+) (?P<title>.+)$')
_MARK = re.compile(r"\A<!-- of (?P<page>\S+) (?P<digest>[0-9a-f]{12}) -->\n")
# A comment may be translated; what `check` finds there and what an editor reads are no comments.
_COMMENT = re.compile(r"(?m)(^|\s+)# (?!(?:error|warning|note): |yaml-language-server)(?P<text>.*)$")
_LABEL = re.compile(r'"[^"]*"')


def japanese(page: Path) -> Path:
    """Where the translation of a page is."""
    return page.with_suffix(".ja.md")


def text(page: Path) -> str:
    """A page without the tables that a test writes."""
    return _GENERATED.sub(r"\1\2", page.read_text(encoding="utf-8"))


def digest(page: Path) -> str:
    """What the translation says of the text that it translates."""
    return hashlib.sha256(text(page).encode()).hexdigest()[:12]


def translated(page: Path) -> tuple[str, str]:
    """(page, digest) that a translation names in its first line."""
    mark = _MARK.match(page.read_text(encoding="utf-8"))
    return (mark["page"], mark["digest"]) if mark else ("", "")


def anchor(title: str) -> str:
    """A heading's anchor on a git web page."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def headings(page: Path) -> list[tuple[int, str]]:
    """(level, anchor) of each heading; a translation has the anchors of the page."""
    found = _HEADING.finditer(_FENCE.sub("", text(page)))
    return [(len(one["level"]), one["anchor"] or anchor(one["title"])) for one in found]


def fenced(page: Path) -> list[str]:
    """The fenced blocks without what may be translated: comments, and the labels of a drawing."""
    found = (match[0] for match in _FENCE.finditer(text(page)))
    return [_LABEL.sub('""', one) if one.startswith("```mermaid") else _COMMENT.sub(r"\1#", one) for one in found]


def sections(page: Path) -> dict[str, str]:
    """The text below each heading, by its anchor, without fenced blocks."""
    content = _FENCE.sub("", text(page))
    found = list(_HEADING.finditer(content))
    ends = [*(one.start() for one in found[1:]), len(content)]
    return {
        one["anchor"] or anchor(one["title"]): content[one.end() : end] for one, end in zip(found, ends, strict=True)
    }


def code(section: str) -> Counter[str]:
    """What is between backticks."""
    return Counter(re.sub(r"\s+", " ", one) for one in re.findall(r"`+([^`]+)`+", section))


def links(section: str) -> Counter[str]:
    """Where links go; the translation of a page is that page."""
    return Counter(one.replace(".ja.md", ".md") for one in re.findall(r"\]\(([^)\s]+)\)", section))


def rows(section: str) -> list[int]:
    """The number of cells in each row of the tables."""
    return [len(re.findall(r"(?<!\\)\|", line)) for line in section.splitlines() if line.startswith("|")]


def name(page: Path) -> str:
    """A page as people call it."""
    return page.relative_to(REPOSITORY).as_posix()
