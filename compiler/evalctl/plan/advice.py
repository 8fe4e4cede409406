"""Advice that would save money or time, a sentence each. Advice never changes what runs."""

from __future__ import annotations

from evalctl.model.card import ModelCard
from evalctl.model.evaluation import Eval
from evalctl.plan.filled import from_model
from evalctl.plan.placement import Placement


def advice(place: Placement, card: ModelCard | None, evals: tuple[Eval, ...]) -> tuple[str, ...]:
    """All advice about one job."""
    return (*_unknown_memory(place), *_model_defaults(card, evals))


def _unknown_memory(place: Placement) -> list[str]:
    if place.node.gpus < 2 or place.node.gpu_memory_gb:
        return []
    return [
        f"gpu_memory_gb of {place.node_kind} is not in the service's file: all GPUs that can share one copy of the model do, where "
        "several copies might answer more"
    ]


def _model_defaults(card: ModelCard | None, evals: tuple[Eval, ...]) -> list[str]:
    """vLLM fills each sampling key that a request omits from the model's generation_config.json, one by one."""
    if card is None or not card.generation_config:
        return []
    applied = {name: value for evaluation in evals for name, value in from_model(evaluation, card).items()}
    if not applied:
        return []
    shown = ", ".join(f"{name}={value}" for name, value in sorted(applied.items()))
    return [
        f"the model's own defaults apply where a request says nothing: {shown} (generation_config: vllm turns them off)"
    ]
