"""Reports environments of this machine that are not ready."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from evalctl.environments.recipes import Environment, catalogue

STAMP = ".complete"
_FOLDER = re.compile(r".+-([0-9a-f]{12})")


def check(names: Iterable[str], root: Path) -> list[str]:
    """One sentence for each named environment that jobs cannot use as it is under `root`; empty when all are ready."""
    known = catalogue()
    found = [problem_of(known[name], root) if name in known else f"no environment is called `{name}`" for name in names]
    return [problem for problem in found if problem]


def problem_of(environment: Environment, root: Path) -> str | None:
    """Why `environment` is not ready under `root`, or None when it is."""
    folder = root / environment.directory_name
    if is_complete(environment, root):
        return None
    if (folder / STAMP).exists():
        return f"{environment.name}: its Python was removed ({folder}); run `evalctl env setup {environment.name}`"
    if folder.exists():
        return f"{environment.name}: incomplete, a set-up was interrupted or is running ({folder})"
    if others(environment, root):
        return f"{environment.name}: stale, its lock or packages changed; run `evalctl env setup {environment.name}`"
    return f"{environment.name}: missing; run `evalctl env setup {environment.name}`"


def is_complete(environment: Environment, root: Path) -> bool:
    """Whether a build of exactly this digest came to its end, and its Python is still there."""
    folder = root / environment.directory_name
    return _stamp(folder) == environment.digest and is_built(folder)


def is_built(folder: Path) -> bool:
    """Whether a build came to its end in `folder`, and its Python is still there: of the present lock or of an earlier one,
    whose digest only the folder's name has."""
    name = _FOLDER.fullmatch(folder.name)
    return name is not None and _stamp(folder).startswith(name[1]) and (folder / "bin" / "python").exists()


def _stamp(folder: Path) -> str:
    try:
        return (folder / STAMP).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def others(environment: Environment, root: Path) -> list[Path]:
    """Complete builds of the same environment from an earlier lock, newest first; submitted jobs may still use them."""
    stamps = root.glob(f"{environment.name}-{'[0-9a-f]' * 12}/{STAMP}")
    newest = sorted(
        (stamp for stamp in stamps if is_built(stamp.parent)), key=lambda stamp: stamp.stat().st_mtime, reverse=True
    )
    return [stamp.parent for stamp in newest if stamp.parent.name != environment.directory_name]
