"""Checks chat templates, which the server reads as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evalctl.load import yaml_source
from evalctl.model.diagnostic import Diagnostic, Span

TEMPLATES = "manifests/models/chat_templates/"
LONGEST_TEMPLATE = 128_000  # bytes; the longest of a published model seen in 2026 has 34,000

_JINJA = ("{{", "{%", "{#")
# The first characters of a path or an option. The job passes a path of its own to vLLM, so this is a second guard: vLLM 0.32
# tries to open the text of `--chat-template` as a path before it uses the text as a template.
_PATH = ("/", ".", "~", "-")


def chat_templates(texts: Mapping[str, str], problems: list[Diagnostic]) -> dict[str, str]:
    """Templates by name; an invalid one is left out, with the reason in `problems`."""
    found = {}
    for path, text in texts.items():
        if path.startswith(TEMPLATES):
            faults = list(_template_faults(path, text))
            problems += faults
            if not faults:
                found[path.removeprefix(TEMPLATES).removesuffix(".jinja")] = text
    return found


def _template_faults(path: str, text: str) -> Iterator[Diagnostic]:
    control = yaml_source.control_character(text, path, "forbidden-text")
    if control is not None:
        yield control
    if not any(mark in text for mark in _JINJA) or text.startswith(_PATH):
        help = "a template contains Jinja's {{ }} or {% %}, and does not begin with one of / . ~ -"
        yield Diagnostic("forbidden-text", "this is not a chat template", Span(path), help)
    if (size := len(text.encode())) > LONGEST_TEMPLATE:
        message = f"a chat template has at most {LONGEST_TEMPLATE:,} bytes"
        yield Diagnostic("out-of-range", message, Span(path), f"this file has {size:,}")
