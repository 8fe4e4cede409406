"""`evalctl results compare`: models, settings and commits against a baseline, question by question."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from evalctl.clone.measured import CommittedScores
from evalctl.details.texts import texts_of
from evalctl.model.catalogue import Catalogue
from evalctl.model.metrics import MetricEntry
from evalctl.results import compared_rows
from evalctl.results.comparing import Comparison, compare_all, flips
from evalctl.results.sides import Side, sides
from evalctl.results.tables import Measured
from evalctl.screen import results_text
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed, plural
from evalctl.terminal import as_json, plain

_LONGEST = 160  # of a question's text
_MOST_FLIPS = 20  # of one entry on a terminal
_WHOLE_TABLE = "--json has all of them"


def run(
    arguments: argparse.Namespace, committed: CommittedScores, measured: Sequence[Measured], names: Sequence[str],
    unproven: Sequence[Sequence[str] | None],
) -> bool:  # fmt: skip
    """Prints each comparison with the first of `measured`; whether any entry could be compared.

    `unproven` has the unproven tasks of each; None where they are not known.
    """
    catalogue, (baseline, *others) = committed.catalogue, _sides(committed, measured)
    entries = _entries(catalogue, names)
    found = compare_all(others, baseline, catalogue.metrics, scripts=_scripts(catalogue), entries=entries)
    asked = _asked(arguments.questions, entries)
    if arguments.json:
        of = dict(zip([one.name for one in measured], unproven, strict=True))
        print(as_json([_object(one, asked, committed.root, of) for one in found], indent=1))
    else:
        _print(arguments, committed.root, found, measured, names, asked)
    return not all(one.is_empty for one in found)


def _sides(committed: CommittedScores, measured: Sequence[Measured]) -> list[Side]:
    """The files of one commit are read together."""
    made: dict[tuple[str, str], Side] = {}
    for commit in dict.fromkeys(one.commit for one in measured):
        there = [(one.folder, one.name, one.aggregate) for one in measured if one.commit == commit]
        for side in sides(there, partial(committed.read, commit), committed.catalogue.metrics, commit=commit):
            made[side.folder, commit] = side
    return [made[one.folder, one.commit] for one in measured]


def _entries(catalogue: Catalogue, names: Sequence[str]) -> list[MetricEntry]:
    return [entry for entry in catalogue.metrics.entries if entry.name in names]


def _scripts(catalogue: Catalogue) -> dict[str, str]:
    return {key: task.script for key, task in catalogue.tasks.items()}


def _asked(word: str | None, entries: Sequence[MetricEntry]) -> list[MetricEntry]:
    """The entries whose questions are listed: none, one, or all (the empty word)."""
    found = [entry for entry in entries if word is not None and word in ("", entry.name)]
    if word and not found:
        known = [entry.name for entry in entries]
        help = help_for(word, known, f"entries with scores: {listed(known)}")
        raise EnvironmentProblem(f"there is no entry `{word}` among what is compared", help=help)
    return found


def _print(
    arguments: argparse.Namespace, root: Path, found: Sequence[Comparison], measured: Sequence[Measured],
    names: Sequence[str], asked: Sequence[MetricEntry],
) -> None:  # fmt: skip
    baseline, *others = measured
    width, heads = results_text.room(wide=arguments.wide), set[str]()
    for comparison, one in zip(found, others, strict=True):
        print(f"baseline  {plain(baseline.name)}\nmodel     {plain(one.name)}")
        lines = compared_rows.lines(comparison, one, baseline, names)
        text, form = results_text.fitting(compared_rows.forms(lines), width, [line.verdict.value for line in lines])
        heads.update(form)
        print(text)
        _print_wrapped(compared_rows.notes(comparison, lines, form), width)
        for entry in asked:
            print(_flips(comparison, entry, root))
        print()
    _print_wrapped(compared_rows.legend(found, heads), width)


def _print_wrapped(sentences: Iterable[str], width: int | None) -> None:
    for sentence in sentences:
        print("\n".join(results_text.folded(plain(sentence), width)))


def _flips(comparison: Comparison, entry: MetricEntry, root: Path) -> str:
    """The questions on which the two differ, for people."""
    found = flips(comparison.model, comparison.baseline, entry)
    if not found:
        compared = any(each.entry == entry.name and each.difference for each in comparison.entries)
        return f"\n{plain(entry.name)}: {'no question with another value' if compared else 'not compared'}"
    texts, problems = _texts(comparison, root)
    shown = found[:_MOST_FLIPS]
    head = f"\n{plain(entry.name)}: {plural(len(found), 'question')} with another value (baseline → model, question)"
    rows = [
        f"  {one.baseline:g} → {one.model:g}  {one.question}  {_line(texts.get(one.question, ''))}".rstrip()
        for one in shown
    ]
    more = [f"  and {len(found) - len(shown)} more: {_WHOLE_TABLE}"] if len(found) > len(shown) else []
    without = [] if all(one.question in texts for one in shown) else [f"  {plain(one)}" for one in problems]
    return "\n".join([head, *rows, *more, *without])


def _line(text: str) -> str:
    words = " ".join(text.split())
    return plain(words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…")


def _texts(comparison: Comparison, root: Path) -> tuple[Mapping[str, str], Sequence[str]]:
    """Question texts by digest from the details files of this machine, and why some are missing."""
    return texts_of([comparison.model.folder, comparison.baseline.folder], root)


def _object(
    comparison: Comparison, asked: Sequence[MetricEntry], root: Path, unproven: Mapping[str, object]
) -> dict[str, object]:
    texts = _texts(comparison, root)[0] if asked else {}
    listed_flips = {
        entry.name: [
            {"question": one.question, "baseline": one.baseline, "model": one.model, "text": texts.get(one.question)}
            for one in flips(comparison.model, comparison.baseline, entry)
        ]
        for entry in asked
    }
    return {**compared_rows.as_json(comparison, unproven), **({"questions": listed_flips} if asked else {})}
