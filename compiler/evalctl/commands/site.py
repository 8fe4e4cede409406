"""`evalctl results site`: static pages of the committed results, from git alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from evalctl.check.catalogue import shared
from evalctl.details.texts import questions_of
from evalctl.exits import SUCCESS
from evalctl.git.repository import Repository, open_repository
from evalctl.load.places import TASK_FILES
from evalctl.model.catalogue import Catalogue
from evalctl.model.plan_file import PlannedJob, of_json
from evalctl.model.service import MOST
from evalctl.results.grading import Question
from evalctl.results.proof import unproven
from evalctl.results.store import index
from evalctl.results.tables import matching
from evalctl.shell import EnvironmentProblem
from evalctl.site.answers import AnswerTexts
from evalctl.site.costs import Prices
from evalctl.site.output import claim
from evalctl.site.pages import write
from evalctl.site.source import Model, ResultSite, site_at
from evalctl.suggest import help_for, listed, plural
from evalctl.sync.ledger import Ledger, Records
from evalctl.sync.proofs import proofs_at
from evalctl.terminal import plain


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Writes all pages below the folder, and says where to begin."""
    site = site_of(open_repository(root), arguments.at)
    pairs = [(_model(site, first), _model(site, second)) for first, second in arguments.pair]
    answers = _answers(site, arguments.answers, root)
    if answers.tasks:
        _require_outside_git(arguments.output)
    claim(arguments.output)
    number = write(site, pairs, arguments.output, answers)
    print(f"{arguments.output / 'index.html'}  ({plural(number, 'page')} of {plural(len(site.models), 'model')})")
    for line in _about(answers):
        print(plain(line), file=sys.stderr)
    return SUCCESS


def site_of(repo: Repository, revision: str) -> ResultSite:
    """The result site of a commit."""
    commit = repo.resolve(revision)
    if commit is None:
        raise EnvironmentProblem(f"git knows no commit `{revision}`", help="git log -- results")
    ledger, catalogue = Ledger(repo).read(), _catalogue(repo, commit)
    return site_at(
        repo, commit, catalogue.metrics, _unproven(repo, commit, ledger), _prices(repo, commit, catalogue, ledger)
    )


def _model(site: ResultSite, word: str) -> Model:
    """The one model that a word names, as for the other actions; with its settings where it has several."""
    folders = {model.folder: model for model in site.models}
    found = matching(list(folders), word)
    exact = [folder for folder in found if folders[folder].name == word] or found
    if len(exact) != 1:
        names = [folders[folder].name for folder in found]
        help = (
            f"name one of: {listed(names)}"
            if names
            else help_for(word, [one.name for one in site.models], "evalctl results show")
        )
        raise EnvironmentProblem(f"`{word}` names {plural(len(found), 'model')} with results, not one", help=help)
    return folders[exact[0]]


def _answers(site: ResultSite, words: Sequence[str], root: Path) -> AnswerTexts:
    """The answers to these tasks, as far as this work tree has their details."""
    unknown = next((word for word in words if word not in site.scripts), None)
    if unknown is not None:
        known = sorted(site.scripts)
        raise EnvironmentProblem(
            f"--answers: no model was measured on a task `{unknown}`",
            help=help_for(unknown, known, f"tasks with results: {listed(known)}"),
        )

    def read(model: Model, task: str, digests: Collection[str]) -> tuple[Mapping[str, Question], str]:
        result = model.aggregate.evals.get(task)
        path = f"{model.folder}/{result.result}" if result else ""
        content = site.read([path]).get(path)
        return (
            questions_of(path, content, digests, root) if content is not None else ({}, "it has no record of the task")
        )

    return AnswerTexts(frozenset(words), read)


def _require_outside_git(folder: Path) -> None:
    """Texts of data sets must not enter git: raises where a clone would commit what is in the folder."""
    place = folder.resolve()
    top = next((one for one in (place, *place.parents) if (one / ".git").exists()), None)
    if (
        top is not None
        and open_repository(top).run("check-ignore", "--quiet", "--", str(place / "index.html")).status != 0
    ):
        raise EnvironmentProblem(
            f"{folder} is in the clone {top}, and git does not ignore it: texts of data sets must not be committed",
            help="name a folder outside the clone: -o FOLDER",
        )


def _about(answers: AnswerTexts) -> Iterator[str]:
    """What may be done with pages that have answers, and which answers are missing with the reason."""
    if answers.shown:
        yield (
            f"the pages have texts of data sets and answers ({listed(sorted(answers.shown))}): licences of data sets may forbid "
            "to publish them; do not publish or commit this folder"
        )
    for task in sorted(answers.tasks):
        reasons: dict[str, list[str]] = {}
        for (key, model), why in sorted(answers.missing.items()):
            if key == task:
                reasons.setdefault(why, []).append(model)
        for why, models in reasons.items():
            yield f"{task}: answers are missing of {listed(models, 3)}: {why}"
        if task not in answers.shown and not reasons:
            yield f"{task}: no answers: values of single questions are missing, so the hardest are not known"


def _catalogue(repo: Repository, commit: str) -> Catalogue:
    """As the commit has it: the work tree may be at another."""
    texts = repo.read(commit, TASK_FILES, "manifests/tasks")
    services = repo.entries(commit, "manifests/services")
    texts |= repo.read(commit, [path for path in services if path.endswith(".yaml")], "manifests/services")
    return shared({path: text.decode("utf-8", "replace") for path, text in texts.items()})[0]


def _prices(repo: Repository, commit: str, catalogue: Catalogue, ledger: Records) -> Prices:
    """Of services and plans as the commit has them; walltimes as the ledger of this clone has them."""
    plans = [path for path in repo.entries(commit, "generated") if path.endswith("/plan.json")]
    texts = repo.read(commit, plans, "generated")
    jobs = {job.name: job for text in texts.values() for job in _jobs(text)}
    walltimes = {
        (name, one.number): one.walltime_seconds for name, job in ledger.by_job.items() for one in job.attempts
    }
    services = {name: entry.service for name, entry in catalogue.services.items()}
    return Prices(services, jobs, walltimes)


def _jobs(text: bytes) -> Sequence[PlannedJob]:
    """Of a plan.json; none of one that an older evalctl or a person wrote in another form."""
    try:
        return [job for job in of_json(json.loads(text)).jobs if isinstance(job.name, str) and _has_numbers(job)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _has_numbers(job: PlannedJob) -> bool:
    cost = job.cost
    if cost is None:
        return True
    wanted = (
        cost.used_rate,
        cost.reserved_rate,
        cost.minimum_seconds,
        job.walltime_seconds,
        cost.currency_per_unit or 0,
    )
    return all(type(one) in (int, float) and 0 <= one <= MOST for one in wanted) and isinstance(cost.unit, str)


def _unproven(repo: Repository, commit: str, ledger: Records) -> dict[str, dict[str, tuple[str, ...]]]:
    """Unproven records by folder, as far as this clone has the ledger; each with the framework's tasks."""
    proofs = proofs_at(repo, commit, authoritative=False, records=ledger)
    if proofs.attempts is None:
        return {}
    versions = {
        path: entry.blob for path, entry in repo.entries(commit, "results").items() if path.endswith("/result.json")
    }
    found = unproven(index(versions, lambda paths: repo.read(commit, paths, "results")), proofs)
    return {folder: {one.path: (one.script, *one.rows) for one in those} for folder, those in found.items()}
