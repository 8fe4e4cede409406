"""The texts of questions by their digests, from the details files that this machine has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evalctl.details.files import questions
from evalctl.details.places import places
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
