"""Prints the questions in details files: `main([FILE…])`, a JSON object per line (`details_rows`), a few rows at a time.

It runs with the python of a `lighteval` environment, which has pyarrow, and imports nothing of evalctl but `details_rows`. Forms
seen: lighteval 0.13.0 (`doc`, `metric`, `model_response`) and lighteval-swallow 0.8 (`full_prompt`, `gold`, `metrics`, `predictions`).
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import pyarrow  # type: ignore[import-not-found,unused-ignore]
from pyarrow.parquet import ParquetFile  # type: ignore[import-not-found,unused-ignore]

from evalctl.results.details_rows import DetailsLine, DetailsRow, LackingDetails, UnreadableDetails, to_line

ROWS = 64  # at a time; a row of a reasoning model may hold megabytes
# The column of each part of a question; the first one that exists is used.
PLACES = {
    "question": ("model_response.input", "full_prompt", "doc.query", "example"),
    "gold": ("doc.gold_index", "gold"),
    "answers": ("model_response.text", "predictions"),
    "scores": ("metric", "metrics"),
}
CHOICES = "doc.choices"  # which `doc.gold_index` counts
# What a question's digest is made of, as evalctl_job/questions.py makes it.
ASKED = (("doc.query", CHOICES, "doc.gold_index"), ("example", "choices", "gold"))


def lines(path: str) -> Iterator[DetailsLine]:
    """What the file lacks, then its rows; or why it cannot be read."""
    try:
        file = ParquetFile(path)
        there = set(columns(file.schema_arrow))
        if lacking := tuple(part for part, places in PLACES.items() if not there.intersection(places)):
            yield LackingDetails(path, lacking)
        wanted = [
            place
            for place in dict.fromkeys((*(one for places in (*PLACES.values(), *ASKED) for one in places), CHOICES))
            if place in there
        ]
        for number, row in enumerate(rows(file, wanted), start=1):
            yield question_in(path, number, row, there)
    except (OSError, pyarrow.ArrowException, ValueError) as problem:  # ValueError: a text that is not UTF-8
        yield UnreadableDetails(path, f"{type(problem).__name__}: {problem}")


def columns(schema: Any) -> Iterator[str]:
    """The columns, and what is directly in them, as `column.field`."""
    for field in schema:
        yield field.name
        if pyarrow.types.is_struct(field.type):
            yield from (f"{field.name}.{inner.name}" for inner in field.type)


def rows(file: Any, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Every row, with only the columns that are wanted."""
    for batch in file.iter_batches(batch_size=ROWS, columns=wanted) if wanted else ():
        yield from batch.to_pylist()


def question_in(path: str, number: int, row: Mapping[str, Any], there: Set[str]) -> DetailsRow:
    """A row in one form, whichever framework wrote it."""
    scores = found(row, "scores")
    values = scores if isinstance(scores, dict) else {}
    text, digest = identity(row, there)
    return DetailsRow(
        path, number, asked(found(row, "question")), tuple(gold(row)), tuple(texts(found(row, "answers"))),
        {name: score for name, value in values.items() for score in numbers(value)}, text, digest,
    )  # fmt: skip


def identity(row: Mapping[str, Any], there: Set[str]) -> tuple[str, str]:
    """The question without its prompt, and its digest in question sets; "" where the columns for it are missing."""
    places = next((each for each in ASKED if there >= set(each)), None)
    if places is None:
        return "", ""
    values = [at(row, place) for place in places]
    whole = json.dumps(values, ensure_ascii=False, default=str)
    return "\n".join(texts(values[0])), hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:16]


def found(row: Mapping[str, Any], part: str) -> Any:
    """The part at the first place where there is one."""
    return next((value for place in PLACES[part] if (value := at(row, place)) is not None), None)


def at(row: Mapping[str, Any], place: str) -> Any:
    """The value at `column` or `column.field`."""
    column, _, field = place.partition(".")
    value = row.get(column)
    return value.get(field) if field and isinstance(value, dict) else None if field else value


def asked(prompt: Any) -> str:
    """The messages as one text, in the form in which `answers.py` shows requests."""
    if isinstance(prompt, list) and all(isinstance(one, dict) for one in prompt):
        return "\n".join(f"[{one.get('role')}] {one.get('content')}" for one in prompt)
    return "\n".join(texts(prompt))


def gold(row: Mapping[str, Any]) -> list[str]:
    """The right answers: of lighteval 0.13 the choices that an index, or several, name."""
    value, choices = found(row, "gold"), at(row, CHOICES)
    if choices is None:
        return list(texts(value))
    indexes = value if isinstance(value, list) else [value]
    named = (choices[index] for index in indexes if isinstance(index, int) and 0 <= index < len(choices))
    return [" ".join(texts(choice)) for choice in named]


def texts(value: Any) -> Iterator[str]:
    """Every text in a value: one, a list, or lists of turns."""
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def numbers(value: Any) -> Iterator[float | None]:
    """A score; none of what a metric over the whole corpus keeps of a row. NaN is no number of JSON's."""
    if isinstance(value, int | float):
        yield float(value) if math.isfinite(value) else None


def main(paths: Iterable[str]) -> None:
    """Prints the lines of all files."""
    for path in paths:
        for line in lines(path):
            sys.stdout.write(to_line(line))
