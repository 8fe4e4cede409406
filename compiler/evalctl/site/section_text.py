"""What the page of methods says of one, as plain text for `evalctl explain`. The page is shipped with the program."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files

from evalctl.review.methods import ANCHORS, is_known, sections

METHODS = ANCHORS
_REFERENCES = "references"
_BREAKS = {"p": "\n", "ul": "\n", "table": "\n", "pre": "\n"}


def of_method(word: str) -> str:
    """The section about each part of a method, as in `adjusted paired interval, exact McNemar test`; "" of what is none."""
    if word == _REFERENCES:
        return _section(_REFERENCES)
    if not word or not is_known(word):
        return ""
    anchors = dict.fromkeys(anchor for _, anchor in sections(word))
    return "\n\n".join([*map(_section, anchors), f"Full references: evalctl explain {_REFERENCES}"])


def _section(anchor: str) -> str:
    """The section with this heading; "" where there is none."""
    page = files("evalctl.site").joinpath("documents/en.html").read_text(encoding="utf-8")
    found = re.search(rf'<h[23] id="{re.escape(anchor)}">.*?(?=<h[23] id=|\Z)', page, re.DOTALL)
    if found is None:
        return ""
    reader = _Text()
    reader.feed(found[0])
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip("\n")


class _Text(HTMLParser):
    """Text with a line for each row of a table and each point of a list; formulas are indented."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._is_formula, self._cells = False, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What stands before the text of an element."""
        self._is_formula |= tag == "pre"
        self._cells = 0 if tag == "tr" else self._cells + (tag in ("td", "th"))
        before = (
            "# "
            if tag in ("h2", "h3")
            else "- "
            if tag == "li"
            else " | "
            if tag in ("td", "th") and self._cells > 1
            else ""
        )
        self.parts.append("\n" * (tag == "pre") + before)

    def handle_endtag(self, tag: str) -> None:
        """What stands behind it."""
        self._is_formula &= tag != "pre"
        self.parts.append("\n\n" if tag in ("h2", "h3", "p") else "\n" if tag in ("li", "tr", *_BREAKS) else "")

    def handle_data(self, data: str) -> None:
        """The text between two tags; line breaks of the file's markup are none of the text."""
        if self._is_formula:
            self.parts.append("".join(f"    {line}\n" for line in data.strip("\n").split("\n") if line))
        elif data.strip():
            self.parts.append(data.strip("\n"))
