"""What a commit has for the result site: aggregates, records and metrics.yaml. Nothing is read from the work tree.

Records are read a model at a time, so that memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from evalctl.git.repository import Repository
from evalctl.model.aggregate import Aggregate
from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.result import Result
from evalctl.results.derived import AGGREGATE
from evalctl.results.entries import EntriesAverage, Scripts, averages, of_tasks, remarked, scripts_of, used_entries
from evalctl.results.leaderboard import DEBUG
from evalctl.results.names import read_names, task_name
from evalctl.results.reading import aggregate_in, parse
from evalctl.results.store import FILE
from evalctl.site.costs import Prices
from evalctl.terminal import plain

_MOST_VERSIONS = 60  # of one model's scores in its history: its tasks can land one by one
_LONGEST_PERSON = 60
# One commit of `git log -z --raw`: its heading, then for each file the words of the change and the path. A name of a person
# cannot end it, since git's names have no NUL.
_HEADING = re.compile(r"\x01([0-9a-f]{40,64}) (\d{4}-\d\d-\d\d) ([^\0\n]*)((?:[\0\n]+:[^\0]*\0[^\0]*)*)")
_PLAIN = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST_SLUG = 60
Unproven = Mapping[str, Mapping[str, Collection[str]]]  # model folder to record path to the framework's tasks


@dataclass(frozen=True, slots=True)
class Model:
    """A model with one set of settings; `slug` names its page, `remarked` are the entries that have a remark."""

    folder: str
    name: str
    aggregate: Aggregate
    records: tuple[str, ...]
    remarked: frozenset[str] = frozenset()

    @property
    def slug(self) -> str:
        """The name of its page's file: readable, and no other folder has it."""
        return slug(self.folder.removeprefix("results/"))

    @property
    def measured(self) -> str:
        """The day of the newest eval; "" where no record says it."""
        return max((one.measured or "" for one in self.aggregate.evals.values()), default="")[:10]


@dataclass(frozen=True, slots=True)
class Version:
    """The scores of a model folder after a commit; None where the commit deleted them."""

    commit: str
    day: str
    aggregate: Aggregate | None
    person: str = ""
    place: int = 0  # of the commit, 0 for the newest


class AggregateChange(NamedTuple):
    """A commit that changed an aggregate: who wrote it, the aggregate's blob after it ("" where it deleted it), and its
    place, 0 for the newest."""

    commit: str
    day: str
    person: str
    blob: str
    place: int


