"""Everything that requests refer to by name, checked and typed: tasks, suites, settings, cards, services."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.diagnostic import Sourced, Span
from evalctl.model.document import Document
from evalctl.model.evaluation import Task
from evalctl.model.manifest import Request
from evalctl.model.metrics import Metrics
from evalctl.model.parsers import ParserPlugin
from evalctl.model.providers import PROVIDERS, Provider
from evalctl.model.service import Service

Layer = Mapping[str, Sourced[Any]]


@dataclass(frozen=True, slots=True)
class SettingsEntry:
    """One named set of custom settings: the keys that are written there (null included), file and version."""

    name: str
    file: str
    version: str
    layer: Layer
    span: Span


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request of valid form, and the position of each part."""

    path: str
    request: Request
    document: Document

    def task_span(self, key: str) -> Span:
        """Where the request names the task; where only a suite of it does, the key `tasks`."""
        named = [index for index, word in enumerate(self.request.tasks) if word == key]
        return self.document.span(("tasks", named[0])) if named else self.document.key_span(("tasks",))


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service, and the position of each part."""

    name: str
    service: Service
    document: Document


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of manifests/ but the requests.

    `suites` are expanded to task keys; `settings` maps a model to its named sets, `common` is for every model.
    `service_names` are all that have a file, right or not. `faulty` are files whose mistakes hide all that is in them.
    """

    tasks: Mapping[str, Task]
    suites: Mapping[str, tuple[str, ...]]
    services: Mapping[str, ServiceEntry]
    settings: Mapping[str, Mapping[str, SettingsEntry]]
    common: Mapping[str, SettingsEntry]
    cards: Mapping[str, ModelCard]
    metrics: Metrics
    chat_templates: Mapping[str, str]
    task_spans: Mapping[str, Span]
    service_names: Collection[str] = ()
    providers: Mapping[str, Provider] = field(default_factory=lambda: PROVIDERS)
    faulty: Collection[str] = frozenset()
    parser_plugins: Mapping[str, ParserPlugin] = field(default_factory=dict)
