"""What the shell may complete: commands and options by argcomplete, and names of this repository's manifests."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import argcomplete

from evalctl.load.repo import find_root
from evalctl.shell import EnvironmentProblem

Names = Callable[[Path], Iterable[str]]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell's question (variables `_ARGCOMPLETE` and `COMP_*`) and ends the process."""
    for action in _actions(parser):
        if (names := _NAMES.get(action.dest)) is not None and not action.choices:
            action.completer = _completer(names)  # type: ignore[attr-defined] # where argcomplete looks for it
    argcomplete.autocomplete(parser, always_complete_options=False)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _actions(sub)


def _completer(names: Names) -> Callable[..., list[str]]:
    def completer(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        """Names of the repository that is asked for; none outside of one."""
        try:
            return sorted(names(find_root(Path(parsed_args.repo or ".").resolve())))
        except (EnvironmentProblem, OSError):
            return []

    return completer


def _stems(folder: str) -> Names:
    """Names of the YAML files of a folder of manifests, without their ending."""

    def names(root: Path) -> Iterable[str]:
        top = root / "manifests" / folder
        return (path.relative_to(top).with_suffix("").as_posix() for path in top.rglob("*.yaml"))

    return names


def _models(root: Path) -> Iterable[str]:
    """Models that have settings or a card."""
    return {name.removesuffix(".lock") for name in _stems("models")(root) if name.count("/") == 1}


def _tasks(root: Path) -> Iterable[str]:
    """Keys of the runtime table."""
    with (root / "manifests/tasks/tasks_runtime.csv").open(encoding="utf-8", newline="") as file:
        return [row["key"] for row in csv.DictReader(file) if row.get("key")]


_NAMES: dict[str, Names] = {
    "requests": _stems("requests"), "request": _stems("requests"), "subject": _stems("requests"), "service": _stems("services"),
    "model": _models, "baseline": _models, "task": _tasks, "tasks": _tasks, "gate": _stems("gates"), "gates": _stems("gates"),
}  # fmt: skip
