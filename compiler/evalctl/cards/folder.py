"""Reads a model in a local folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalctl.cards.source import SMALL
from evalctl.shell import EnvironmentProblem

_PIECES, _PIECE = 16, 64 * 1024


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """`ModelFiles`; without subfolders and hidden files, which vLLM does not load."""

    path: Path
    sizes: Mapping[str, int]

    @property
    def label(self) -> str:
        """The folder's name in messages."""
        return _shown(self.path)

    @property
    def parameters(self) -> int | None:
        """None: a folder does not state the number; the headers of the weights do."""
        return None

    def head(self, name: str, length: int) -> bytes:
        """The first `length` bytes of a file."""
        with (self.path / name).open("rb") as file:
            return file.read(length)


def open_folder(path: Path) -> ModelFolder:
    """The folder as `ModelFiles`; an EnvironmentProblem where it cannot be read."""
    try:
        files = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        odd = next((entry for entry in files if entry.name.encode("utf-8", "replace").decode() != entry.name), None)
        if odd is not None:
            raise EnvironmentProblem(f"the name of {_shown(odd)} is not UTF-8", "rename or remove the file")
        return ModelFolder(path, {entry.name: entry.stat().st_size for entry in files})
    except OSError as error:
        raise EnvironmentProblem(
            f"the checkpoint {_shown(path)} cannot be read: {error.strerror}",
            "give the absolute path of a folder with config.json and the weights that you can read",
        ) from error


def _shown(path: Path) -> str:
    """A path as text for messages, whatever its bytes are."""
    return os.fsencode(path).decode("utf-8", "replace")


def folder_revision(path: Path, *, whole: bool = False) -> str:
    """64 hex digits that change with any file's name, size or content; a copy elsewhere has the same.

    Of files above SMALL sixteen evenly spread pieces are read. Training changes every tensor, so this detects a checkpoint
    that was overwritten in place (same names, same sizes), but not a change of a few bytes between the pieces; with `whole`
    every byte is read. Times, subfolders and hidden files do not count. A job computes the same value in evalctl_job.checkpoint.
    """
    source = open_folder(path)
    digest = hashlib.sha256(b"whole\n" if whole else b"")
    for name, size in sorted(source.sizes.items()):
        content = hashlib.sha256()
        for piece in _blocks(path / name) if whole else _pieces(path / name, size):
            content.update(piece)
        digest.update(f"{name}\0{size}\0{content.hexdigest()}\n".encode())
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(SMALL):
            yield block


def _pieces(path: Path, size: int) -> list[bytes]:
    with path.open("rb") as file:
        if size <= SMALL:
            return [file.read()]
        pieces = []
        for number in range(_PIECES):
            file.seek(number * (size - _PIECE) // (_PIECES - 1))
            pieces.append(file.read(_PIECE))
        return pieces
