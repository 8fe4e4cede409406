"""`python -m evalctl_job.checkpoint`: whether a folder holds the checkpoint of its model card.

The same digest as `evalctl lock` writes (evalctl/cards/folder.py; a test compares the two). Status 0: it does; 1: it does
not, and the last line says why.
"""

import argparse
import hashlib
from pathlib import Path

SMALL = 32 * 1024 * 1024
_PIECES, _PIECE = 16, 64 * 1024
_BLOCK = 8 * 1024 * 1024


def revision(folder: Path, *, whole: bool = False) -> str:
    """The digest: of small files over all bytes, of others over sixteen pieces, with `whole` over all bytes; without subfolders."""
    digest = hashlib.sha256(b"whole\n" if whole else b"")
    files = [entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith(".")]
    for file in sorted(files, key=lambda entry: entry.name):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0{_content(file, size, whole)}\n".encode())
    return digest.hexdigest()


def _content(path: Path, size: int, whole: bool) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        if whole or size <= SMALL:
            while block := file.read(_BLOCK):
                content.update(block)
        else:
            for number in range(_PIECES):
                file.seek(number * (size - _PIECE) // (_PIECES - 1))
                content.update(file.read(_PIECE))
    return content.hexdigest()


def main() -> int:
    """Compares, and prints a line if the folder is not the checkpoint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    try:
        found = revision(options.path, whole=options.whole)
    except OSError as error:
        print(f"{options.path} cannot be read: {error.strerror}")
        return 1
    if found != options.revision:
        print(f"the files in {options.path} are not those of the model card: {found[:12]}, not {options.revision[:12]}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
