"""`evalctl details`: the answers of an eval, while it runs and after, and why it is slow."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evalctl.commands import details_page
from evalctl.commands.common import request_named, root_of
from evalctl.commands.settings import home_of
from evalctl.model.evaluation import RequestPlan
from evalctl.pipeline import Project
from evalctl.report import plain
from evalctl.results import answers, slowness
from evalctl.results.answers import Answer, Summary, Wanted
from evalctl.results.looping import loop
from evalctl.results.tables import matching
from evalctl.shell import EnvironmentProblem, write_atomically
from evalctl.suggest import help_for


@dataclass(frozen=True, slots=True)
class Place:
    """Where one eval's answers lie, and what the relay noted of its server."""

    task: str
    folder: str
    answers: Path | None
    server: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Found:
    """The answers of one eval that are asked for, and the summary of all."""

    place: Place
    summary: Summary
    answers: Sequence[Answer]
    unreadable: int


def run(arguments: argparse.Namespace) -> int:
    """Prints a summary and the chosen answers of each eval; 1 when no answer is on this machine."""
    places = _places(arguments, root_of(arguments))
    found = [_found(place, _wanted(arguments)) for place in places if place.answers]
    if not found:
        print("no answers on this machine: nothing of it has run here, or its files were deleted")
        return 1
    text = _written(found, arguments)
    if arguments.output is None:
        print(text, end="")
    else:
        write_atomically(arguments.output, text)
    return 0


def _written(found: Sequence[Found], arguments: argparse.Namespace) -> str:
    if arguments.format == "html":
        return details_page.page((_summary(one), one.answers) for one in found)
    return "".join(_jsonl(found) if arguments.format == "jsonl" else _text(found, summary_only=arguments.why))


def _places(arguments: argparse.Namespace, root: Path) -> list[Place]:
    plans = _plans(arguments.subject, root)
    home = home_of(root)
    places = [
        _place(root, home, job.name, task.evaluation.result_path, task.evaluation.digest, task.evaluation.task.key)
        for plan in plans for job in plan.jobs for task in job.tasks
    ]  # fmt: skip
    if len(plans) != 1:
        known = {place.folder for place in places}
        meant = set(matching(sorted(known), arguments.subject))
        places = [place for place in places if place.folder in meant]
    if not places:
        raise EnvironmentProblem(f"no request asks for `{arguments.subject}`", help="name a request or its model")
    return _of_task(places, arguments.task)


def _plans(subject: str, root: Path) -> list[RequestPlan]:
    """The plan of the request that is meant, else of every request."""
    project = Project(root)
    paths = list(project.workspace.request_paths)
    try:
        paths = [request_named(subject, root, paths)]
    except EnvironmentProblem:
        if not matching([one.result_path for path in paths for one in project.compile_one(path).evals], subject):
            raise
    return [plan for path in paths if (plan := project.compile_one(path).plan) is not None]


def _of_task(places: Sequence[Place], task: str | None) -> list[Place]:
    found = [place for place in places if task in (None, place.task)]
    if not found:
        keys = {place.task for place in places}
        raise EnvironmentProblem(f"it does not run a task `{task}`", help=help_for(str(task), keys, "see evalctl plan"))
    return found


def _place(root: Path, home: Path, job: str, result_path: str, digest: str, task: str) -> Place:
    """Beside the result once there is one; before that in the relay's store, also while the job runs."""
    beside = (root / result_path).parent / "details" / "answers.jsonl"
    kept = [beside, *sorted((home / "answers").glob(f"*/{digest}.jsonl"))]
    notes = sorted((home / "runs" / job).glob("a*/relay/server.json"), key=lambda path: path.stat().st_mtime)
    return Place(task, result_path, next((path for path in kept if path.is_file()), None), _notes(notes))


def _notes(paths: Sequence[Path]) -> Mapping[str, Any] | None:
    return dict(json.loads(paths[-1].read_text(encoding="utf-8"))) if paths else None


def _wanted(arguments: argparse.Namespace) -> Wanted:
    return Wanted(
        empty=arguments.empty, truncated=arguments.truncated, repeating=arguments.repeating, grep=arguments.grep,
        longest=arguments.longest, limit=arguments.limit,
    )  # fmt: skip


def _found(place: Place, wanted: Wanted) -> Found:
    assert place.answers is not None
    with place.answers.open("rb") as file:
        everything, unreadable = answers.read(file)
    return Found(place, answers.summed(everything), answers.chosen(everything, wanted), unreadable)


def _jsonl(found: Iterable[Found]) -> Iterator[str]:
    for one in found:
        for answer in one.answers:
            facts = {"task": one.place.task, **asdict(answer), "length": answer.length, "repeats": loop(answer.text)}
            yield json.dumps(facts, ensure_ascii=False) + "\n"


def _text(found: Iterable[Found], *, summary_only: bool) -> Iterator[str]:
    for one in found:
        yield from (f"{line}\n" for line in _summary(one))
        for answer in () if summary_only else one.answers:
            yield f"\n--- {answer.length} characters, ended by {plain(answer.finish_reason) or 'nobody knows what'}\n"
            parts = (("question", answer.question), ("reasoning", answer.reasoning), ("prediction", answer.prediction))
            yield from (f"{name}: {_lines(text)}\n" for name, text in parts if text or name == "prediction")
        yield "\n"


def _summary(one: Found) -> list[str]:
    told = one.summary
    head = f"{one.place.task}: {told.answers} answers, {told.empty} empty, {told.truncated} truncated, {told.repeating} repeating"
    lengths = f"  characters: median {told.median}, 95% at most {told.p95}, longest {told.longest}"
    damaged = [f"  {one.unreadable} lines of {one.place.answers} cannot be read"] if one.unreadable else []
    causes = [f"  {cause}" for cause in slowness.causes(told, one.place.server)]
    return [head, lengths, *damaged, *causes, *(f"  repeats: {plain(text)[:160]}" for text in told.examples)]


def _lines(text: str) -> str:
    """What the model wrote cannot command the terminal."""
    return "\n".join(plain(line) for line in text.split("\n"))
