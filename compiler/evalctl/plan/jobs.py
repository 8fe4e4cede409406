"""Evals that share a server go into one job: order, splitting, walltime, names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from math import inf

from evalctl.frameworks import FRAMEWORKS
from evalctl.frameworks.pins import catalogue as environments
from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.evaluation import Batch, Eval, Job, JobTask, RequestPlan, Site, unlike
from evalctl.model.gate import compared
from evalctl.model.manifest import ParallelPacking, Request
from evalctl.model.names import request_name
from evalctl.model.plan_file import Baseline, PlannedUpload
from evalctl.model.service import Service
from evalctl.plan.advice import advice
from evalctl.plan.choice import kinds
from evalctl.plan.cost import estimate
from evalctl.plan.placement import Placement, admitted, concurrency
from evalctl.plan.places import load_of, placed, start_seconds
from evalctl.plan.server import server, server_settings
from evalctl.plan.shards import Piece, divided, merges, merging
from evalctl.plan.weights import checkpoint, download_advice, downloads, weights
from evalctl_job.options import Options

# With the repository's mark and the attempt a name stays under 64 characters, which every scheduler keeps whole.
LONGEST_STEM = 40
# Four tasks at once on one server took 0.59 of their times in sequence (seen: lighteval 0.13, vLLM 0.32 on a CPU); the
# rest is margin. It only determines the number of jobs: the walltime stays the sum, cut at the limit, and the next attempt
# continues an unfinished job, so one job too few costs less than loading a model twice.
TOGETHER = 0.75
SEVERAL = 4  # tasks by which the relay may exceed what is planned for one: the forecast of the cache is careful


def plan(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> RequestPlan:
    """All jobs of a request that passed the rules."""
    service = catalogue.services[checked.request.service].service
    jobs: list[Job] = []
    for group, place in placed(checked.request, evals, catalogue):
        assert place is not None, "plan.rules has refused requests without a node kind"
        parts = list(_parts(checked.request, group, place, service, catalogue))
        jobs += [_job(checked, part, place, catalogue) for part in parts]
        whole = merges([piece for part in parts for piece in part])
        jobs += [merging(_job(checked, [piece], place, catalogue), service) for piece in whole]
    request = checked.request
    return RequestPlan(checked.path, tuple(jobs), downloads(jobs, service), _push_to_hub(request), _baseline(request))


def _push_to_hub(request: Request) -> PlannedUpload | None:
    asked = request.push_to_hub
    return None if asked is None else PlannedUpload(asked.org, asked.private)


def _baseline(request: Request) -> Baseline | None:
    if request.baseline is None:
        return None
    named = compared(request.baseline)
    return Baseline(named.provider, named.model, named.custom_settings)


def _parts(
    request: Request, group: list[Eval], place: Placement, service: Service, catalogue: Catalogue
) -> Iterable[list[Piece]]:
    """The group cut into jobs: as the request packs it, and none longer than the service allows.

    The longest task is first: begun last, it would be alone with the server at the end.
    """
    whole = [Piece(evaluation, task_seconds(evaluation, place)) for evaluation in group]
    start = start_seconds(service, catalogue, group[0])
    room = service.longest_seconds(place.node) - start - service.drain_seconds
    pieces = divided(whole, min(room, _share(request, whole)) if room > 0 else _share(request, whole))
    ordered = sorted(pieces, key=lambda piece: (-piece.seconds, piece.evaluation.task.key, piece.shard))
    for part in _packed(request, ordered):
        yield from _fitting(part, room, TOGETHER if service.parallel_tasks > 1 else 1.0)


def _share(request: Request, whole: Sequence[Piece]) -> float:
    """The seconds of one job where so many jobs take the same time; a task that takes longer is divided."""
    packing = request.packing
    return sum(one.seconds for one in whole) / packing.parallel if isinstance(packing, ParallelPacking) else inf


def _packed(request: Request, ordered: list[Piece]) -> list[list[Piece]]:
    if request.packing == "per_task":
        return [[piece] for piece in ordered]
    if isinstance(request.packing, ParallelPacking):
        return _balanced(ordered, min(request.packing.parallel, len(ordered)))
    return [ordered]


def _balanced(ordered: list[Piece], count: int) -> list[list[Piece]]:
    """So many jobs: each task in the one with the least to do so far, and no two shards of it in one."""
    jobs: list[list[Piece]] = [[] for _ in range(count)]
    used = [0] * count
    for piece in ordered:
        number = min(range(count), key=lambda one: (_has(jobs[one], piece), used[one], len(jobs[one]), one))
        jobs[number].append(piece)
        used[number] += piece.seconds
    return jobs


def _has(job: Sequence[Piece], piece: Piece) -> bool:
    """Whether a job has another shard of it."""
    return any(one.evaluation is piece.evaluation for one in job)


def _fitting(part: list[Piece], room: int, share: float) -> list[list[Piece]]:
    """Each task in the first job in which `share` of all times fits; a single task that cannot be divided may be longer than the
    limit (which is then its walltime)."""
    jobs: list[tuple[int, list[Piece]]] = []
    for piece in part:
        number = next(
            (
                place
                for place, (used, there) in enumerate(jobs)
                if share * (used + piece.seconds) <= room and not _has(there, piece)
            ),
            len(jobs),
        )
        used, pieces = jobs[number] if number < len(jobs) else (0, [])
        jobs[number : number + 1] = [(used + piece.seconds, [*pieces, piece])]
    return [pieces for _, pieces in jobs]


def task_seconds(evaluation: Eval, place: Placement) -> int:
    """The time that the CSV allows the task on this node kind."""
    return evaluation.task.seconds.get(place.node.runtime_column, 0)


def _job(checked: CheckedRequest, pieces: Sequence[Piece], place: Placement, catalogue: Catalogue) -> Job:
    request, evals = checked.request, [piece.evaluation for piece in pieces]
    service, card = catalogue.services[request.service].service, catalogue.cards.get(evals[0].subject.model)
    name = job_name(checked.path, pieces)
    start = start_seconds(service, catalogue, evals[0])
    busy = start + sum(piece.seconds for piece in pieces)
    batch = _batch(name, busy, request, place, service)
    frameworks = {f: environments()[FRAMEWORKS[f].ENVIRONMENT].directory_name for f in _frameworks(evals)}
    first = weights(request, evals[0], card, next(iter(frameworks.values())))
    serving = server(evals[0], place, catalogue.providers[request.provider], offline=first is not None)
    at_once = concurrency(request, place, card, server_settings(evals[0]))
    length_key = catalogue.providers[request.provider].length_key
    of_whole = serving.argv and place.node.gpus and not any(piece.shards for piece in pieces)
    compared = kinds(service, load_of(request, evals, catalogue), place) if of_whole else ()
    relays = {one.resolved: _relay(request, one, length_key) for one in unlike(evals)}
    tasks = tuple(_task(request, piece, at_once, relays[piece.evaluation.resolved]) for piece in pieces)
    return Job(
        name=name, request=checked.path, service=request.service, node_kind=place.node_kind, batch=batch, server=serving,
        tasks=tasks, parallel_tasks=service.parallel_tasks, admit=str(request.concurrency), start_seconds=start,
        admit_most=admitted(request, at_once, _times(request, tasks, service)),
        framework_environments=frameworks,
        secrets=_secrets(serving.key_variable, tasks),
        cuda_visible_devices=None if request.cuda_visible_devices is None else str(request.cuda_visible_devices),
        retries=request.retries, kinds=compared,
        estimate=estimate(service, place.node, batch.priority, (compared[0].seconds if compared else None) or busy, batch.walltime_seconds),
        site=_site(service),
        advice=(*download_advice(first, service), *advice(place, card, tuple(evals))),
        weights=first,
        checkpoint=checkpoint(evals[0], card), requested_by=request.requested_by or "",
    )  # fmt: skip


def _times(request: Request, tasks: Sequence[JobTask], service: Service) -> int:
    """By how much the relay may exceed what is planned for one task. A provider's limit is that of each task that asks."""
    most = min(service.parallel_tasks, SEVERAL)
    return most if request.provider == "vllm" else min(most, len(tasks))


