"""The questions of a task by their digests, in the order in which they were scored: a file in git. Standard library only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

SCHEMA = "evalctl/questions/1"
_HEAD = f"# {SCHEMA}"
_LINE = re.compile(r"([0-9a-f]{16})(?:\t([^\t\r\n]+))?")


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The digest of each question, and the framework's key of its task or subset (`swallow|jmmlu:x|0`)."""

    digests: tuple[str, ...]
    keys: tuple[str, ...]

    def digest(self) -> str:
        """Identifies the set; a part of its file's name."""
        return digest_of(self.text())

    def text(self) -> str:
        """Of the file: a line per question, with the key where it is another than in the line before."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield _HEAD
        for key, run in groupby(zip(self.digests, self.keys, strict=True), lambda pair: pair[1]):
            first, *others = (digest for digest, _ in run)
            yield f"{first}\t{key}"
            yield from others


def digest_of(text: str) -> str:
    """Of a set's file; 16 hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def parsed(text: str) -> QuestionSet:
    """The set in a file; ValueError where it is none."""
    head, *lines = text.split("\n")
    if head != _HEAD or not lines or lines[-1]:
        raise ValueError(f"it is no question set: it begins with {head[:40]!r}")
    digests, keys = list[str](), list[str]()
    for number, line in enumerate(lines[:-1], 2):
        found = _LINE.fullmatch(line)
        if not found or not (found[2] or keys):
            raise ValueError(f"line {number} is no question: {line[:40]!r}")
        digests.append(found[1])
        keys.append(found[2] or keys[-1])
    return QuestionSet(tuple(digests), tuple(keys))
