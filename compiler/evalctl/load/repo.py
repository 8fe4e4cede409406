"""Finds the repository and reads a file of it; does not interpret the content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.shell import EnvironmentProblem


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's path relative to the repository (always with /) and its text."""

    path: str
    text: str


def find_root(start: Path) -> Path:
    """The nearest folder with manifests/requests or manifests/services: `start`, or a folder above it."""
    for folder in (start, *start.parents):
        if (folder / "manifests" / "requests").is_dir() or (folder / "manifests" / "services").is_dir():
            return folder
    raise EnvironmentProblem(
        f"no evalctl repository here: no folder `manifests/requests` or `manifests/services` in {start} or above it",
        help="cd into your clone of the evaluation repository, or name it with --repo FOLDER",
    )


def read(root: Path, path: str) -> tuple[SourceFile | None, list[Diagnostic]]:
    """The file's text, or None with a finding why it cannot be read."""
    try:
        data = (root / path).read_bytes()
    except FileNotFoundError:
        return None, [Diagnostic("missing-file", f"there is no {path}", Span(path), help=f"create {path}")]
    except OSError as error:
        return None, [Diagnostic("missing-file", f"{path} cannot be read: {error.strerror}", Span(path))]
    try:
        return SourceFile(path, data.decode("utf-8")), []
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"the file is not UTF-8 (byte {data[error.start]:#04x})"
        encoding = "UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "CP932"
        return None, [Diagnostic("not-utf-8", message, Span(path, line), help=f"iconv -f {encoding} -t UTF-8 {path}")]
