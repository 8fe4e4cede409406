"""What changed and when: each score that a commit added, changed or removed, the newest first, grouped by month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from evalctl.model.aggregate import Aggregate
from evalctl.results.entries import entry_margin, main_entries, measured_number, shown, shown_margin
from evalctl.results.names import read_name
from evalctl.site.source import Model, ResultSite, Version

_MOST = 5000  # scores on the page


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """A score of a model after a commit and before it; "" where there is or was none. `task` is the key of the entry's task,
    `kind` the key of the word for what happened. `page` is "" of a model whose folder was deleted."""

    day: str
    place: int  # of the commit, 0 for the newest
    commit: str
    person: str
    folder: str
    name: str
    settings_version: str
    page: str
    entry: str
    task: str
    kind: str
    now: str
    before: str


@dataclass(frozen=True, slots=True)
class Month:
    """The changes of a month, the newest first."""

    name: str
    changes: Sequence[ScoreChange]


@dataclass(slots=True)
class Changes:
    """The changes of the models so far; `cut` are the folders of models with older changes than are known here."""

    found: list[ScoreChange] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)

    def add(self, site: ResultSite, folder: str, versions: Sequence[Version], model: Model | None = None) -> None:
        """Those of a model folder, of one entry per benchmark; `model` where the folder is still there."""
        whole = site.has_all_versions(folder)
        self.found += _changes(site, folder, model, versions, whole)
        self.cut.update([] if whole else [folder])

    def months(self) -> list[Month]:
        """The newest first, so many changes as the page has."""
        self.found.sort(key=lambda one: one.folder)
        self.found.sort(key=lambda one: (one.day, -one.place), reverse=True)
        self.cut.update(one.folder for one in self.found[_MOST:])
        return [Month(name, list(those)) for name, those in groupby(self.found[:_MOST], key=lambda one: one.day[:7])]


def joined(parts: Iterable[Changes]) -> Changes:
    """The changes of all of them."""
    whole = Changes()
    for part in parts:
        whole.found += part.found
        whole.cut |= part.cut
    return whole


def _changes(
    site: ResultSite, folder: str, model: Model | None, versions: Sequence[Version], whole: bool
) -> Iterator[ScoreChange]:
    """Nothing is known of what the earliest version changed, unless it is the first of all."""
    name, page = (model.name, model.slug) if model else (read_name(folder), "")
    tasks = {one.script: key for key, one in model.aggregate.evals.items()} if model else {}
    keys = {
        entry.name: next((tasks[one] for one in entry.tasks if one in tasks), "")
        for entry in main_entries(site.metrics)
    }
    settings = next((one.aggregate.custom_settings.version for one in versions if one.aggregate), "")
    earlier = [*(one.aggregate for one in versions[1:]), *([None] if whole else [])]
    for version, before in zip(versions, earlier, strict=False):
        for entry, task in keys.items():
            if _value(version.aggregate, entry) != _value(before, entry):
                yield ScoreChange(
                    version.day, version.place, version.commit, version.person, folder, name, settings, page, entry, task,
                    _kind(version.aggregate, before, entry), _text(version.aggregate, entry), _text(before, entry),
                )  # fmt: skip


def _kind(now: Aggregate | None, before: Aggregate | None, entry: str) -> str:
    if now is None:
        return "deleted"
    return "gone" if _value(now, entry) is None else "new" if _value(before, entry) is None else "changed"


def _value(aggregate: Aggregate | None, name: str) -> float | None:
    return None if aggregate is None else measured_number(aggregate.results.get(name))


def _text(aggregate: Aggregate | None, name: str) -> str:
    """With its ± where that is known."""
    value = _value(aggregate, name)
    if aggregate is None or value is None:
        return ""
    return f"{shown(value)}{shown_margin(value, entry_margin(name, aggregate))}"
