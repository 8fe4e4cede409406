"""The texts of questions by their digests, from the details files that this machine has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from evalctl.details.files import questions
from evalctl.details.places import of_record, places
from evalctl.model.result import Result
from evalctl.results.grading import Question
from evalctl.results.reading import parse
from evalctl.shell import EnvironmentProblem

NOT_HERE = "texts of questions: this machine has no details files of these evals"


def texts_of(folders: Iterable[str], root: Path) -> tuple[dict[str, str], list[str]]:
    """(digest to text, why texts are missing) of the evals of these model folders."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for folder in dict.fromkeys(folders):
        try:
            files = [place.details for place in places(folder, None, root) if place.details]
        except EnvironmentProblem:  # the folder is of an earlier commit
            continue
        for details in files:
            rows, unread = questions(details, root)
            found.update({row.digest: row.text for row in rows if row.digest})
            problems += unread
    return found, list(dict.fromkeys(problems)) or [NOT_HERE]


def questions_of(
    record: str, committed: bytes, wanted: Collection[str], root: Path
) -> tuple[Mapping[str, Question], str]:
    """The wanted questions of the eval with this committed record, by digest, and why some are missing ("" where none is)."""
    try:
        here, measured = (root / record).read_bytes(), parse(record, committed)
    except (OSError, ValueError):
        return {}, "its result is not in this work tree"
    if here != committed:
        return {}, "its result in this work tree is another than the committed one"
    if measured.reused_from and not _has_scores(root / measured.reused_from, measured):
        return {}, f"it was reused from {measured.reused_from}, which was measured again or is not here"
    rows, problems = questions(of_record(record, root).details, root)
    found = {row.digest: row for row in rows if row.digest in wanted}
    if found.keys() >= set(wanted):
        return found, ""
    if not rows:
        return found, "; ".join(problems) or "no details files beside its result"
    return found, f"its details files have {len(found)} of {len(set(wanted))} questions"


def _has_scores(path: Path, measured: Result) -> bool:
    try:
        return parse(str(path), path.read_bytes()).recorded("scores") == measured.recorded("scores")
    except (OSError, ValueError):
        return False
