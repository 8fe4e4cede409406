"""Findings about changes of manifests/ that affect where and how evalctl runs, and where data is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evalctl.changes.data import KeyDifference, differences, parsed, shown
from evalctl.changes.listed import Change
from evalctl.load.places import CARD_SUFFIX, METRICS, is_model_file
from evalctl.model.diagnostic import NOTE, WARNING, Diagnostic, Span
from evalctl.suggest import listed

Texts = Mapping[str, str]  # manifests by path, as they are now
_SERVICE, _PROVIDER = re.compile(r"manifests/services/(.+)\.yaml"), re.compile(r"manifests/providers/(.+)\.yaml")
_TEMPLATE = re.compile(r"manifests/models/chat_templates/(.+)\.jinja")
_PLUGIN = re.compile(r"manifests/models/reasoning_parsers/(.+)\.py")
_GATE = re.compile(r"manifests/gates/(.+)\.yaml")
_POLICY = "manifests/policy.yaml"
_REQUESTS = "manifests/requests/"
# Keys of a model's settings and card that run other code, read other files, or put another text before each question.
_OF_MODELS = (
    "path", "revision", "trust_remote_code", "reasoning_parser_plugin", "chat_template", "chat_template_sha256",
    "system_message",
)  # fmt: skip
_OF_READING = ("read_at", "source")  # of a card: they change nothing that runs


def findings(changes: Iterable[Change], texts: Texts) -> list[Diagnostic]:
    """A finding for each change of manifests/ that a reviewer must know."""
    return [
        found for change in changes if change.path.startswith("manifests/") for found in _findings_of(change, texts)
    ]


def _findings_of(change: Change, texts: Texts) -> Iterator[Diagnostic]:
    path = change.path
    if match := _SERVICE.fullmatch(path):
        yield from _keys(change, f"service {match[1]}")
    elif match := _PROVIDER.fullmatch(path):
        yield from _provider(change, match[1])
    elif match := _TEMPLATE.fullmatch(path):
        yield _server_file(change, "chat template", "chat_template", match[1], texts)
    elif match := _PLUGIN.fullmatch(path):
        yield _server_file(change, "code for the server, parser plug-in", "reasoning_parser_plugin", match[1], texts)
    elif match := _GATE.fullmatch(path):
        yield from _keys(change, f"gate {match[1]}")
    elif path == _POLICY:
        yield from _keys(change, "policy")
    elif path.startswith(_REQUESTS):
        yield from _request(change)
    elif is_model_file(path) or path == "manifests/models/common_settings.yaml":
        yield from _model(change)
    elif path == METRICS:
        yield changed("metrics.yaml changes: the next sync computes every aggregate again", Span(path), severity=NOTE)


def changed(message: str, span: Span, *, severity: str = WARNING) -> Diagnostic:
    """The finding `change-to-review`: a valid change that a reviewer must look at."""
    return Diagnostic(
        "change-to-review", message, span, "make sure that this is intended, then approve", severity=severity
    )


def _keys(change: Change, what: str) -> Iterator[Diagnostic]:
    if change.old is None or change.new is None:
        yield changed(f"{what} is {change.word}", Span(change.path))
    for one in differences(*change.texts, change.path):
        if change.new is not None:
            yield changed(f"{what}: {one.words}", one.span)


def _provider(change: Change, name: str) -> Iterator[Diagnostic]:
    """Where questions and the API key are sent, and each key of the file that changes."""
    document = parsed(change.texts[1], change.path)
    facts: Mapping[str, Any] = document.data if document is not None and isinstance(document.data, Mapping) else {}
    key = "no key" if facts.get("key") is False else f"the key {name.upper().replace('-', '_')}_API_KEY"
    if change.new is not None:
        to = f"all questions and {key} go to {shown(facts.get('base_url', ''))}"
        yield changed(f"provider {name}: {to}", Span(change.path))
    yield from _keys(change, f"provider {name}")


def _server_file(change: Change, what: str, key: str, name: str, texts: Texts) -> Diagnostic:
    """A finding that names the settings and requests whose server reads the file."""
    uses = re.compile(rf"\b{key}[\"']?\s*:\s*[\"']?{re.escape(name)}[\"']?\s*(?:[,}}#]|$)", re.MULTILINE)
    users = [path for path, text in texts.items() if path.endswith(".yaml") and uses.search(text)]
    return changed(
        f"{what} {name} is {change.word}: used by {listed(users) or 'no settings and no request'}",
        Span(change.path),
    )


def _request(change: Change) -> Iterator[Diagnostic]:
    """Paths of models, uploads, and a provider that serves elsewhere."""
    if change.new is None:
        return
    for one in differences(*change.texts, change.path):
        top = str(one.path[0]) if one.path else ""
        if top in ("model", "models") and _names_path(one):
            yield changed(f"the model is read from a path: {one.words}", one.span)
        elif top == "push_to_hub":
            yield changed(f"upload to the Hub: {one.words}{_public(one)}", one.span)
        elif one.path and one.path[-1] in _OF_MODELS:
            yield changed(f"override: {one.words}", one.span)


def _names_path(one: KeyDifference) -> bool:
    items = [item for value in one.values if isinstance(value, list) for item in value]
    return one.path[-1] in ("path", "name") or any(isinstance(item, Mapping) for item in items)


def _public(one: KeyDifference) -> str:
    return " (PUBLIC: everybody can read it)" if one.path[-1] == "private" and one.values[1] is False else ""


def _model(change: Change) -> Iterator[Diagnostic]:
    found = [one for one in differences(*change.texts, change.path) if change.new is not None and one.path]
    same_weights = change.old is not None and not any(one.path[0] == "revision" for one in found)
    for one in found:
        if one.path[-1] in _OF_MODELS:
            yield changed(f"model: {one.words}", one.span)
        elif change.path.endswith(CARD_SUFFIX) and same_weights and one.path[0] not in _OF_READING:
            yield changed(f"model card, at the same revision: {one.words}", one.span)
