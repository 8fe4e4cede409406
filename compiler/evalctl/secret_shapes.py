"""Finds secret-shaped text: keys of the services that the lab uses, and texts that look like a private key.

`check` looks for it in manifests, `report` and `logs` hide it, `sync` refuses to commit it.
"""

from __future__ import annotations

import re

from evalctl_job.key_shapes import KINDS, shapes


def secret_shapes(text: str) -> list[tuple[int, int, int, str]]:
    """(line, column, end column, kind) of each piece of secret-shaped text."""
    found = []
    for match in shapes(text):
        start = text.rfind("\n", 0, match.start()) + 1
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - start + 1
        found.append((line, column, column + match.end() - match.start(), KINDS[match.lastgroup or ""]))
    return found


def redacted(text: str) -> str:
    """`text` with stars in place of what looks like a secret, letter for letter."""
    for match in shapes(text):
        stars = re.sub(r"[^\n]", "*", match[0])
        text = text[: match.start()] + stars + text[match.end() :]
    return text
