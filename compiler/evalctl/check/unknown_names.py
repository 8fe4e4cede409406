"""Findings for a name that is not defined, or whose definition has errors."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.suggest import help_for, listed


def unknown(code: str, what: str, name: str, known: Iterable[str], span: Span, otherwise: str = "") -> Diagnostic:
    """The finding for a name that is not among the `known` ones, with the one that may be meant."""
    names = list(known)
    help = help_for(name, names, otherwise or f"there are: {listed(names)}")
    return Diagnostic(code, f"there is no {what} `{name}`", span, help)


def unusable(code: str, what: str, name: str, faulty: Iterable[str], span: Span) -> Diagnostic:
    """The finding for a name that cannot be looked up because the files that may define it have errors."""
    return Diagnostic(
        code, f"{what} `{name}` was not checked: {listed(faulty)} has errors", span, f"fix {listed(faulty)} first"
    )
