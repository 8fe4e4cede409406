"""`evalctl details`: shows the answers of an eval with right answers and scores, also while it runs, and why it is slow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from evalctl.clone.requests import root_of
from evalctl.details import forms, webpage
from evalctl.details.eval_answers import EvalAnswers, read_answers, require
from evalctl.details.places import places
from evalctl.exits import SUCCESS
from evalctl.results.choosing import Wanted, condition
from evalctl.shell import EnvironmentProblem, write_atomically


def run(arguments: argparse.Namespace) -> int:
    """Prints a summary and the selected answers of each eval; EnvironmentProblem when this machine has no answers."""
    root, wanted = root_of(arguments), _wanted(arguments)
    places_of_subject = [one for one in places(arguments.subject, arguments.task, root) if one.answers or one.details]
    if not places_of_subject:
        help = "it has not run on this machine, or its files were deleted: evalctl status"
        raise EnvironmentProblem("no answers on this machine", help=help)
    shown = [read_answers(place, wanted, root, scores=not arguments.why) for place in places_of_subject]
    require(wanted, shown)
    text = _written(shown, arguments)
    if arguments.output is None:
        print(text, end="")
    else:
        write_atomically(arguments.output, text)
    return SUCCESS


def _written(shown: Sequence[EvalAnswers], arguments: argparse.Namespace) -> str:
    match arguments.format:
        case "html":
            return webpage.page(shown)
        case "jsonl":
            return "".join(forms.jsonl(shown))
        case "csv":
            return forms.table(shown)
        case _:
            return "".join(forms.text(shown, summary_only=arguments.why))


def _wanted(arguments: argparse.Namespace) -> Wanted:
    try:
        metrics = tuple(condition(text) for text in arguments.metric)
    except ValueError as error:
        raise EnvironmentProblem(
            f"--metric: {error}", help="evalctl details REQUEST TASK --metric 'acc<0.5'"
        ) from error
    return Wanted(
        empty=arguments.empty, truncated=arguments.truncated, repeating=arguments.repeating, grep=arguments.grep,
        longest=arguments.longest, limit=arguments.limit, right=arguments.right, metrics=metrics,
        question=arguments.question,
    )  # fmt: skip
