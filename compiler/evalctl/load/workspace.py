"""All texts under manifests/, each with a key that changes when the file changes; unchanged files are not read again.

A file is unchanged if its stamp is the same (`stamps.py`); a file that was modified within the last two seconds is read
again, because a second change may have the same times.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalctl.load import places, repo
from evalctl.model.diagnostic import Diagnostic
from evalctl.stamps import Stamp, is_settled, stamp

SHARED = (
    "manifests/tasks",
    "manifests/services",
    "manifests/providers",
    "manifests/models/chat_templates",
    "manifests/models/reasoning_parsers",
)


Known = tuple[int, int, int, int, str]  # a stamp, and the digest of the text


@dataclass(slots=True)
class Workspace:
    """The files of a repository: `keys` maps each path to a digest of its text; `text` reads a file, once."""

    root: Path
    keys: dict[str, str]
    stats: dict[str, Known]  # stored for the next command
    problems: dict[str, list[Diagnostic]] = field(default_factory=dict)
    unread: list[Diagnostic] = field(default_factory=list)  # files that evalctl does not read, and why
    _texts: dict[str, str] = field(default_factory=dict)
    _models: frozenset[str] = frozenset()

    def text(self, path: str) -> str | None:
        """The text of `path`; None (and a finding in `problems`) when it cannot be read."""
        if path not in self._texts:
            source, problems = repo.read(self.root, path)
            if source is None:
                self.problems[path] = problems
                return None
            self._texts[path] = source.text
        return self._texts[path]

    def pretend(self, path: str, text: str) -> None:
        """Makes this workspace return `text` for `path`, to check a change before it is written."""
        self._texts[path] = text
        self.keys = dict(sorted({**self.keys, path: hashlib.sha256(text.encode()).hexdigest()}.items()))
        if (found := places.fault(path, is_link=False)) is not None:
            self.unread.append(found)

    def texts(self, paths: list[str]) -> dict[str, str]:
        """The texts of those `paths` that can be read."""
        return {path: text for path in paths if (text := self.text(path)) is not None}

    def under(self, folder: str) -> list[str]:
        """Known paths below `folder`, sorted."""
        return [path for path in self.keys if path.startswith(f"{folder}/")]

    @property
    def shared_paths(self) -> list[str]:
        """The paths that every request depends on."""
        return [path for path in self.keys if is_shared(path)]

    @property
    def models(self) -> frozenset[str]:
        """Every model that has a file; computed once, since every request may need it."""
        if not self._models:
            self._models = frozenset(places.model_of(path) for path in self.keys if places.is_model_file(path))
        return self._models

    @property
    def request_paths(self) -> list[str]:
        """Every request."""
        return self.under("manifests/requests")


def is_shared(path: str) -> bool:
    """Whether every request depends on `path`."""
    return path.startswith(SHARED) or path == places.COMMON


def read(root: Path, known: Mapping[str, Known]) -> Workspace:
    """The workspace at `root`; `known` are the `stats` of an earlier workspace."""
    workspace = Workspace(root, {}, {})
    now = time.time_ns()
    for path, seen in sorted(_files(root, "manifests", workspace.unread)):
        before = known.get(path)
        if before is not None and tuple(before[:-1]) == seen:
            key = before[-1]
        else:
            text = workspace.text(path)
            key = "unreadable" if text is None else hashlib.sha256(text.encode()).hexdigest()
        workspace.keys[path] = key
        if key != "unreadable" and is_settled(seen, now):
            workspace.stats[path] = (*seen, key)
    workspace.unread.extend(places.clashes(workspace.keys))
    return workspace


def _files(root: Path, folder: str, unread: list[Diagnostic]) -> Iterator[tuple[str, Stamp]]:
    """Manifests below `folder`; hidden files are ignored, other files that evalctl does not read are findings."""
    try:
        entries = list(os.scandir(root / folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = f"{folder}/{entry.name}"
        is_link = entry.is_symlink()
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, path, unread)
        elif is_link or entry.name.lower().endswith((".yaml", ".yml", ".csv", ".jinja", ".py")):
            found = places.fault(path, is_link=is_link, is_file=entry.is_file(follow_symlinks=False))
            if found is not None:
                unread.append(found)
                continue
            yield path, stamp(entry.stat())
