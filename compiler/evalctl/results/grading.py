"""Questions with their right answers and scores, from details files, and which answer belongs to which question.

`parquet_rows.py` reads the files, in an environment that can, and prints `details_rows`.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalctl.results.answers import Answer, Graded
from evalctl.results.details_rows import DetailsRow, LackingDetails, UnreadableDetails, of_line

_FORMS = (".parquet", ".pqt")
_NAMED = re.compile(r"details_(?P<entry>.+)_(?P<stamp>\d{4}-\d\d-\d\dT[\d.:-]+)")


@dataclass(frozen=True, slots=True)
class Question:
    """A row of a details file: what was asked, the answers that the framework scored, and how.

    `text` is the question without its prompt, and `digest` its digest in question sets; "" where the file does not say it.
    """

    asked: str
    answers: tuple[str, ...]
    graded: Graded
    text: str = ""
    digest: str = ""


def is_details(path: Path) -> bool:
    """Whether a file has the name of a framework's details; the lab's `.pqt` files may have any."""
    return path.suffix == ".pqt" or (path.suffix in _FORMS and _NAMED.fullmatch(path.stem) is not None)


def newest(paths: Iterable[Path]) -> list[Path]:
    """The details files of the last run of each entry, in the entries' order: earlier runs leave theirs in the folder."""
    last: dict[str, Path] = {}
    for path in sorted(filter(is_details, paths), key=lambda path: (_named(path)[1], path.name)):
        last[_named(path)[0]] = path
    return [last[entry] for entry in sorted(last)]


@dataclass(slots=True)
class DetailsReading:
    """What `parquet_rows.py` prints, line by line: questions, numbered through all files, and what it could not read."""

    questions: list[Question] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Reads one line; one that is none of the program's is an error message of Python, which ended the program."""
        found = of_line(line)
        if isinstance(found, DetailsRow):
            self.questions.append(_question(found, len(self.questions) + 1))
        else:
            self.problems.append(line if found is None else _problem(found))


def joined(answers: Sequence[Answer], questions: Sequence[Question]) -> list[Answer]:
    """The answers in their questions' order, each with the right answer and the scores; last, those without a question.

    Among equal questions each answer gets the one that was scored with it, and k equal answers get k of them.
    """
    places = _Places(questions)
    found = [replace(one, graded=places.of(one)) for one in answers]
    return sorted(found, key=lambda one: (one.graded is None, one.graded.number if one.graded else 0))


def answers_of(questions: Iterable[Question]) -> list[Answer]:
    """The answers in the details files, for evals without the relay's answers."""
    return [
        Answer(one.asked, text, "", "", None, None, one.graded) for one in questions for text in one.answers or ("",)
    ]


class _Places:
    """Finds the question of an answer. Only hashes of texts are kept: texts may be many megabytes."""

    def __init__(self, questions: Iterable[Question]) -> None:
        self._asked: dict[str, Graded] = {}
        self._answered: dict[tuple[str, int], deque[Graded]] = defaultdict(deque)
        for one in questions:
            self._asked.setdefault(one.asked, one.graded)
            for text in one.answers:
                self._answered[one.asked, hash(text)].append(one.graded)

    def of(self, answer: Answer) -> Graded | None:
        """The question with this answer; else, as a framework takes reasoning out of answers, the first such question."""
        scored = self._answered.get((answer.question, hash(answer.prediction)))
        if not scored:
            return self._asked.get(answer.question)
        return scored.popleft() if len(scored) > 1 else scored[0]


def _named(path: Path) -> tuple[str, str]:
    """The entry and the stamp in a file's name; of another name, the whole of it and nothing."""
    match = _NAMED.fullmatch(path.stem)
    return (match["entry"], match["stamp"]) if match else (path.stem, "")


def _question(row: DetailsRow, number: int) -> Question:
    graded = Graded(_named(Path(row.file))[0], number, row.gold, row.scores)
    return Question(row.question, row.answers, graded, row.text, row.digest)


def _problem(found: LackingDetails | UnreadableDetails) -> str:
    name = Path(found.file).name
    if isinstance(found, LackingDetails):
        return f"{name} has no {', '.join(found.missing)}"
    return f"{name}: {found.problem}"
