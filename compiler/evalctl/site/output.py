"""The folder of a site: only an empty one, or one that holds a site already, is written to; pages of before are removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from evalctl.shell import EnvironmentProblem, below, write_atomically

FILES = "files.txt"
_PAGE = re.compile(r"(?:[a-z]+/){0,2}[A-Za-z0-9][A-Za-z0-9.-]*\.(?:html|css|js|txt)")  # what a list may have removed
_HEAD = "# evalctl/site/1: the files of this site; those that a later call no longer writes are removed"


def claim(folder: Path) -> None:
    """Marks the folder as a site's, so that a call that was interrupted can be repeated; an EnvironmentProblem where
    something else is in it."""
    if folder.exists() and not folder.is_dir():
        raise EnvironmentProblem(f"{folder} is not a folder", help="evalctl results site -o FOLDER")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise EnvironmentProblem(
            f"{folder} has other files than a site of evalctl", help="name an empty or a new folder: -o FOLDER"
        )
    if not _is_ours(folder):
        write_atomically(folder / FILES, f"{_HEAD}\n")


def finish(folder: Path, written: Iterable[str]) -> None:
    """Lists the files that were written, and removes those of before that were not."""
    names = sorted(set(written))
    for name in {one for one in _listed(folder) if _PAGE.fullmatch(one)} - set(names):
        below(folder, name).unlink(missing_ok=True)
    write_atomically(folder / FILES, "".join(f"{line}\n" for line in (_HEAD, *names)))


def _is_ours(folder: Path) -> bool:
    path = folder / FILES
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(_HEAD)


def _listed(folder: Path) -> list[str]:
    return (folder / FILES).read_text(encoding="utf-8").splitlines()[1:] if _is_ours(folder) else []
