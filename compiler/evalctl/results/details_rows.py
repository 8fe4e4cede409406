"""What `parquet_rows.py` prints of a details file, a JSON object per line: a question, what the file lacks, or why it cannot be read.

Both sides use it, the program in a job environment and evalctl; standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class DetailsRow:
    """A question in one form, whichever framework wrote it.

    `text` is the question without its prompt, and `digest` its digest in question sets; "" where the file does not say it.
    """

    file: str
    row: int
    question: str
    gold: tuple[str, ...]
    answers: tuple[str, ...]
    scores: Mapping[str, float | None]
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class LackingDetails:
    """A file without a column of these parts of a question."""

    file: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadableDetails:
    """A file that could not be read to its end."""

    file: str
    problem: str


DetailsLine = DetailsRow | LackingDetails | UnreadableDetails


def to_line(one: DetailsLine) -> str:
    """ASCII only: half of a surrogate pair is printed as well as anything."""
    return json.dumps(asdict(one)) + "\n"


def of_line(line: str) -> DetailsLine | None:
    """None for a line that the program did not write: an error message of Python, which ended it."""
    try:
        found = json.loads(line)
        if "row" in found:
            return DetailsRow(**{**found, "gold": tuple(found["gold"]), "answers": tuple(found["answers"])})
        if "missing" in found:
            return LackingDetails(found["file"], tuple(found["missing"]))
        return UnreadableDetails(found["file"], found["problem"])
    except (ValueError, TypeError, KeyError):
        return None
