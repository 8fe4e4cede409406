"""`evalctl results`: shows committed scores as a table, compares them, lists them over time, exports them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl.clone.requests import RESULTS_CACHE, request_named, root_of
from evalctl.commands import accept, gate, rebuild
from evalctl.exits import SUCCESS
from evalctl.git.repository import Repository, open_repository
from evalctl.model.metrics import Metrics
from evalctl.pipeline.project import Project
from evalctl.results import ended_text, tables
from evalctl.results.derived import AGGREGATE
from evalctl.results.entries import LOWER
from evalctl.results.leaderboard import REMARKED
from evalctl.results.names import read_name
from evalctl.results.proof import unproven
from evalctl.results.reading import aggregate_in
from evalctl.results.store import Listed, folder_of, index_folder
from evalctl.results.tables import Measured
from evalctl.screen import results_text
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed
from evalctl.sync.proofs import proofs_at
from evalctl.terminal import as_json, plain

_NOTHING = "nothing has been measured yet: what is not committed does not count"


def run(arguments: argparse.Namespace) -> int:
    """Runs the action of the command on committed results."""
    return _ACTIONS[arguments.action](arguments, root_of(arguments))


def _show(arguments: argparse.Namespace, root: Path) -> int:
    measured, names, problems = _known(arguments, root)
    if arguments.json:
        print(as_json([_object(one, names) for one in measured], indent=1))
        return SUCCESS
    width = results_text.room(wide=arguments.wide or bool(arguments.columns))
    print(results_text.table(tables.table([each.one for each in measured], names), width) if measured else _NOTHING)
    _say_lower(Project(root).shared[0].metrics, names)
    if sure := tables.sure([each.one for each in measured], names):
        print("\n".join(results_text.folded(plain(sure), width)))
    for line in _ended([each.one for each in measured], names):
        print("\n".join(results_text.folded(plain(line), width)))
    _say(measured, names, problems, width)
    return SUCCESS


def _say_lower(metrics: Metrics, names: Sequence[str]) -> None:
    if lower := [entry.name for entry in metrics.entries if entry.lower_is_better and entry.name in names]:
        print(plain(f"{LOWER}: {listed(lower, 6)}"))


def _ended(measured: Sequence[Measured], names: Sequence[str]) -> Iterator[str]:
    """How the answers behind the shown scores ended, where some of them did not end well."""
    for one in measured:
        found = {name: one.aggregate.stability[name] for name in names if name in one.aggregate.stability}
        yield from (f"{one.name}: {sentence}" for sentence in ended_text.sentences(found))


def _say(measured: Sequence[_Known], names: Sequence[str], problems: Sequence[str], width: int | None) -> None:
    """Prints remarks and problems about the shown scores."""
    lines = [f"{each.one.name}: {warning}" for each in measured for warning in each.one.aggregate.warnings]
    lines += [f"{each.one.name}: {line}" for each in measured for line in tables.judges(each.one)]
    lines += [
        f"unproven in {each.one.name}: {listed(each.unproven)} (the ledger does not account for what they say)"
        for each in measured if each.unproven
    ]  # fmt: skip
    marked = any(each.one.text(name).endswith(REMARKED) for each in measured for name in names)
    for line in [*problems, *([f"{REMARKED} read with care:"] if marked else []), *lines]:
        print("\n".join(results_text.folded(plain(line), width)))


def _compare(arguments: argparse.Namespace, root: Path) -> int:
    measured, names, problems = _known(arguments, root)
    if len(measured) < 2:
        raise EnvironmentProblem(
            f"the words name only {measured[0].one.name}, but a comparison needs two",
            "name another model, or the same at another commit: WHAT@COMMIT",
        )
    from evalctl.commands import compare  # SciPy is slow to load

    unproven = [each.unproven for each in measured]
    compared = compare.run(arguments, root, [each.one for each in measured], names, unproven)
    if not arguments.json:
        _say(measured, names, problems, results_text.room(wide=arguments.wide))
    if not compared:
        raise EnvironmentProblem("no entry could be compared", help="the reason of each is in the table and below it")
    return SUCCESS


@dataclass(frozen=True, slots=True)
class _Known:
    """The scores of a model folder, and its unproven tasks; None where this clone has no ledger to check them."""

    one: Measured
    unproven: list[str] | None


def _known(arguments: argparse.Namespace, root: Path) -> tuple[list[_Known], list[str], list[str]]:
    """(the scores that the words name, with averages and remarks; the columns; why a language has no average)."""
    chosen, catalogue = _chosen(arguments, root), Project(root).shared[0]
    found = _unproven(root)
    marks = {folder: {one.script for one in those} for folder, those in (found or {}).items()}
    scripts = {key: task.script for key, task in catalogue.tasks.items()}
    measured, means, problems = tables.known(chosen, catalogue.metrics, scripts, marks)
    names = _columns(arguments, catalogue.metrics, measured, means)
    return [_Known(one, _of(found, one)) for one in measured], names, problems


def _unproven(root: Path) -> dict[str, list[Listed]] | None:
    """Unproven records by folder; None where this clone has no ledger to check them."""
    proofs = proofs_at(open_repository(root), "HEAD", authoritative=False)
    return None if proofs.attempts is None else unproven(index_folder(root, root / RESULTS_CACHE), proofs)


def _of(found: Mapping[str, Sequence[Listed]] | None, measured: Measured) -> list[str] | None:
    """The unproven tasks of these scores; None for another commit, which the ledger does not describe."""
    return None if found is None or measured.commit else sorted(one.task for one in found.get(measured.folder, ()))


def _history(arguments: argparse.Namespace, root: Path) -> int:
    if arguments.entry:
        arguments.columns = arguments.entry
    newest = _chosen(arguments, root)
    names = _columns(arguments, Project(root).shared[0].metrics, newest, [])
    repo = open_repository(root)
    found = [(day, measured.label, one) for measured in newest for day, one in _versions(repo, measured.folder)]
    if arguments.json:
        print(as_json([{"date": day, **tables.facts(one, names)} for day, _, one in found], indent=1))
        return SUCCESS
    rows = [[day, one.commit, label, *(one.text(name) for name in names)] for day, label, one in found]
    width = results_text.room(wide=arguments.wide or bool(arguments.columns))
    print(results_text.table([["DATE", "COMMIT", "MODEL", *names], *rows], width, names=3))
    return SUCCESS


def _export(arguments: argparse.Namespace, root: Path) -> int:
    measured = _chosen(arguments, root)
    if not measured:
        print(_NOTHING, file=sys.stderr)  # what is printed is pasted
    all_names = list(dict.fromkeys(name for one in measured for name in one.aggregate.results))
    names = _asked(arguments.columns, all_names) if arguments.columns else all_names
    if arguments.format == "overall" and (arguments.columns or arguments.header):
        raise EnvironmentProblem(
            "`overall` prints the lab's complete line, without other options",
            help="use --columns and --header with --format csv",
        )
    print(tables.lines(measured, names, arguments.format, arguments.missing, header=arguments.header), end="")
    return SUCCESS


def _site(arguments: argparse.Namespace, root: Path) -> int:
    from evalctl.commands import site  # templates take 60 ms to load

    return site.run(arguments, root)


def _report(arguments: argparse.Namespace, root: Path) -> int:
    raise EnvironmentProblem(
        "`evalctl results report` was replaced by pages for each model and task", help="evalctl results site -o FOLDER"
    )


_ACTIONS = {
    "show": _show, "compare": _compare, "history": _history, "export": _export, "report": _report,
    "rebuild": rebuild.run, "accept": accept.run, "site": _site, "gate": gate.run,
}  # fmt: skip


def _chosen(arguments: argparse.Namespace, root: Path) -> list[Measured]:
    """The scores that the words name, in that order; all without words."""
    repo = open_repository(root)
    if repo.resolve("HEAD") is None:
        raise EnvironmentProblem(
            f"{root} has no commit yet, and only committed results are shown",
            "git add . && git commit; then the same command again",
        )
    if not arguments.words:
        return tables.labelled(_at(repo, tables.visible(_folders(repo, "HEAD"), debug=arguments.debug), ""))
    found = [one for word in arguments.words for one in _named(arguments, root, repo, word)]
    if word := getattr(arguments, "baseline", None):
        found.insert(0, _baseline(_named(arguments, root, repo, word), word))
    return tables.labelled(list({(one.folder, one.commit): one for one in found}.values()))


def _baseline(found: Sequence[Measured], word: str) -> Measured:
    """The one that the word names; a model's name is also the beginning of its settings' names."""
    name = word.partition("@")[0].strip("/")
    whole = [one for one in found if one.folder.endswith(f"/{name}")] if len(found) > 1 else found
    if len(whole) != 1:
        raise EnvironmentProblem(
            f"`{word}` names several, and a baseline is one",
            help=f"name one of: {listed(read_name(one.folder) for one in found)}",
        )
    return whole[0]


def _named(arguments: argparse.Namespace, root: Path, repo: Repository, word: str) -> list[Measured]:
    name, _, commit = word.partition("@")
    if commit and repo.resolve(commit) is None:
        raise EnvironmentProblem(f"git knows no commit `{commit}`", help="git log -- results")
    folders = tables.visible(_folders(repo, commit or "HEAD"), debug=arguments.debug)
    matched = tables.matching(folders, name) or _of_request(root, name, folders)
    if not matched:
        known = {read_name(folder) for folder in folders}
        guesses = known | {one.partition("/")[2] for one in known}
        raise EnvironmentProblem(
            f"there are no results of `{word}`",
            help=help_for(name, guesses, f"there are results of: {listed(sorted(known)) or 'nothing yet'}"),
        )
    return _at(repo, matched, commit)


def _of_request(root: Path, word: str, folders: Sequence[str]) -> list[str]:
    """The folders with the results of a request's evals."""
    project = Project(root)
    try:
        path = request_named(word, root, project.workspace.request_paths)
    except EnvironmentProblem:
        return []
    asked = {folder_of(one.result_path, one.task.result_dir) for one in project.compile_one(path).evals}
    return [folder for folder in folders if folder in asked]


