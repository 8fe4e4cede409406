"""The options of `evalctl results`: one function per kind of action. Imports little, since each start reads it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Actions = argparse._SubParsersAction[argparse.ArgumentParser]

_CHOSEN = "models, settings (PUBLISHER/MODEL/SETTINGS) or requests"


def add(parser: argparse.ArgumentParser) -> None:
    """Adds all actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _tables(actions)
    _files(actions)
    _gate(actions)
    _records(actions)


def _tables(actions: _Actions) -> None:
    show = _reading(
        actions, "show", "a table of the committed scores", "evalctl results show --columns jmmlu,gpqa_main_ja"
    )
    compare = _reading(
        actions, "compare",
        "compare models with a baseline, question by question; WHAT@COMMIT is the state at a commit",
        "evalctl results compare A@HEAD~1 A",
    )  # fmt: skip
    compare.add_argument("--baseline", metavar="WHAT", help="what the others are compared with (default: the first)")
    compare.add_argument(
        "--questions",
        nargs="?",
        const="",
        metavar="ENTRY",
        help="list the questions on which they differ, of one entry or all",
    )
    compare.add_argument("--entries", dest="columns", metavar="A,B", help="as --columns")
    history = _reading(
        actions, "history", "scores over time, from the git history", "evalctl results history MODEL --entry jmmlu"
    )
    history.add_argument("--entry", metavar="NAME", help="only this entry")
    for made in (show, compare, history):
        made.add_argument("--wide", action="store_true", help="print all columns, even if the terminal is too narrow")
        made.add_argument("--json", action="store_true")
    _every(show)
    _some(compare)
    _some(history)


def _files(actions: _Actions) -> None:
    export = _reading(
        actions, "export", "print a line per model for a spreadsheet", "evalctl results export MODEL --header"
    )
    _every(export)
    export.add_argument("--format", choices=("tsv", "csv", "overall"), default="tsv", help="overall: the lab's line")
    export.add_argument("--header", action="store_true", help="print a header line with the names of the entries")
    export.add_argument("--missing", default="", metavar="TEXT", help="text for a missing entry (default: empty)")
    _site(actions)
    gone = actions.add_parser(
        "report", prefix_chars="+", add_help=False
    )  # without help it is not listed; `site` replaced it
    gone.add_argument("words", nargs="*")


def _site(actions: _Actions) -> None:
    site = _action(
        actions, "site", "the result site, static pages: leaderboard, models, tasks", "evalctl results site -o site"
    )
    site.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="FOLDER",
        required=True,
        help="a new folder, or that of an earlier result site",
    )
    site.add_argument("--at", metavar="COMMIT", default="HEAD", help="results as of this commit (default: HEAD)")
    site.add_argument(
        "--pair", nargs=2, action="append", default=[], metavar=("A", "B"),
        help="a page for these two models, too (default: the first of the leaderboard and each of the next five)",
    )  # fmt: skip
    site.add_argument(
        "--answers", nargs="+", action="extend", default=[], metavar="TASK",
        help="show the texts of these tasks' hardest questions and the answers to them, where this machine has them; "
        "licences of data sets may forbid to publish such pages",
    )  # fmt: skip


def _gate(actions: _Actions) -> None:
    summary = "decide gates: PASS (exit 0), FAIL (1), INCONCLUSIVE (5), INVALID (6)"
    gate = _action(actions, "gate", summary, "evalctl results gate release")
    gate.add_argument("words", nargs="*", metavar="GATE", help="gates of manifests/gates/ (default: all)")
    gate.add_argument("--format", choices=("text", "json", "github", "markdown"), default="text", help="output format")
    gate.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")
    gate.add_argument("--wide", action="store_true", help="print all columns, even if the terminal is too narrow")


def _records(actions: _Actions) -> None:
    summary = "write aggregates and leaderboard again, from records and metrics.yaml; measures nothing"
    rebuild = _action(actions, "rebuild", summary, "evalctl results rebuild")
    rebuild.add_argument("--check", action="store_true", help="write nothing; exit 1 if any of them differs")
    summary = "accept an unproven result, with a reason, in results/accepted.json"
    accept = _action(actions, "accept", summary, "evalctl results accept results/…/result.json --why TEXT")
    accept.add_argument("paths", nargs="+", metavar="PATH", help="path of a result.json in the repository")
    accept.add_argument("--why", required=True, metavar="TEXT", help="the reason, for the reviewers")


def _reading(actions: _Actions, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    made = _action(actions, name, summary, example)
    made.add_argument(
        "--columns", metavar="A,B", help="these entries (default: export all, else averages and one per benchmark)"
    )
    made.add_argument("--debug", action="store_true", help="include debugging runs (max_samples)")
    return made


def _action(actions: _Actions, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=summary, epilog=f"example: {example}"
    )
    return made


def _every(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WHAT", help=f"{_CHOSEN} (default: all)")


def _some(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="WHAT", help=_CHOSEN)
