"""Reads services, one file each, and checks the names in them that must exist elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evalctl.check.schema import document_at, validated
from evalctl.check.service_words import word_problems
from evalctl.frameworks.pins import catalogue as environments
from evalctl.model.catalogue import ServiceEntry
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.names import below
from evalctl.suggest import help_for, listed

RUNTIME = "manifests/tasks/tasks_runtime.csv"


def services(texts: Mapping[str, str], columns: tuple[str, ...], problems: list[Diagnostic]) -> dict[str, ServiceEntry]:
    """Every service by name; `columns` are the time columns of the runtime table (none: it cannot be read)."""
    entries: dict[str, ServiceEntry] = {}
    for name, path in sorted(names(texts).items()):
        document = document_at(texts, path, problems)
        if document is None:
            continue
        service, found = validated("service", document)
        problems += found
        if service is not None:
            entries[name] = ServiceEntry(name, service, document)
            problems += _node_kind_problems(entries[name], columns) + word_problems(entries[name])
    return entries


def names(texts: Iterable[str]) -> dict[str, str]:
    """The path of each service's file by the service's name."""
    folder = "manifests/services/"
    return {below(path, folder): path for path in texts if path.startswith(folder)}


def _node_kind_problems(entry: ServiceEntry, columns: tuple[str, ...]) -> list[Diagnostic]:
    found = []
    for kind, node in entry.service.node_kinds.items():
        if node.runtime_column not in columns and columns:
            span = entry.document.span(("node_kinds", kind, "runtime_column"))
            message = f"{RUNTIME} has no column `{node.runtime_column}`"
            found.append(
                Diagnostic(
                    "unknown-runtime-column",
                    message,
                    span,
                    help_for(node.runtime_column, columns, f"the columns are: {listed(columns)}"),
                )
            )
        if node.server_environment not in environments():
            span = entry.document.span(("node_kinds", kind, "server_environment"))
            help = help_for(node.server_environment, environments(), f"there are: {listed(environments())}")
            message = f"there is no job environment `{node.server_environment}`"
            found.append(Diagnostic("unknown-environment", message, span, help))
    return found + _role_problems(entry) + _default_priority_problems(entry)


def _default_priority_problems(entry: ServiceEntry) -> list[Diagnostic]:
    given, known = entry.service.default_priority, entry.service.priorities
    if given is None or str(given) in known:
        return []
    help = f"priorities: {listed(sorted(known, key=int)) or 'none: leave it out'}"
    span = entry.document.span(("default_priority",))
    return [Diagnostic("unknown-priority", f"`{given}` is not among the priorities", span, help)]


def _role_problems(entry: ServiceEntry) -> list[Diagnostic]:
    found = []
    for role in ("small_model", "large_model", "api", "download"):
        kind = getattr(entry.service, role)
        if kind is not None and kind not in entry.service.node_kinds:
            help = help_for(kind, entry.service.node_kinds, f"the node kinds are: {listed(entry.service.node_kinds)}")
            found.append(
                Diagnostic("unknown-node-kind", f"there is no node kind `{kind}`", entry.document.span((role,)), help)
            )
    return found
