"""The node kind of a request that names none: the one with the least expected cost, and what the others would cost and take.

Depends on manifests alone: the model card, the service's file, tasks_runtime.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from evalctl.model.plan_file import LIMIT, PlannedKind
from evalctl.model.walltime import rounded
from evalctl.plan.cost import charged, rates
from evalctl.plan.placement import OF_CACHE, Placement, needed_bytes, placed_on, usable_bytes
from evalctl.plan.prediction import predicted

if TYPE_CHECKING:
    from evalctl.model.card import ModelCard
    from evalctl.model.evaluation import Task
    from evalctl.model.service import Service

# Predictions are no better than this: among the kinds that expect at most so many times the least cost, the one that
# costs least at worst is chosen.
NEAR = 4 / 3
LONGEST = 10**9  # seconds: what several jobs take together has no limit
GPU_HOUR = "GPU-hour"  # the unit where a service names no price


@dataclass(frozen=True, slots=True)
class _Same:
    """One object, whatever it holds: the catalogue's objects are shared by all requests."""

    of: object

    def __hash__(self) -> int:
        return id(self.of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.of is other.of


@dataclass(frozen=True, slots=True, eq=False)
class ServerWork:
    """What a server has to do: tasks of one model with the same settings of the server.

    `start` seconds until it answers; `gpus` as many as the request lists, None where it lists none.
    """

    tasks: tuple[Task, ...]
    card: ModelCard | None
    server: Mapping[str, Any]
    start: int
    priority: int | None
    gpus: int | None = None

    def __hash__(self) -> int:
        return hash(self._facts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerWork) and self._facts == other._facts

    @property
    def _facts(self) -> tuple[object, ...]:
        tasks = tuple(map(_Same, self.tasks))
        return (_Same(self.card), tuple(map(self.server.get, OF_CACHE)), self.start, self.priority, self.gpus, tasks)


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: Placement
    kind: PlannedKind


def cheapest(service: Service, work: ServerWork) -> Placement | None:
    """Where the load runs at the least expected cost; None where no offered kind says its memory.

    Where none holds the model, the one with the most memory, about which `plan.rules` says what is lacking.
    """
    return _cheapest(_Same(service), work)


@lru_cache(maxsize=256)
def _cheapest(of: _Same, work: ServerWork) -> Placement | None:
    service = cast("Service", of.of)
    places = _places(service, work)
    fitting = [place for place in places if _fits(place, work)]
    if not fitting:
        return max(places, key=usable_bytes, default=None) if any(map(usable_bytes, places)) else None
    kept = [place for place in fitting if _has_times(place, work)] or fitting
    kept = [place for place in kept if _allows(place, service, work)] or kept
    compared = _compared(kept, service, work)
    found = [one for one in compared if not one.kind.exceeds_limit] or compared  # else it takes several attempts
    least = min(one.kind.expected or 0.0 for one in found)
    near = [one for one in found if (one.kind.expected or 0.0) <= NEAR * least]
    return min(near, key=lambda one: (one.kind.worst or 0.0, *_order(one))).place


def _compared(places: Sequence[Placement], service: Service, work: ServerWork) -> list[_Candidate]:
    """The places with a price where one has, else all; by GPU hours where all prices are the same and so tell nothing."""
    known = [place for place in places if service.cost is not None and place.node.coefficient is not None]
    differ = len({place.node.coefficient for place in known}) > 1
    return _candidates(known or places, service, work, by_price=differ)


def _order(one: _Candidate) -> tuple[bool, float, float, str]:
    """By expected cost, where that is equal by GPU hours, then by name."""
    kind = one.kind
    return kind.expected is None, kind.expected or 0.0, one.place.node.gpus * (kind.seconds or 0), kind.node_kind


def kinds(service: Service, work: ServerWork, chosen: Placement) -> tuple[PlannedKind, ...]:
    """The chosen kind, then the other offered ones by expected cost, then those that cannot be compared, with the reason."""
    return _kinds(_Same(service), work, chosen.node_kind)


@lru_cache(maxsize=256)
def _kinds(of: _Same, work: ServerWork, kind: str) -> tuple[PlannedKind, ...]:
    service = cast("Service", of.of)
    chosen = placed_on(kind, service, work.card, work.server)
    others = [place for place in _places(service, work) if place.node_kind != chosen.node_kind]
    fitting = [place for place in others if _fits(place, work) and _allows(place, service, work)]
    first, *rest = _candidates([chosen, *fitting], service, work)
    compared = sorted(rest, key=_order)
    left = [_left_out(place, work) for place in others if place not in fitting]
    return (first.kind, *(one.kind for one in compared), *left)


def _places(service: Service, work: ServerWork) -> list[Placement]:
    offered = [kind for kind, node in service.node_kinds.items() if node.offered and node.can_serve and node.gpus]
    listed = [kind for kind in offered if work.gpus in (None, service.node_kinds[kind].gpus)]
    return [placed_on(kind, service, work.card, work.server) for kind in listed or offered]


def _fits(place: Placement, work: ServerWork) -> bool:
    if work.card is None:
        return usable_bytes(place) > 0
    card = work.card
    length = work.server.get("max_model_length") or card.default_length or card.context_length or 1
    return 0 < needed_bytes(card, length, place.tensor_parallel, work.server) <= usable_bytes(place)


def _has_times(place: Placement, work: ServerWork) -> bool:
    return all(task.seconds.get(place.node.runtime_column, 0) for task in work.tasks)


def _allows(place: Placement, service: Service, work: ServerWork) -> bool:
    """Whether the longest walltime of the node kind is enough for each task."""
    longest = service.longest_seconds(place.node)
    return all(task.seconds.get(place.node.runtime_column, 0) <= longest for task in work.tasks)


def _left_out(place: Placement, work: ServerWork) -> PlannedKind:
    why = "the model does not fit" if place.node.gpu_memory_gb else "gpu_memory_gb is not in the service's file"
    if _fits(place, work):
        why = "its longest walltime is too short for a task"
    return replace(_bare(place), why=why)


def _bare(place: Placement) -> PlannedKind:
    return PlannedKind(place.node_kind, place.tensor_parallel, place.data_parallel)


def _candidates(
    places: Sequence[Placement], service: Service, work: ServerWork, *, by_price: bool = True
) -> list[_Candidate]:
    """Compared on one basis: predictions where all have one. Prices where they are wanted and one has one, else GPU hours."""
    found = [predicted(work.tasks, place, work.card, work.server, work.start) for place in places]
    basis = LIMIT if any(basis == LIMIT for _, basis in found) else found[0][1]
    seconds = [_limit(place, work) if basis == LIMIT else each for place, (each, _) in zip(places, found, strict=True)]
    has_prices = by_price and service.cost is not None and any(place.node.coefficient is not None for place in places)
    return [
        _Candidate(
            place, priced(place, service, work, each, basis) if has_prices else _unpriced(place, work, each, basis)
        )
        for place, each in zip(places, seconds, strict=True)
    ]


def _limit(place: Placement, work: ServerWork) -> int:
    return work.start + sum(task.seconds.get(place.node.runtime_column, 0) for task in work.tasks)


def priced(place: Placement, service: Service, work: ServerWork, seconds: int, basis: str) -> PlannedKind:
    """A way of using a node kind that takes so long, with its cost by the service's prices."""
    assert service.cost is not None
    kind = replace(_bare(place), seconds=seconds, basis=basis, limit_seconds=_limit(place, work))
    known = rates(service, place.node, work.priority)
    if known is None:
        return replace(kind, why="its price (coefficient) is not in the service's file")
    walltime = rounded(_limit(place, work) + service.drain_seconds, service.step_seconds, LONGEST)
    expected = charged(known, seconds, walltime)
    return replace(
        kind, unit=service.cost.unit, expected=expected, worst=max(expected, charged(known, walltime, walltime))
    )


def _unpriced(place: Placement, work: ServerWork, seconds: int, basis: str) -> PlannedKind:
    limit = _limit(place, work)
    hours = [round(place.node.gpus * each / 3600, 4) for each in (seconds, max(seconds, limit))]
    return replace(
        _bare(place),
        seconds=seconds,
        basis=basis,
        limit_seconds=limit,
        unit=GPU_HOUR,
        expected=hours[0],
        worst=hours[1],
    )


def repriced(
    kind: PlannedKind, place: Placement, service: Service, work: ServerWork, seconds: int, basis: str
) -> PlannedKind:
    """The same node kind with another prediction."""
    if kind.unit == GPU_HOUR:
        return _unpriced(place, work, seconds, basis)
    return priced(place, service, work, seconds, basis)
