"""Checks the names in a request: each must exist, and they must fit together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from evalctl.check import framework_tasks
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
from evalctl.model.service import NodeKind, Service
from evalctl.suggest import help_for, listed

_MOST_EVALS = 10_000  # of one request
_LONGEST_FOLDER = 240  # file systems allow 255 bytes


def references(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    """A finding for every name of `checked` that does not exist or does not fit the others."""
    return [
        *_provider(checked, catalogue),
        *_service(checked, catalogue),
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


def _unknown(code: str, what: str, name: str, known: Iterable[str], span: Span, otherwise: str = "") -> Diagnostic:
    names = list(known)
    help = help_for(name, names, otherwise or f"there are: {listed(names)}")
    return Diagnostic(code, f"there is no {what} `{name}`", span, help)


def _unusable(code: str, what: str, name: str, faulty: Iterable[str], span: Span) -> Diagnostic:
    """The finding for a name that cannot be looked up because the files that may define it have errors."""
    return Diagnostic(
        code, f"{what} `{name}` was not checked: {listed(faulty)} has errors", span, f"fix {listed(faulty)} first"
    )


def _provider(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    request, span = checked.request, checked.document.span
    if request.provider not in catalogue.providers:
        path = f"manifests/providers/{request.provider}.yaml"
        if path in catalogue.faulty:
            return [_unusable("unknown-provider", "provider", request.provider, [path], span(("provider",)))]
        known = catalogue.providers
        otherwise = f"there are: {listed(known)}; another endpoint is a file {path}"
        return [_unknown("unknown-provider", "provider", request.provider, known, span(("provider",)), otherwise)]
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
        Diagnostic("forbidden-text", f"a dataset on the Hub cannot be named `{name}`", span, help)
        for name in wanted if not is_repository(name)
    ]  # fmt: skip


def _service(checked: CheckedRequest, catalogue: Catalogue) -> list[Diagnostic]:
    request, span = checked.request, checked.document.span
    entry = catalogue.services.get(request.service)
    if entry is None and request.service in catalogue.service_names:
        path = f"manifests/services/{request.service}.yaml"
        return [_unusable("unknown-service", "service", request.service, [path], span(("service",)))]
    if entry is None:
        otherwise = (
            f"there are: {listed(catalogue.services)}; a new site is a file manifests/services/{request.service}.yaml"
        )
        return [
            _unknown("unknown-service", "service", request.service, catalogue.services, span(("service",)), otherwise)
        ]
    found = _priority(checked, entry.service)
    node = entry.service.node_kinds.get(request.node_kind) if request.node_kind else None
    if request.node_kind and node is None:
        kinds = entry.service.node_kinds
        what = f"node kind of {request.service}"
        found.append(_unknown("unknown-node-kind", what, request.node_kind, kinds, span(("node_kind",))))
    if node is not None:
        found += _node_fits_provider(checked, entry.service, node, catalogue)
    return found + _gpu_list(checked, entry.service, node)


def _priority(checked: CheckedRequest, service: Service) -> list[Diagnostic]:
    request = checked.request
    if request.priority is None or str(request.priority) in service.priorities:
        return []
    allowed = ", ".join(sorted(service.priorities, key=int)) or "none: leave it out"
    message = f"`{request.priority}` is not a priority of {request.service}"
    return [Diagnostic("unknown-priority", message, checked.document.span(("priority",)), f"priorities: {allowed}")]


def _node_fits_provider(
    checked: CheckedRequest, service: Service, node: NodeKind, catalogue: Catalogue
) -> list[Diagnostic]:
    request, span = checked.request, checked.document.span(("node_kind",))
    if request.provider == "vllm" and not node.can_serve:
        why = "its service file says `serves: false`" if node.gpus else "it has no GPU"
        message = f"vLLM cannot serve on `{request.node_kind}`: {why}"
        return [
            Diagnostic(
                "vllm-on-cpu",
                message,
                span,
                _instead(service, "a node kind with a whole GPU", lambda kind: kind.can_serve),
            )
        ]
    if request.provider in catalogue.providers and request.provider != "vllm" and node.gpus > 0:
        message = f"provider `{request.provider}` needs no GPU, but `{request.node_kind}` has {node.gpus}"
        help = _instead(service, "a CPU node kind", lambda kind: kind.gpus == 0)
        return [Diagnostic("api-on-gpu", message, span, help)]
    return []


def _instead(service: Service, what: str, fits: Callable[[NodeKind], bool]) -> str:
    kinds = [kind for kind, node in service.node_kinds.items() if node.offered and fits(node)]
    return f"choose {what} ({listed(kinds) or 'this service has none'}), or remove `node_kind`"


def _gpu_list(checked: CheckedRequest, service: Service, node: NodeKind | None) -> list[Diagnostic]:
    request = checked.request
    given = request.cuda_visible_devices
    if service.scheduler != "local":
        if given is None:
            return []
        message = f"the scheduler of {request.service} chooses the GPUs"
        span = checked.document.span(("cuda_visible_devices",))
        return [Diagnostic("gpu-list-mismatch", message, span, "remove `cuda_visible_devices`")]
    if node is None:
        return []
    gpus = [] if given is None else str(given).split(",")
    if len(gpus) == node.gpus and len(set(gpus)) == len(gpus):
        return []
    span = checked.document.span(("cuda_visible_devices",) if given is not None else ("node_kind",))
    message = f"`{request.node_kind}` needs {node.gpus} different GPUs, but cuda_visible_devices names {len(set(gpus))}"
    example = ",".join(str(number) for number in range(node.gpus))
    help = f'write e.g. cuda_visible_devices: "{example}"' if node.gpus else "remove `cuda_visible_devices`"
    return [Diagnostic("gpu-list-mismatch", message, span, help)]


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
        return _unusable("unknown-task", "task or suite", name, [SUITES], span)
    known = [*catalogue.suites, *catalogue.tasks]
    otherwise = f"task keys are in manifests/tasks/tasks_runtime.csv, suites in {SUITES}"
    return _unknown("unknown-task", "task or suite", name, known, span, otherwise)


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
                found.append(_unusable("unknown-custom-settings", "settings", name, faulty, span))
            elif name not in known:
                there_are = f"there are: {listed(known)}; " if known else ""
                help = help_for(name, known, f"{there_are}add them to manifests/models/{model}.yaml")
                message = f"{model} has no custom settings `{name}`"
                found.append(Diagnostic("unknown-custom-settings", message, span, help))
    return found
