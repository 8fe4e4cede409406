"""`evalctl import`: converts the lab's files to requests, settings, table rows and results (docs/migration.md)."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from evalctl import report
from evalctl.clone.changing import faults, refused, write
from evalctl.clone.requests import root_of
from evalctl.commands import import_results
from evalctl.commands.new import request_path
from evalctl.exits import PERSON, SUCCESS
from evalctl.importing import head as head_of
from evalctl.importing.request import draft
from evalctl.importing.settings import place_of, plugins_named
from evalctl.importing.tables import Merge, merged
from evalctl.importing.unplaced import unplaced
from evalctl.load import repo, yaml_source
from evalctl.load.places import TABLES
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.pipeline.project import Project
from evalctl.report import place
from evalctl.shell import EnvironmentProblem
from evalctl.terminal import plain

# Findings that `evalctl lock` resolves afterwards: the lab's files do not contain these facts.
_LATER = "missing-model-card"


def run(arguments: argparse.Namespace) -> int:
    """Reads all named files, checks them together, then writes; overwrites nothing without --replace."""
    actions: dict[str, Callable[[argparse.Namespace, Path], int]] = {
        "request": _request, "settings": _settings, "tables": _tables, "results": import_results.run,
    }  # fmt: skip
    return actions[arguments.action](arguments, root_of(arguments))


# ---- qsub_all.sh ------------------------------------------------------------------------------------------------


def _request(arguments: argparse.Namespace, root: Path) -> int:
    file = str(_existing(arguments.script))
    source, problems = repo.read(root, file)
    if source is None:
        return refused(problems, root, {})
    head, problems = head_of.read(source.text, file)
    values = {name: word.text for name, word in head.values.items()}
    model = values.get("MODEL_NAME", "request")
    path = request_path(root, arguments.name, model, values.get("CUSTOM_SETTINGS"))
    shown = path.relative_to(root).as_posix()
    made, found = draft(head, file, shown.count("/"), Project(root).whole_catalogue.suites)
    problems += [*found, *unplaced(head)]
    if has_errors(problems):
        return refused(problems, root, {})
    report.show(problems, root, "text")
    if path.exists() and not arguments.replace:
        raise EnvironmentProblem(
            f"{shown} exists already", help="use another name: --name NAME; or overwrite it: --replace"
        )
    found = faults(root, {shown: made.text})
    if problems := [one for one in found if one.code != _LATER]:
        return refused([made.at_source(one) if one.span.file == shown else one for one in problems], root, {})
    write(root, {shown: made.text}, dry_run=arguments.dry_run)
    print(made.text, end="")
    if not arguments.dry_run:
        lock = f"evalctl lock {model}, " if found else ""
        print(f"next: {lock}evalctl plan, evalctl compile, git add manifests generated, git commit")
    return SUCCESS


# ---- custom_model_settings/ -------------------------------------------------------------------------------------


def _settings(arguments: argparse.Namespace, root: Path) -> int:
    texts, sources, problems = _settings_files(arguments.paths, root)
    if not problems:
        back = {path: sources[path] for path in texts}
        problems = [replace(one, span=replace(one.span, file=back.get(one.span.file, one.span.file)))
                    for one in faults(root, texts)]  # fmt: skip
    if problems:
        return refused(problems, root, {})
    old = {path: (root / path).read_text(encoding="utf-8") for path in texts if (root / path).is_file()}
    other = [path for path, text in old.items() if not (arguments.replace or _means_the_same(text, texts[path]))]
    for path in other:
        print(f"differs {path}: not changed (--replace takes {sources[path]})")
    new = {path: text for path, text in texts.items() if path not in other and not _means_the_same(old.get(path), text)}
    write(root, new, dry_run=arguments.dry_run)
    for line in plugins_named(texts):
        print(f"attention: {line}")
    print(f"{len(new)} taken over, {len(texts) - len(new) - len(other)} the same already, {len(other)} different")
    return PERSON if other else SUCCESS


def _means_the_same(ours: str | None, theirs: str) -> bool:
    """Whether two settings files have the same content apart from comments."""
    if ours is None:
        return False
    here, there = yaml_source.parse(ours, "")[0], yaml_source.parse(theirs, "")[0]
    return ours == theirs or (here is not None and there is not None and here.data == there.data)


def _settings_files(paths: list[str], root: Path) -> tuple[dict[str, str], dict[str, str], list[Diagnostic]]:
    """(path here -> text, path here -> the lab's file, findings for files that cannot be read or have no path here)."""
    texts: dict[str, str] = {}
    sources: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for path, relative in _yaml_below(paths):
        here, found = place_of(relative, str(path))
        problems += found
        if here is None:
            continue
        source, found = repo.read(root, str(path))
        problems += found
        if source is not None:
            texts[here], sources[here] = source.text, str(path)
    return texts, sources, problems


def _yaml_below(paths: list[str]) -> Iterator[tuple[Path, str]]:
    """(settings file, its path below the folder); for a single file the path is PUBLISHER/FILE."""
    for word in paths:
        given = _existing(word)
        if given.is_file():
            yield given, f"{given.parent.name}/{given.name}"
            continue
        found = sorted(path for path in given.rglob("*.yaml") if path.is_file() and not path.is_symlink())
        if not found:
            raise EnvironmentProblem(
                f"there is no .yaml file below {given}", help="name custom_model_settings/ of the lab"
            )
        yield from ((path, path.relative_to(given).as_posix()) for path in found)


# ---- tasks_runtime.csv, task_settings.csv -----------------------------------------------------------------------


def _tables(arguments: argparse.Namespace, root: Path) -> int:
    ours = Project(root).workspace.texts([path for path in TABLES if (root / path).is_file()])
    merges: list[Merge] = []
    problems: list[Diagnostic] = []
    for word in arguments.paths:
        source, found = repo.read(root, str(_existing(word)))
        problems += found
        if source is None:
            continue
        merge, found = merged(source.text, source.path, ours, replace=arguments.replace)
        problems += found
        if merge is not None:
            merges.append(merge)
            ours[merge.path] = merge.text
    texts = {
        merge.path: ours[merge.path] for merge in merges if merge.added or (merge.differences and arguments.replace)
    }
    if problems := problems or faults(root, texts):
        return refused(problems, root, texts)
    write(root, texts, dry_run=arguments.dry_run)
    for merge in merges:
        _print_merge(merge, arguments.replace)
    return PERSON if any(merge.differences for merge in merges) and not arguments.replace else SUCCESS


def _print_merge(merge: Merge, replaced: bool) -> None:
    print(f"{merge.path}: {len(merge.added)} rows added{': ' if merge.added else ''}{', '.join(merge.added)}")
    for one in merge.differences:
        what = "replaced" if replaced else "kept"
        print(
            f"  {one.key} {one.column}: {what} {_cell(one.ours)}, theirs is {_cell(one.theirs)} ({place(one.their_place)})"
        )
    if merge.dropped:
        print(f"  columns that our table lacks were left out: {', '.join(map(plain, merge.dropped))}")
    if merge.differences and not replaced:
        print("  --replace takes the lab's values")


def _cell(text: str) -> str:
    return f"`{plain(text)}`"


def _existing(word: str) -> Path:
    path = Path(word).resolve()
    if not path.exists():
        raise EnvironmentProblem(f"there is no {path}", help="name a file or folder of the lab's repository")
    return path
