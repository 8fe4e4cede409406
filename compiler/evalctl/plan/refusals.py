"""Finds what the pinned vLLM certainly refuses, from the model card and the settings, before a job is queued."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalctl.model.card import ModelCard, Quantization
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.engine import NAMED_METHODS, WITH_DRAFT_MODEL
from evalctl.model.evaluation import Eval
from evalctl.model.selection import model_names, model_span
from evalctl.model.vllm import (
    ACTIVATION_SCHEMES,
    MODELOPT_ALGORITHMS,
    QUANTIZATION_FILES,
    QUANTIZATION_NAMES,
    READABLE_BITS,
    REFUSED_QUANTIZATIONS,
    RENDERED,
    SAYABLE_QUANTIZATIONS,
    SAYABLE_UNQUANTISED,
    VLLM,
    WITH_FALLBACK,
    WITHOUT_E5M2,
)
from evalctl.model.vllm_classes import GENERATING, GONE, OTHER_CLASSES
from evalctl.suggest import did_you_mean, listed

_TRUST = "read its *.py files at the locked revision, then add `trust_remote_code: true` to the custom settings"


def refusals(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """A finding for every certain refusal; those about a model are reported once, at its name."""
    if checked.request.provider != "vllm":
        return
    places = {name: model_span(checked, name) for name in model_names(checked.request)}
    for evaluation in evals:
        card = catalogue.cards.get(evaluation.subject.model)
        if card is None:
            continue
        place = places[card.model]
        yield from _configuration(card, place, evaluation)
        yield from _tokenizer(card, place, evaluation)
        yield from _architecture(card, place, evaluation)
        yield from _quantization(card, place)
        yield from _quantization_setting(card, place, evaluation)
        yield from _template(card, place, evaluation)
        yield from _cache(card, place, evaluation)
        yield from _speculation(card, place, evaluation)
        yield from _answer(card, place, evaluation)


def _configuration(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    if card.config_fault is not None:
        message = f"transformers of vLLM {VLLM} refuses the config.json of {card.model}: {card.config_fault}"
        help = "correct config.json in a copy of the model, and type `evalctl lock --path FOLDER NAME`"
        yield Diagnostic("unsupported-architecture", message, place, help)
    if card.config_read_by == "nobody":
        message = f"neither vLLM {VLLM} nor its transformers knows the `model_type` of {card.model}, whose repository has no code for it"
        help = "choose a model that this vLLM serves, or a revision of it in the form of transformers"
        yield Diagnostic("unsupported-architecture", message, place, help)
    elif card.config_read_by == "repository" and not dict(evaluation.server).get("trust_remote_code"):
        message = f"only code of its own repository can read the config.json of {card.model}, and vLLM {VLLM} refuses to run it"
        yield Diagnostic("remote-code-needed", message, place, _TRUST)


def _tokenizer(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    if card.tokenizer_read_by == "nobody":
        message = f"{card.model} has no tokenizer: vLLM {VLLM} ends, or serves it with an empty vocabulary"
        help = "add the tokenizer's files of the model that it was trained from, then lock it again"
        yield Diagnostic("no-tokenizer", message, place, help)
    elif card.tokenizer_read_by == "repository" and not dict(evaluation.server).get("trust_remote_code"):
        message = (
            f"only code of its own repository can make the tokenizer of {card.model}, and vLLM {VLLM} refuses to run it"
        )
        yield Diagnostic("remote-code-needed", message, place, _TRUST)


def _architecture(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    if card.architecture in GENERATING:
        return
    if card.architecture in GONE or card.architecture in OTHER_CLASSES:
        why = "no longer has it" if card.architecture in GONE else "generates no text with it"
        message = f"{card.model} is a {card.architecture}, and vLLM {VLLM} {why}"
        yield Diagnostic("unsupported-architecture", message, place, "choose a model that this vLLM serves")
    elif not dict(evaluation.server).get("trust_remote_code"):
        guess = did_you_mean(card.architecture, sorted(GENERATING))
        meant = f"if it is {guess}, correct `architectures` in its config.json; otherwise " if guess else ""
        message = f"{card.model} is a {card.architecture}, which vLLM {VLLM} has no class for: it may refuse it"
        help = f"{meant}try it with `max_samples: 1` first"
        yield Diagnostic("unsupported-architecture", message, place, help, severity=WARNING)


def _quantization(card: ModelCard, place: Span) -> Iterator[Diagnostic]:
    method = card.quantization.method if card.quantization is not None else ""
    if why := _refused(card):
        message = f"{card.model} is quantised with {why}, which vLLM {VLLM} refuses"
        yield Diagnostic(
            "unsupported-quantization", message, place, "choose the unquantised model, or another form of it"
        )
    elif method and method not in QUANTIZATION_NAMES:
        guess = did_you_mean(method, sorted(QUANTIZATION_NAMES))
        message = f"{card.model} is quantised with `{method}`, which vLLM {VLLM} does not read"
        help = "choose the unquantised model, or one in another format (fp8, gptq, awq, compressed-tensors, …)"
        yield Diagnostic(
            "unsupported-quantization", message, place, f"did you mean `{guess}`? Otherwise {help}" if guess else help
        )


def _refused(card: ModelCard) -> str | None:
    """The part of a known quantisation that vLLM does not read; None where none is known."""
    form = card.quantization
    if form is None:
        return None
    if form.method in REFUSED_QUANTIZATIONS:
        return f"`{form.method}`"
    if form.bits is not None and form.bits not in READABLE_BITS.get(form.method, {form.bits}):
        return f"`{form.method}` to {form.bits} bits"
    if form.method == "gptq" and form.symmetric is False:
        return "`gptq` to asymmetric numbers (sym: false)"
    return _refused_variant(form)


def _refused_variant(form: Quantization) -> str | None:
    """What only a card of this evalctl has: scaling of inputs, algorithms of ModelOpt, sparsity."""
    schemes = ACTIVATION_SCHEMES if form.block is None else ACTIVATION_SCHEMES[1:]
    if form.activations is not None and form.activations not in schemes:
        blocks = " of blocks" if form.block is not None else ""
        return f"`{form.method}`{blocks} and activation_scheme {form.activations}"
    if form.algorithm is not None and form.algorithm not in MODELOPT_ALGORITHMS:
        return f"`{form.method}` and the algorithm {form.algorithm}"
    return f"`{form.method}` and sparse weights (sparsity_config)" if form.sparse else None


def _quantization_setting(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    """Checks the setting `quantization` against the checkpoint; a card of an older evalctl does not know it."""
    named = dict(evaluation.server).get("quantization")
    if named is None or card.widths is None or _refused(card):
        return
    own = card.quantization.method if card.quantization is not None else ""
    sayable = SAYABLE_QUANTIZATIONS.get(own, {named}) if own else SAYABLE_UNQUANTISED
    if named in sayable:
        yield from _file_of(card, str(named), place, evaluation) if not own else ()
        return
    setting = next(s.sourced for s in evaluation.settings if s.name == "quantization")
    is_own = f"the weights of {card.model} are {f'in the form `{own}`' if own else 'not quantised'}"
    message = f"quantization is `{named}`, and {is_own}: vLLM {VLLM} refuses it"
    help = f"take `quantization` out; or say one of {listed(sorted(sayable))}"
    yield Diagnostic("unsupported-quantization", message, setting.origin.span or place, help)


def _file_of(card: ModelCard, named: str, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    """Some forms are described by a file beside config.json."""
    files = QUANTIZATION_FILES.get(named, ())
    if (
        files
        and card.quantization_files is not None
        and not any(name.endswith(files) for name in card.quantization_files)
    ):
        setting = next(s.sourced for s in evaluation.settings if s.name == "quantization")
        message = f"quantization is `{named}`, and {card.model} has no {' or '.join(files)}: vLLM {VLLM} ends"
        help = "take `quantization` out: the weights are not quantised; or write fp8, which vLLM does itself"
        yield Diagnostic("unsupported-quantization", message, setting.origin.span or place, help)


def _template(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    """vLLM answers every question with 400 where there is none; Mistral's own tokenizer has its template within, and vLLM
    has some of its own.
    """
    if card.chat_template_sha256 is not None or card.tokenizer == "mistral":
        return
    if card.architecture in RENDERED or card.architecture in WITH_FALLBACK.values():
        return
    if "chat_template" not in dict(evaluation.server):
        message = f"{card.model} has no chat template, and no `chat_template` is named: vLLM refuses every question"
        help = "add manifests/models/chat_templates/NAME.jinja and `chat_template: NAME` to its custom settings"
        yield Diagnostic("no-chat-template", message, place, help)


def _cache(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    method = card.quantization.method if card.quantization is not None else ""
    if dict(evaluation.server).get("kv_cache_dtype") == "fp8_e5m2" and method in WITHOUT_E5M2:
        setting = next(s.sourced for s in evaluation.settings if s.name == "kv_cache_dtype")
        message = f"kv_cache_dtype is fp8_e5m2, and vLLM {VLLM} refuses that for weights in the form `{method}`"
        yield Diagnostic(
            "unsupported-quantization", message, setting.origin.span or place, "write fp8_e4m3, or take it out"
        )


def _speculation(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    """Findings for speculative decoding with which vLLM does not start, or which it treats as another method."""
    named = dict(evaluation.server).get("speculative_config")
    if named is None:
        return
    given = json.loads(named)
    setting = next(s.sourced for s in evaluation.settings if s.name == "speculative_config")
    if found := _mtp(card, given) or _misnamed(card, given):
        message, help = found
        yield Diagnostic("unsupported-speculation", message, setting.origin.span or place, help)


def _mtp(card: ModelCard, given: Mapping[str, Any]) -> tuple[str, str] | None:
    layers, tokens = card.mtp_layers, given["num_speculative_tokens"]
    if given["method"] != "mtp" or layers is None:
        return None
    if layers == 0:
        message = f"{card.model} has no layers for multi-token prediction that vLLM {VLLM} can use"
        return message, "write another method (ngram needs no model), or take `speculative_config` out"
    if tokens > layers and tokens % layers:
        message = (
            f"num_speculative_tokens is {tokens}, and {card.model} has {layers} layers for them: vLLM {VLLM} refuses it"
        )
        return message, f"write at most {layers}, or a multiple of it"
    return None


def _misnamed(card: ModelCard, given: Mapping[str, Any]) -> tuple[str, str] | None:
    """For the methods draft_model and mtp vLLM lets the name of the draft model decide (seen: 0.32.0)."""
    if given["method"] not in ("draft_model", "mtp"):
        return None
    name = given.get("model") or card.path or card.model
    taken = next((method for word, method in NAMED_METHODS.items() if word in name.lower()), None)
    if taken is None:
        return None
    message = f"method is {given['method']}, and vLLM {VLLM} takes `{name}` for {taken} by its name"
    return message, f"write `method: {taken}`" if taken in WITH_DRAFT_MODEL else "choose another draft model"


def _answer(card: ModelCard, place: Span, evaluation: Eval) -> Iterator[Diagnostic]:
    """A question needs some of the context as well; vLLM refuses requests whose answer may fill all of it."""
    longest = dict(evaluation.generation).get("max_new_tokens")
    length = dict(evaluation.server).get("max_model_length") or card.default_length or card.context_length
    if longest is None or length is None or longest < length:
        return
    setting = next(s.sourced for s in evaluation.settings if s.name == "max_new_tokens")
    raised = "raise max_model_length" if length < (card.context_length or length) else "choose a longer context"
    message = f"max_new_tokens {longest} leaves no room for the question in a context of {length}"
    help = f"lower it to less than {length}, by the length of the questions" + (
        f", or {raised} (at most {card.context_length})" if length < (card.context_length or 0) else ""
    )
    yield Diagnostic("no-room-for-question", message, setting.origin.span or place, help)