def _folders(repo: Repository, commit: str) -> list[str]:
    ending = f"/{AGGREGATE}"
    paths = repo.entries(repo.resolve(commit), "results")
    return sorted(path.removesuffix(ending) for path in paths if path.endswith(ending))


def _at(repo: Repository, folders: Sequence[str], commit: str) -> list[Measured]:
    """The aggregates of these folders; warns about damaged ones; an EnvironmentProblem if all are damaged."""
    found, damaged = _read(repo, folders, commit)
    if damaged and not found:
        raise EnvironmentProblem(_damaged(damaged, commit), help=f"git log -p -- {damaged[0]}")
    if damaged:
        print(f"warning: {_damaged(damaged, commit)}", file=sys.stderr)
    return found


def _read(repo: Repository, folders: Sequence[str], commit: str) -> tuple[list[Measured], list[str]]:
    """(readable aggregates, paths of the others)."""
    texts = repo.read(repo.resolve(commit or "HEAD"), [f"{folder}/{AGGREGATE}" for folder in folders], "results")
    aggregates = {path: aggregate_in(text) for path, text in texts.items()}
    found = [
        Measured(folder, one, commit) for folder in folders
        if (one := aggregates.get(f"{folder}/{AGGREGATE}"))
    ]  # fmt: skip
    return found, [path for path, one in aggregates.items() if one is None]


