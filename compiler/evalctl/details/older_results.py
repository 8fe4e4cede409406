"""Values of questions for results of an older evalctl, from the details that are still beside them on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from evalctl.details import files
from evalctl.model.result import Result
from evalctl.results.derived import Base
from evalctl.results.names import DETAILS
from evalctl.results.per_question import path_of, read
from evalctl.results.question_files import bound
from evalctl.results.reading import parse
from evalctl.suggest import listed, plural


def values_of_older(root: Path, base: Base) -> tuple[dict[str, str], list[str]]:
    """The files to write, by path, and a sentence for each reason why a result gets none. Records stay as they are."""
    every = [parse(path, text) for path, text in base.read(list(base.index.by_path)).items()]
    own = [one for one in every if one.imported is None]
    scored = read(own, base.read)
    results = {one.path: one for one in own if isinstance(scored[one.path], str)}
    there = {path: folder for path in results if (folder := _details(root, path))}
    made: dict[str, str] = {}
    notes = []
    pairs = [(root / path, folder) for path, folder in there.items()]
    for record, found in files.values(pairs, root) if pairs else ():
        path = record.relative_to(root).as_posix()
        texts = found if isinstance(found, str) else _bound(results[path], *found)
        if isinstance(texts, str):
            notes.append(f"{path} gets no values of questions: {texts}")
        else:
            made.update(texts)
    if lacking := sorted(results.keys() - there.keys()):
        shown = listed(lacking, 3)
        notes.append(
            f"{plural(len(lacking), 'result')} without values of questions, and without details on this machine: {shown}"
        )
    return made, notes


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
    if result.names_questions and made.per_question != result.per_question:
        return "its details are not those of the values that it names"
    return texts
