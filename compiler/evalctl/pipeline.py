"""load -> check -> resolve -> plan -> render, for one request and for all, doing again only what has changed.

A request is compiled again when its own text, its models' files, anything that all requests share, or the program
itself has changed; otherwise its summary, findings and the digests of its scripts are remembered (`memory`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evalctl import entries as entries_of
from evalctl import memory
from evalctl.check import catalogue as catalogue_check
from evalctl.check import models as models_check
from evalctl.check.conflicts import conflicts
from evalctl.check.references import references
from evalctl.check.schema import validated, without_unknown_keys
from evalctl.check.secrets import secrets_in
from evalctl.entries import Entry
from evalctl.load import workspace as workspace_load
from evalctl.load import yaml_source
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.model.document import Document
from evalctl.model.evaluation import Eval, RequestPlan
from evalctl.model.manifest import Metrics
from evalctl.model.selection import model_names
from evalctl.plan import jobs, rules
from evalctl.plan import summary as plan_summary
from evalctl.render.tree import Tree, outdated
from evalctl.resolve.evals import evals


@dataclass(frozen=True, slots=True)
class Compiled:
    """One request, compiled now; `plan` is None where an error forbids it."""

    path: str
    checked: CheckedRequest | None
    evals: tuple[Eval, ...]
    plan: RequestPlan | None
    diagnostics: list[Diagnostic]


class Project:
    """A repository at one moment. Reads lazily; writes nothing but generated/ (on request) and its own memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._memory = memory.load(root)
        self.workspace = workspace_load.read(root, self._memory.index.get("stats", {}))
        self._plans: dict[str, Compiled] = {}

    @cached_property
    def _program(self) -> str:
        return memory.program_key()

    @cached_property
    def _shared_key(self) -> str:
        return memory.digest([self._program, *(f"{p}={self.workspace.keys[p]}" for p in self.workspace.shared_paths)])

    @cached_property
    def shared(self) -> tuple[Catalogue, list[Diagnostic]]:
        """The catalogue without models, and what is wrong with it."""
        texts = self.workspace.texts(self.workspace.shared_paths)
        secrets = [finding for path, text in texts.items() for finding in secrets_in(path, text)]
        catalogue, problems = catalogue_check.shared(texts, self._known_metrics())
        unreadable = self.workspace.problems
        problems = [found for found in problems if found.code != "missing-file" or found.span.file not in unreadable]
        problems += [found for path in self.workspace.shared_paths for found in unreadable.get(path, ())]
        return catalogue, secrets + problems

    def catalogue_for(self, models: list[str]) -> Catalogue:
        """The catalogue with the settings and cards of `models`."""
        paths = [path for model in models for path in models_check.files_of(model) if path in self.workspace.keys]
        return models_check.with_models(self.shared[0], self.workspace.texts(paths))[0]

    @cached_property
    def whole_catalogue(self) -> Catalogue:
        """The catalogue with every model."""
        return models_check.with_models(self.shared[0], self.workspace.texts(self._model_paths()))[0]

    def compile_one(self, path: str) -> Compiled:
        """One request through all stages but render, whatever is remembered."""
        if path not in self._plans:
            self._plans[path] = self._compile(path)
        return self._plans[path]

    def _compile(self, path: str) -> Compiled:
        """Stops where an error makes the next stage meaningless."""
        text = self.workspace.text(path)
        if text is None:
            return Compiled(path, None, (), None, self.workspace.problems[path])
        problems = secrets_in(path, text)
        document, found = yaml_source.parse(text, path)
        problems += found
        checked, found = _checked(path, document)
        problems += found
        if checked is None:
            return Compiled(path, None, (), None, problems)
        request = checked.request
        catalogue = self.catalogue_for(model_names(request))
        problems += references(checked, catalogue) + rules.missing_cards(checked, catalogue)
        if has_errors(problems):
            return Compiled(path, checked, (), None, problems)
        asked = evals(checked, catalogue)
        problems += rules.rules(checked, asked, catalogue)
        plan = None if has_errors(problems) else jobs.plan(checked, asked, catalogue)
        return Compiled(path, checked, asked, plan, problems)

    # ---- all requests -------------------------------------------------------------------------------------------

    def check(self) -> tuple[dict[str, Entry], list[Diagnostic]]:
        """Every request's entry, and every finding of the repository, sorted."""
        return self._all(render=False)

    def compile(self, *, check_only: bool = False) -> tuple[dict[str, Entry], list[Diagnostic], list[str]]:
        """Brings generated/ up to date, or with `check_only` says what is not; also the paths that were changed.

        Nothing is written when anything is wrong.
        """
        tree = Tree(self.root, self._memory.index.get("generated", {}))
        entries, problems = self._all(render=True, tree=tree)
        problems += tree.links
        broken = has_errors(problems)
        expected = {path for entry in entries.values() for path in entry.artifacts or ()}
        if check_only:  # another request's mistake does not make this one's scripts right
            problems += _differences(tree, entries)
        changed: list[str] = []
        if not broken:
            problems += tree.foreign(expected)
            left_over = tree.left_over(expected)
            if check_only:
                problems += [outdated(path, path, "belongs to no request any more") for path in left_over]
            else:
                changed = [path for entry in entries.values() for path in _written(entry, tree)]
                tree.remove(left_over)
                changed += left_over
            self._remember(entries, tree)
        return entries, sorted(problems, key=lambda d: d.sort_key), changed

    def _all(self, *, render: bool, tree: Tree | None = None) -> tuple[dict[str, Entry], list[Diagnostic]]:
        entries = {path: self._entry(path, render, tree) for path in self.workspace.request_paths}
        problems = [*self.workspace.unread, *self._shared_problems(), *self._model_problems()]
        for entry in entries.values():
            problems += entry.diagnostics
        problems += conflicts(entries_of.suspects(entries.values()))
        if not render:
            self._remember(entries, None)
        return entries, sorted(problems, key=lambda diagnostic: diagnostic.sort_key)

    def _entry(self, path: str, render: bool, tree: Tree | None) -> Entry:
        known = entries_of.recalled(self._memory, path)
        current = known is not None and known.key == self._request_key(path, known.models)
        if known is not None and current and (not render or known.plan is None or _as_remembered(known, tree)):
            return known
        compiled = self._compile(path)
        models = model_names(compiled.checked.request) if compiled.checked else []
        summary = None if compiled.plan is None else plan_summary.summary(compiled.plan)
        entry = entries_of.entry(self._request_key(path, models), models, compiled.diagnostics, summary)
        if render and compiled.plan is not None and summary is not None:
            from evalctl.render.script import script  # `check` and `plan` need no schedulers: they start sooner

            entry.fresh = [plan_summary.artifact(summary), *(script(job) for job in compiled.plan.jobs)]
            entry.artifacts = {a.path: hashlib.sha256(a.text.encode()).hexdigest() for a in entry.fresh}
        return entry

    def _request_key(self, path: str, models: list[str]) -> str:
        files = [path, *(file for model in models for file in models_check.files_of(model))]
        return memory.digest([self._shared_key, *(f"{file}={self.workspace.keys.get(file, '')}" for file in files)])

    def _model_paths(self) -> list[str]:
        return [path for path in self.workspace.keys if models_check.is_model_file(path)]

    def _shared_problems(self) -> list[Diagnostic]:
        known = self._memory.index.get("shared", {})
        return memory.unpack(known["diagnostics"]) if known.get("key") == self._shared_key else self.shared[1]

    def _model_problems(self) -> list[Diagnostic]:
        """Each model file by itself, whether a request uses it or not."""
        known, self._models_now = self._memory.index.get("models", {}), {}
        found: list[Diagnostic] = []
        for path in self._model_paths():
            key = memory.digest([self._program, self.workspace.keys[path]])
            if path in known and known[path][0] == key:
                problems = memory.unpack(known[path][1])
            else:
                texts = self.workspace.texts([path])
                problems = [f for p, text in texts.items() for f in secrets_in(p, text)]
                problems += models_check.with_models(_EMPTY, texts)[1] + self.workspace.problems.get(path, [])
            self._models_now[path] = [key, memory.pack(problems)]
            found += problems
        return found

    def _remember(self, entries: Mapping[str, Entry], tree: Tree | None) -> None:
        rows, texts = entries_of.remembered(entries)
        before = self._memory.index
        index = {
            "stats": _lists(self.workspace.stats),
            "shared": {"key": self._shared_key, "diagnostics": memory.pack(self._shared_problems())},
            "metrics": self._metrics_to_remember(),
            "models": self._models_now,
            "requests": rows,
            "generated": _lists(tree.stats) if tree is not None else before.get("generated", {}),
        }
        if index != before:
            memory.save(self.root, memory.Memory(index, texts))

    def _known_metrics(self) -> Metrics | None:
        """A hundred entries, which take as long to read as all other shared files together."""
        known = self._memory.index.get("metrics") or {}
        return Metrics.model_validate(known["data"]) if known.get("key") == self._metrics_key else None

    @cached_property
    def _metrics_key(self) -> str:
        return memory.digest([self._program, self.workspace.keys.get(catalogue_check.METRICS, "")])

    def _metrics_to_remember(self) -> dict[str, Any] | None:
        """Only those without a mistake: mistakes have to be found again."""
        known = self._memory.index.get("metrics") or {}
        if known.get("key") == self._metrics_key or "shared" not in self.__dict__:
            return known or None
        catalogue, problems = self.shared
        if any(problem.span.file == catalogue_check.METRICS for problem in problems):
            return None
        return {"key": self._metrics_key, "data": catalogue.metrics.model_dump(mode="json")}


