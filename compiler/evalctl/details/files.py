"""Reads questions from parquet files with a program in a job environment: evalctl itself does not install pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalctl.clone.dotenv import environments_of
from evalctl.environments import catalogue
from evalctl.environments.readiness import is_complete, others, problem_of
from evalctl.results import grading
from evalctl.results.grading import Question, Reading
from evalctl.shell import Command, stream

_PROGRAM = Path(grading.__file__).with_name("parquet_rows.py")
_READERS = ("lighteval", "lighteval-swallow")  # each has pyarrow, in every version so far


def questions(files: Sequence[Path], root: Path) -> tuple[list[Question], list[str]]:
    """The questions in details files, and a sentence for each reason why some of them could not be read."""
    if not files:
        return [], []
    python = _python(environments_of(root))
    if python is None:
        why = problem_of(catalogue()["lighteval"], environments_of(root))
        return [], [
            f"right answers and scores are in {len(files)} parquet files; reading them needs a job environment: {why}"
        ]
    read = Reading()
    status = stream(Command((str(python), "-I", str(_PROGRAM), *map(str, files))), read.add)
    broken = [f"some questions are missing: {python} ended with status {status}"] if status else []
    return read.questions, [*read.problems, *broken]


def _python(environments: Path) -> Path | None:
    """The Python of a built environment, of the current lock or else of an earlier one: every version can read the files."""
    known = [catalogue()[name] for name in _READERS]
    current = [environments / one.directory_name for one in known if is_complete(one, environments)]
    earlier = [folder for one in known for folder in others(one, environments)]
    return next((python for folder in (*current, *earlier) if (python := folder / "bin" / "python").exists()), None)
