"""What an upgrade does with each file that evalctl ships: the new text, a person's changes kept by a three-way merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# (the person's text, the text that evalctl wrote, the new text) -> (merged, whether parts conflict)
Merge = Callable[[str, str, str], tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is to be done: `write` maps paths to new texts; `conflicts` are among them, with marks as of git; `kept` are files that
    evalctl ships now and that the person had made; `deleted` are files that the person has deleted and that stay so."""

    write: Mapping[str, str]
    remove: tuple[str, ...]
    conflicts: tuple[str, ...]
    kept: tuple[str, ...]
    deleted: tuple[str, ...]


def upgrade(
    new: Mapping[str, str], base: Mapping[str, str | None], current: Mapping[str, str | None], merge: Merge
) -> Upgrade:
    """`new` are the texts of this version; `base` those that evalctl wrote last (None: git no longer has it); `current` those of the
    work tree (None: no such file)."""
    write: dict[str, str] = {}
    conflicts, kept, deleted = [], [], []
    for path, text in new.items():
        there = current[path]
        if there == text:
            continue
        if path not in base:
            if there is None:
                write[path] = text
            else:
                kept.append(path)
        elif base[path] == text:
            continue
        elif there is None:
            deleted.append(path)
        elif there == base[path]:
            write[path] = text
        else:
            write[path], conflicting = merge(there, base[path] or "", text)
            if conflicting:
                conflicts.append(path)
    remove = [path for path, text in base.items() if path not in new and text is not None and current[path] == text]
    return Upgrade(write, tuple(remove), tuple(conflicts), tuple(kept), tuple(deleted))
