"""Reads the providers that manifests declare: one file per endpoint with OpenAI's protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from evalctl.check.schema import document_at, validated
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.document import Document
from evalctl.model.manifest import Endpoint
from evalctl.model.names import below
from evalctl.model.providers import PROVIDERS, RESERVED, Provider, declared, is_plain

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")  # becomes a folder and, in capitals, a variable


def providers(texts: Mapping[str, str], problems: list[Diagnostic]) -> dict[str, Provider]:
    """Every provider by name, the built-in ones first."""
    known = dict(PROVIDERS)
    for name, path in sorted(names(texts).items()):
        document = document_at(texts, path, problems)
        endpoint, found = validated("provider", document) if document is not None else (None, [])
        found += _name_problems(name, path, known)
        if document is not None and endpoint is not None:
            found += _address_problems(document, endpoint)
        problems += found
        if endpoint is not None and not found:
            known[name] = declared(name, endpoint.base_url, key=endpoint.key, length_key=endpoint.length_key)
    return known


def names(texts: Iterable[str]) -> dict[str, str]:
    """The path of each provider's file by the provider's name."""
    folder = "manifests/providers/"
    return {below(path, folder): path for path in texts if path.startswith(folder)}


def _address_problems(document: Document, endpoint: Endpoint) -> list[Diagnostic]:
    if not is_plain(endpoint.base_url):
        return []
    message = "http sends the key, the questions and the answers unprotected over the network"
    help = (
        "write https://; http is allowed only for a server or a tunnel on the job's own machine (127.0.0.1, localhost)"
    )
    return [Diagnostic("plain-http", message, document.span(("base_url",)), help)]


def _name_problems(name: str, path: str, known: Mapping[str, Provider]) -> list[Diagnostic]:
    if not _NAME.fullmatch(name):
        help = "use lower-case letters and digits, with single - or _ between them"
        return [Diagnostic("forbidden-text", f"`{name}` cannot be a provider's name", Span(path), help)]
    variable = declared(name, "", key=True).key_variable
    owner = next((other.name for other in known.values() if other.key_variable == variable), None)
    if name in RESERVED or owner is not None:
        what = f"its API key would be that of {owner}, {variable}" if owner else "a folder of results has this name"
        help = "rename the file"
        return [
            Diagnostic("taken-provider-name", f"a provider's file cannot be named `{name}`: {what}", Span(path), help)
        ]
    return []
