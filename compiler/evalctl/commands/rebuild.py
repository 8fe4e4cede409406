"""`evalctl results rebuild`: writes aggregates and leaderboard again, from records and metrics.yaml.

Values of questions of older results are made from their details first, where these are on this machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from evalctl import report
from evalctl.clone.requests import unknown_metrics_of
from evalctl.details.older_results import values_of_older
from evalctl.exits import PERSON, SUCCESS
from evalctl.load.places import METRICS
from evalctl.model.diagnostic import ERROR
from evalctl.pipeline.project import Project
from evalctl.results import derived
from evalctl.shell import write_together
from evalctl.suggest import plural
from evalctl.terminal import plain


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Writes the files that differ and prints their paths, without measuring; with --check only prints them (exit code 1)."""
    project = Project(root)
    catalogue, problems = project.shared
    broken = [one for one in problems if one.span.file == METRICS and one.severity == ERROR]
    if broken:
        report.show(broken, root, "text")
        print("nothing was written: fix metrics.yaml first, from which the aggregates are computed")
        return PERSON
    base = derived.on_disk(root)
    notes = [] if arguments.check else _from_details(root, base)
    texts, _ = derived.everything(base, catalogue.metrics)
    changed = differing(root, texts)
    if not arguments.check:
        write_together(root, {path: text for path, text in changed.items() if text is not None})
        for path in (path for path, text in changed.items() if text is None):
            (root / path).unlink()
    report.show([*unknown_metrics_of(project, base.index), *base.index.diagnostics()], root, "text")
    _say(changed, len(texts), would=arguments.check)
    print("".join(f"{plain(note)}\n" for note in notes), end="")
    return PERSON if arguments.check and changed else SUCCESS


def _from_details(root: Path, base: derived.Base) -> list[str]:
    """Writes the values of questions that details on this machine have; the reasons why other results get none."""
    notes = []
    for found in values_of_older(root, base):
        if isinstance(found, str):
            notes.append(found)
            continue
        new = differing(root, found)
        write_together(root, found)
        for path in sorted(new):
            print(f"wrote {plain(path)}")
    return notes


def differing(root: Path, texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """Those of `texts` that differ from the work tree; None means that the file must not exist."""
    return {path: text for path, text in texts.items() if _text(root / path) != text}


def _text(path: Path) -> str | None:
    if path.is_symlink():
        return ""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _say(changed: Mapping[str, str | None], number: int, *, would: bool) -> None:
    for path, text in sorted(changed.items()):
        action = "remove" if text is None else "write"
        why = "  (no record supports it)" if text is None else ""
        print(f"{'would ' + action if would else {'remove': 'removed', 'write': 'wrote'}[action]} {plain(path)}{why}")
    if not changed:
        print(f"{plural(number, 'derived file')}: up to date")
    elif not would:
        print("next: git add results && git commit")
