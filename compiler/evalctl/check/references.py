"""Checks the names in a request: each must exist, and they must fit together."""

from __future__ import annotations

import math
import re

from evalctl.check import framework_tasks
from evalctl.check.service_references import service_references
from evalctl.check.unknown_names import unknown, unusable
from evalctl.check.wording import meant_name
from evalctl.load.places import COMMON, METRICS, SUITES, TABLES, files_of
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic, Note, Span
from evalctl.model.document import Path
from evalctl.model.fields import MODEL
from evalctl.model.hub import dataset, is_repository
from evalctl.model.manifest import LocalModel
from evalctl.model.providers import file_name
from evalctl.model.selection import expanded, model_names, models, selected_tasks, settings_names
from evalctl.suggest import help_for, listed

_MOST_EVALS = 10_000  # of one request
_LONGEST_FOLDER = 240  # file systems allow 255 bytes


def references(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    """A finding for every name of `checked` that does not exist or does not fit the others."""
    return [
        *_provider(checked, catalogue),
        *service_references(checked, catalogue),
        *_tasks(checked, catalogue),
        *_overrides(checked, catalogue),
        *_custom_settings(checked, catalogue),
        *_models(checked),
        *_datasets(checked),
        *_matrix(checked, catalogue),
    ]


def _matrix(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    """A finding for a request with too many evals: a few lines can mean millions, too many to plan or read."""
    request = checked.request
    counts = [
        len(set(names)) for names in (model_names(request), settings_names(request), selected_tasks(request, catalogue))
    ]
    if math.prod(counts) <= _MOST_EVALS:
        return []
    message = (
        f"{counts[0]} models × {counts[1]} custom settings × {counts[2]} tasks are more than {_MOST_EVALS:,} evals"
    )
    span = checked.document.key_span(("models" if request.models is not None else "custom_settings",))
    return [Diagnostic("out-of-range", message, span, "split the request into several requests")]


def _provider(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    request, span = checked.request, checked.document.span
    if request.provider not in catalogue.providers:
        path = f"manifests/providers/{request.provider}.yaml"
        if path in catalogue.faulty:
            return [unusable("unknown-provider", "provider", request.provider, [path], span(("provider",)))]
        known = catalogue.providers
        otherwise = f"there are: {listed(known)}; another endpoint is a file {path}"
        return [unknown("unknown-provider", "provider", request.provider, known, span(("provider",)), otherwise)]
    if request.predownload and request.provider != "vllm":
        message = f"provider `{request.provider}` needs no download of weights"
        help = "remove `predownload`: only models of provider vllm are downloaded"
        return [Diagnostic("predownload-with-api", message, span(("predownload",)), help)]
    return []


def _models(checked: CheckedRequest) -> list[Diagnostic]:
    request, found = checked.request, []
    for index, model in enumerate(models(request)):
        path: Path = ("models", index) if request.models is not None else ("model",)
        span = checked.document.span(path)
        name = model.name if isinstance(model, LocalModel) else model
        if (why := _no_folder(name, request.provider)) is not None:
            found.append(Diagnostic("forbidden-text", f"a model cannot be named `{name}`", span, why))
        elif isinstance(model, LocalModel) and request.provider != "vllm":
            message = f"provider `{request.provider}` cannot serve a checkpoint on disk"
            found.append(Diagnostic("provider-model-mismatch", message, span, "use `provider: vllm`"))
        elif request.provider == "openai" and isinstance(model, str) and not model.startswith("openai/"):
            message = f"with provider openai a model's name must begin with openai/: `{model}` does not"
            found.append(Diagnostic("provider-model-mismatch", message, span, f"write `openai/{model.split('/')[-1]}`"))
    return found


def _no_folder(name: str, provider: str) -> str | None:
    """Why a model of this name cannot have a folder of results; None if it can."""
    if provider == "vllm" and not re.fullmatch(MODEL, name):
        return meant_name(name) or "write PUBLISHER/MODEL, as on the Hub; names of other forms are for providers only"
    if taken := [part for part in name.lower().split("/") if part in ("logs", "details", "result.json")]:
        return f"`{taken[0]}` is a name that evalctl uses itself in every folder of results"
    if len(file_name(name)) > _LONGEST_FOLDER:
        return f"its folder of results would have more than {_LONGEST_FOLDER} characters"
    return None


def _datasets(checked: CheckedRequest) -> list[Diagnostic]:
    """Dataset names of `push_to_hub` that the Hub would refuse, reported before anything is measured."""
    asked = checked.request.push_to_hub
    if asked is None:
        return []
    span = checked.document.span(("push_to_hub",))
    wanted = (dataset(asked.org, name, private=asked.private) for name in model_names(checked.request))
    help = "after the /: at most 96 letters, digits, _ - and . ; no --, .. or +, and no - or . at the end"
    return [
        Diagnostic("forbidden-text", f"a data set on the Hub cannot be named `{name}`", span, help)
        for name in wanted if not is_repository(name)
    ]  # fmt: skip


def _tasks(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    found = []
    for index, word in enumerate(checked.request.tasks):
        name = word.removeprefix("-")
        if name in catalogue.suites or name in catalogue.tasks:
            continue
        if name in catalogue.task_spans:
            found.append(_faulty_task(name, checked.document.span(("tasks", index)), catalogue))
        elif catalogue.tasks:
            found.append(_unknown_task(name, checked.document.span(("tasks", index)), catalogue))
    if not found:
        tasks = [catalogue.tasks[key] for key in selected_tasks(checked.request, catalogue)]
        asked = ((task, checked.task_span(task.key)) for task in tasks)
        found += [*framework_tasks.of_request(asked, catalogue.task_spans)] or _without_metrics(checked, catalogue)
    if not any(problem.severity == ERROR for problem in found) and not selected_tasks(checked.request, catalogue):
        span = checked.document.key_span(("tasks",))
        if not catalogue.tasks:
            faulty = [path for path in TABLES if path in catalogue.faulty] or TABLES
            return [
                Diagnostic(
                    "unknown-task",
                    f"no task was checked: {listed(faulty)} has errors",
                    span,
                    f"fix {listed(faulty)} first",
                )
            ]
        found.append(Diagnostic("no-tasks", "the exclusions remove every task", span, "keep at least one task"))
    return found


def _unknown_task(name: str, span: Span, catalogue: Catalogue) -> Diagnostic:
    if SUITES in catalogue.faulty:
        return unusable("unknown-task", "task or suite", name, [SUITES], span)
    known = [*catalogue.suites, *catalogue.tasks]
    otherwise = f"task keys are in manifests/tasks/tasks_runtime.csv, suites in {SUITES}"
    return unknown("unknown-task", "task or suite", name, known, span, otherwise)


def _faulty_task(name: str, span: Span, catalogue: Catalogue) -> Diagnostic:
    row = Note("its row", catalogue.task_spans[name])
    help = f"fix its rows of {listed(TABLES)} first"
    return Diagnostic("unknown-task", f"task `{name}` cannot be used: its rows have errors", span, help, (row,))


def _without_metrics(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    if METRICS in catalogue.faulty and not catalogue.metrics.entries:  # the file's own finding is enough
        return []
    tasks = [catalogue.tasks[key] for key in selected_tasks(checked.request, catalogue)]
    return [
        Diagnostic(
            "task-without-metrics",
            f"no metric of task `{task.key}` goes into aggregated_results.json",
            checked.task_span(task.key),
            severity=WARNING,
            help=f"its score will be in result.json only; to add it: an entry with `tasks: [{task.script}]` in manifests/tasks/metrics.yaml",
        )
        for task in tasks
        if task.script not in catalogue.metrics.tasks
    ]


def _overrides(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    found = []
    selected = set(selected_tasks(checked.request, catalogue))
    for word in checked.request.overrides:
        span = checked.document.key_span(("overrides", word))
        keys = set(expanded(word, catalogue))
        if not keys:
            found.append(_unknown_task(word, span, catalogue))
        elif not keys & selected:
            message = f"the override for `{word}` has no effect: the request does not run it"
            found.append(
                Diagnostic(
                    "override-without-task", message, span, "add the task, or remove the override", severity=WARNING
                )
            )
    return found


def _custom_settings(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    found = []
    matrix = isinstance(checked.request.custom_settings, tuple)
    for index, name in enumerate(settings_names(checked.request)):
        if name is None:
            continue
        span = checked.document.span(("custom_settings", index) if matrix else ("custom_settings",))
        for model in model_names(checked.request):
            known = [*catalogue.settings.get(model, {}), *catalogue.common]
            faulty = [path for path in (files_of(model)[0], COMMON) if path in catalogue.faulty]
            if name not in known and faulty:
                found.append(unusable("unknown-custom-settings", "settings", name, faulty, span))
            elif name not in known:
                there_are = f"there are: {listed(known)}; " if known else ""
                help = help_for(name, known, f"{there_are}add them to manifests/models/{model}.yaml")
                message = f"{model} has no custom settings `{name}`"
                found.append(Diagnostic("unknown-custom-settings", message, span, help))
    return found
