"""Checks reasoning parsers against the vocabulary in the model card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.evaluation import Eval
from evalctl.model.marks import IMPLIED, MARKS, THINK, Mark
from evalctl.model.parsers import (
    FRAMEWORK_PARSERS,
    HARMONY,
    LAB_PLUGINS,
    NEED_OWN_MARKS,
    NEED_THINK_TAGS,
    NEED_WHEN_THINKING,
    NEEDS,
    NEEDS_PACKAGE,
    NEEDS_RESPONSE_TEMPLATE,
    TAKES_OUT,
    THINKING_SWITCHES,
    VLLM_PARSERS,
    add_plugin,
)
from evalctl.model.selection import model_span
from evalctl.model.vllm import VLLM
from evalctl.plan.plugins import plugged
from evalctl.suggest import help_for, listed

_ANOTHER = "name the parser of this model (`evalctl explain unknown-parser` lists them), or take reasoning_parser out"


def parsers(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Findings for a parser that does not exist, that needs missing marks, or that does not remove the model's marks."""
    seen: set[object] = set()
    for evaluation in evals:
        if plugged(evaluation):
            continue
        setting = next((s.sourced for s in evaluation.settings if s.name == "reasoning_parser"), None)
        parser = setting.value if setting is not None else None
        subject = evaluation.subject
        key = (subject.model, subject.custom_settings, parser, _thinks(evaluation))
        if key in seen:
            continue
        seen.add(key)
        of_model = model_span(checked, subject.model)
        span = setting.origin.span if setting is not None else None
        found = (
            _unset(evaluation, of_model, catalogue)
            if parser is None
            else _wrong(parser, evaluation, span or of_model, catalogue)
        )
        if found is not None:
            yield found


def _unset(evaluation: Eval, span: Span, catalogue: Catalogue) -> Diagnostic | None:
    """The finding for a model whose reasoning no parser removes."""
    model, card = evaluation.subject.model, _card(evaluation, catalogue)
    mark = _mark(card) if card is not None else None
    return _unparsed(span, model, mark, _with_parser(catalogue, model)) if mark is not None else None


def _wrong(parser: Any, evaluation: Eval, span: Span, catalogue: Catalogue) -> Diagnostic | None:
    """The finding for a parser that does not fit the model, or does not exist."""
    card = _card(evaluation, catalogue)
    if card is not None and (mark := _left_in(card, parser)) is not None:
        return _other_marks(span, evaluation.subject.model, mark, parser)
    if card is not None and (ends := _ends(card, parser, evaluation, span)):
        return ends
    known = [*VLLM_PARSERS, *FRAMEWORK_PARSERS, "ignore"]
    if parser in known:
        return None
    help = (
        add_plugin(parser)
        if parser in LAB_PLUGINS
        else help_for(parser, known, "type `evalctl explain unknown-parser` for the list")
    )
    return Diagnostic("unknown-parser", f"there is no reasoning parser `{parser}`", span, help)


def _card(evaluation: Eval, catalogue: Catalogue) -> ModelCard | None:
    """The card of a model that the job serves itself."""
    subject = evaluation.subject
    return catalogue.cards.get(subject.model) if subject.provider == "vllm" else None


def _with_parser(catalogue: Catalogue, model: str) -> list[str]:
    """The custom settings of the model, then the common ones, that name a parser."""
    known = {**catalogue.settings.get(model, {}), **catalogue.common}
    return [name for name, entry in known.items() if "reasoning_parser" in entry.layer]


def _mark(card: ModelCard) -> Mark | None:
    """The marks around the model's reasoning, unless vLLM removes it without a parser."""
    if card.architecture in IMPLIED:
        return None
    return next((mark for mark in MARKS if mark.begin in _begins(card)), None)


def _begins(card: ModelCard) -> set[str]:
    return {*card.reasoning_marks, *([THINK.begin] if card.think_tags else ())}


