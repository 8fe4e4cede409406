"""Builds the evals of a request: models x custom settings x tasks, each with its resolved settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from evalctl.frameworks import FRAMEWORKS
from evalctl.model import providers
from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue, CheckedRequest, Layer, SettingsEntry
from evalctl.model.diagnostic import Origin, Sourced
from evalctl.model.evaluation import Eval, Resolved, Setting, Subject, Task
from evalctl.model.manifest import LocalModel, Request
from evalctl.model.parsers import FRAMEWORK_PARSERS
from evalctl.model.selection import models, selected_tasks, settings_names
from evalctl.resolve.caution import cautious, without_own
from evalctl.resolve.identity import OPERATED, SENT, SERVED, allowing, eval_digest
from evalctl.resolve.layers import merge

# Longer contexts need memory and time and change no score of the lab's tasks; the manual's scripts use the same limit.
LONGEST_DEFAULT_CONTEXT = 32_768

GENERATION_CONFIG = "auto"  # the mode of all earlier measurements of the lab
_BUILT_IN = Origin("evalctl")


def evals(checked: CheckedRequest, catalogue: Catalogue) -> tuple[Eval, ...]:
    """The evals of a request whose names have been checked, each once, in a fixed order."""
    tasks = [catalogue.tasks[key] for key in selected_tasks(checked.request, catalogue)]
    overrides = _overrides(checked, catalogue)
    found: dict[tuple[str, str], Eval] = {}
    for subject, custom in _subjects(checked, catalogue):
        for task, resolved in _resolved(checked.request, catalogue, subject, custom, tasks, overrides):
            one = _eval(checked.request, subject, task, resolved)
            found.setdefault((one.digest, one.result_path), one)  # a model or settings may be listed twice
    return tuple(found.values())


def _subjects(checked: CheckedRequest, catalogue: Catalogue) -> list[tuple[Subject, Layer]]:
    request = checked.request
    found = []
    for model in models(request):
        name, path = (model.name, model.path) if isinstance(model, LocalModel) else (model, None)
        card = catalogue.cards.get(name)
        for settings_name in settings_names(request):
            entry = settings_entry(catalogue, name, settings_name)
            subject = Subject(
                provider=request.provider,
                model=name,
                revision=card.revision if card is not None and request.provider == "vllm" else "",
                custom_settings=settings_name,
                custom_settings_file=entry.file if entry else "",
                custom_settings_version=entry.version if entry else "",
                path=path,
                address=catalogue.providers[request.provider].base_url,
            )
            found.append((subject, entry.layer if entry else {}))
    return found


def settings_entry(catalogue: Catalogue, model: str, name: str | None) -> SettingsEntry | None:
    """The model's own custom settings of that name, else the common ones of that name."""
    if name is None:
        return None
    return catalogue.settings.get(model, {}).get(name) or catalogue.common[name]


def _overrides(checked: CheckedRequest, catalogue: Catalogue) -> dict[str, Layer]:
    """Task key to its overrides; an override for the task has precedence over one for its suite."""
    layers: dict[str, dict[str, Sourced[Any]]] = {}
    words = sorted(checked.request.overrides, key=lambda word: word in catalogue.tasks)
    for word in words:
        layer = _override_layer(checked, word)
        for key in catalogue.suites.get(word, (word,)):
            layers.setdefault(key, {}).update(layer)
    return dict(layers)


def _override_layer(checked: CheckedRequest, word: str) -> Layer:
    settings = checked.request.overrides[word]
    return {
        key: Sourced(settings.plain(key), Origin("request override", checked.document.span(("overrides", word, key))))
        for key in checked.document.data["overrides"][word]
    }


def _resolved(
    request: Request,
    catalogue: Catalogue,
    subject: Subject,
    custom: Layer,
    tasks: list[Task],
    overrides: dict[str, Layer],
) -> Iterator[tuple[Task, Resolved]]:
    """Each task with its settings; tasks of one framework whose values were all set in the same places share them."""
    known: dict[object, Resolved] = {}
    defaults = _defaults(subject, catalogue)
    for task in tasks:
        own = FRAMEWORKS[task.framework].own_settings(task.script)
        applied, kept_out = cautious(custom, task, override=request.sampling_override)
        merged = merge((defaults, task.defaults, applied, overrides.get(task.key, {})))
        places = [(name, id(sourced)) for name, sourced in merged.items()]  # each place in a file is one object
        key = (task.framework, own, len(kept_out), *places)
        if key not in known:
            known[key] = _settings(subject, catalogue, *without_own(merged, kept_out, own))
        yield task, known[key]


