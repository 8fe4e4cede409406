"""`evalctl init`: a new repository for evaluations, or what an existing one lacks."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from evalctl.clone.dotenv import environments_of, home_of, process_with_env_file
from evalctl.exits import SUCCESS
from evalctl.git import calls
from evalctl.home_folder import HomeFolder
from evalctl.load import requirement
from evalctl.new_repository import example, shipped
from evalctl.new_repository.files import CATALOGUES, EMPTY, STARTER, Choices, files
from evalctl.new_repository.note import FILE, ShippedNote, read_at, write_note
from evalctl.new_repository.writing import write_missing
from evalctl.pipeline.project import Project
from evalctl.screen.prompts import ask
from evalctl.shell import EnvironmentProblem, current_folder
from evalctl.shell import run as run_command
from evalctl.suggest import help_for, listed, plural


def run(arguments: argparse.Namespace) -> int:
    """Writes the files that are missing, never over one that exists; commits them where the repository is new."""
    root = Path(arguments.folder or arguments.repo or current_folder()).absolute()
    above = _nearest(root)
    _refuse_other_repositories(root, above)
    note = read_at(root) if root.is_dir() else None
    choices = _choices(arguments, note)
    is_new = _git_repository(root)
    texts = files(choices)
    done = write_missing(root, texts)
    ours = done.paths if note else [path for path in texts if path not in (*done.kept, *done.extended)]
    write_note(root, choices, {path: texts[path] for path in ours if path != requirement.FILE}, older=note)
    paths = [*done.paths, *done.extended, FILE]
    if choices.example:
        paths += _example(root)
    _, _, changed = Project(root).compile(check_only=False)
    print(f"wrote {plural(len(done.paths), 'file')} into {root}")
    if done.extended:
        print(f"added lines to {listed(done.extended)}")
    if done.kept:
        print(f"kept as they were, since they exist already: {listed(done.kept, 12)}")
    committed = is_new and _committed(root, [*paths, *changed])
    _print_next(root, choices, committed=committed)
    return SUCCESS


def _example(root: Path) -> tuple[str, ...]:
    """Builds what the first request needs, and writes it; its paths."""
    environ = process_with_env_file(root)
    home, environments = HomeFolder(home_of(root)), environments_of(root)
    return write_missing(
        root, example.prepared(home, environments, lambda line: print(line, flush=True), environ)
    ).paths


def _nearest(root: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(folder for folder in (root, *root.parents) if folder.is_dir())


def _choices(arguments: argparse.Namespace, note: ShippedNote | None) -> Choices:
    """From the options, and what an earlier init chose; a terminal is asked for what neither says."""
    catalogue, services, with_example = arguments.catalogue, [*arguments.service], arguments.example
    asks = sys.stdin.isatty() and not arguments.yes and note is None
    if note is not None:
        if catalogue not in (None, note.choices.catalogue):
            raise EnvironmentProblem(
                f"this repository has the catalogue {note.choices.catalogue}", help="evalctl new task adds tasks to it"
            )
        catalogue, services = note.choices.catalogue, [*services, *note.choices.services]
    if catalogue is None:
        catalogue = ask("catalogue of tasks", CATALOGUES, STARTER) if asks else STARTER
    if not services:
        services = [ask("service", dict.fromkeys(shipped.services(), ""), "local")] if asks else ["local"]
    for name in services:
        if name not in shipped.services():
            raise EnvironmentProblem(
                f"there is no service `{name}`",
                help=help_for(name, shipped.services(), f"one of: {listed(shipped.services())}"),
            )
    if with_example and catalogue == EMPTY:
        raise EnvironmentProblem(
            "an empty catalogue has no task for the example", help="evalctl init --catalogue starter --example"
        )
    if with_example:
        services = [*services, example.SERVICE]
    had_example = note is not None and note.choices.example
    return Choices(catalogue, sorted(set(services)), with_example or had_example)


def _refuse_other_repositories(root: Path, above: Path) -> None:
    """A repository within another one would be found by no command; a bare one has no files."""
    reply = run_command(calls.command("rev-parse", "--show-toplevel", cwd=above))
    if reply.status == 0 and Path(reply.stdout.strip()).resolve() != root.resolve():
        top = reply.stdout.strip()
        raise EnvironmentProblem(
            f"{root} is within the git repository {top}",
            help=f"evalctl init {shlex.quote(top)}, or a folder outside of it",
        )
    if reply.status != 0 and "not a git repository" not in reply.stderr:
        raise EnvironmentProblem(
            f"git cannot use {above} as the place of a repository: {calls.fatal(reply.stderr)}",
            help="choose another folder",
        )


def _git_repository(root: Path) -> bool:
    """Makes the folder and its git repository where they are missing; whether the latter was."""
    root.mkdir(parents=True, exist_ok=True)
    if (root / ".git").exists():
        return False
    reply = run_command(calls.command("init", "--quiet", "-b", "main", str(root)))
    if reply.status != 0:
        raise EnvironmentProblem(f"git init failed: {calls.fatal(reply.stderr)}", help="git 2.28 or newer is needed")
    return True


def _committed(root: Path, paths: Sequence[str]) -> bool:
    """Commits what evalctl wrote, as the person, and nothing else of the folder; whether git could (it needs a name and an address)."""
    for words in (
        ("--literal-pathspecs", "add", "--", *paths),
        ("commit", "--quiet", "--no-gpg-sign", "--message", "evalctl init"),
    ):
        reply = run_command(calls.command(*words, cwd=root))
        if reply.status != 0:
            print(f"not committed: {calls.fatal(reply.stderr)}")
            return False
    return True


def _print_next(root: Path, choices: Choices, *, committed: bool) -> None:
    here = f"cd {shlex.quote(os.path.relpath(root))} && " if root != Path.cwd() else ""
    print("next:")
    if not committed:
        print(f"  {here}git add --all && git commit")
    if choices.example:
        print(f"  {here}evalctl sync --watch    # runs the first request and commits its scores")
        return
    print(f"  {here}cp .env_template .env    # then edit it; evalctl env check")
    print(f"  {here}evalctl new    # the first request: it asks for model, tasks and service")