def _ends(card: ModelCard, parser: str, evaluation: Eval, span: Span) -> Diagnostic | None:
    """The error with which vLLM ends, or answers each request, if this parser is named for the model."""
    if parser in NEEDS_PACKAGE:
        message = f"vLLM {VLLM} ends with {parser}: it needs the package {NEEDS_PACKAGE[parser]}, which no pinned environment has"
        return Diagnostic(
            "unknown-parser", message, span, "name another parser, or `ignore` if the model does not reason"
        )
    own = card.architecture in IMPLIED
    if parser in VLLM_PARSERS and own != (parser == HARMONY):
        message = f"vLLM {VLLM} takes {HARMONY} for gpt-oss alone, and no other parser for it"
        help = (
            f"take `reasoning_parser` out: vLLM names {HARMONY} itself"
            if own
            else "name the parser of this model, or `ignore`"
        )
        return Diagnostic("parser-without-think-tags", f"{message}; {card.model} is a {card.architecture}", span, help)
    if parser in NEEDS_RESPONSE_TEMPLATE and card.parses_thinking is False:
        message = f"the tokenizer of {card.model} has no response_template with a field for thinking, and vLLM ends with {parser}"
        return Diagnostic("parser-without-think-tags", message, span, _ANOTHER)
    lacking = _lacking(card, parser)
    if not lacking and parser in NEED_WHEN_THINKING and _thinks(evaluation) and not card.think_tags:
        message = f"{card.model} has no think tags in its vocabulary: with {parser} and thinking switched on, each question fails"
        return Diagnostic("parser-without-think-tags", message, span, _ANOTHER)
    return _without(span, card.model, parser, lacking) if lacking else None


def _thinks(evaluation: Eval) -> bool:
    """Whether a switch of the template says so; as vLLM reads it, any text but an empty one does."""
    named = dict(evaluation.server).get("chat_template_kwargs")
    switches = json.loads(named) if named else {}
    return any(switches.get(name) for name in THINKING_SWITCHES)


def _lacking(card: ModelCard, parser: str) -> tuple[str, ...]:
    """The tokens that the parser needs and the vocabulary lacks; a card of an older evalctl knows fewer."""
    needed = NEEDS.get(parser, ())
    if card.parser_tokens is None:
        old = parser in NEED_THINK_TAGS and not card.think_tags
        marks = parser in NEED_OWN_MARKS and card.widths is not None and TAKES_OUT[parser] not in _begins(card)
        return tuple(token.format(suffix="") for token in needed) if old or marks else ()
    lacking = [
        tuple(token for one in needed if (token := one.format(suffix=suffix)) not in card.parser_tokens)
        for suffix in ("", *_suffixes(card.parser_tokens))
    ]
    return min(lacking, key=len)


def _suffixes(tokens: tuple[str, ...]) -> list[str]:
    return [token.removeprefix("<think").removesuffix(">") for token in tokens if token.startswith("<think:")]


def _left_in(card: ModelCard, parser: str) -> Mark | None:
    """The marks of the model, if the parser removes only others."""
    mark = _mark(card)
    return mark if mark is not None and TAKES_OUT.get(parser, mark.begin) not in _begins(card) else None


def _unparsed(span: Span, model: str, mark: Mark, named: list[str]) -> Diagnostic:
    choice = f"write custom_settings: one of {listed(named)}; or " if named else ""
    what = "think tags" if mark is THINK else f"reasoning tags {mark.begin}"
    others = "qwen3, …, or " if mark is THINK else ""
    fitting = (
        f"`reasoning_parser: {mark.parser}` ({others}`ignore` if it does not reason)"
        if mark.parser
        else (f"`reasoning_parser: ignore` if it does not reason (no parser of vLLM {VLLM} takes {mark.begin} out)")
    )
    return Diagnostic(
        "think-tags-without-parser", f"{model} has {what} in its vocabulary, and no reasoning parser is named", span,
        help=f"{choice}add {fitting} to its custom settings",
    )  # fmt: skip


def _other_marks(span: Span, model: str, mark: Mark, parser: str) -> Diagnostic:
    fitting = f"write `reasoning_parser: {mark.parser}`" if mark.parser else "no parser of vLLM does"
    message = f"{model} has {mark.begin} in its vocabulary, and {parser} takes out what follows {TAKES_OUT[parser]}"
    help = f"{fitting}; or `ignore` if the model does not reason"
    return Diagnostic("think-tags-without-parser", message, span, help)


def _without(span: Span, model: str, parser: str, lacking: tuple[str, ...]) -> Diagnostic:
    tags = {"<think>", "</think>"} & {*lacking}
    what = "think tags" if tags else listed(lacking)
    help = (
        "write `reasoning_parser: deepseek_r1_markup`: the framework takes the tags out of the text"
        if tags
        else _ANOTHER
    )
    return Diagnostic(
        "parser-without-think-tags", f"{model} has no {what} in its vocabulary, and vLLM ends with {parser}", span, help
    )
