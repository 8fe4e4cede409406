"""`evalctl init`: a new repository for evaluations, or what an existing one lacks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from evalctl.clone.dotenv import environments_of, home_of, process_with_env_file
from evalctl.exits import SUCCESS
from evalctl.git import calls
from evalctl.home_folder import HomeFolder
from evalctl.new_repository import example, shipped
from evalctl.new_repository.files import CATALOGUES, EMPTY, STARTER, Choices, files
from evalctl.new_repository.note import write_note
from evalctl.pipeline.project import Project
from evalctl.screen.prompts import ask
from evalctl.shell import EnvironmentProblem, below, current_folder, write_together
from evalctl.shell import run as run_command
from evalctl.suggest import help_for, listed, plural

IGNORED = ".gitignore"


def run(arguments: argparse.Namespace) -> int:
    """Writes the files that are missing, never over one that exists; commits them where the repository is new."""
    root = Path(arguments.folder).absolute() if arguments.folder else current_folder()
    choices = _choices(arguments)
    _refuse_inside_another(root)
    texts = files(choices)
    is_new = _git_repository(root)
    kept = _written(root, texts)
    write_note(root, choices, {path: text for path, text in texts.items() if path not in kept})
    if choices.example:
        environ = process_with_env_file(root)
        say = lambda line: print(line, flush=True)  # noqa: E731 - as `env setup` prints
        kept += _written(root, example.prepared(HomeFolder(home_of(root)), environments_of(root), say, environ))
    Project(root).compile(check_only=False)
    print(f"wrote {plural(len(texts) - len(kept), 'file')} into {root}")
    if kept:
        print(f"kept as they were, since they exist already: {listed(kept, 12)}")
    committed = is_new and _committed(root)
    _print_next(root, choices, committed=committed)
    return SUCCESS


def _choices(arguments: argparse.Namespace) -> Choices:
    """From the options; a terminal is asked for what they do not say."""
    catalogue, services, with_example = arguments.catalogue, arguments.service, arguments.example
    asks = sys.stdin.isatty() and not arguments.yes
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
    return Choices(catalogue, sorted(set(services)), with_example)


def _refuse_inside_another(root: Path) -> None:
    """A repository within a folder of another one would be found by no command."""
    above = root if root.is_dir() else next(folder for folder in root.parents if folder.is_dir())
    reply = run_command(calls.command("rev-parse", "--show-toplevel", cwd=above))
    top = Path(reply.stdout.strip()) if reply.status == 0 else None
    if top is not None and top.resolve() != root.resolve():
        raise EnvironmentProblem(
            f"{root} is within the git repository {top}", help=f"evalctl init {top}, or a folder outside of it"
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


def _written(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Writes what is missing; the paths that exist with another text. An existing .gitignore gets the lines that it lacks: keys
    of a person must not be committed."""
    there = {path for path in texts if below(root, path).exists() or below(root, path).is_symlink()}
    missing = {path: text for path, text in texts.items() if path not in there}
    if IGNORED in there:
        missing[IGNORED] = _with_lines((root / IGNORED).read_text(encoding="utf-8"), texts[IGNORED])
    write_together(root, missing)
    return sorted(path for path in there - {IGNORED} if (root / path).read_bytes() != texts[path].encode())


def _with_lines(text: str, wanted: str) -> str:
    lacking = [line for line in wanted.splitlines() if line not in text.splitlines() and not line.startswith("#")]
    if not lacking:
        return text
    return text.rstrip("\n") + "\n" * bool(text) + "# evalctl\n" + "".join(f"{line}\n" for line in lacking)


def _committed(root: Path) -> bool:
    """Commits everything as the person; whether git could (it needs a name and an address)."""
    for words in (("add", "--all"), ("commit", "--quiet", "--message", "evalctl init")):
        reply = run_command(calls.command(*words, cwd=root))
        if reply.status != 0:
            print(f"not committed: {calls.fatal(reply.stderr) or 'git commit failed'}")
            return False
    return True


def _print_next(root: Path, choices: Choices, *, committed: bool) -> None:
    here = f"cd {os.path.relpath(root)} && " if root != Path.cwd() else ""
    print("next:")
    if not committed:
        print(f"  {here}git add --all && git commit")
    if choices.example:
        print(f"  {here}evalctl sync --watch    # runs the first request and commits its scores")
        return
    print(f"  {here}cp .env_template .env    # then edit it; evalctl env check")
    print(f"  {here}evalctl new    # the first request: it asks for model, tasks and service")
