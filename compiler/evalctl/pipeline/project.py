"""Runs load -> check -> resolve -> plan -> render for one request or for all; repeats only what has changed.

A request is compiled again when its own text, its models' files, anything that all requests share, or the program
itself has changed; otherwise its summary, findings and the digests of its scripts come from `memory`. The stages are
imported only when one of them has to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalctl.check.conflicts import conflicts
from evalctl.check.metrics import Entry, entries_of
from evalctl.load import workspace as workspace_load
from evalctl.load.places import METRICS, files_of, is_model_file
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.parallel import mapped
from evalctl.pipeline import known_requests, memory
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.plan import summary as plan_summary
from evalctl.plan.applied import applied
from evalctl.plan.notes import Terms
from evalctl.render.tree import Tree, outdated

if TYPE_CHECKING:
    from evalctl.model.catalogue import Catalogue
    from evalctl.model.evaluation import Artifact
    from evalctl.pipeline.stages import Compiled

_FEWEST = 100  # requests of one process: for fewer, another process takes longer than it saves


class Project:
    """A repository at one moment. Reads lazily; writes only generated/ (in `compile`) and its own memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._memory = memory.load(root)
        self.workspace = workspace_load.read(root, self._memory.index.get("stats", {}))
        self._plans: dict[str, Compiled] = {}
        self._model_findings: dict[str, list[Diagnostic]] = {}

    @cached_property
    def _program(self) -> str:
        return memory.program_key()

    @cached_property
    def _shared_key(self) -> str:
        return memory.digest([self._program, *(f"{p}={self.workspace.keys[p]}" for p in self.workspace.shared_paths)])

    @cached_property
    def shared(self) -> tuple[Catalogue, list[Diagnostic]]:
        """The catalogue without models, and its findings."""
        from evalctl.pipeline import stages

        known = self._memory.index.get("metrics") or {}
        return stages.shared(self.workspace, known["data"] if known.get("key") == self._metrics_key else None)

    @property
    def metric_entries(self) -> Sequence[Entry]:
        """The entries of metrics.yaml; () where the file has a mistake."""
        known = self._memory.index.get("metrics") or {}
        if known.get("key") != self._metrics_key:
            from evalctl.pipeline import stages

            known = {"data": stages.metrics_of(*self.shared)}
        return entries_of(known["data"])

    @property
    def terms(self) -> dict[str, Terms]:
        """By service: facts that the plan shows for all jobs of the service together."""
        return {name: Terms(*facts) for name, facts in self._shared_row["terms"].items()}

    def catalogue_for(self, models: list[str]) -> Catalogue:
        """The catalogue with the settings and cards of `models`."""
        return self._with([path for model in models for path in files_of(model) if path in self.workspace.keys])

    @cached_property
    def whole_catalogue(self) -> Catalogue:
        """The catalogue with every model."""
        return self._with(self._model_paths())

    def _with(self, model_paths: list[str]) -> Catalogue:
        from evalctl.pipeline import stages

        return stages.with_models(self.shared[0], self.workspace, model_paths)

    def compile_one(self, path: str) -> Compiled:
        """Runs one request through all stages but render, without using the memory."""
        if path not in self._plans:
            self._plans[path] = self._compile(path)
        return self._plans[path]

    def _compile(self, path: str) -> Compiled:
        from evalctl.pipeline import stages

        return stages.compiled(path, self.workspace, self.catalogue_for)

    # ---- all requests -------------------------------------------------------------------------------------------

    def check(self) -> tuple[dict[str, KnownRequest], list[Diagnostic]]:
        """The outcome of every request by path, and every finding of the repository, sorted."""
        return self._all(render=False)

    def compile(self, *, check_only: bool = False) -> tuple[dict[str, KnownRequest], list[Diagnostic], list[str]]:
        """Brings generated/ up to date, or with `check_only` reports what is not; returns also the changed paths.

        Writes nothing if there is any error.
        """
        tree = Tree(self.root, self._memory.index.get("generated", {}))
        entries, problems = self._all(render=True, tree=tree)
        problems += tree.links
        broken = has_errors(problems)
        expected = {path for entry in entries.values() for path in entry.artifacts or ()}
        if check_only:  # mistakes in another request do not hide outdated scripts of this one
            problems += _differences(tree, entries)
        changed: list[str] = []
        if not broken:
            problems += tree.foreign(expected)
            obsolete = tree.obsolete(expected)
            if check_only:
                problems += [outdated(path, path, "belongs to no request any more") for path in obsolete]
            else:
                changed = tree.write(_with_digests(entries.values()))
                tree.remove(obsolete)
                changed += obsolete
            self._remember(entries, tree)
        return entries, sorted(problems, key=lambda d: d.sort_key), changed

    def _all(self, *, render: bool, tree: Tree | None = None) -> tuple[dict[str, KnownRequest], list[Diagnostic]]:
        entries = self._known_requests(render, tree)
        problems = [*self.workspace.unread, *memory.unpack(self._shared_row["diagnostics"]), *self._model_problems()]
        for entry in entries.values():
            problems += entry.diagnostics
        problems += conflicts(known_requests.suspects(entries.values()))
        if not render:
            self._remember(entries, None)
        once = dict.fromkeys(problems)  # requests that use the same file have the same findings in it
        return entries, sorted(once, key=lambda diagnostic: diagnostic.sort_key)

    def _known_requests(self, render: bool, tree: Tree | None) -> dict[str, KnownRequest]:
        """Every request by path: as remembered, or compiled now."""
        known = {path: self._recalled(path, render, tree) for path in self.workspace.request_paths}
        fresh = [path for path, one in known.items() if one is None]
        made = mapped(partial(self._with_model_findings, render=render), fresh, _FEWEST)
        for _, findings in made:
            self._model_findings.update(findings)
        compiled = dict(zip(fresh, (entry for entry, _ in made), strict=True))
        return {path: one or compiled[path] for path, one in known.items()}

    def _recalled(self, path: str, render: bool, tree: Tree | None) -> KnownRequest | None:
        """The remembered outcome of a request; None where something that it depends on has changed."""
        known = known_requests.recalled(self._memory, path)
        if known is None or known.key != self._request_key(path, known.models):
            return None
        return known if not render or known.plan is None or _as_remembered(known, tree) else None

    def _with_model_findings(self, path: str, *, render: bool) -> tuple[KnownRequest, dict[str, list[Diagnostic]]]:
        """A compiled request, and the findings in its models' files, which have been read for it."""
        entry = self._compiled_request(path, render)
        files = [file for model in entry.models for file in files_of(model) if file in self.workspace.keys]
        return entry, {file: self._findings_of(file) for file in files}

    def _compiled_request(self, path: str, render: bool) -> KnownRequest:
        compiled = self._compile(path)
        key = self._request_key(path, compiled.models)
        if compiled.plan is None:
            return KnownRequest(key, compiled.models, compiled.diagnostics, None)
        summary = plan_summary.summary(compiled.plan)
        plan, settings = plan_summary.artifact(summary), applied(compiled.plan.jobs)
        entry = known_requests.known_request(key, compiled.models, compiled.diagnostics, summary, plan.data, settings)
        if render:
            from evalctl.render.download import download_script
            from evalctl.render.script import script  # imported late: `check` and `plan` need no schedulers

            scripts = [*map(script, compiled.plan.jobs), *map(download_script, compiled.plan.downloads)]
            entry.fresh = [plan, *scripts]
            entry.artifacts = {a.path: hashlib.sha256(a.data).hexdigest() for a in entry.fresh}
        return entry

    def _request_key(self, path: str, models: list[str]) -> str:
        files = [path, *(file for model in models for file in files_of(model))]
        if any(self.workspace.keys.keys().isdisjoint(files_of(model)) for model in models):
            files += self._model_paths()  # a model without files may be a misspelt name of another model
        return memory.digest([self._shared_key, *(f"{file}={self.workspace.keys.get(file, '')}" for file in files)])

    def _model_paths(self) -> list[str]:
        return [path for path in self.workspace.keys if is_model_file(path)]

    @cached_property
    def _shared_row(self) -> dict[str, Any]:
        """The memory's row for the shared files."""
        known: dict[str, Any] = self._memory.index.get("shared", {})
        if known.get("key") == self._shared_key:
            return known
        from evalctl.pipeline import stages

        catalogue, problems = self.shared
        terms = {name: list(astuple(one)) for name, one in stages.terms_of(catalogue).items()}
        return {"key": self._shared_key, "diagnostics": memory.pack(problems), "terms": terms}

    def _model_problems(self) -> list[Diagnostic]:
        """Findings of each model file, whether a request uses it or not."""
        known, self._models_now = self._memory.index.get("models", {}), {}
        found: list[Diagnostic] = []
        for path in self._model_paths():
            key = memory.digest([self._program, self.workspace.keys[path]])
            problems = (
                memory.unpack(known[path][1]) if path in known and known[path][0] == key else self._findings_of(path)
            )
            self._models_now[path] = [key, memory.pack(problems)]
            found += problems
        return found

    def _findings_of(self, path: str) -> list[Diagnostic]:
        """The findings in a model's file."""
        if path not in self._model_findings:
            from evalctl.pipeline import stages

            self._model_findings[path] = stages.model_problems(self.workspace, path)
        return self._model_findings[path]

    def _remember(self, entries: Mapping[str, KnownRequest], tree: Tree | None) -> None:
        rows, texts = known_requests.remembered(entries)
        before = self._memory.index
        index = {
            "stats": _lists(self.workspace.stats),
            "shared": self._shared_row,
            "metrics": self._metrics_to_remember(),
            "models": self._models_now,
            "requests": rows,
            "generated": _lists(tree.stats) if tree is not None else before.get("generated", {}),
        }
        if index != before:
            memory.save(self.root, memory.Memory(index, texts))

    @cached_property
    def _metrics_key(self) -> str:
        return memory.digest([self._program, self.workspace.keys.get(METRICS, "")])

    def _metrics_to_remember(self) -> dict[str, Any] | None:
        """The entries of metrics.yaml for the memory: parsing its hundred entries takes as long as all other shared files."""
        known = self._memory.index.get("metrics") or {}
        if known.get("key") == self._metrics_key or "shared" not in self.__dict__:
            return known or None
        from evalctl.pipeline import stages

        data = stages.metrics_of(*self.shared)
        return None if data is None else {"key": self._metrics_key, "data": data}


def _lists(stats: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The values in the form that JSON returns them, for comparison with the stored ones."""
    return {path: list(stat) for path, stat in stats.items()}


def _as_remembered(entry: KnownRequest, tree: Tree | None) -> bool:
    """Whether generated/ still contains exactly the files of this request."""
    if entry.artifacts is None or tree is None:
        return False
    return all(tree.digest(path) == sha for path, sha in entry.artifacts.items())


def _with_digests(entries: Iterable[KnownRequest]) -> Iterator[tuple[Artifact, str]]:
    """The files that were rendered now."""
    for entry in entries:
        digests = entry.artifacts or {}
        yield from ((artifact, digests[artifact.path]) for artifact in entry.fresh)


def _differences(tree: Tree, entries: Mapping[str, KnownRequest]) -> list[Diagnostic]:
    found = []
    for request, entry in entries.items():
        for path, sha in (entry.artifacts or {}).items():
            now = tree.digest(path)
            if now != sha:
                found.append(outdated(path, request, "is missing" if now is None else "is not up to date"))
    return found
