"""Reads custom settings and model cards, one file at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from evalctl.check.schema import validated
from evalctl.load import yaml_source
from evalctl.load.places import COMMON, MODELS, is_model_file
from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue, SettingsEntry
from evalctl.model.diagnostic import Diagnostic, Origin, Sourced
from evalctl.model.document import Document
from evalctl.model.providers import model_name


def common(texts: Mapping[str, str], problems: list[Diagnostic]) -> dict[str, SettingsEntry]:
    """The custom settings that every model may use."""
    return _settings(texts[COMMON], COMMON, problems) if COMMON in texts else {}


def with_models(catalogue: Catalogue, texts: Mapping[str, str]) -> tuple[Catalogue, list[Diagnostic]]:
    """`catalogue` with the settings and cards in `texts`; faulty parts are left out and reported as findings."""
    problems: list[Diagnostic] = []
    settings = dict(catalogue.settings)
    cards = dict(catalogue.cards)
    faulty = set(catalogue.faulty)
    for path in sorted(filter(is_model_file, texts)):
        found, findings = model_file(path, texts[path])
        problems += findings
        if isinstance(found, ModelCard):
            cards[found.model] = found
        elif found is not None:
            settings[model_name(_name(path))] = found
            faulty |= {path} if findings else set()
    return replace(catalogue, settings=settings, cards=cards, faulty=faulty), problems


@lru_cache(maxsize=8192)
def model_file(path: str, text: str) -> tuple[ModelCard | dict[str, SettingsEntry] | None, tuple[Diagnostic, ...]]:
    """The card or settings of one file, and its findings."""
    problems: list[Diagnostic] = []
    name = _name(path)
    if name.endswith(".lock"):
        return _card(text, path, name.removesuffix(".lock"), problems), tuple(problems)
    return _settings(text, path, problems), tuple(problems)


def _name(path: str) -> str:
    return path.removeprefix(MODELS).rsplit(".", 1)[0]


def _card(text: str, path: str, name: str, problems: list[Diagnostic]) -> Any:
    document, found = yaml_source.parse(text, path)
    problems += found
    if document is None:
        return None
    card, found = validated("model-card", document)
    problems += found
    if card is not None and card.model != name:
        help = f"type `evalctl lock {name}`"
        problems.append(
            Diagnostic("misplaced-model-card", f"this is the card of {card.model}", document.span(("model",)), help)
        )
        return None
    return card


def _settings(text: str, path: str, problems: list[Diagnostic]) -> dict[str, SettingsEntry]:
    document, found = yaml_source.parse(text, path)
    problems += found
    if document is None or document.data is None:
        return {}
    sets, found = validated("model-settings", document)
    problems += found
    return {name: _entry(document, name, value) for name, value in (sets or {}).items()}


def _entry(document: Document, name: str, value: Any) -> SettingsEntry:
    layer = {
        key: Sourced(value.plain(key), Origin(f"custom settings {name}", document.span((name, key))))
        for key in document.data[name]
        if key != "version"
    }
    return SettingsEntry(name, document.file, value.version, layer, document.key_span((name,)))
