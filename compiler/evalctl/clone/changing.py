"""Changes to manifests/ that a command makes: all are checked together, then all are written or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalctl import report
from evalctl.exits import PERSON
from evalctl.model.diagnostic import ERROR, Diagnostic
from evalctl.pipeline.project import Project
from evalctl.shell import write_together


def faults(root: Path, texts: Mapping[str, str]) -> list[Diagnostic]:
    """The errors that writing `texts` (path to text) would add to the repository."""
    now = {_without_line(found) for found in Project(root).check()[1]}
    project = Project(root)
    for path, text in texts.items():
        project.workspace.pretend(path, text)
    return [found for found in project.check()[1] if found.severity == ERROR and _without_line(found) not in now]


def refused(problems: Sequence[Diagnostic], root: Path, texts: Mapping[str, str]) -> int:
    """Prints the findings, with excerpts of `texts`, and that nothing was written; returns the exit code."""
    report.show(sorted(problems, key=lambda found: found.sort_key), root, "text", texts=texts)
    print(f"nothing was written: {report.count_line(problems)}")
    return PERSON


def write(root: Path, texts: Mapping[str, str], *, dry_run: bool = False) -> None:
    """Writes all of `texts` or none, and prints the paths; with `dry_run` only prints them."""
    if not dry_run:
        write_together(root, texts)
    for path in sorted(texts):
        print(f"{'would write' if dry_run else 'wrote'} {path}")


def _without_line(found: Diagnostic) -> tuple[str, str, str]:
    """A finding without its line number, which changes when lines are added above."""
    return found.code, found.span.file, found.message
