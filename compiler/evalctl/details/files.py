"""Reads questions from parquet files with a program in a job environment: evalctl itself does not install pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evalctl.clone.dotenv import environments_of
from evalctl.environments import catalogue
from evalctl.environments.readiness import is_complete, others, problem_of
from evalctl.results.grading import DetailsReading, Question
from evalctl.shell import Command, json_text, stream
from evalctl_job import run_folder

# Programs of this checkout and not of the environment, whose version may be an earlier one: the first word is the folder of both packages.
_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from {} import main; main(sys.argv[2:])"
_PRINT_ROWS, _MAKE_VALUES = _RUN.format("evalctl.results.parquet_rows"), _RUN.format("evalctl_job.questions")
_AT_ONCE = 200  # records of one process: its command line has a limit
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
    read = DetailsReading()
    status = stream(_program(python, _PRINT_ROWS, map(str, files)), read.add)
    broken = [f"some questions are missing: {python} ended with status {status}"] if status else []
    return read.questions, [*read.problems, *broken]


def values(pairs: Sequence[tuple[Path, Path]], root: Path) -> Iterator[tuple[Path, tuple[bytes, bytes] | str]]:
    """For each record and its folder of details: the texts of its question set and of scores.json, or why there are none."""
    python = _python(environments_of(root))
    if python is None:
        why = problem_of(catalogue()["lighteval"], environments_of(root))
        yield from ((record, f"reading its details needs a job environment: {why}") for record, _ in pairs)
        return
    for start in range(0, len(pairs), _AT_ONCE):
        part, lines = pairs[start : start + _AT_ONCE], list[str]()
        words = [str(path) for pair in part for path in pair]
        stream(_program(python, _MAKE_VALUES, words), lines.append)
        found = dict(filter(None, map(_values, lines)))
        yield from ((record, found.get(str(record), f"{python} ended: {lines[-1:]}")) for record, _ in part)


def _program(python: Path, run: str, words: Iterable[str]) -> Command:
    return Command((str(python), "-I", "-c", run, str(Path(run_folder.__file__).parents[1]), *words))


def _values(line: str) -> tuple[str, tuple[bytes, bytes] | str] | None:
    """None for a line that is Python's: a warning, or why it ended."""
    try:
        made = json.loads(line)
        if "problem" in made:
            return made["record"], str(made["problem"])
        return made["record"], (made["questions"].encode(), json_text(made["scores"]).encode())
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _python(environments: Path) -> Path | None:
    """The Python of a built environment, of the current lock or else of an earlier one: every version can read the files."""
    known = [catalogue()[name] for name in _READERS]
    current = [environments / one.directory_name for one in known if is_complete(one, environments)]
    earlier = [folder for one in known for folder in others(one, environments)]
    return next((python for folder in (*current, *earlier) if (python := folder / "bin" / "python").exists()), None)
