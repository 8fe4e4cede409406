"""The committed results of the models that a gate compares, and which of their records do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from evalctl.git.repository import Repository
from evalctl.model.gate import ComparedAt
from evalctl.model.metrics import Metrics
from evalctl.model.providers import settings_folder
from evalctl.results.derived import AGGREGATE
from evalctl.results.names import read_name
from evalctl.results.proof import NOT_CHECKED, UNPROVEN, Proofs
from evalctl.results.reading import Read, aggregate_in
from evalctl.results.store import index
from evalctl.suggest import listed
from evalctl.sync.proofs import proofs_at

if TYPE_CHECKING:  # numpy and SciPy are slow to load
    from evalctl.results.sides import Side


@dataclass(frozen=True, slots=True)
class Committed:
    """A model's results; `doubts` are the paths of records that do not count, each with the reason, `unchecked` those of which
    nothing is known without a ledger."""

    side: Side
    doubts: Mapping[str, str]
    unchecked: Sequence[str]


class CommittedResults:
    """Reads results at commits."""

    def __init__(self, repo: Repository, metrics: Metrics) -> None:
        self._repo, self._metrics = repo, metrics

    @cached_property
    def _proofs(self) -> Proofs:
        return proofs_at(self._repo, "HEAD", authoritative=False)

    def of(self, one: ComparedAt) -> Committed | str:
        """The results of this model, or why there are none."""
        commit = self._repo.resolve(one.commit or "HEAD")
        if commit is None:
            return f"git knows no commit `{one.commit or 'HEAD'}`"
        folder = settings_folder(one.provider, one.model, one.custom_settings)
        entries = self._repo.entries(commit, "results")

        def read(paths: Sequence[str]) -> dict[str, bytes]:
            found = {path: entries[path].blob for path in paths if path in entries}
            contents = self._repo.blobs(found.values())
            return {path: contents[blob] for path, blob in found.items()}

        text = read([f"{folder}/{AGGREGATE}"]).get(f"{folder}/{AGGREGATE}")
        if text is None:
            return _not_measured(named(one), folder, list(entries))
        return self._committed(one, folder, text, read)

    def _committed(self, one: ComparedAt, folder: str, text: bytes, read: Read) -> Committed | str:
        from evalctl.results.sides import side

        aggregate = aggregate_in(text)
        if aggregate is None:
            return f"{folder}/{AGGREGATE} cannot be read: evalctl results rebuild"
        made = side(folder, aggregate, read, self._metrics, name=named(one), commit=one.commit or "")
        records = index({result.path: "" for result in made.results}, read).by_path
        states = {path: self._proofs.state(each) for path, each in records.items()}
        doubts = {
            path: f"this record is unproven: {self._proofs.why_not(records[path])}"
            for path, state in states.items() if state == UNPROVEN
        }  # fmt: skip
        return Committed(made, doubts, [path for path, state in states.items() if state == NOT_CHECKED])


def named(one: ComparedAt) -> str:
    """The model as tables show it."""
    name = read_name(settings_folder(one.provider, one.model, one.custom_settings))
    return f"{name}@{one.commit}" if one.commit else name


def _not_measured(name: str, folder: str, paths: Sequence[str]) -> str:
    """With the settings of the same model that have results, one of which may be meant."""
    inside = [path for path in paths if path.startswith(f"{folder}/") and path.endswith(f"/{AGGREGATE}")]
    others = sorted(path.removeprefix(f"{folder}/").removesuffix(f"/{AGGREGATE}") for path in inside)
    more = f"; there are results with the custom settings {listed(others)}" if others else ""
    return f"{name} was not measured: there is no {folder}/{AGGREGATE}{more}"