_EMPTY = Catalogue({}, {}, {}, {}, {}, {}, catalogue_check.NO_METRICS, {}, {})


def _lists(stats: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """As JSON gives them back, so that what is remembered can be compared with what was."""
    return {path: list(stat) for path, stat in stats.items()}


def _checked(path: str, document: Document | None) -> tuple[CheckedRequest | None, list[Diagnostic]]:
    """The request in its right form; one with unknown keys goes on without them, to find its other mistakes, too."""
    if document is None:
        return None, []
    request, found = validated("request", document)
    if request is None and (rest := without_unknown_keys(document, found)) is not None:
        document = rest
        request = validated("request", rest)[0]
    return (CheckedRequest(path, request, document), found) if request is not None else (None, found)


def _as_remembered(entry: Entry, tree: Tree | None) -> bool:
    """Whether generated/ still holds exactly what was made of this request."""
    if entry.artifacts is None or tree is None:
        return False
    return all(tree.digest(path) == sha for path, sha in entry.artifacts.items())


def _written(entry: Entry, tree: Tree) -> list[str]:
    """Brings the request's files up to date; the paths that were changed."""
    digests = entry.artifacts or {}
    return [artifact.path for artifact in entry.fresh if tree.write(artifact, digests[artifact.path])]


def _differences(tree: Tree, entries: Mapping[str, Entry]) -> list[Diagnostic]:
    found = []
    for request, entry in entries.items():
        for path, sha in (entry.artifacts or {}).items():
            now = tree.digest(path)
            if now != sha:
                found.append(outdated(path, request, "is missing" if now is None else "is not what the manifests say"))
    return found
