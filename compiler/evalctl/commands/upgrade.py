"""`evalctl upgrade`: brings the files that `evalctl init` wrote to this version, and keeps a person's changes."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from evalctl import __version__
from evalctl.clone.requests import root_of
from evalctl.exits import PERSON, SUCCESS
from evalctl.git import calls
from evalctl.load import requirement
from evalctl.model.diagnostic import has_errors
from evalctl.new_repository import note as notes
from evalctl.new_repository import shipped
from evalctl.new_repository.files import Choices, files
from evalctl.new_repository.upgrade import Upgrade, upgrade
from evalctl.pipeline.project import Project
from evalctl.shell import EnvironmentProblem, below, write_together
from evalctl.shell import run as run_command
from evalctl.suggest import listed


def run(arguments: argparse.Namespace) -> int:
    """Writes what differs; with --dry-run only prints it. 1 where parts conflict."""
    root = root_of(arguments)
    note = _note(root)
    choices = Choices(note.choices.catalogue, _still_shipped(note.choices.services), note.choices.example)
    new = files(choices)
    base = {path: note.texts.get(blob) or _blob(root, blob) for path, blob in note.blobs.items()}
    current = {path: _text(root, path) for path in {*new, *base}}
    new[requirement.FILE] = requirement.updated(_lf(current[requirement.FILE]) or new[requirement.FILE])
    found = upgrade(
        new,
        {**base, requirement.FILE: _lf(current[requirement.FILE])},
        {path: _lf(text) for path, text in current.items()},
        _merge,
    )
    _refuse_lost(found.lost)
    _print(found, dry=arguments.dry_run)
    if arguments.dry_run:
        return SUCCESS
    _refuse_uncommitted(root, [*found.write, *found.remove])
    write_together(root, {path: _as_it_was(text, current[path]) for path, text in found.write.items()})
    for path in found.remove:
        below(root, path).unlink()
    shipped_now = {path: text for path, text in new.items() if path not in (*found.kept, requirement.FILE)}
    notes.write_note(root, choices, shipped_now, {*found.merged, *found.deleted})
    if found.conflicts:
        print("correct the conflicts (git diff shows them), then: evalctl check, evalctl compile")
        return PERSON
    return _compiled(root)


def _note(root: Path) -> notes.ShippedNote:
    note = notes.read_at(root)
    if note is None:
        raise EnvironmentProblem(
            f"there is no {notes.FILE}: `evalctl init` did not make this repository",
            help="evalctl init . adds what is missing",
        )
    if requirement.is_newer(note.version):
        raise EnvironmentProblem(
            f"evalctl {note.version} wrote the files of this repository; this is {__version__}",
            help="use that version, or a newer one",
        )
    return note


def _refuse_lost(paths: Sequence[str]) -> None:
    if paths:
        raise EnvironmentProblem(
            f"this clone does not have the text that evalctl wrote to {listed(paths, 4)}",
            help="git fetch --unshallow, then: evalctl upgrade",
        )


def _lf(text: str | None) -> str | None:
    """With the line ends of what evalctl ships."""
    return None if text is None else text.replace("\r\n", "\n")


def _as_it_was(text: str, before: str | None) -> str:
    """With the line ends of the person's file."""
    return text.replace("\n", "\r\n") if before and "\r\n" in before else text


def _still_shipped(services: Iterable[str]) -> list[str]:
    return [name for name in services if name in shipped.services()]


def _blob(root: Path, blob: str) -> str | None:
    """The text of an object; None where git does not have it."""
    reply = run_command(calls.command("cat-file", "blob", blob, cwd=root))
    return reply.stdout if reply.status == 0 else None


def _text(root: Path, path: str) -> str | None:
    try:
        return below(root, path).read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise EnvironmentProblem(
            f"{path} cannot be read as text", help="correct or move it, then: evalctl upgrade"
        ) from error


def _merge(ours: str, base: str, theirs: str) -> tuple[str, bool]:
    """git's three-way merge."""
    with tempfile.TemporaryDirectory(prefix="evalctl-merge-") as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(text.encode())
        labels = ("-L", "yours", "-L", "before", "-L", f"evalctl {__version__}")
        reply = run_command(calls.command("merge-file", "-p", *labels, *map(str, paths)))
    if reply.status < 0 or reply.status > 127:  # else the number of conflicts
        raise EnvironmentProblem(f"git merge-file failed: {calls.fatal(reply.stderr)}")
    return reply.stdout, reply.status > 0


def _refuse_uncommitted(root: Path, paths: list[str]) -> None:
    """What is written over must be in git, so that nothing is lost whatever the merge makes."""
    there = [path for path in paths if below(root, path).exists()]
    if not there:
        return
    reply = run_command(
        calls.command("--literal-pathspecs", "status", "--porcelain", "--ignored", "-z", "--", *there, cwd=root)
    )
    changed = [entry[3:] for entry in reply.stdout.split("\0") if entry]
    if reply.status != 0 or changed:
        raise EnvironmentProblem(
            f"{changed[0] if changed else 'a file'} has changes that are not committed",
            help="commit or stash them (git stash), then: evalctl upgrade",
        )


def _print(found: Upgrade, *, dry: bool) -> None:
    rows = [
        *(
            (path, "conflict" if path in found.conflicts else "would change" if dry else "changed")
            for path in found.write
        ),
        *((path, "would be removed" if dry else "removed") for path in found.remove),
        *((path, "yours: kept, though evalctl ships such a file now") for path in found.kept),
        *((path, "stays deleted") for path in found.deleted),
    ]
    for path, what in sorted(rows):
        print(f"  {path}: {what}")
    if not found.write and not found.remove:
        print(f"every file is that of evalctl {__version__}")


def _compiled(root: Path) -> int:
    _, problems, changed = Project(root).compile(check_only=False)
    if has_errors(problems):
        print("some manifests have mistakes now: evalctl check")
        return PERSON
    print(f"{len(changed)} files of generated/ changed" if changed else "generated/ is up to date")
    print("next: evalctl plan (which evals would run again, and why), then commit")
    return SUCCESS
