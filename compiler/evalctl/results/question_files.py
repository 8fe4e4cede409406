"""The two files in git behind a record's scores, its question set and its values: from what a job wrote, or copied with the record."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from evalctl.model import plain_json
from evalctl.model.result import Result
from evalctl.results.question_values import path_of, read, set_path
from evalctl.results.reading import Read
from evalctl.shell import json_text
from evalctl_job import ends, question_set, scores
from evalctl_job.question_set import QuestionSet
from evalctl_job.whole_texts import of_whole_texts

_TASK = re.compile(r"\w[\w.-]*")  # its name becomes a part of a path


def bound(result: Result, questions: bytes, values: bytes) -> tuple[Result, dict[str, str]]:
    """The record with the digests of both files, and the files by path; ValueError where the scores do not follow from them.

    Only digests, digits and numbers of a job's files are taken over: all names in them are names in the record.
    """
    asked = _asked(result, questions)
    text = json_text(_document(result, asked, values), indent=None)
    digests = {"questions": asked.digest(), "scores": hashlib.sha256(text.encode()).hexdigest()}
    made = Result({**result.as_json(), "per_question": digests}, result.path)
    files = {set_path(result.task.key, asked.digest()): asked.text(), path_of(result.path): text}
    found = read([made], lambda paths: {path: files[path].encode() for path in paths})[made.path]
    if isinstance(found, str):
        raise ValueError(found)
    ended = {} if found.ends is None else {"stability": found.ends.totals()}
    return Result({**made.as_json(), **ended}, made.path), files


def unlike_values(result: Result, content: bytes | None, read_files: Read) -> str:
    """Why a file with a result's values is not one that evalctl writes beside it; "" where it is. None: it was deleted."""
    if content is None:
        return "its record names it" if result.names_questions else ""
    if isinstance(why := read([result], read_files)[result.path], str):
        return why
    (asked,) = read_files([set_of(result, read_files)]).values()
    try:
        text = bound(result, asked, content)[1][path_of(result.path)]
    except ValueError as error:
        return str(error)
    return "" if text.encode() == content else "it does not have the form that evalctl writes"


def set_of(result: Result, read_files: Read) -> str:
    """The path of the question set that a result's values name; "" where it has none."""
    content = read_files([path_of(result.path)]).get(path_of(result.path), b"")
    try:
        digest = plain_json.document(content).get("questions")
    except ValueError:
        digest = None
    digest = digest or result.value_files.questions
    return set_path(result.task.key, digest) if digest and isinstance(digest, str) else ""


def unlike_set(path: str, content: bytes) -> str:
    """Why a file is no question set of that path; "" where it is one."""
    try:
        made = question_set.parsed(content.decode("utf-8"))
    except ValueError as why:
        return str(why)
    if made.text().encode() != content:
        return "it does not have the form that evalctl writes"
    own = made.digest()
    return "" if path.endswith(f"-{own}.tsv") else f"its digest is {own}, which its name does not have"


def copied(source: Result, to: Result, read_files: Read) -> dict[str, str]:
    """The files of `source` at the places of `to`, which has its scores; none where `source` has none that can be used."""
    found = dict[str, bytes]()

    def noted(paths: Any) -> Mapping[str, bytes]:
        new = read_files(paths)
        found.update(new)
        return new

    if isinstance(read([source], noted)[source.path], str):
        return {}
    values = found.pop(path_of(source.path)).decode()
    (asked,) = (one.decode() for one in found.values())
    return {path_of(to.path): values, set_path(to.task.key, question_set.digest_of(asked)): asked}


def _asked(result: Result, content: bytes) -> QuestionSet:
    made = question_set.parsed(content.decode("utf-8"))
    if not made.digests:
        raise ValueError("the question set has no question")
    if unknown := set(made.keys) - set(result.scores):
        raise ValueError(f"its questions are of {min(unknown)[:80]!r}, of which the record has no score")
    if not _TASK.fullmatch(result.task.key):
        raise ValueError(f"the name of the task cannot be a part of a path: {result.task.key[:80]!r}")
    return made


def _of_whole_texts(result: Result) -> set[str]:
    """The metrics of the record that are no means over questions."""
    return {name for key, one in result.scores.items() for name in one.metrics if of_whole_texts(key, name)}


def _document(result: Result, asked: QuestionSet, content: bytes) -> Mapping[str, Any]:
    document = plain_json.document(content)
    metrics, names, answers = (document.get(name) for name in ("metrics", "of_whole_texts", "answers"))
    if document.get("schema") != scores.SCHEMA or not isinstance(metrics, dict) or not isinstance(names, list):
        raise ValueError(f"it has another form: its schema is {str(document.get('schema'))[:40]!r}")
    if document.get("questions") != asked.digest():
        raise ValueError("its values are of another question set")
    if (
        not all(isinstance(one, dict) for one in metrics.values())
        or not {*metrics, *map(str, names)} <= result.scores.metrics
    ):
        raise ValueError("it has metrics that the record does not have")
    if unknown := sorted(result.scores.metrics - metrics.keys() - _of_whole_texts(result)):
        raise ValueError(f"it has no values of `{unknown[0]}`, which is not listed as a score of all answers together")
    made = {name: scores.from_json(one, len(asked.digests)).as_json() for name, one in metrics.items()}
    ended = {"ends": ends.from_json(document["ends"], len(asked.digests)).as_json()} if "ends" in document else {}
    return {
        "schema": scores.SCHEMA, "questions": asked.digest(), "answers": answers, "metrics": made, "of_whole_texts": names,
        **ended,
    }  # fmt: skip
