"""Derives changes of manifests from what a provider accepts: a line to write, where, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from evalctl.load.places import files_of
from evalctl.model.catalogue import Catalogue
from evalctl.model.diagnostic import Span
from evalctl.model.evaluation import Eval, Setting
from evalctl.plan.placement import API_CONCURRENCY
from evalctl.probing.target import WIRE, Target
from evalctl_job.probed import Found

REFUSED = "refused"  # as evalctl_job.limits has it


@dataclass(frozen=True, slots=True)
class Proposal:
    """`line` belongs at `span`; `how` says whether it replaces something there."""

    line: str
    span: Span
    how: str
    why: str


def proposals(target: Target, found: Found, catalogue: Catalogue) -> list[Proposal]:
    """Every proposed change, each once."""
    made = [
        *_max_n(target, found, catalogue),
        *_refused(target, found, catalogue),
        *_length(target, found, catalogue),
        *_concurrency(target, found),
    ]
    return list(dict.fromkeys(made))


def _max_n(target: Target, found: Found, catalogue: Catalogue) -> Iterator[Proposal]:
    verdict = found.n
    if verdict is None or verdict.largest >= verdict.asked:
        return
    most = verdict.largest
    why = f"n: {most + 1} is refused" if verdict.verdict == REFUSED else f"of {verdict.asked} answers {most} came"
    if not target.evals:
        yield Proposal(f"max_n: {most}", Span(files_of(target.model)[0]), "in custom settings of the model", why)
    for evaluation in target.evals:
        given = _given(evaluation, "max_n")
        if given is None or given.sourced.value is None or given.sourced.value > most:
            yield _proposal(target, catalogue, evaluation, "max_n", f"max_n: {most}", why)


def _refused(target: Target, found: Found, catalogue: Catalogue) -> Iterator[Proposal]:
    """Settings that requests send and the provider refuses: every question with them would fail."""
    for evaluation in target.evals:
        for name, value in evaluation.generation:
            wire = WIRE.get(name, name)
            verdict = found.parameters.get(wire)
            if verdict is not None and verdict.verdict == REFUSED:
                kept = None if verdict.at_most is None else list(value)[: verdict.at_most]
                why = f"{wire} is refused" if kept is None else f"more than {len(kept)} are refused"
                line = f"{name}: {json.dumps(kept, ensure_ascii=False)}"
                yield _proposal(target, catalogue, evaluation, name, line, why)


def _length(target: Target, found: Found, catalogue: Catalogue) -> Iterator[Proposal]:
    """A limit where requests ask for longer answers than the provider gives."""
    tokens, longest = (found.context.tokens, found.context.longest_answer) if found.context else (None, None)
    for evaluation in target.evals:
        asked = dict(evaluation.generation).get("max_new_tokens", 0)
        if longest is not None and asked > longest:
            most, why = longest, f"no answer is longer than {longest} tokens"
        elif tokens is not None and asked >= tokens:
            most, why = tokens // 2, f"question and answer share {tokens} tokens, and this is half of them"
        else:
            continue
        yield _proposal(target, catalogue, evaluation, "max_new_tokens", f"max_new_tokens: {most}", why)


def _concurrency(target: Target, found: Found) -> Iterator[Proposal]:
    limit = found.rate_limit.get("x-ratelimit-limit-requests", "")
    if target.checked is None or not limit.isdecimal():
        return
    asked = target.checked.request.concurrency
    in_flight = API_CONCURRENCY if asked == "auto" else asked
    if 0 < int(limit) < in_flight:
        why = f"the rate limit is {limit} requests, and {in_flight} would be in flight"
        path = ("concurrency",)
        yield Proposal(f"concurrency: {limit}", target.checked.document.span(path), "in the request", why)


def _proposal(target: Target, catalogue: Catalogue, evaluation: Eval, name: str, line: str, why: str) -> Proposal:
    """The proposal: replaces the setting where this model's files or the request set it, else a new line in the model's settings."""
    settings, _ = files_of(target.model)
    span = given.sourced.origin.span if (given := _given(evaluation, name)) is not None else None
    if span is not None and span.file in (settings, _path(target)):
        return Proposal(line, span, f"in place of this `{name}`", why)
    own = catalogue.settings.get(target.model, {}).get(evaluation.subject.custom_settings or "")
    if own is not None:
        return Proposal(line, own.span, f"in the settings `{own.name}`", why)
    return Proposal(line, Span(settings), "in new custom settings, and their name in the request", why)


def _path(target: Target) -> str:
    return target.checked.path if target.checked is not None else ""


def _given(evaluation: Eval, name: str) -> Setting | None:
    return next((one for one in evaluation.settings if one.name == name and one.applied), None)
