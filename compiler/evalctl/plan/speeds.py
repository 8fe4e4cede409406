"""What measured runs say about hours: tokens of a task's answers, and tokens per second of a node kind for models of a size.

A run is an attempt whose results name their tokens. Left out are debugging runs, copies, imported results, and those that went on with
earlier answers. A speed counts for GPUs that are divided in the same way, with the same settings of the server; what is assumed elsewhere
is scaled by what was measured, so that kinds can be compared. Nothing here enters what is compiled: `plan` and `runtimes` show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from evalctl.model.card import ModelCard
from evalctl.model.catalogue import Catalogue
from evalctl.model.evaluation import Task
from evalctl.model.result import Result
from evalctl.plan.choice import ServerWork
from evalctl.plan.placement import Placement
from evalctl.plan.prediction import assumed_tokens, tokens_per_second

ALIKE = 1.5  # models whose parameters differ by no more than this factor have comparable speeds
OF_SPEED = ("kv_cache_dtype", "quantization")  # settings of the server that change its speed most


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One attempt: tokens of the answers by task, and the seconds in which a task was at work.

    `division` is (GPUs of a copy, copies), None where nothing says it; `assumed` what its tokens per second were assumed to be.
    """

    service: str
    node_kind: str
    model: str
    parameters: int
    server: Mapping[str, object]
    tokens: Mapping[str, int]
    seconds: float
    division: tuple[int, int] | None
    assumed: float | None

    @property
    def rate(self) -> float:
        """Tokens per second of the whole server."""
        return sum(self.tokens.values()) / self.seconds


@dataclass(frozen=True, slots=True)
class Predicted:
    """Seconds that tasks take, and from what they follow in words; `measured` whether any run has a part in it."""

    seconds: float
    basis: str
    measured: bool


def runs(results: Iterable[Result], catalogue: Catalogue) -> list[MeasuredRun]:
    """The runs that these results are of, in their order."""
    attempts: dict[tuple[object, ...], list[Result]] = {}
    for one in results:
        if _counts(one) and one.subject.model in catalogue.cards:
            attempts.setdefault((one.ran.service, *one.ran.origin, one.subject.model), []).append(one)
    return [_run(found, catalogue) for found in attempts.values()]


def _counts(result: Result) -> bool:
    resumed = result.samples is not None and result.samples.replayed
    other = result.max_samples is not None or result.reused_from or result.imported is not None or resumed
    return bool(not other and result.completion_tokens and (result.seconds or 0) > 0 and result.ran.origin[0])


def _run(found: Sequence[Result], catalogue: Catalogue) -> MeasuredRun:
    first = found[0]
    card, place = catalogue.cards[first.subject.model], _place(first, catalogue)
    return MeasuredRun(
        first.ran.service, first.ran.node_kind, first.subject.model, card.parameters, first.server,
        {one.task.key: one.completion_tokens or 0 for one in found}, _busy(found),
        (place.tensor_parallel, place.data_parallel) if place else None,
        tokens_per_second(place, card, first.server) if place else None,
    )  # fmt: skip


def _place(result: Result, catalogue: Catalogue) -> Placement | None:
    """Where it ran. A record of an older evalctl does not say how several GPUs were divided."""
    ran, entry = result.ran, catalogue.services.get(result.ran.service)
    node = entry.service.node_kinds.get(ran.node_kind) if entry else None
    if node is None:
        return None
    if ran.tensor_parallel and ran.data_parallel:
        return Placement(ran.node_kind, node, ran.tensor_parallel, ran.data_parallel)
    return Placement(ran.node_kind, node, 1, 1) if node.gpus == 1 else None


def _busy(found: Sequence[Result]) -> float:
    """The time in which at least one of the tasks was at work: several are at once."""
    spans = sorted((one.measured_at - (one.seconds or 0), one.measured_at) for one in found)
    total, until = 0.0, spans[0][0]
    for begin, end in spans:
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _alike(found: Sequence[MeasuredRun], card: ModelCard) -> tuple[Sequence[MeasuredRun], str]:
    """The runs of this model, else of models of its size, and what they are in words."""
    own = [run for run in found if run.model == card.model]
    near = [run for run in found if 1 / ALIKE <= run.parameters / card.parameters <= ALIKE]
    return (own, "this model") if own else (near, "models of its size")


