"""Finds the answers of evals on this machine: of requests, and of results whose requests may be deleted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl import runfiles
from evalctl.clone.dotenv import home_of
from evalctl.clone.requests import request_named
from evalctl.home_folder import HomeFolder
from evalctl.model.evaluation import Job, JobTask
from evalctl.model.recorded import Inputs
from evalctl.model.result import Result
from evalctl.pipeline.project import Project
from evalctl.results.grading import is_details, newest
from evalctl.results.names import DETAILS
from evalctl.results.reading import parse
from evalctl.results.store import FILE, named
from evalctl.results.submission import inputs
from evalctl.results.tables import matching
from evalctl.shell import EnvironmentProblem, current_folder
from evalctl.suggest import help_for
from evalctl_job.run_folder import ANSWERS, RunFolder, kept_answers


@dataclass(frozen=True, slots=True)
class EvalPlace:
    """One eval's answers, its details files, and the relay's measurements of its server, as far as they exist.

    `attempt` is the run folder with these measurements, `model` the requested model with its settings, `measured` the time when the eval ended; "" and 0 where unknown.
    """

    task: str
    folder: str
    answers: Path | None
    details: tuple[Path, ...]
    attempt: Path | None = None
    model: str = ""
    measured: float = 0.0


def places(subject: str, task: str | None, root: Path) -> list[EvalPlace]:
    """The evals of a request, of a model, or at a path; of a deleted request, its results.

    EnvironmentProblem where nothing has this name, or nothing named so has such a task.
    """
    project = Project(root)
    try:
        found = _planned(project, root, [request_named(subject, root, project.workspace.request_paths)])
    except EnvironmentProblem as problem:
        found = _of_path_or_model(project, root, subject)
        if not found:
            why = f"`{subject}` is not a request, a model or a folder with results"
            raise EnvironmentProblem(why, help=problem.help) from problem
    return _of_task(found, task)


def of_record(path: str, root: Path) -> EvalPlace:
    """The files beside a record of the work tree."""
    return _beside_result((root / path).parent, root)


def _of_path_or_model(project: Project, root: Path, subject: str) -> list[EvalPlace]:
    """The evals that requests have at this path or of this model, and other results there."""
    path = next((found.resolve() for found in (current_folder() / subject, root / subject) if found.exists()), None)
    word = _shown(path, root) if path else subject
    paths = {
        one.result_path for request in project.workspace.request_paths for one in project.compile_one(request).evals
    }
    folders = {one.removesuffix(f"/{FILE}") for one in matching(sorted(paths), word.removesuffix(f"/{FILE}"))}
    every = _planned(project, root, project.workspace.request_paths) if folders else []
    planned = [place for place in every if place.folder in folders]
    recorded = _below(path, root) if path else _results(word, root)
    answered = [place for place in planned if place.answers or place.details]
    return list({place.folder: place for place in (*planned, *recorded, *answered)}.values())


def _planned(project: Project, root: Path, requests: Iterable[str]) -> list[EvalPlace]:
    home = home_of(root)
    plans = [plan for path in requests if (plan := project.compile_one(path).plan) is not None]
    return [_place(root, home, job, task) for plan in plans for job in plan.jobs for task in job.tasks if not task.part]


def _place(root: Path, home: Path, job: Job, task: JobTask) -> EvalPlace:
    """The files of one eval: beside its result if there is one, else in the relay's store and in the run folders.

    Files beside the result of another eval in the same folder (before a change of settings) do not belong to this one.
    """
    evaluation, attempts = task.evaluation, _attempts(HomeFolder(home).attempts(job.name))
    name = evaluation.answers or evaluation.digest
    folder = (root / evaluation.result_path).parent
    record = _result(folder)
    own = record is None or record.digest == evaluation.digest
    beside = _beside_result(folder, root) if own else None
    stored = next(iter(sorted(HomeFolder(home).answers.glob(str(kept_answers(Path("*"), name))))), None)
    tried = (_details_of_run(attempt, evaluation.task.key) for attempt in attempts)
    noted = (attempt for attempt in attempts if os.path.lexists(RunFolder(attempt).relay.server))
    return EvalPlace(
        evaluation.task.key, _shown(folder, root), (beside and beside.answers) or stored,
        (beside and beside.details) or next(filter(None, tried), ()), next(noted, None),
        _model(inputs(evaluation)), record.measured_at if record and own else 0.0,
    )  # fmt: skip


def _attempts(runs: Path) -> list[Path]:
    """The run folders of a job, the last one first."""
    return sorted(runs.glob("a*/"), key=lambda path: path.stat().st_mtime, reverse=True)


def _results(word: str, root: Path) -> Iterator[EvalPlace]:
    """The results whose path contains the word; their requests may be deleted."""
    return (_beside_result((root / path).parent, root) for path in matching(named(root, FILE), word))


def _below(path: Path, root: Path) -> Iterator[EvalPlace]:
    """Every folder below a path (of a result, a model, or the lab's outputs) with a result, answers or details files."""
    if path.is_file() and path.name not in (FILE, ANSWERS):
        yield EvalPlace(path.stem, _shown(path, root), None, (path,))
        return
    files = [path] if path.is_file() else [one for one in path.rglob("*") if not _hidden(one.relative_to(path))]
    kept = [one.parent for one in files if one.name in (FILE, ANSWERS) or is_details(one)]
    for folder in sorted({one.parent if one.name == DETAILS else one for one in kept}):
        yield _beside_result(folder, root)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _beside_result(folder: Path, root: Path) -> EvalPlace:
    """The files beside a result; for a reused result, those beside the result that it was copied from."""
    result = _result(folder)
    copied = result is not None and result.reused_from and not (folder / DETAILS).is_dir()
    source = root / result.reused_from if result and copied else folder
    beside = source if source.is_dir() else source.parent
    answers = beside / DETAILS / ANSWERS
    key = result.task.key if result else _shown(folder, root)
    return EvalPlace(
        key, _shown(folder, root), answers if answers.is_file() else None, _details(beside), None,
        _model(result) if result else "", result.measured_at if result else 0.0,
    )  # fmt: skip


def _model(recorded: Inputs) -> str:
    """`lab/small-8B (settings)`, from a record or from an eval's inputs."""
    settings = recorded.subject.custom_settings.name
    return f"{recorded.subject.model}{f' ({settings})' if settings else ''}"


def _details(folder: Path) -> tuple[Path, ...]:
    """The newest details files below `details/` of a result or of a framework's output, else in the folder itself."""
    inner = folder / DETAILS
    return tuple(newest(inner.rglob("*") if inner.is_dir() else folder.glob("*")))


def _details_of_run(attempt: Path, task: str) -> tuple[Path, ...]:
    """The newest details files of a task in a run folder, which the job wrote: only files that can be trusted."""
    found = _details(RunFolder(attempt).task(task).output)
    return tuple(path for path in found if runfiles.is_own(attempt, path.relative_to(attempt)))


def _result(folder: Path) -> Result | None:
    """The record in a folder; None where there is none or it cannot be read, since its answers can be shown anyway."""
    try:
        return parse(FILE, (folder / FILE).read_bytes())
    except (OSError, ValueError):
        return None


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _of_task(found: Sequence[EvalPlace], task: str | None) -> list[EvalPlace]:
    if not found:
        raise EnvironmentProblem(
            "the request has errors, so its evals are unknown", help="evalctl check shows the errors"
        )
    chosen = [place for place in found if task in (None, place.task)]
    if not chosen:
        keys = {place.task for place in found}
        raise EnvironmentProblem(
            f"task `{task}` is not among its evals", help=help_for(str(task), keys, "see evalctl plan")
        )
    return chosen
