"""`evalctl import results`: imports earlier scores, marked as imported and never reused as the result of an eval."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from shlex import quote

from evalctl import report
from evalctl.check.framework_tasks import subset_counts
from evalctl.clone.changing import write
from evalctl.exits import PERSON, SUCCESS
from evalctl.importing import measured, reading
from evalctl.importing.measured import FORK, Assignable
from evalctl.importing.reading import ResultsContent
from evalctl.model import plain_json
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.result import Result
from evalctl.pipeline.project import Project
from evalctl.results import derived, leaderboard
from evalctl.results.record import to_text
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import listed, plural


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Writes the records and the derived aggregate and leaderboard; never replaces results that were measured here."""
    catalogue = Project(root).shared[0]
    known = Assignable(catalogue.tasks, catalogue.metrics, catalogue.providers, subset_counts(FORK))
    found, problems = _read(arguments.paths, known)
    report.show(problems, root, "text")
    chosen = _with_settings(_of_one_model(found, arguments.model), arguments.custom_settings)
    records, findings = measured.records(chosen, known, date.today().isoformat())
    report.show(findings, root, "text")
    new, kept = _sorted_out(root, records, replace=arguments.replace)
    texts = _texts(root, new, known) if new else {}
    write(root, texts, dry_run=arguments.dry_run)
    print(
        f"{plural(len(new), 'result')} imported, {len(records) - len(new) - len(kept)} there already, {len(kept)} kept as they are"
    )
    for name in _perhaps_settings(chosen):
        print(
            f"imported as measured without custom settings; if they were measured with `{name}`, delete these results and add: --custom-settings {name}"
        )
    if new and not arguments.dry_run:
        print("next: git add results, git commit; a request for the same evals measures them again")
    return PERSON if kept or not records else SUCCESS


def _read(words: Sequence[str], known: Assignable) -> tuple[list[ResultsContent], list[Diagnostic]]:
    found: list[ResultsContent] = []
    problems: list[Diagnostic] = []
    for word in words:
        paths, findings = _files(Path(word).resolve())
        problems += findings
        for path in paths:
            one, findings = reading.read(path, known.providers)
            problems += findings
            found += [one] if one is not None else []
    return found, problems


def _files(given: Path) -> tuple[list[Path], list[Diagnostic]]:
    """The files of a path: for a folder its raw files, as in the lab's aggregator, or without any its aggregate."""
    if not given.is_dir():
        return [given], []
    for names in ("results_*.json", derived.AGGREGATE):
        files, problems = reading.files_in(given, names)
        if files or problems:
            return files, problems
    raise EnvironmentProblem(
        f"no results_*.json and no {derived.AGGREGATE} in {given}",
        help=_deeper(given) or "name the folder that holds them, or a file",
    )


def _deeper(given: Path) -> str:
    """What to type if the files are in subfolders (models are imported one by one); "" if there are none."""
    for name in ("results_*.json", derived.AGGREGATE):
        if found := sorted(given.rglob(name)):
            return f"the files are in subfolders: evalctl import results {quote(str(found[0].parent))}, and so on for each folder"
    return ""


def _of_one_model(found: Sequence[ResultsContent], model: str | None) -> list[ResultsContent]:
    models = list(dict.fromkeys(one.model for one in found))
    chosen = [one for one in found if model in (None, one.model)]
    if not chosen:
        there = f"the files are of: {listed(models)}" if models else "name files that can be imported"
        raise EnvironmentProblem(f"no file has results of {model or 'a model'}", help=there)
    if model is None and len(models) > 1:
        raise EnvironmentProblem(f"the files are of several models: {listed(models)}", help=f"--model {models[0]}")
    return chosen


def _with_settings(found: Sequence[ResultsContent], name: str | None) -> list[ResultsContent]:
    """The files with their custom settings: from the option for raw files, which lack the name; aggregates must agree with it."""
    if name is not None and not measured.is_settings_name(name):
        raise EnvironmentProblem(f"`{name}` cannot be the name of custom settings", help="--custom-settings NAME")
    written = {one.settings["name"] for one in found if one.settings["name"]}
    names = written | ({name} if name else set())
    if len(names) > 1 or not all(map(measured.is_settings_name, names)):
        raise EnvironmentProblem(
            f"the files have different custom settings: {listed(sorted(names))}", help="import them one by one"
        )
    version = {one.settings["version"] for one in found if one.settings["name"]} or {""}
    settings = {"path": "", "name": next(iter(names), ""), "version": sorted(version)[-1]}
    return [replace(one, settings=settings) for one in found]


def _perhaps_settings(chosen: Sequence[ResultsContent]) -> list[str]:
    """Names of folders below the model's folder: the lab names them after the custom settings, which raw files do not contain."""
    below = (
        Path(one.source.file).parent.as_posix().partition(f"/{one.model}/")[2]
        for one in chosen
        if not one.settings["name"]
    )
    names = {folder.partition("/")[0] for folder in below} - {"", "raw"}
    return sorted(filter(measured.is_settings_name, names))


def _sorted_out(root: Path, records: Mapping[str, Result], *, replace: bool) -> tuple[dict[str, Result], list[str]]:
    """(records to write, paths of existing records that are kept)."""
    new: dict[str, Result] = {}
    kept: list[str] = []
    for path, one in records.items():
        there = _existing(path, root)
        if there is None or (there.imported and replace and there.digest != one.digest):
            new[path] = one
        elif there.digest != one.digest:
            kept.append(path)
            why = "imported before (--replace takes the new one)" if there.imported else "measured here"
            print(f"kept {path}: {why}")
    return new, kept


def _existing(path: str, root: Path) -> Result | None:
    """The record at `path`; an empty one if it cannot be read (it is kept as well); None where there is none."""
    if not (root / path).exists():
        return None
    try:
        return Result(plain_json.document((root / path).read_bytes()), path)
    except ValueError:
        return Result({}, path)


def _texts(root: Path, records: Mapping[str, Result], known: Assignable) -> dict[str, str]:
    """Path to text of the records, their folders' aggregates and the leaderboard."""
    texts = {path: to_text(one.as_json()) for path, one in records.items()}
    base = derived.on_disk(root)
    made = derived.aggregates(derived.by_folder(texts), base, known.metrics)
    return {**texts, **derived.texts_of(made), leaderboard.PATH: derived.page(made, base, known.metrics)}
