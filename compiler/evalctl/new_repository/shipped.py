"""The files of evalctl's own repository that a new repository starts with."""

from __future__ import annotations

from pathlib import Path

from evalctl import demo

# A wheel has a copy beside this module (setup.py); a checkout has the files themselves.
_COPY = Path(__file__).with_name("shipped")
FOLDER = _COPY if _COPY.is_dir() else Path(__file__).parents[3]
_TEMPLATES = Path(__file__).with_name("templates")


def text(path: str) -> str:
    """The shipped file at this path of a repository."""
    return (FOLDER / path).read_text(encoding="utf-8")


def template(name: str) -> str:
    """A text that only a new repository has."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def services() -> list[str]:
    """The names of the shipped services."""
    return sorted(path.stem for path in (FOLDER / "manifests/services").glob("*.yaml"))


def under(folder: str) -> dict[str, str]:
    """The shipped files directly in `folder`, by path."""
    found = sorted(path for path in (FOLDER / folder).iterdir() if path.is_file())
    return {f"{folder}/{path.name}": path.read_text(encoding="utf-8") for path in found}


def demo_tables() -> dict[str, str]:
    """The tables of the demo's four tasks, by their paths of a repository."""
    top = Path(demo.__file__).with_name("repository")
    return {
        path.relative_to(top).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((top / "manifests/tasks").iterdir())
    }
