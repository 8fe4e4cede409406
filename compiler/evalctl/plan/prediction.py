"""Predicts how long a server works for tasks: from the memory bandwidth of its GPUs and assumed lengths of answers, else the limit.

Depends on manifests alone, so that results do not change what is compiled; `clone.predicted` has what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalctl.model.gpus import bandwidth
from evalctl.model.plan_file import ASSUMED, LIMIT
from evalctl.plan.placement import MOST_AT_ONCE, Placement, answer_bytes, held_answers, weight_bytes

if TYPE_CHECKING:
    from evalctl.model.card import ModelCard
    from evalctl.model.evaluation import Task

# Tokens of answers for each second of a task's shortest time in the table. The 19 standard tasks are allowed 25 h there and ask some 77,000
# answers, so it is about 1,300 tokens for each. It is an assumption: `evalctl runtimes` shows how far it is from what was measured.
TOKENS_PER_ALLOWED_SECOND = 1100
MEAN_TOKENS = 2048  # of an answer under way with its question; an assumption
EFFICIENCY = 0.6  # of the bandwidth is used; an assumption
# What each GPU of a copy that several share is worth: 27B FP8 on eight B200 wrote 0.3 times as much so (facts, a second-hand report).
SHARED = -0.58


def tokens_per_second(place: Placement, card: ModelCard, server: Mapping[str, Any]) -> float | None:
    """What all copies write together, by a roofline of weights and cache; None where the GPU is not known or holds no answer."""
    speed = bandwidth(place.node.gpu, place.node.gpu_memory_gb)
    if speed is None:
        return None
    at_once = min(MOST_AT_ONCE, held_answers(place, card, server, MEAN_TOKENS)) / place.data_parallel
    read = weight_bytes(card, server) + at_once * answer_bytes(card, MEAN_TOKENS, place.tensor_parallel, server)
    used = speed * EFFICIENCY * place.tensor_parallel ** (1 + SHARED)
    return place.data_parallel * at_once * used / read if at_once else None


def assumed_tokens(tasks: Iterable[Task]) -> float:
    """Tokens that the answers of the tasks are assumed to have."""
    return TOKENS_PER_ALLOWED_SECOND * sum(min(task.seconds.values(), default=0) for task in tasks)


def predicted(
    tasks: Sequence[Task], place: Placement, card: ModelCard | None, server: Mapping[str, Any], start: int
) -> tuple[int, str]:
    """(seconds of a job with these tasks, basis)."""
    speed = tokens_per_second(place, card, server) if card is not None else None
    if speed is None:
        return start + sum(task.seconds.get(place.node.runtime_column, 0) for task in tasks), LIMIT
    return start + round(assumed_tokens(tasks) / speed), ASSUMED
