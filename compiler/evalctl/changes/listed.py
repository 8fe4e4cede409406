"""One file that differs between two commits."""

from __future__ import annotations

from dataclasses import dataclass

REGULAR, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's mode as git writes it, and its content (of a link: its target; of a submodule: its commit, or nothing)."""

    mode: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file; `old` is None for a new file, `new` for a deleted one."""

    path: str
    old: Blob | None
    new: Blob | None

    @property
    def word(self) -> str:
        """What happened to the file."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "deleted"
        return "changed" if self.old.data != self.new.data else "changed in mode"

    @property
    def texts(self) -> tuple[str, str]:
        """(old text, new text); "" where the file does not exist."""
        return _text(self.old), _text(self.new)


def _text(blob: Blob | None) -> str:
    return "" if blob is None else blob.data.decode("utf-8", "replace")