@dataclass(frozen=True, slots=True)
class Speeds:
    """Predictions from measured runs, and from assumptions where there are none."""

    runs: Sequence[MeasuredRun]

    def predicted(self, service: str, place: Placement, work: ServerWork) -> Predicted | None:
        """How long the tasks take after the server's start; None where neither a run nor the GPU's bandwidth says a speed."""
        assert work.card is not None
        speed, how = self._speed(service, place, work)
        if not speed:
            return None
        tokens, measured, whose = self._tokens(work.tasks, work.card.model)
        return Predicted(tokens / speed, f"{whose}; {how}", measured or "measured" in how)

    def _tokens(self, tasks: Sequence[Task], model: str) -> tuple[float, bool, str]:
        total, numbers = 0.0, {"this model's": 0, "other models'": 0, "assumed": 0}
        for task in tasks:
            own = [run.tokens[task.key] for run in self.runs if run.model == model and task.key in run.tokens]
            others = [run.tokens[task.key] for run in self.runs if task.key in run.tokens]
            numbers["this model's" if own else "other models'" if others else "assumed"] += 1
            total += median(own or others) if others else assumed_tokens([task])
        words = ", ".join(f"{name} {number}" for name, number in numbers.items() if number)
        return total, numbers["assumed"] < len(tasks), f"tokens of answers: {words} of {len(tasks)} tasks"

    def _speed(self, service: str, place: Placement, work: ServerWork) -> tuple[float | None, str]:
        assert work.card is not None
        size, division = work.card.parameters, (place.tensor_parallel, place.data_parallel)
        kind = [
            run
            for run in self.runs
            if (run.service, run.node_kind, run.division) == (service, place.node_kind, division)
        ]
        here = [run for run in kind if all(run.server.get(name) == work.server.get(name) for name in OF_SPEED)]
        alike, of = _alike(here, work.card)
        if alike:
            speed = median(run.rate * run.parameters / size for run in alike)
            return speed, f"{speed:,.0f} tokens/s measured in {len(alike)} run(s) of {of}"
        assumed = tokens_per_second(place, work.card, work.server)
        others, of = _alike([run for run in self.runs if run.service == service and run.assumed], work.card)
        scale = median(run.rate / (run.assumed or 1.0) for run in others) if others else 1.0
        speed = (assumed or 0.0) * scale
        said = f", scaled by {scale:.2f} as measured in {len(others)} run(s) of {of}" if others else ""
        return speed, f"{speed:,.0f} tokens/s by the bandwidth of the GPUs (assumed{said})"

    def without(self, run: MeasuredRun) -> Speeds:
        """The same without one run, to see how well it would have been predicted."""
        return Speeds([one for one in self.runs if one is not run])


@dataclass(frozen=True, slots=True)
class PredictionError:
    """A run, and the seconds that were predicted for it: from assumptions alone, and from the other runs; None: not at all."""

    run: MeasuredRun
    assumed: float | None
    from_others: float | None


def errors(
    found: Sequence[MeasuredRun], catalogue: Catalogue, places: Mapping[int, Placement]
) -> Iterator[PredictionError]:
    """Each run with its predictions; `places` by the run's number."""
    speeds = Speeds(found)
    for number, run in enumerate(found):
        if number not in places:
            continue
        tasks = tuple(catalogue.tasks[key] for key in run.tokens if key in catalogue.tasks)
        place = places[number]
        if run.division:
            place = replace(place, tensor_parallel=run.division[0], data_parallel=run.division[1])
        work = ServerWork(tasks, catalogue.cards[run.model], run.server, 0, None)
        alone = Speeds([]).predicted(run.service, place, work)
        others = speeds.without(run).predicted(run.service, place, work)
        yield PredictionError(
            run, alone.seconds if alone else None, others.seconds if others and others.measured else None
        )
