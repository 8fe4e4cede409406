"""Asks on the terminal for what the options of `evalctl new` and `evalctl init` do not say, each with the choices."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl.clone.machine import detected_service
from evalctl.model.catalogue import Catalogue
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed

_FLAGS = ("model", "tasks", "service")


@dataclass(frozen=True, slots=True)
class _Question:
    """`known` are the allowed words of an answer (empty: any); `usual` is the answer for Enter."""

    hint: str
    known: Collection[str] = ()
    usual: str = ""
    several: bool = False


def ask_for_missing(arguments: argparse.Namespace, root: Path, catalogue: Catalogue) -> None:
    """Asks for the missing options of a request; EnvironmentProblem where no terminal answers."""
    missing = [flag for flag in _FLAGS if getattr(arguments, flag) is None]
    if missing and not sys.stdin.isatty():
        raise _nobody(missing)
    for number, flag in enumerate(missing):
        try:
            setattr(arguments, flag, _answer(flag, _question(flag, root, catalogue)))
        except EOFError:  # Ctrl-D
            print()
            raise _nobody(missing[number:]) from None


def ask(what: str, choices: Mapping[str, str], usual: str) -> str:
    """One of the choices (word to description), as a person at the terminal answers; `usual` where nobody does."""
    for word, description in choices.items():
        print(f"  {word}{': ' if description else ''}{description}")
    try:
        return _answer(what, _Question("one of these", choices, usual))
    except EOFError:  # Ctrl-D
        print()
        return usual


def _nobody(missing: Sequence[str]) -> EnvironmentProblem:
    flags = " ".join(f"--{flag} …" for flag in missing)
    return EnvironmentProblem(f"a request needs {', '.join(missing)}", help=f"evalctl new {flags}")


def _question(flag: str, root: Path, catalogue: Catalogue) -> _Question:
    if flag == "model":
        known = sorted({*catalogue.cards, *catalogue.settings}) or ["tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"]
        return _Question(f"a Hugging Face id, e.g. {listed(known, 6)}")
    if flag == "tasks":
        words = [*catalogue.suites, *catalogue.tasks]
        return _Question(f"suites and task keys, separated by commas: {listed(words, 20)}", words, several=True)
    services = list(catalogue.services)
    here = detected_service(root, catalogue, None) if services else ""
    return _Question(f"where to run: {listed(services, 20)}", services, here if here in services else "")


def _answer(flag: str, question: _Question) -> str:
    """Repeats the question until all words of the answer are known."""
    usual = f" [{question.usual}]" if question.usual else ""
    while True:
        answer = input(f"{flag} ({question.hint}){usual}: ").strip() or question.usual
        words = answer.split(",") if question.several else [answer]
        unknown = [word for one in words if (word := one.strip().lstrip("-")) not in question.known]
        if answer and not (question.known and unknown):
            return answer
        if answer:
            print(f"there is no `{unknown[0]}`: {help_for(unknown[0], question.known, 'see the list above')}")
