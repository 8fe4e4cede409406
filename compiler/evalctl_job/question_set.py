"""The questions of a task by their digests, in the order in which they were scored: a file in git. Standard library only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

_HEAD, _HEAD_OF_CLUSTERS = "# evalctl/questions/1", "# evalctl/questions/2"
_LINE = re.compile(r"([0-9a-f]{16})(?:\t([^\t\r\n]+))?")
_LINE_OF_CLUSTERS = re.compile(r"([0-9a-f]{16})(?:\t([^\t\r\n]*)(?:\t([1-9][0-9]{0,6}))?)?")


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The digest of each question, and the framework's key of its task or subset (`swallow|jmmlu:x|0`).

    `clusters` has the number of each question's passage, 0 for a question of its own; empty where no two share one.
    """

    digests: tuple[str, ...]
    keys: tuple[str, ...]
    clusters: tuple[int, ...] = ()

    def digest(self) -> str:
        """Identifies the set; a part of its file's name."""
        return digest_of(self.text())

    def text(self) -> str:
        """Of the file: a line per question, with the key where it is another than in the line before, and its cluster."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield _HEAD_OF_CLUSTERS if self.clusters else _HEAD
        before = ""
        for digest, key, cluster in zip(self.digests, self.keys, self.clusters or repeat(0), strict=False):
            own = "" if key == before else key
            columns = (digest, own, str(cluster)) if cluster else (digest, own) if own else (digest,)
            yield "\t".join(columns)
            before = key


def digest_of(text: str) -> str:
    """Of a set's file; 16 hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def parsed(text: str) -> QuestionSet:
    """The set in a file; ValueError where it is none."""
    head, *lines = text.split("\n")
    if head not in (_HEAD, _HEAD_OF_CLUSTERS) or not lines or lines[-1]:
        raise ValueError(f"it is no question set: it begins with {head[:40]!r}")
    form = _LINE if head == _HEAD else _LINE_OF_CLUSTERS
    digests, keys, clusters = list[str](), list[str](), list[int]()
    for number, line in enumerate(lines[:-1], 2):
        found = form.fullmatch(line)
        if not found or not (found[2] or keys):
            raise ValueError(f"line {number} is no question: {line[:40]!r}")
        digests.append(found[1])
        keys.append(found[2] or keys[-1])
        clusters.append(int(found[3] or 0) if form is _LINE_OF_CLUSTERS else 0)
    return QuestionSet(tuple(digests), tuple(keys), tuple(clusters) if any(clusters) else ())
