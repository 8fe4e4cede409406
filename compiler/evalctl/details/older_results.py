"""Values of questions for results of an older evalctl, from the details that are still beside them on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from evalctl.details import files
from evalctl.model.result import Result
from evalctl.results.derived import Base
from evalctl.results.names import DETAILS
from evalctl.results.question_files import bound
from evalctl.results.question_values import path_of, read
from evalctl.results.reading import parse
from evalctl.suggest import listed, plural

_AT_ONCE = 200  # records whose values are in memory


def values_of_older(root: Path, base: Base) -> Iterator[Mapping[str, str] | str]:
    """For each result without values: the files to write, by path, or a sentence why it gets none. Records stay as they are.

    One result is in memory at a time.
    """
    lacking = list(_without_values(base))
    there = {path: folder for path in lacking if (folder := _details(root, path))}
    pairs = [(root / path, folder) for path, folder in there.items()]
    for record, found in files.values(pairs, root) if pairs else ():
        path = record.relative_to(root).as_posix()
        texts = found if isinstance(found, str) else _bound(parse(path, base.read([path])[path]), *found)
        yield f"{path} gets no values of questions: {texts}" if isinstance(texts, str) else texts
    if without := sorted(set(lacking) - there.keys()):
        number = plural(len(without), "result")
        yield f"{number} without values of questions, and without details on this machine: {listed(without, 3)}"


def _without_values(base: Base) -> Iterator[str]:
    paths = list(base.index.by_path)
    for first in range(0, len(paths), _AT_ONCE):
        texts = base.read(paths[first : first + _AT_ONCE])
        own = [one for path, text in texts.items() if (one := parse(path, text)).imported is None]
        scored = read(own, base.read)
        yield from (one.path for one in own if isinstance(scored[one.path], str))


def _details(root: Path, record: str) -> Path | None:
    """The folder of a record's details; None where it has no file or is a link."""
    folder = (root / record).parent / DETAILS
    return folder if not folder.is_symlink() and any(_files(folder)) else None


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.parquet") if path.is_file())


def _bound(result: Result, questions: bytes, values: bytes) -> dict[str, str] | str:
    try:
        made, texts = bound(result, questions, values)
    except ValueError as why:
        return str(why)
    if not json.loads(texts[path_of(result.path)])["metrics"]:
        return "none of its scores is a mean over the questions of its details"
    if result.names_questions and made.value_files != result.value_files:
        return "its details are not those of the values that it names"
    return texts
