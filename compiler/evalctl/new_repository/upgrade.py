"""What an upgrade does with each file that evalctl ships: the new text, a person's changes kept by a three-way merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# (the person's text, the text that evalctl wrote, the new text) -> (merged, whether parts conflict)
_NEVER_REMOVED = ("generated/", "manifests/requests/", "results/")  # whatever a note says
Merge = Callable[[str, str, str], tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is to be done: `write` maps paths to new texts; `conflicts` are among them, with marks as of git; `kept` are files that
    evalctl ships now and that the person had made; `deleted` are files that the person has deleted and that stay so; `merged` have
    changes of the person; of the `lost` ones this clone does not have the earlier text, with which changes would be merged."""

    write: Mapping[str, str]
    remove: tuple[str, ...]
    conflicts: tuple[str, ...]
    kept: tuple[str, ...]
    deleted: tuple[str, ...]
    merged: tuple[str, ...]
    lost: tuple[str, ...]


def upgrade(
    new: Mapping[str, str], base: Mapping[str, str | None], current: Mapping[str, str | None], merge: Merge
) -> Upgrade:
    """`new` are the texts of this version; `base` those that evalctl wrote last (None: git no longer has it); `current` those of the
    work tree (None: no such file)."""
    ways: dict[str, list[str]] = {way: [] for way in (_SAME, _WRITE, _KEEP, _DELETED, _MERGE, _LOST)}
    for path, text in new.items():
        ways[_way(path in base, base.get(path), current[path], text)].append(path)
    merged = {path: merge(current[path] or "", base[path] or "", new[path]) for path in ways[_MERGE]}
    write = {path: new[path] for path in ways[_WRITE]} | {path: text for path, (text, _) in merged.items()}
    gone = [path for path in base if path not in new and not path.startswith(_NEVER_REMOVED)]
    remove = [path for path in gone if base[path] is not None and current[path] == base[path]]
    conflicts = [path for path, (_, conflicting) in merged.items() if conflicting]
    lists = (remove, conflicts, ways[_KEEP], ways[_DELETED], ways[_MERGE], ways[_LOST])
    return Upgrade(write, *map(tuple, lists))


_SAME, _WRITE, _KEEP, _DELETED, _MERGE, _LOST = "same", "write", "keep", "deleted", "merge", "lost"


def _way(known: bool, before: str | None, there: str | None, text: str) -> str:
    """What to do with one file: `known` says whether evalctl wrote it, `before` the text that it wrote, `there` what is there now."""
    if there == text or (known and before == text):
        return _SAME
    if there is None:
        return _DELETED if known else _WRITE
    if not known:
        return _KEEP
    if before is None:
        return _LOST
    return _WRITE if there == before else _MERGE
