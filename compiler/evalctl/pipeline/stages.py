"""Runs load -> check -> resolve -> plan for one request, and reads what all requests share.

`project` imports this only when something has to be compiled: loading the pydantic models takes longer than a whole command
that finds everything in the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalctl.check import catalogue as catalogue_check
from evalctl.check import models as models_check
from evalctl.check.references import references
from evalctl.check.schema import validated, without_faults
from evalctl.check.secrets import secrets_in
from evalctl.load import yaml_source
from evalctl.load.places import METRICS, SUITES
from evalctl.load.workspace import Workspace
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import ERROR, Diagnostic, has_errors
from evalctl.model.document import Document
from evalctl.model.evaluation import Eval, RequestPlan
from evalctl.model.metrics import Metrics
from evalctl.model.selection import model_names
from evalctl.plan import jobs, rules
from evalctl.plan.notes import Terms
from evalctl.resolve.evals import evals


@dataclass(frozen=True, slots=True)
class Compiled:
    """One request, compiled by this command; `plan` is None where the request has an error."""

    path: str
    checked: CheckedRequest | None
    evals: tuple[Eval, ...]
    plan: RequestPlan | None
    diagnostics: list[Diagnostic]

    @property
    def models(self) -> list[str]:
        """The models that the request names; [] where its form is wrong."""
        return model_names(self.checked.request) if self.checked else []


def compiled(path: str, workspace: Workspace, catalogue_for: Callable[[list[str]], Catalogue]) -> Compiled:
    """Runs one request through all stages but render; stops at an error that makes the next stage meaningless."""
    text = workspace.text(path)
    if text is None:
        return Compiled(path, None, (), None, workspace.problems[path])
    problems = secrets_in(path, text)
    document, found = yaml_source.parse(text, path)
    problems += found
    checked, found = _checked(path, document)
    problems += found
    if checked is None:
        return Compiled(path, None, (), None, problems)
    catalogue = catalogue_for(model_names(checked.request))
    problems += references(checked, catalogue) + rules.missing_cards(checked, catalogue, workspace.models)
    if has_errors(problems):
        return Compiled(path, checked, (), None, problems)
    asked = evals(checked, catalogue)
    problems += rules.rules(checked, asked, catalogue)
    plan = None if has_errors(problems) else jobs.plan(checked, asked, catalogue)
    return Compiled(path, checked, asked, plan, problems)


def _checked(path: str, document: Document | None) -> tuple[CheckedRequest | None, list[Diagnostic]]:
    """The validated request; faulty parts are removed, so that the other mistakes are found, too."""
    if document is None:
        return None, []
    request, found = validated("request", document)
    if request is None and (rest := without_faults(document, found)) is not None:
        document = rest
        request = validated("request", rest)[0]
    return (CheckedRequest(path, request, document), found) if request is not None else (None, found)


def shared(workspace: Workspace, metrics: Any) -> tuple[Catalogue, list[Diagnostic]]:
    """The catalogue without models, and its findings; `metrics` is the content of metrics.yaml if the memory has it."""
    texts = workspace.texts(workspace.shared_paths)
    secrets = [finding for path, text in texts.items() for finding in secrets_in(path, text)]
    known = None if metrics is None else Metrics.model_validate(metrics)
    catalogue, problems = catalogue_check.shared(texts, known)
    unreadable = workspace.problems
    problems = [found for found in problems if found.code != "missing-file" or found.span.file not in unreadable]
    problems += [found for path in workspace.shared_paths for found in unreadable.get(path, ())]
    return replace(catalogue, faulty=_faulty(catalogue, problems)), secrets + problems


def _faulty(catalogue: Catalogue, problems: Sequence[Diagnostic]) -> frozenset[str]:
    wrong = {problem.span.file for problem in problems if problem.severity == ERROR}
    return frozenset(wrong - {SUITES} if catalogue.suites else wrong)


def terms_of(catalogue: Catalogue) -> dict[str, Terms]:
    """By service: facts that the plan shows for all jobs of the service together."""
    services = {name: entry.service for name, entry in catalogue.services.items()}
    return {name: Terms(one.max_submitted, one.max_running, one.advice) for name, one in services.items()}


def metrics_of(catalogue: Catalogue, problems: Sequence[Diagnostic]) -> Any:
    """The metrics as data for the memory; None where they have a mistake, which must be reported again."""
    wrong = any(problem.span.file == METRICS for problem in problems)
    return None if wrong else catalogue.metrics.model_dump(mode="json")


def with_models(catalogue: Catalogue, workspace: Workspace, paths: list[str]) -> Catalogue:
    """`catalogue` with the settings and cards at `paths`."""
    found = models_check.with_models(catalogue, workspace.texts(paths))[0]
    return replace(found, faulty={*found.faulty, *(path for path in paths if path in workspace.problems)})


def model_problems(workspace: Workspace, path: str) -> list[Diagnostic]:
    """The findings of one model's file."""
    text = workspace.text(path)
    return (
        workspace.problems[path] if text is None else [*secrets_in(path, text), *models_check.model_file(path, text)[1]]
    )