def _batch(name: str, busy: int, request: Request, place: Placement, service: Service) -> Batch:
    """The resources to request from the scheduler, for a job that works for `busy` seconds."""
    walltime = service.walltime_seconds(busy + service.drain_seconds, place.node)
    priority = request.priority if request.priority is not None else service.default_priority
    directives = (*service.directives, *place.node.directives)
    return Batch(
        name, walltime, place.node.gpus, priority, directives, service.drain_seconds, service.step_seconds
    )  # fmt: skip


def _frameworks(evals: Sequence[Eval]) -> list[str]:
    return sorted({evaluation.task.framework for evaluation in evals})


def _relay(request: Request, evaluation: Eval, length_key: str) -> Options:
    """The options of the relay, which depend on no task."""
    max_n = next((s.sourced.value for s in evaluation.settings if s.name == "max_n" and s.applied), None)
    added = FRAMEWORKS[evaluation.task.framework].ADDED
    return Options(
        length_key=length_key, max_n=max_n, planned=_planned(evaluation, length_key), unanswered=evaluation.unanswered,
        add={name: value for name, value in evaluation.generation if name in added},
        request_timeout=request.request_timeout,
    )  # fmt: skip


def _task(request: Request, piece: Piece, at_once: int, relay: Options) -> JobTask:
    framework = FRAMEWORKS[piece.evaluation.task.framework]
    call = framework.invocation(piece.evaluation, at_once, request.request_timeout, relay)
    return JobTask(piece.evaluation, call, piece.seconds, piece.shard, piece.shards)


def _planned(evaluation: Eval, length_key: str) -> dict[str, object]:
    """The parameters that requests should carry, by their names there; acceptance compares them with those that the relay sent."""
    names = {"stop_tokens": "stop", "max_new_tokens": "max_tokens" if length_key == "both" else length_key}
    return {
        names.get(name, name): list(value) if isinstance(value, tuple) else value
        for name, value in evaluation.generation
        if name != "system_message"
    }


def _secrets(key_variable: str, tasks: tuple[JobTask, ...]) -> tuple[str, ...]:
    names = {name for task in tasks for name in task.invocation.secrets}
    return tuple(sorted(names | ({key_variable} if key_variable else set())))


def _site(service: Service) -> Site:
    return Site(
        scheduler=service.scheduler,
        modules_init=service.modules_init or "",
        modules=service.modules,
        variables=tuple(sorted(service.variables.items())),
        scratch=service.scratch,
        code_execution=service.code_execution,
    )


def job_name(request: str, pieces: Sequence[Piece]) -> str:
    """`ev-<stem>-<digest8>`: the same evals of the same request have the same name, whatever their walltime.

    The place of the result takes part: two custom settings that mean the same are one digest, and two jobs.
    """
    text = "\n".join([request, *sorted(map(_of_name, pieces))])
    return f"ev-{stem(request)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _of_name(piece: Piece) -> str:
    return " ".join(filter(None, (piece.evaluation.digest, piece.evaluation.result_path, piece.part)))


def stem(request: str) -> str:
    """The request's file name in letters that every scheduler accepts."""
    words = request_name(request).rsplit("/", 1)[-1].lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:LONGEST_STEM].rstrip("-") or "request"
