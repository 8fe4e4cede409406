"""Helpers for messages: `did you mean …?`, short lists, plurals."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `word`, ignoring case, width and the kind of dash; None if nothing does."""
    names = {_fold(name): name for name in known}
    cutoff = 0.6 if len(word) <= 4 else 0.7  # two letters exchanged in a short word
    close = difflib.get_close_matches(_fold(word), names, n=1, cutoff=cutoff)
    return names[close[0]] if close else None


def help_for(word: str, known: Iterable[str], otherwise: str) -> str:
    """A help line: the guess if there is one, else `otherwise`."""
    guess = did_you_mean(word, known)
    return f"did you mean `{guess}`?" if guess else otherwise


def listed(names: Iterable[str], limit: int = 12, separator: str = ", ") -> str:
    """A short list for a message."""
    everything = list(names)
    more = f" and {len(everything) - limit} more" if len(everything) > limit else ""
    return separator.join(everything[:limit]) + more


def plural(number: int, word: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).lower().replace("-", "_")
