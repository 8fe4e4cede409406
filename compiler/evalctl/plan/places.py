"""Which evals share a server, and where each server runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalctl.model.catalogue import Catalogue
from evalctl.model.evaluation import Eval, unlike
from evalctl.model.manifest import Request
from evalctl.model.service import Service
from evalctl.plan.choice import ServerWork, cheapest
from evalctl.plan.placement import Placement, named_kind, placed_on
from evalctl.plan.server import operation, server_settings

LOAD_BYTES_PER_SECOND = 1e9  # planning figure for reading weights from a parallel file system


def placed(
    request: Request, evals: Sequence[Eval], catalogue: Catalogue
) -> Iterator[tuple[list[Eval], Placement | None]]:
    """The evals of each server with its place; None where the service has no node kind for it."""
    service = catalogue.services[request.service].service
    for group in _by_server(evals):
        yield group, placement(request, service, load_of(request, group, catalogue))


def placement(request: Request, service: Service, load: ServerWork) -> Placement | None:
    """Where the load runs: the node kind that request or service name, else the cheapest; None where there is none."""
    kind = named_kind(request, service, load.card)
    if kind is None:
        return cheapest(service, load) if request.provider == "vllm" else None
    return placed_on(kind, service, load.card, load.server) if kind in service.node_kinds else None


def load_of(request: Request, group: Sequence[Eval], catalogue: Catalogue) -> ServerWork:
    """What the server of a group has to do."""
    service = catalogue.services[request.service].service
    card, start = catalogue.cards.get(group[0].subject.model), start_seconds(service, catalogue, group[0])
    priority = request.priority if request.priority is not None else service.default_priority
    listed = None if request.cuda_visible_devices is None else len(str(request.cuda_visible_devices).split(","))
    return ServerWork(tuple(one.task for one in group), card, server_settings(group[0]), start, priority, listed)


def start_seconds(service: Service, catalogue: Catalogue, evaluation: Eval) -> int:
    """Seconds allowed for the environment check, loading the weights and warming up."""
    card = catalogue.cards.get(evaluation.subject.model)
    loading = (
        card.weight_bytes / LOAD_BYTES_PER_SECOND if card is not None and evaluation.subject.provider == "vllm" else 0
    )
    return service.start_allowance_minutes * 60 + round(loading)


def _by_server(evals: Sequence[Eval]) -> list[list[Eval]]:
    servers = {one.resolved: (one.subject, one.server, *operation(one).items()) for one in unlike(evals)}
    groups: dict[object, list[Eval]] = {server: [] for server in servers.values()}
    for evaluation in evals:
        groups[servers[evaluation.resolved]].append(evaluation)
    return list(groups.values())
