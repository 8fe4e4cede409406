"""Findings about how a request's questions are asked: switches of the chat template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalctl.model.diagnostic import WARNING, Diagnostic
from evalctl.model.evaluation import Eval


def text_switches(evals: Sequence[Eval]) -> Iterator[Diagnostic]:
    """A finding for words that are truth values only in YAML 1.1: any text but the empty one is true to Jinja, `no` as well."""
    for evaluation in evals:
        for setting in evaluation.settings:
            if setting.name != "chat_template_kwargs" or not setting.applied or setting.sourced.origin.span is None:
                continue
            for name, value in (setting.sourced.value or {}).items():
                if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off", "true", "false"):
                    message = f"`{name}` is the text `{value}`, which a chat template takes for true"
                    help = "write true or false (YAML 1.2 has no yes, no, on and off); keep it only if the template asks for this text"
                    yield Diagnostic("text-switch", message, setting.sourced.origin.span, help, severity=WARNING)
