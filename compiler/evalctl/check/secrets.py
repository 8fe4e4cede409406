"""Secret-shaped text: keys of the services that the lab uses, and what looks like a private key.

Used on manifests (`check`) and on everything that `sync` commits.
"""

from __future__ import annotations

import re

from evalctl.model.diagnostic import Diagnostic, Span

# Prefixes as the providers issue them (2026); the length keeps prose such as `sk-learn` out.
_SHAPES = re.compile(
    r"(?P<openai>\bsk-[A-Za-z0-9_-]{20,})"
    r"|(?P<huggingface>\bhf_[A-Za-z0-9]{20,})"
    r"|(?P<github>\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,})"
    r"|(?P<google>\bAIza[A-Za-z0-9_-]{30,})"
    r"|(?P<aws>\bAKIA[0-9A-Z]{16}\b)"
    r"|(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)


def secret_shapes(text: str) -> list[tuple[int, int, int, str]]:
    """(line, column, end column, kind) of each piece of secret-shaped text."""
    if not any(mark in text for mark in ("sk-", "hf_", "gh", "AIza", "AKIA", "PRIVATE KEY")):
        return []
    found = []
    for match in _SHAPES.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - start + 1
        found.append((line, column, column + match.end() - match.start(), match.lastgroup or ""))
    return found


def secrets_in(file: str, text: str) -> list[Diagnostic]:
    """A finding for each piece of secret-shaped text; the text itself is never repeated."""
    return [
        Diagnostic(
            "secret-in-manifest",
            f"this looks like a {kind} key",
            Span(file, line, column, end),
            help="revoke that key now, take it out of the file and of git's history, and put the new one into .env",
        )
        for line, column, end, kind in secret_shapes(text)
    ]
