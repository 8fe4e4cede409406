"""The committed scores of this clone: which model folders the words of a person name, at which commit, and what they say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from evalctl.clone.requests import RESULTS_CACHE, request_named
from evalctl.git.repository import Repository, open_repository
from evalctl.model.catalogue import Catalogue
from evalctl.pipeline.project import Project
from evalctl.results import tables
from evalctl.results.derived import AGGREGATE
from evalctl.results.names import read_name
from evalctl.results.proof import unproven
from evalctl.results.reading import aggregate_in
from evalctl.results.store import Listed, folder_of, index_folder
from evalctl.results.tables import Measured
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed
from evalctl.sync.proofs import proofs_at


class CommittedScores:
    """Reads each tree and each shared manifest once. `debug`: with debugging runs."""

    def __init__(self, root: Path, *, debug: bool) -> None:
        self.root, self._debug = root, debug
        self._trees: dict[str, Mapping[str, str]] = {}

    @cached_property
    def project(self) -> Project:
        """The manifests of the work tree."""
        return Project(self.root)

    @cached_property
    def catalogue(self) -> Catalogue:
        """What all requests share."""
        return self.project.shared[0]

    @cached_property
    def repo(self) -> Repository:
        """The clone; an EnvironmentProblem where it has no commit yet."""
        repo = open_repository(self.root)
        if repo.resolve("HEAD") is None:
            raise EnvironmentProblem(
                f"{self.root} has no commit yet, and only committed results are shown",
                "git add . && git commit; then the same command again",
            )
        return repo

    def read(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Contents of files below results/ at a commit ("" is HEAD), for those that are there."""
        blobs = self._blobs(commit)
        known = {path: blobs[path] for path in paths if path in blobs}
        contents = self.repo.blobs(known.values())
        return {path: contents[blob] for path, blob in known.items()}

    def _blobs(self, commit: str) -> Mapping[str, str]:
        if commit not in self._trees:
            entries = self.repo.entries(self.repo.resolve(commit or "HEAD"), "results")
            self._trees[commit] = {path: one.blob for path, one in entries.items()}
        return self._trees[commit]

    def chosen(self, words: Sequence[str], baseline: str | None = None) -> list[Measured]:
        """The scores that the words name, in that order, the baseline first; all without words."""
        if not words:
            return tables.labelled(self._at(tables.visible(self._folders(""), debug=self._debug), ""))
        found = [one for word in words for one in self._named(word)]
        if baseline:
            found.insert(0, _baseline(self._named(baseline), baseline))
        return tables.labelled(list({(one.folder, one.commit): one for one in found}.values()))

    def versions(self, folder: str) -> list[tuple[str, Measured]]:
        """The aggregate after each commit that changed it, with its day, newest first."""
        log = self.repo.run_or_raise("log", "--format=%h %cs", "--", f"{folder}/{AGGREGATE}").text
        commits = [line.split(" ") for line in log.splitlines()]
        path = f"{folder}/{AGGREGATE}"
        texts = ((day, commit, self.repo.read(commit, [path], path).get(path)) for commit, day in commits)
        read = ((day, commit, aggregate_in(text)) for day, commit, text in texts if text is not None)
        return [(day, Measured(folder, one, commit)) for day, commit, one in read if one is not None]

    def unproven(self) -> dict[str, list[Listed]] | None:
        """Unproven records by folder; None where this clone has no ledger to check them."""
        proofs = proofs_at(self.repo, "HEAD", authoritative=False)
        return None if proofs.attempts is None else unproven(index_folder(self.root, self.root / RESULTS_CACHE), proofs)

    def _named(self, word: str) -> list[Measured]:
        name, _, commit = word.partition("@")
        if commit and self.repo.resolve(commit) is None:
            raise EnvironmentProblem(f"git knows no commit `{commit}`", help="git log -- results")
        folders = tables.visible(self._folders(commit), debug=self._debug)
        matched = tables.matching(folders, name) or self._of_request(word, folders)
        if not matched:
            known = {read_name(folder) for folder in folders}
            guesses = known | {one.partition("/")[2] for one in known}
            raise EnvironmentProblem(
                f"there are no results of `{word}`",
                help=help_for(name, guesses, f"there are results of: {listed(sorted(known)) or 'nothing yet'}"),
            )
        return self._at(matched, commit)

    def _of_request(self, word: str, folders: Sequence[str]) -> list[str]:
        """The folders with the results of a request's evals."""
        try:
            path = request_named(word.partition("@")[0], self.root, self.project.workspace.request_paths)
        except EnvironmentProblem:
            return []
        asked = {folder_of(one.result_path, one.task.result_dir) for one in self.project.compile_one(path).evals}
        return [folder for folder in folders if folder in asked]

    def _folders(self, commit: str) -> list[str]:
        ending = f"/{AGGREGATE}"
        return sorted(path.removesuffix(ending) for path in self._blobs(commit) if path.endswith(ending))

    def _at(self, folders: Sequence[str], commit: str) -> list[Measured]:
        """The aggregates of these folders; warns about damaged ones; an EnvironmentProblem if all are damaged."""
        found, damaged = self._readable(folders, commit)
        if damaged and not found:
            raise EnvironmentProblem(_damaged(damaged, commit), help=f"git log -p -- {damaged[0]}")
        if damaged:
            print(f"warning: {_damaged(damaged, commit)}", file=sys.stderr)
        return found

    def _readable(self, folders: Sequence[str], commit: str) -> tuple[list[Measured], list[str]]:
        """(readable aggregates, paths of the others)."""
        texts = self.read(commit, [f"{folder}/{AGGREGATE}" for folder in folders])
        aggregates = {path: aggregate_in(text) for path, text in texts.items()}
        found = [
            Measured(folder, one, commit) for folder in folders
            if (one := aggregates.get(f"{folder}/{AGGREGATE}"))
        ]  # fmt: skip
        return found, [path for path, one in aggregates.items() if one is None]


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


def _damaged(paths: Sequence[str], commit: str) -> str:
    return f"at {commit or 'HEAD'} no aggregate can be read from {listed(paths)}"
