"""Finds secret-shaped text in manifests."""

from __future__ import annotations

from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.secret_shapes import secret_shapes


def secrets_in(file: str, text: str) -> list[Diagnostic]:
    """A finding for each piece of secret-shaped text; the text itself is never repeated."""
    return [
        Diagnostic(
            "secret-in-manifest",
            f"this looks like {kind}",
            Span(file, line, column, end),
            help="revoke that key now, remove it from the file and from git's history, and put the new key into .env",
        )
        for line, column, end, kind in secret_shapes(text)
    ]