@dataclass(frozen=True, slots=True)
class ResultSite:
    """All that the pages are made of."""

    repo: Repository
    commit: str
    day: str
    blobs: Mapping[str, str]  # below results/, path to blob
    metrics: Metrics
    models: Sequence[Model]
    entries: Sequence[MetricEntry]  # one per benchmark
    averages: Sequence[EntriesAverage]
    scripts: Scripts
    unproven: Unproven
    problems: Sequence[str] = ()
    changes: Mapping[str, Sequence[AggregateChange]] = field(default_factory=dict)  # by folder, the newest first
    prices: Prices = field(default_factory=Prices)

    def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The committed files of these paths."""
        known = {path: self.blobs[path] for path in paths if path in self.blobs}
        texts = self.repo.blobs(known.values())
        return {path: texts[blob] for path, blob in known.items()}

    def results(self, models: Sequence[Model]) -> dict[str, list[Result]]:
        """The models' records by folder, read at once, in the order of their tasks; those that cannot be read are left out,
        as in their aggregates."""
        texts = self.read([path for model in models for path in model.records])
        found = {model.folder: _parsed({path: texts[path] for path in model.records}) for model in models}
        return {folder: sorted(those, key=lambda one: one.task.key) for folder, those in found.items()}

    def results_of(self, models: Sequence[Model], scripts: Collection[str]) -> dict[str, list[Result]]:
        """The records of these tasks of the framework by model folder, read at once."""
        paths = {model.folder: self._paths(model, scripts) for model in models}
        texts = self.read([path for own in paths.values() for path in own])
        return {
            folder: list(_parsed({path: texts[path] for path in own if path in texts})) for folder, own in paths.items()
        }

    @staticmethod
    def _paths(model: Model, scripts: Collection[str]) -> list[str]:
        evals = model.aggregate.evals.values()
        wanted = {f"{model.folder}/{one.result}" for one in evals if task_name(one.script).partition(":")[0] in scripts}
        return [path for path in model.records if path in wanted]

    def versions(self, folders: Sequence[str]) -> dict[str, list[Version]]:
        """The scores of model folders after each commit that changed them, the newest first; those that cannot be read are left out."""
        changes = {folder: self.changes.get(folder, ()) for folder in folders}
        now = {model.folder: model.aggregate for model in self.models}
        texts = self.repo.blobs(one.blob for those in changes.values() for one in those[1:] if one.blob)
        found = {}
        for folder, those in changes.items():
            read = [now.get(folder), *(aggregate_in(texts[one.blob]) if one.blob else None for one in those[1:])]
            found[folder] = [
                Version(one.commit, one.day, aggregate, one.person, one.place)
                for one, aggregate in zip(those, read, strict=False)
                if aggregate or not one.blob
            ]
        return found

    @property
    def deleted(self) -> list[str]:
        """The model folders of earlier commits whose scores a commit deleted."""
        return [folder for folder, those in self.changes.items() if those and not those[0].blob]

    def has_all_versions(self, folder: str) -> bool:
        """Whether no commit before those of `versions` has a score of it."""
        return len(self.changes.get(folder, ())) < _MOST_VERSIONS


def _parsed(texts: Mapping[str, bytes]) -> Iterator[Result]:
    for path, text in texts.items():
        with contextlib.suppress(ValueError):  # `evalctl check` reports it; its aggregate leaves it out, too
            yield parse(path, text)


def slug(path: str) -> str:
    """A file name for a path, whatever the path holds and however long it is."""
    words = _PLAIN.sub("-", path).strip("-.")[-_LONGEST_SLUG:].strip("-.")
    return f"{words}-{hashlib.sha256(path.encode(errors='surrogateescape')).hexdigest()[:8]}"


def site_at(
    repo: Repository, commit: str, metrics: Metrics, unproven: Unproven, prices: Prices | None = None
) -> ResultSite:
    """The result site of a commit; debugging runs have no pages."""
    blobs = {path: entry.blob for path, entry in repo.entries(commit, "results").items()}
    aggregates = _aggregates(repo, blobs)
    found, problems = _averages(aggregates, metrics)
    scripts = scripts_of(aggregates.values())
    return ResultSite(
        repo, commit, _day(repo, commit), blobs, metrics, _models(aggregates, blobs, metrics, unproven),
        used_entries(aggregates.values(), metrics), found, scripts, unproven, problems, _changes(repo, commit),
        prices or Prices(),
    )  # fmt: skip


def _aggregates(repo: Repository, blobs: Mapping[str, str]) -> dict[str, Aggregate]:
    """By folder; a damaged one is left out until it is computed again."""
    paths = [path for path in blobs if path.endswith(f"/{AGGREGATE}") and not path.startswith(DEBUG)]
    texts = repo.blobs(blobs[path] for path in paths)
    read = ((path.removesuffix(f"/{AGGREGATE}"), aggregate_in(texts[blobs[path]])) for path in sorted(paths))
    return {folder: one for folder, one in read if one is not None}


def _averages(aggregates: Mapping[str, Aggregate], metrics: Metrics) -> tuple[list[EntriesAverage], list[str]]:
    there = list(aggregates.values())
    return averages(there, used_entries(there, metrics), scripts_of(there))


def _models(
    aggregates: Mapping[str, Aggregate], blobs: Mapping[str, str], metrics: Metrics, unproven: Unproven
) -> list[Model]:
    names, scripts = read_names(aggregates), scripts_of(aggregates.values())
    made = []
    for folder, one in aggregates.items():
        records = tuple(f"{folder}/{each.result}" for each in one.evals.values() if each.result.endswith(FILE))
        with_remark = remarked(one, metrics.entries, scripts)
        for tasks in unproven.get(folder, {}).values():
            with_remark |= of_tasks(tasks, metrics.entries)
        kept = tuple(path for path in records if path in blobs)
        made.append(Model(folder, names[folder], one, kept, frozenset(with_remark)))
    return made


def _day(repo: Repository, commit: str) -> str:
    return repo.run_or_raise("log", "-1", "--format=%cs", commit).text


def _changes(repo: Repository, commit: str) -> dict[str, list[AggregateChange]]:
    """Of each folder the commits that changed its aggregate, newest first; one call of git."""
    limits = [f":(glob)results/**/{AGGREGATE}", f":(exclude){DEBUG}"]
    log = repo.run_or_raise(
        "log", "-z", "--raw", "--no-abbrev", "--no-renames", "--first-parent", "-m", "--format=%x01%H %cs %aN", commit, "--", *limits
    )  # fmt: skip
    found: dict[str, list[AggregateChange]] = {}
    for place, heading in enumerate(_HEADING.finditer(log.text)):
        commit_id, day, person, files = heading.groups()
        words = [word for word in files.split("\0") if word]
        for change, path in zip(words[::2], words[1::2], strict=False):
            blob = change.split(" ")[3]
            versions = found.setdefault(path.removesuffix(f"/{AGGREGATE}"), [])
            if len(versions) < _MOST_VERSIONS:
                blob = "" if not blob.strip("0") else blob
                versions.append(AggregateChange(commit_id[:12], day, plain(person[:_LONGEST_PERSON]), blob, place))
    return found
