"""Compares artifacts with generated/ and writes those that differ. The only disk access of render.

A file is known by its stamp as in `load.workspace`; files that evalctl did not make are never touched.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.parallel import mapped
from evalctl.shell import write_atomically
from evalctl.stamps import Stamp, is_settled, stamp

if TYPE_CHECKING:
    from evalctl.model.evaluation import Artifact

FOLDER = "generated"
Stat = tuple[int, int, int, int, str]  # a stamp, and the digest of the content

# The first lines of evalctl's own files, of every version: a plan, and a script with its line for reviewers.
_PLAN = re.compile(rb'\{\s*"schema": "evalctl/plan/[0-9]+",')
_SCRIPT = re.compile(
    rb"#!/bin/bash\n(?:#.*\n)*?# Made by `evalctl compile` from manifests/requests/.+; change that file, not this one\.\n"
)
_HEAD = 64 * 1024
_FEWEST = 500  # files that one process writes


class Tree:
    """generated/ on disk, and the digests stored for it."""

    def __init__(self, root: Path, known: Mapping[str, Stat]) -> None:
        self.root = root
        self.stats: dict[str, Stat] = {}  # what to remember for the next time
        self.links: list[Diagnostic] = []
        self._digests: dict[str, str] = {}
        self._begun = time.time_ns()
        self._on_disk = dict(_files(root, FOLDER, self.links))
        self._known = known

    def digest(self, path: str) -> str | None:
        """sha256 of the file, read only if it has changed since the stored digest; None when it does not exist."""
        if path not in self._on_disk:
            return None
        if path not in self._digests:
            seen = self._on_disk[path]
            before = self._known.get(path)
            known = before is not None and tuple(before[:-1]) == seen
            sha = before[-1] if known and before else hashlib.sha256((self.root / path).read_bytes()).hexdigest()
            self._digests[path] = sha
            if known or is_settled(seen, self._begun):
                self.stats[path] = (*seen, sha)
        return self._digests[path]

    def write(self, artifacts: Iterable[tuple[Artifact, str]]) -> list[str]:
        """Writes artifacts, each with its digest, whose files are not up to date; returns the changed paths."""
        changed = [(one, sha) for one, sha in artifacts if self.digest(one.path) != sha]
        stamps = mapped(self._written, [one for one, _ in changed], _FEWEST)
        for (one, sha), seen in zip(changed, stamps, strict=True):
            self._on_disk[one.path] = seen
            self._digests[one.path] = sha
            self.stats[one.path] = (*seen, sha)  # a new inode, made here: what changes it later changes its stamp
        return [one.path for one, _ in changed]

    def _written(self, artifact: Artifact) -> Stamp:
        target = self.root / artifact.path
        write_atomically(target, artifact.data, mode=0o755 if artifact.path.endswith(".sh") else 0o644)
        return stamp(target.stat())

    def obsolete(self, expected: Iterable[str]) -> list[str]:
        """Files that an earlier compilation wrote and that are not `expected` any more."""
        extra = sorted(set(self._on_disk) - set(expected))
        return [path for path in extra if self._is_ours(path)]

    def remove(self, paths: Iterable[str]) -> None:
        """Deletes files, and the folders that become empty."""
        for path in paths:
            (self.root / path).unlink()
            self._on_disk.pop(path, None)
            self._digests.pop(path, None)
            self.stats.pop(path, None)
            folder = (self.root / path).parent
            while folder != self.root / FOLDER and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent

    def foreign(self, expected: Iterable[str]) -> list[Diagnostic]:
        """A warning for each file that evalctl did not write."""
        extra = sorted(set(self._on_disk) - set(expected))
        return [
            Diagnostic(
                "foreign-file",
                f"evalctl did not write {path}",
                Span(path),
                severity=WARNING,
                help="generated/ is only for files of `evalctl compile`: move this file elsewhere",
            )
            for path in extra
            if not self._is_ours(path) and not path.endswith("/.gitkeep")
        ]

    def _is_ours(self, path: str) -> bool:
        """Whether evalctl wrote the file: folder, name and first lines are those of evalctl's files."""
        name = path.rpartition("/")[2]
        if path.count("/") < 2 or not (name == "plan.json" or name.endswith(".sh")):
            return False
        with (self.root / path).open("rb") as file:
            head = file.read(_HEAD)
        return (_PLAN if name == "plan.json" else _SCRIPT).match(head) is not None


def outdated(path: str, request: str, why: str) -> Diagnostic:
    """The finding `generated-outdated`: a file in generated/ differs from what the manifests compile to."""
    return Diagnostic(
        "generated-outdated", f"{path} {why}", Span(request), help="type `evalctl compile` and commit generated/"
    )


def _files(root: Path, folder: str, links: list[Diagnostic]) -> Iterator[tuple[str, Stamp]]:
    """Files below `folder`. A link is a finding and never followed: writing through it could change files outside the repository."""
    if (root / folder).is_symlink():
        links.append(_link(folder))
        return
    try:
        entries = list(os.scandir(root / folder))
    except FileNotFoundError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, path, links)
        elif entry.is_file(follow_symlinks=False):
            yield path, stamp(entry.stat(follow_symlinks=False))
        elif entry.is_symlink():
            links.append(_link(path))


def _link(path: str) -> Diagnostic:
    return Diagnostic("foreign-file", f"{path} is a link", Span(path), help=f"rm {path}; then: evalctl compile")
