"""Files of the work tree: which blobs they would become, whether a path is free, removal as git does it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from evalctl.git.repository import Repository, blob_id

_AT_ONCE = 200  # words of one command


def parent(path: str) -> str:
    """The folder of a path below the top; "" is the top."""
    return path.rpartition("/")[0]


def blobs(repo: Repository, paths: Iterable[str], like: str) -> dict[str, str]:
    """Path to the id of the blob that its regular file or symbolic link would become."""
    kinds = {path: _kind(repo.root / path) for path in paths}
    links = {path: _target(repo.root / path) for path, kind in kinds.items() if kind == stat.S_IFLNK}
    found = {path: blob_id(target, like) for path, target in links.items()}
    return found | _hashed(repo, [path for path, kind in kinds.items() if kind == stat.S_IFREG])


def _target(link: Path) -> bytes:
    return os.fsencode(os.readlink(link))  # noqa: PTH115 - Path normalises slashes and dots


def _kind(path: Path) -> int:
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return 0


def _hashed(repo: Repository, paths: list[str]) -> dict[str, str]:
    """Blob ids as git computes them, with the filters of each path. From a list git reads one path a line, and takes a line that begins with `"` for quoted."""
    odd = [path for path in paths if "\n" in path or path.startswith('"')]
    plain = [path for path in paths if path not in odd]
    ids: list[str] = []
    if plain:
        data = b"".join(os.fsencode(path) + b"\n" for path in plain)
        ids += repo.run_or_raise("hash-object", "--stdin-paths", data=data).text.split()
    for part in _parts(odd):
        ids += repo.run_or_raise("hash-object", "--", *part).text.split()
    return dict(zip([*plain, *odd], ids, strict=True))


def _parts(paths: Iterable[str]) -> Iterator[list[str]]:
    left = iter(paths)
    while part := list(islice(left, _AT_ONCE)):
        yield part


class FreePaths:
    """Decides where new files may be written: at paths with nothing, or only with files that are to be removed (`removed`)."""

    def __init__(self, root: Path, removed: Collection[str] = ()) -> None:
        self._root = root
        self._removed = removed
        self._folders = {"": True}

    def is_free(self, path: str) -> bool:
        """Whether a file can be written at `path` without loss of data, and not through a link."""
        if not self.is_within(path):
            return False
        kind = _kind(self._root / path)
        return kind == 0 or path in self._removed or (kind == stat.S_IFDIR and self._is_emptied(path))

    def is_within(self, path: str) -> bool:
        """Whether no folder above `path` is a link."""
        return self._is_folder(parent(path))

    def _is_folder(self, path: str) -> bool:
        """Whether `path` is a real folder, or can become one."""
        if path not in self._folders:
            kind = _kind(self._root / path)
            can_be = kind in (0, stat.S_IFDIR) or path in self._removed
            self._folders[path] = can_be and self._is_folder(parent(path))
        return self._folders[path]

    def _is_emptied(self, path: str) -> bool:
        for folder, folders, files in os.walk(self._root / path):
            below = Path(folder).relative_to(self._root)
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            if any((below / name).as_posix() not in self._removed for name in (*files, *links)):
                return False
        return True


def remove(root: Path, path: str) -> None:
    """Removes a file and the folders that it leaves empty, as git does."""
    (root / path).unlink(missing_ok=True)
    for folder in list(Path(path).parents)[:-1]:
        try:
            (root / folder).rmdir()
        except OSError:  # not empty
            return
