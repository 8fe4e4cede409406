"""Fenced blocks out of Markdown files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [*sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "CONTRIBUTING.md"]

_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: path=(?P<path>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"# (?:error|warning|note): \[(?P<code>[a-z0-9-]+)\]")


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is, where it lies if it says so, and its text."""

    kind: str
    path: str
    text: str

    @property
    def marked(self) -> set[tuple[str, int, str]]:
        """(file, line, code) of every finding that the block announces."""
        lines = enumerate(self.text.splitlines(), 1)
        return {(self.path, number, code) for number, line in lines for code in _MARK.findall(line)}


def blocks(document: Path, kind: str) -> Iterator[Block]:
    """The blocks of one kind, in order."""
    for match in _BLOCK.finditer(document.read_text(encoding="utf-8")):
        if match["kind"] == kind:
            yield Block(kind, match["path"] or "", match["text"])


def commands(document: Path) -> list[str]:
    """The lines of `sh` blocks, without comments."""
    lines = [line.split("  #")[0].strip() for block in blocks(document, "sh") for line in block.text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
