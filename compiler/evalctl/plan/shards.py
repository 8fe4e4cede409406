"""Tasks that are divided among several jobs, and the job that scores the answers of them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from evalctl.model.evaluation import Batch, Eval, Job
from evalctl.model.service import Service
from evalctl.plan.cost import estimate
from evalctl_job.shards import Shard


@dataclass(frozen=True, slots=True)
class Piece:
    """What a job does of an eval, and the seconds that it may take: all of it, a shard, or the merge of its shards."""

    evaluation: Eval
    seconds: int
    shard: int = 0
    shards: int = 0

    @property
    def part(self) -> str:
        """What makes its job another one than that of the whole eval; "" for the whole."""
        merge = f"merge of {self.shards}" if self.shards else ""
        return Shard(self.shard, self.shards).named("shard") if self.shard else merge


def divided(pieces: Sequence[Piece], longest: float) -> Iterator[Piece]:
    """The pieces; in place of one that takes longer, the fewest shards that do not. They are equally long.

    Where questions may stay without an answer none is divided: of what is not kept no other job could know.
    """
    for piece in pieces:
        number = ceil(piece.seconds / longest) if longest > 0 and not piece.evaluation.unanswered else 1
        if number <= 1:
            yield piece
        else:
            yield from (
                replace(piece, seconds=ceil(piece.seconds / number), shard=one, shards=number)
                for one in range(1, number + 1)
            )


def merges(pieces: Sequence[Piece]) -> list[Piece]:
    """What scores the answers of the shards, for each eval that is divided.

    No table says how much of a task's time is scoring, so it may take as long as all shards together.
    """
    return [
        replace(one, shard=0, seconds=one.seconds * one.shards) for one in pieces if one.shard == 1
    ]  # fmt: skip


def merging(job: Job, service: Service) -> Job:
    """The job of a merge in place of one that asks: it needs no server and no key of one, so it runs where models of others are asked."""
    kind = service.api if service.api in service.node_kinds else job.node_kind
    node = service.node_kinds[kind]
    start = service.start_allowance_minutes * 60
    busy = start + sum(task.seconds for task in job.tasks)
    batch = Batch(
        job.name, service.walltime_seconds(busy + service.drain_seconds, node), node.gpus, job.batch.priority,
        (*service.directives, *node.directives), service.drain_seconds, service.step_seconds,
    )  # fmt: skip
    server = replace(job.server, argv=(), variables=(), files=(), key_variable="", gpus=0)
    return replace(
        job, node_kind=kind, batch=batch, server=server, start_seconds=start, weights=None, checkpoint=None, advice=(),
        secrets=tuple(sorted({name for task in job.tasks for name in task.invocation.secrets})),
        cuda_visible_devices=None,
        estimate=estimate(service, node, batch.priority, busy, batch.walltime_seconds),
    )  # fmt: skip