def _damaged(paths: Sequence[str], commit: str) -> str:
    return f"at {commit or 'HEAD'} no aggregate can be read from {listed(paths)}"


def _versions(repo: Repository, folder: str) -> list[tuple[str, Measured]]:
    """The aggregate after each commit that changed it, newest first."""
    log = repo.run_or_raise("log", "--format=%h %cs", "--", f"{folder}/{AGGREGATE}").text
    commits = [line.split(" ") for line in log.splitlines()]
    return [(day, one) for commit, day in commits for one in _read(repo, [folder], commit)[0]]


def _columns(
    arguments: argparse.Namespace, metrics: Metrics, measured: Sequence[Measured], means: Sequence[str]
) -> list[str]:
    """The columns of --columns; by default the averages, then one entry per benchmark."""
    if arguments.columns:
        return _asked(arguments.columns, [*means, *(name for one in measured for name in one.aggregate.results)])
    return [*means, *tables.columns(measured, metrics)]


def _asked(words: str, known: Sequence[str]) -> list[str]:
    names = [word.strip() for word in words.split(",") if word.strip()]
    for name in names:
        if name not in known:
            raise EnvironmentProblem(
                f"there is no entry `{name}`", help=help_for(name, known, "entries are in manifests/tasks/metrics.yaml")
            )
    return names


def _object(each: _Known, names: Sequence[str]) -> dict[str, object]:
    means = {name: value for name, (value, _) in each.one.means.items()}
    return {
        **tables.facts(each.one, [name for name in names if name not in means]),
        "averages": means,
        "average_margins": each.one.margins,
        "average_method": tables.METHOD_OF_AVERAGES,
        "unproven": each.unproven,
    }
