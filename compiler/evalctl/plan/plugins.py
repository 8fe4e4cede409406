"""Parser plug-ins: code that runs in the server's process, so a person must allow it and sees its file and digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import WARNING, Diagnostic, Sourced, Span
from evalctl.model.evaluation import Eval
from evalctl.model.parsers import VLLM_PARSERS, ParserPlugin
from evalctl.model.selection import model_span
from evalctl.suggest import help_for, listed


def plugged(evaluation: Eval) -> bool:
    """Whether a plug-in is named for the eval, whose parsers are then the only ones."""
    return _setting(evaluation, "reasoning_parser_plugin") is not None


def plugins(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Findings for a missing file, an unregistered parser or a missing consent; else a note with the code that will run."""
    for evaluation in evals:
        setting = _setting(evaluation, "reasoning_parser_plugin")
        if setting is None or evaluation.subject.provider != "vllm":
            continue
        span = setting.origin.span or model_span(checked, evaluation.subject.model)
        plugin = catalogue.parser_plugins.get(setting.value)
        if plugin is None:
            yield _missing(str(setting.value), span, catalogue)
            continue
        yield from _unregistered(plugin, evaluation, span)
        if not dict(evaluation.server).get("trust_remote_code"):
            message = f"{plugin.path} is code that would run on the node, and `trust_remote_code` does not allow it"
            help = "read it, then add `trust_remote_code: true` beside it: the server then gets no key"
            yield Diagnostic("plugin-without-consent", message, span, help)
        else:
            message = f"the code of {plugin.path} (sha256 {plugin.digest[:12]}) will run on the node"
            yield Diagnostic("remote-code", message, span, "read it before you approve this", severity=WARNING)


def _setting(evaluation: Eval, name: str) -> Sourced[Any] | None:
    found = next((one.sourced for one in evaluation.settings if one.name == name), None)
    return None if found is None or found.value is None else found


def _missing(name: str, span: Span, catalogue: Catalogue) -> Diagnostic:
    path = f"manifests/models/reasoning_parsers/{name}.py"
    if path in catalogue.faulty:
        return Diagnostic("unknown-parser-plugin", f"{path} cannot be used", span, f"correct {path} first")
    help = help_for(name, catalogue.parser_plugins, f"add {path}")
    return Diagnostic("unknown-parser-plugin", f"there is no {path}", span, help)


def _unregistered(plugin: ParserPlugin, evaluation: Eval, span: Span) -> Iterator[Diagnostic]:
    """A plug-in is imported for one of its parsers; vLLM's own names are not taken over."""
    setting = _setting(evaluation, "reasoning_parser")
    usable = [name for name in plugin.names if name not in VLLM_PARSERS]
    if setting is not None and setting.value in usable:
        return
    place = span if setting is None else setting.origin.span or span
    if setting is None:
        message = f"{plugin.path} is named, and no parser of it"
    elif setting.value in plugin.names:
        message = f"{plugin.path} registers `{setting.value}`, which is the name of a parser of vLLM"
    else:
        message = f"{plugin.path} does not register `{setting.value}`"
    help = f"write reasoning_parser: {listed(usable)}" if usable else "register it under a name that vLLM does not have"
    yield Diagnostic("unknown-parser", message, place, help)
