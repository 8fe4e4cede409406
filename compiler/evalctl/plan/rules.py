"""Findings that need model card, service and settings together: what cannot work, or would measure something unintended."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import NOTE, WARNING, Diagnostic, Note, Span
from evalctl.model.evaluation import Eval, Resolved, unlike
from evalctl.model.fields import MODEL
from evalctl.model.manifest import LocalModel
from evalctl.model.selection import model_span, models
from evalctl.model.service import Service
from evalctl.model.vllm import VLLM
from evalctl.plan.applied import shown
from evalctl.plan.asking import text_switches
from evalctl.plan.divisions import refusal
from evalctl.plan.jobs import task_seconds
from evalctl.plan.placement import (
    Placement,
    batched_tokens,
    needed_bytes,
    placed_on,
    usable_bytes,
    weight_bytes,
)
from evalctl.plan.places import placed
from evalctl.plan.plugins import plugins
from evalctl.plan.reasoning import parsers
from evalctl.plan.refusals import refusals
from evalctl.plan.reminders import reminders
from evalctl.resolve.caution import OWN, SAMPLING
from evalctl.resolve.identity import OPERATED, SERVED
from evalctl.suggest import did_you_mean, help_for, listed

Places = Mapping[Resolved, Placement | None]


def missing_cards(checked: CheckedRequest, catalogue: Catalogue, known: Collection[str] = ()) -> list[Diagnostic]:
    """A model that vLLM serves needs its card: revision, length, heads, think tags; `known` are all models' names."""
    if checked.request.provider != "vllm":
        return []
    found: list[Diagnostic] = []
    for model in models(checked.request):
        name = model.name if isinstance(model, LocalModel) else model
        if name in catalogue.cards:
            found += _other_weights(checked, model, catalogue.cards[name])
        elif re.fullmatch(MODEL, name):  # else check has refused the name
            where = f"--path {model.path} {name}" if isinstance(model, LocalModel) else name
            guess = None if name in known else did_you_mean(name, known)
            help = f"did you mean `{guess}`? Otherwise " if guess else ""
            help += f"type `evalctl lock {where}` and commit manifests/models/{name}.lock.yaml"
            found.append(
                Diagnostic("missing-model-card", f"there is no model card for {name}", model_span(checked, name), help)
            )
    return found


def _other_weights(checked: CheckedRequest, model: LocalModel | str, card: ModelCard) -> Iterator[Diagnostic]:
    """The card's facts and its revision, which results are kept by, have to be those of the weights that will be served."""
    name, path = (model.name, model.path) if isinstance(model, LocalModel) else (model, None)
    if path == card.path or (path and card.path and PurePosixPath(path) == PurePosixPath(card.path)):
        return
    typed = shlex.quote(path or "")
    of = f"{card.path}" if card.path else "the model on the Hub"
    message = f"the model card of {name} is of {of}, not of {path or 'the model on the Hub'}"
    if path is None:
        help = f"write `model: {{path: {card.path}, name: {name}}}`, or type `evalctl lock {name}`"
    elif card.path is None:
        help = f"give the checkpoint a name of its own, and type `evalctl lock --path {typed} THAT-NAME`"
    else:
        help = f"type `evalctl lock --path {typed} {name}`, or name the card's folder"
    yield Diagnostic("card-of-other-weights", message, model_span(checked, name), help)


