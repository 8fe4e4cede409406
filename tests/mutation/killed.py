"""Which mutants of a module the tests have noticed, from one run to the next: `--again` tries the others."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.mutation.trial import ROOT


class Killed:
    """By the digest of the whole file, so that another line in it makes all of them new."""

    def __init__(self, name: str) -> None:
        """What is known from before."""
        self._path: Path = ROOT / ".evalctl" / "mutants" / name
        self._digests = set(self._path.read_text().split()) if self._path.is_file() else set()

    def __contains__(self, text: str) -> bool:
        """Whether this mutant was noticed."""
        return _digest(text) in self._digests

    def add(self, text: str) -> None:
        """It is noticed."""
        self._digests.add(_digest(text))

    def save(self) -> None:
        """For the next run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("\n".join(sorted(self._digests)) + "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
