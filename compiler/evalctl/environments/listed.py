"""A source without git: a folder or a wheel is taken only if it is the pinned commit's program, file by file."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from evalctl.environments.recipes import Source
from evalctl.shell import EnvironmentProblem

# What Python can load. Another file that the commit lacks is read by no module of the commit.
_CODE = {".py", ".so", ".pth"}
_SHOWN = 5


def take_folder(source: Source, given: Path, target: Path) -> Path:
    """Copies the project from `given` below `target`: all files of the repository, or only the project's."""
    inner = given / source.folder
    project = inner if inner.is_dir() else given
    listed = _listed(source)
    paths = {*(project / name for name in listed), *(project / "src").rglob("*")}
    found = {path.relative_to(project).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    _hold(found, listed, source, given)
    for name in listed:
        copy = target / source.folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(found[name])
    return target / source.folder


def take_wheel(source: Source, given: Path, target: Path) -> Path:
    """Copies the wheel below `target`; it has the project's modules and not its build files."""
    target.mkdir(parents=True)
    wheel = Path(shutil.copy(given, target))
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = {f"src/{name}": archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error) as error:
        raise EnvironmentProblem(f"{given} is not a wheel: {error}", help="build or copy it again") from error
    modules = {name: digest for name, digest in _listed(source).items() if name.startswith("src/")}
    _hold(found, modules, source, given)
    return wheel


def _listed(source: Source) -> dict[str, str]:
    """The sha256 of each of the commit's files, by its path in the project."""
    head, *lines = source.list_path.read_text(encoding="utf-8").splitlines()
    if head != f"# commit {source.commit}":
        raise EnvironmentProblem(
            f"{source.list_path.name} lists `{head.lstrip('# ')}`, but the source is commit {source.commit}",
            help="renew the list (see compiler/evalctl_environments/README.md), or name a clone, which needs no list",
        )
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _hold(found: Mapping[str, bytes], listed: Mapping[str, str], source: Source, given: Path) -> None:
    """EnvironmentProblem, with the first differences, unless `found` has the listed files and no other modules."""
    compared = {name: _difference(name, found.get(name), listed.get(name)) for name in sorted({*found, *listed})}
    differences = [f"{name} {difference}" for name, difference in compared.items() if difference]
    if differences:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        recipe = source.list_path.with_suffix(".source").name
        raise EnvironmentProblem(
            f"{given} is not commit {source.commit}: {', '.join(differences[:_SHOWN])}{more}",
            help=f"take the commit's files unchanged; another commit is entered in {recipe} (docs/adding-a-task.md)",
        )


def _difference(name: str, data: bytes | None, digest: str | None) -> str | None:
    if data is None:
        return "is missing"
    if digest is None:
        return "is additional" if PurePosixPath(name).suffix in _CODE else None
    return None if hashlib.sha256(data).hexdigest() == digest else "differs"