def rules(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> list[Diagnostic]:
    """Every rule over the request's evals; names have been checked before."""
    service = catalogue.services[checked.request.service].service
    settings = unlike(evals)  # most tasks of a request have the same
    groups = placed(checked.request, evals, catalogue)
    places = {one.resolved: place for group, place in groups for one in unlike(group)}
    found = [
        *refusals(checked, settings, catalogue),
        *parsers(checked, settings, catalogue),
        *plugins(checked, settings, catalogue),
        *_chat_templates(settings, catalogue),
        *_sampling(evals),
        *_server_settings(settings),
        *_remote_code(checked, settings),
        *text_switches(settings),
        *reminders(checked, settings, catalogue),
        *_places(checked, settings, places, service, catalogue),
        *_times(checked, evals, places, catalogue),
    ]
    return list(dict.fromkeys(found))  # evals of several settings have the same fault in the same place


def _chat_templates(evals: Sequence[Eval], catalogue: Catalogue) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for evaluation in evals:
        setting = next((s.sourced for s in evaluation.settings if s.name == "chat_template"), None)
        if setting is None or setting.value in (None, *catalogue.chat_templates, *seen):
            continue
        seen.add(setting.value)
        path = f"manifests/models/chat_templates/{setting.value}.jinja"
        span = setting.origin.span or Span(path)
        if path in catalogue.faulty:
            yield Diagnostic("unknown-chat-template", f"{path} cannot be used", span, f"correct {path} first")
            continue
        help = help_for(setting.value, catalogue.chat_templates, f"add {path}")
        yield Diagnostic("unknown-chat-template", f"there is no {path}", span, help)


def _sampling(evals: Sequence[Eval]) -> Iterator[Diagnostic]:
    """One note per setting that the caution left out, with all tasks."""
    kept: dict[tuple[Span, str, str, str], list[str]] = {}
    for evaluation in evals:
        for setting in evaluation.settings:
            if not setting.applied and setting.name in SAMPLING and setting.sourced.origin.span is not None:
                key = (setting.sourced.origin.span, setting.name, str(setting.sourced.value), setting.why)
                kept.setdefault(key, []).append(evaluation.task.key)
    for (span, name, value, why), tasks in kept.items():
        reason = f"these send a {name} of their own" if why == OWN else "these sample by design"
        message = f"{name}={value} is not applied to {', '.join(dict.fromkeys(tasks))}: {reason}"
        help = "no action needed; to apply it anyway: `sampling_override: true` in the request"
        if why == OWN:
            help = "no action needed: the value is the benchmark's, and result.json records what was sent"
        yield Diagnostic("sampling-not-applied", message, span, help, severity=NOTE)


def _server_settings(evals: Sequence[Eval]) -> Iterator[Diagnostic]:
    """Findings for server settings of a request whose provider serves the model."""
    for evaluation in evals:
        for setting in evaluation.settings:
            if not setting.applied and setting.name in SERVED | OPERATED and setting.sourced.origin.span is not None:
                message = f"{setting.name}={shown(setting.sourced.value)} is not applied: {setting.why}"
                help = "take it out for this provider; system message, sampling, max_new_tokens and max_n do apply"
                yield Diagnostic("setting-without-server", message, setting.sourced.origin.span, help, severity=WARNING)


def _remote_code(checked: CheckedRequest, evals: Sequence[Eval]) -> Iterator[Diagnostic]:
    """A finding about remote code: an approval covers the code of exactly this revision."""
    for evaluation in evals:
        if dict(evaluation.server).get("trust_remote_code"):
            subject = evaluation.subject
            setting = next(s.sourced for s in evaluation.settings if s.name == "trust_remote_code")
            message = f"the code of {subject.model} at {subject.revision[:12]} will run on the node"
            help = "read its *.py files at that revision before you approve this"
            span = setting.origin.span or model_span(checked, subject.model)
            yield Diagnostic("remote-code", message, span, help, severity=WARNING)


def _places(
    checked: CheckedRequest, evals: Sequence[Eval], places: Places, service: Service, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    done: set[object] = set()
    for evaluation in evals:
        card, place = catalogue.cards.get(evaluation.subject.model), places[evaluation.resolved]
        if place is None:
            if "place" not in done:
                done.add("place")
                yield _no_node_kind(checked, service)
            continue
        if place.node_kind not in done:
            done.add(place.node_kind)
            yield from _gpu_list(checked, place, service)
        if card is not None:
            yield from _fit(checked, evaluation, card, place, service, done)
            yield from _at_once(checked, evaluation, place, done)


def _fit(
    checked: CheckedRequest, evaluation: Eval, card: ModelCard, place: Placement, service: Service, done: set[object]
) -> Iterator[Diagnostic]:
    """The context length of the server, named or the model's own, once for all tasks."""
    server = dict(evaluation.server)
    length = server.get("max_model_length") or card.default_length or card.context_length
    key = (card.model, length, server.get("kv_cache_dtype"), server.get("quantization"))
    if length is not None and key not in done:
        done.add(key)
        too_long = list(_context(checked, evaluation, card, length)) if server.get("max_model_length") else []
        yield from too_long or _memory(checked, card, place, length, service, server)


def _at_once(checked: CheckedRequest, evaluation: Eval, place: Placement, done: set[object]) -> Iterator[Diagnostic]:
    """vLLM refuses more answers at once than tokens in one step."""
    setting = next((s.sourced for s in evaluation.settings if s.name == "max_num_seqs" and s.applied), None)
    if setting is None or setting.value is None or setting in done:
        return
    most = batched_tokens(place.node)
    if most is None or setting.value <= most:
        return
    done.add(setting)
    message = f"max_num_seqs is {setting.value}, and vLLM {VLLM} takes at most {most} on {place.node_kind}"
    span = setting.origin.span or model_span(checked, evaluation.subject.model)
    yield Diagnostic("out-of-range", message, span, f"at most {most}")


def _gpu_list(checked: CheckedRequest, place: Placement, service: Service) -> Iterator[Diagnostic]:
    """A list of GPUs against a node kind that was chosen; one that the request names is checked with it."""
    request = checked.request
    if request.cuda_visible_devices is None or request.node_kind is not None or service.scheduler != "local":
        return
    gpus = str(request.cuda_visible_devices).split(",")
    if not len(gpus) == len(set(gpus)) == place.node.gpus:
        message = f"`{place.node_kind}`, chosen for this model, needs {place.node.gpus} different GPUs, and cuda_visible_devices names {len(set(gpus))}"
        span = checked.document.span(("cuda_visible_devices",))
        yield Diagnostic("gpu-list-mismatch", message, span, "add `node_kind:`, or change the list")


def _no_node_kind(checked: CheckedRequest, service: Service) -> Diagnostic:
    kinds = [kind for kind, node in service.node_kinds.items() if node.offered and node.can_serve and node.gpus]
    if checked.request.provider != "vllm":
        message = f"{checked.request.service} names no node kind for models that others serve"
    elif kinds:
        message = f"{checked.request.service} names no node kind for this model, and no gpu_memory_gb from which to choose one"
    else:
        message = f"{checked.request.service} offers no node kind that serves models"
    help = "add `node_kind:` to the request" + (f": {listed(kinds)}" if kinds else "")
    return Diagnostic("no-node-kind", message, checked.document.key_span(("service",)), help)


def _times(
    checked: CheckedRequest, evals: Sequence[Eval], places: Places, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    for evaluation in evals:
        place = places[evaluation.resolved]
        if place is not None:
            yield from _time(checked, evaluation, place, catalogue)


def _time(checked: CheckedRequest, evaluation: Eval, place: Placement, catalogue: Catalogue) -> Iterator[Diagnostic]:
    service = catalogue.services[checked.request.service].service
    column, key = place.node.runtime_column, evaluation.task.key
    seconds, longest = task_seconds(evaluation, place), service.longest_seconds(place.node)
    if 0 < seconds <= longest:
        return
    span, row = checked.task_span(key), Note("its row", catalogue.task_spans.get(key))
    if column not in evaluation.task.seconds:
        message = f"task `{key}` has no time in column {column}, so its walltime on {place.node_kind} is not known"
        help = f"fill in {column} of {key} in manifests/tasks/tasks_runtime.csv"
        yield Diagnostic("task-without-time", message, span, help, (row,))
    elif seconds > longest and evaluation.unanswered:  # else it is divided
        limit = place.node.max_walltime or service.max_walltime
        where = f"{place.node_kind} of {checked.request.service} {limit}; with `unanswered` it is not divided"
        message = f"task `{key}` is allowed {seconds // 3600} h, and {where}"
        help = f"leave out `unanswered`, or lower {column} of {key} in manifests/tasks/tasks_runtime.csv to {limit}"
        yield Diagnostic("walltime-beyond-limit", message, span, help, (row,))


def _context(checked: CheckedRequest, evaluation: Eval, card: ModelCard, length: int) -> Iterator[Diagnostic]:
    if card.context_length is None or length <= card.context_length:
        return
    setting = next(s.sourced for s in evaluation.settings if s.name == "max_model_length")
    message = f"max_model_length {length} is longer than the model's context of {card.context_length}"
    span = setting.origin.span or model_span(checked, card.model)
    yield Diagnostic("context-too-long", message, span, f"at most {card.context_length}")


def _memory(
    checked: CheckedRequest, card: ModelCard, place: Placement, length: int, service: Service, server: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    usable = usable_bytes(place)
    needed = needed_bytes(card, length, place.tensor_parallel, server)
    if not usable or needed <= usable:
        return
    code, why = "model-does-not-fit", f"{place.node_kind} has {usable / 1e9:.0f} GB for it"
    if needed <= usable / place.tensor_parallel * place.node.gpus:
        code = "tensor-parallel-heads"
        reason = refusal(card, place.node.gpus, refined=True)
        why = f"only {place.tensor_parallel} of the {place.node.gpus} GPUs can share it in vLLM {VLLM}: {reason}"
    weights = weight_bytes(card, server)
    cache = (needed - weights) / 1e9
    note = Note(f"weights {weights / 1e9:.1f} GB, cache of one full answer {cache:.1f} GB")
    older = Note(
        f"the card is of an older evalctl, so this is an upper bound: `evalctl lock {card.model}` counts what is kept"
    )
    yield Diagnostic(
        code, f"{card.model} needs {needed / 1e9:.0f} GB, and {why}", model_span(checked, card.model),
        _where_it_fits(card, length, service, server), (note,) if card.cache is not None else (note, older),
    )  # fmt: skip


def _where_it_fits(card: ModelCard, length: int, service: Service, server: Mapping[str, Any]) -> str:
    """The node kinds of the service that hold the model, the fewest GPUs first."""
    offered = [kind for kind, node in service.node_kinds.items() if node.offered and node.can_serve]
    places = [placed_on(kind, service, card, server) for kind in offered]
    fitting = [
        place for place in places if usable_bytes(place) >= needed_bytes(card, length, place.tensor_parallel, server)
    ]
    kinds = sorted((place.node_kind for place in fitting), key=lambda kind: service.node_kinds[kind].gpus)
    if not kinds:
        return "no node kind of this service holds it: choose another service, or lower max_model_length"
    return f"write `node_kind: {kinds[0]}`" + (f" (or {listed(kinds[1:])})" if kinds[1:] else "")