def _settings(subject: Subject, catalogue: Catalogue, merged: Layer, kept_out: tuple[Setting, ...]) -> Resolved:
    ordered = [(name, merged[name]) for name in sorted(merged)]
    values = {name: sourced.value for name, sourced in ordered if sourced.value is not None}
    return Resolved(
        generation=tuple((name, value) for name, value in values.items() if name in SENT),
        server=_server_settings(values, subject, catalogue),
        settings=(*(_setting(name, sourced, subject) for name, sourced in ordered), *kept_out),
    )


def _eval(request: Request, subject: Subject, task: Task, resolved: Resolved) -> Eval:
    framework = FRAMEWORKS[task.framework]
    version, task_digest = framework.version(), framework.task_digest(task.script)
    answers = eval_digest(
        subject, task, version, task_digest, resolved.generation, resolved.server, request.max_samples
    )
    return Eval(
        digest=allowing(answers, request.unanswered),
        subject=subject,
        task=task,
        framework_version=version,
        task_digest=task_digest,
        resolved=resolved,
        max_samples=request.max_samples,
        result_path=result_path(subject, task, request.max_samples),
        unanswered=request.unanswered,
        answers=answers,
    )


def _setting(name: str, sourced: Sourced[Any], subject: Subject) -> Setting:
    """The setting; not applied if it is a setting of the server and a provider serves the model (a framework's parser is no server setting)."""
    if subject.provider == "vllm" or name not in SERVED | OPERATED:
        return Setting(name, sourced)
    if sourced.value in (None, "ignore", *FRAMEWORK_PARSERS):
        return Setting(name, sourced)
    return Setting(
        name, sourced, applied=False, why=f"{subject.provider} serves the model and does not take this setting"
    )


def _defaults(subject: Subject, catalogue: Catalogue) -> Layer:
    """Values where nothing sets them: from the model card, and the mode of vLLM's generation_config."""
    card = catalogue.cards.get(subject.model)
    if subject.provider != "vllm" or card is None:
        return {}
    length = Sourced(default_context(card), Origin(f"model card {subject.model}"))
    return {"max_model_length": length, "generation_config": Sourced(GENERATION_CONFIG, _BUILT_IN)}


def default_context(card: ModelCard) -> int:
    """The model's own context length, limited to LONGEST_CONTEXT."""
    return min(card.context_length or LONGEST_DEFAULT_CONTEXT, LONGEST_DEFAULT_CONTEXT)


def _server_settings(values: Mapping[str, Any], subject: Subject, catalogue: Catalogue) -> tuple[tuple[str, Any], ...]:
    """The options that the server is started with; for a provider only the parser, which the framework uses."""
    names = SERVED if subject.provider == "vllm" else {"reasoning_parser"}
    chosen = {name: value for name, value in values.items() if name in names}
    if subject.provider == "vllm":
        chosen.setdefault("generation_config", GENERATION_CONFIG)  # always explicit, even if a setting is `null`
    if "chat_template" in chosen:
        chosen["chat_template"] = catalogue.chat_templates.get(chosen["chat_template"], chosen["chat_template"])
    if (plugin := catalogue.parser_plugins.get(chosen.get("reasoning_parser_plugin", ""))) is not None:
        chosen["reasoning_parser_plugin"] = plugin.text
    if "chat_template_kwargs" in chosen:
        chosen["chat_template_kwargs"] = json.dumps(chosen["chat_template_kwargs"], sort_keys=True, ensure_ascii=False)
    if "speculative_config" in chosen:
        chosen["speculative_config"] = json.dumps(chosen["speculative_config"], sort_keys=True)
    return tuple(sorted(chosen.items()))


def result_path(subject: Subject, task: Task, max_samples: int | None) -> str:
    """The path of the result of this model, settings and task."""
    settings = subject.custom_settings or ""
    return providers.result_path(subject.provider, subject.model, settings, task.result_dir, max_samples)
