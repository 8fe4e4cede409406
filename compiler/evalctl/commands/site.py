"""`evalctl results site`: static pages of the committed results, from git alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalctl.check.catalogue import shared
from evalctl.exits import SUCCESS
from evalctl.git.repository import Repository, open_repository
from evalctl.load.places import TASK_FILES
from evalctl.model.metrics import Metrics
from evalctl.results.proof import unproven
from evalctl.results.store import index
from evalctl.results.tables import matching
from evalctl.shell import EnvironmentProblem
from evalctl.site.output import claim
from evalctl.site.pages import write
from evalctl.site.source import Model, ResultSite, site_at
from evalctl.suggest import help_for, listed, plural
from evalctl.sync.proofs import proofs_at


def run(arguments: argparse.Namespace, root: Path) -> int:
    """Writes all pages below the folder, and says where to begin."""
    site = site_of(open_repository(root), arguments.at)
    pairs = [(_model(site, first), _model(site, second)) for first, second in arguments.pair]
    claim(arguments.output)
    number = write(site, pairs, arguments.output)
    print(f"{arguments.output / 'index.html'}  ({plural(number, 'page')} of {plural(len(site.models), 'model')})")
    return SUCCESS


def site_of(repo: Repository, revision: str) -> ResultSite:
    """The result site of a commit."""
    commit = repo.resolve(revision)
    if commit is None:
        raise EnvironmentProblem(f"git knows no commit `{revision}`", help="git log -- results")
    return site_at(repo, commit, _metrics(repo, commit), _unproven(repo, commit))


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


def _metrics(repo: Repository, commit: str) -> Metrics:
    """As the commit has it: the work tree may be at another."""
    texts = repo.read(commit, TASK_FILES, "manifests/tasks")
    return shared({path: text.decode("utf-8", "replace") for path, text in texts.items()})[0].metrics


def _unproven(repo: Repository, commit: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Unproven records by folder, as far as this clone has the ledger; each with the framework's tasks."""
    proofs = proofs_at(repo, commit, authoritative=False)
    if proofs.attempts is None:
        return {}
    versions = {
        path: entry.blob for path, entry in repo.entries(commit, "results").items() if path.endswith("/result.json")
    }
    found = unproven(index(versions, lambda paths: repo.read(commit, paths, "results")), proofs)
    return {folder: {one.path: (one.script, *one.rows) for one in those} for folder, those in found.items()}
