"""Writes what a repository lacks; never over a file, a link or a folder that is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalctl.load import requirement
from evalctl.shell import write_together

IGNORED = ".gitignore"


@dataclass(frozen=True, slots=True)
class Written:
    """`paths` were written as given; `extended` are files of the person that got lines; `kept` exist with another text, or as
    something else than a file."""

    paths: tuple[str, ...]
    extended: tuple[str, ...]
    kept: tuple[str, ...]


def write_missing(root: Path, texts: Mapping[str, str]) -> Written:
    """Writes each text whose path is free. An existing .gitignore gets the lines that keep a person's keys out of git, an existing
    requirements.txt the line with the version."""
    there = [path for path in texts if _is_taken(root, path)]
    missing = {path: text for path, text in texts.items() if path not in there}
    longer = {path: text for path in there if (text := _extended(root, path, texts[path])) is not None}
    write_together(root, {**missing, **longer})
    kept = tuple(path for path in there if path not in longer and _content(root, path) != texts[path].encode())
    return Written(tuple(missing), tuple(longer), kept)


def _is_taken(root: Path, path: str) -> bool:
    """Whether something is at the path, or a link or a file is where one of its folders would be."""
    steps = [root.joinpath(*path.split("/")[:number]) for number in range(1, path.count("/") + 1)]
    return os.path.lexists(root / path) or any(step.is_symlink() or step.is_file() for step in steps)


def _content(root: Path, path: str) -> bytes | None:
    """The content of a regular file at the path; None of anything else."""
    file = root / path
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _extended(root: Path, path: str, wanted: str) -> bytes | None:
    """The person's file with the lines that it lacks; None where it needs none, or is no text."""
    content = _content(root, path)
    if content is None or path not in (IGNORED, requirement.FILE):
        return None
    text = content.decode("utf-8", "surrogateescape")
    if path == requirement.FILE:
        lacking = [] if requirement.line_of(text) else [requirement.line()]
    else:
        lines = text.splitlines()
        lacking = [line for line in wanted.splitlines() if line not in lines and not line.startswith("#")]
    if not lacking:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    before = text if not text or text.endswith("\n") else text + end
    return (before + "".join(line + end for line in ("# evalctl", *lacking))).encode("utf-8", "surrogateescape")
