"""`evalctl results`: shows committed scores as a table, compares them, lists them over time, exports them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from evalctl.clone.measured import CommittedScores
from evalctl.clone.requests import root_of
from evalctl.exits import SUCCESS
from evalctl.model.metrics import Metrics
from evalctl.results import ended_text, tables
from evalctl.results.entries import LOWER
from evalctl.results.leaderboard import REMARKED
from evalctl.results.store import Listed
from evalctl.results.tables import Measured
from evalctl.screen import results_text
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed
from evalctl.terminal import as_json, plain

_NOTHING = "nothing has been measured yet: what is not committed does not count"


def run(arguments: argparse.Namespace) -> int:
    """Runs the action of the command on committed results."""
    root = root_of(arguments)
    if arguments.action in _ELSEWHERE:
        made: int = import_module(f"evalctl.commands.{arguments.action}").run(arguments, root)
        return made
    return _ACTIONS[arguments.action](arguments, CommittedScores(root, debug=getattr(arguments, "debug", False)))


def _show(arguments: argparse.Namespace, committed: CommittedScores) -> int:
    measured, names, problems = _known(arguments, committed)
    if arguments.json:
        print(as_json([_object(one, names) for one in measured], indent=1))
        return SUCCESS
    width = results_text.room(wide=arguments.wide or bool(arguments.columns))
    print(results_text.table(tables.table([each.one for each in measured], names), width) if measured else _NOTHING)
    _say_lower(committed.catalogue.metrics, names)
    if sure := tables.sure([each.one for each in measured], names):
        print("\n".join(results_text.folded(plain(sure), width)))
    for line in _ended([each.one for each in measured], names):
        print("\n".join(results_text.folded(plain(line), width)))
    _say(measured, names, problems, width)
    return SUCCESS


def _say_lower(metrics: Metrics, names: Sequence[str]) -> None:
    if lower := [entry.name for entry in metrics.entries if entry.lower_is_better and entry.name in names]:
        print(plain(f"{LOWER}: {listed(lower, 6)}"))


def _ended(measured: Sequence[Measured], names: Sequence[str]) -> Iterator[str]:
    """How the answers behind the shown scores ended, where some of them did not end well."""
    for one in measured:
        found = {name: one.aggregate.stability[name] for name in names if name in one.aggregate.stability}
        yield from (f"{one.name}: {sentence}" for sentence in ended_text.sentences(found))


def _say(measured: Sequence[_Known], names: Sequence[str], problems: Sequence[str], width: int | None) -> None:
    """Prints remarks and problems about the shown scores."""
    lines = [f"{each.one.name}: {warning}" for each in measured for warning in each.one.aggregate.warnings]
    lines += [
        f"{each.one.name}: {line}" for each in measured for line in (*tables.judges(each.one), *tables.fences(each.one))
    ]
    lines += [
        f"unproven in {each.one.name}: {listed(each.unproven)} (the ledger does not account for what they say)"
        for each in measured if each.unproven
    ]  # fmt: skip
    marked = any(each.one.text(name).endswith(REMARKED) for each in measured for name in names)
    for line in [*problems, *([f"{REMARKED} read with care:"] if marked else []), *lines]:
        print("\n".join(results_text.folded(plain(line), width)))


def _compare(arguments: argparse.Namespace, committed: CommittedScores) -> int:
    measured, names, problems = _known(arguments, committed)
    if len(measured) < 2:
        raise EnvironmentProblem(
            f"the words name only {measured[0].one.name}, but a comparison needs two",
            "name another model, or the same at another commit: WHAT@COMMIT",
        )
    from evalctl.commands import compare  # SciPy is slow to load

    unproven = [each.unproven for each in measured]
    compared = compare.run(arguments, committed, [each.one for each in measured], names, unproven)
    if not arguments.json:
        _say(measured, names, problems, results_text.room(wide=arguments.wide))
    if not compared:
        raise EnvironmentProblem("no entry could be compared", help="the reason of each is in the table and below it")
    return SUCCESS


@dataclass(frozen=True, slots=True)
class _Known:
    """The scores of a model folder, and its unproven tasks; None where this clone has no ledger to check them."""

    one: Measured
    unproven: list[str] | None


def _known(arguments: argparse.Namespace, committed: CommittedScores) -> tuple[list[_Known], list[str], list[str]]:
    """(the scores that the words name, with averages and remarks; the columns; why a language has no average)."""
    chosen = committed.chosen(arguments.words, getattr(arguments, "baseline", None))
    catalogue, found = committed.catalogue, committed.unproven()
    marks = {folder: {one.script for one in those} for folder, those in (found or {}).items()}
    scripts = {key: task.script for key, task in catalogue.tasks.items()}
    measured, means, problems = tables.known(chosen, catalogue.metrics, scripts, marks)
    names = _columns(arguments, catalogue.metrics, measured, means)
    return [_Known(one, _of(found, one)) for one in measured], names, problems


def _of(found: Mapping[str, Sequence[Listed]] | None, measured: Measured) -> list[str] | None:
    """The unproven tasks of these scores; None for another commit, which the ledger does not describe."""
    return None if found is None or measured.commit else sorted(one.task for one in found.get(measured.folder, ()))


def _history(arguments: argparse.Namespace, committed: CommittedScores) -> int:
    if arguments.entry:
        arguments.columns = arguments.entry
    newest = committed.chosen(arguments.words)
    names = _columns(arguments, committed.catalogue.metrics, newest, [])
    found = [(day, measured.label, one) for measured in newest for day, one in committed.versions(measured.folder)]
    if arguments.json:
        print(as_json([{"date": day, **tables.facts(one, names)} for day, _, one in found], indent=1))
        return SUCCESS
    rows = [[day, one.commit, label, *(one.text(name) for name in names)] for day, label, one in found]
    width = results_text.room(wide=arguments.wide or bool(arguments.columns))
    print(results_text.table([["DATE", "COMMIT", "MODEL", *names], *rows], width, names=3))
    return SUCCESS


def _export(arguments: argparse.Namespace, committed: CommittedScores) -> int:
    measured = committed.chosen(arguments.words)
    if not measured:
        print(_NOTHING, file=sys.stderr)  # what is printed is pasted
    all_names = list(dict.fromkeys(name for one in measured for name in one.aggregate.results))
    names = _asked(arguments.columns, all_names) if arguments.columns else all_names
    if arguments.format == "overall" and (arguments.columns or arguments.header):
        raise EnvironmentProblem(
            "`overall` prints the lab's complete line, without other options",
            help="use --columns and --header with --format csv",
        )
    print(tables.lines(measured, names, arguments.format, arguments.missing, header=arguments.header), end="")
    return SUCCESS


def _report(arguments: argparse.Namespace, committed: CommittedScores) -> int:
    raise EnvironmentProblem(
        "`evalctl results report` was replaced by pages for each model and task", help="evalctl results site -o FOLDER"
    )


_ACTIONS = {"show": _show, "compare": _compare, "history": _history, "export": _export, "report": _report}
_ELSEWHERE = ("rebuild", "accept", "site", "gate")  # modules of this package; each takes long to load


def _columns(
    arguments: argparse.Namespace, metrics: Metrics, measured: Sequence[Measured], means: Sequence[str]
) -> list[str]:
    """The columns of --columns; by default the averages, then one entry per benchmark."""
    if arguments.columns:
        return _asked(arguments.columns, [*means, *(name for one in measured for name in one.aggregate.results)])
    return [*means, *tables.columns(measured, metrics)]


def _asked(words: str, known: Sequence[str]) -> list[str]:
    names = [word.strip() for word in words.split(",") if word.strip()]
    for name in names:
        if name not in known:
            raise EnvironmentProblem(
                f"there is no entry `{name}`", help=help_for(name, known, "entries are in manifests/tasks/metrics.yaml")
            )
    return names


def _object(each: _Known, names: Sequence[str]) -> dict[str, object]:
    means = {name: value for name, (value, _) in each.one.means.items()}
    return {
        **tables.facts(each.one, [name for name in names if name not in means]),
        "averages": means,
        "average_margins": each.one.margins,
        "average_method": tables.METHOD_OF_AVERAGES,
        "unproven": each.unproven,
    }
