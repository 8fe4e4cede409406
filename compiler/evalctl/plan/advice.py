"""Advice that would save money or time, a sentence each. Advice never changes what runs."""

from __future__ import annotations

from evalctl.model.card import ModelCard
from evalctl.model.evaluation import Eval
from evalctl.model.service import Service
from evalctl.plan.filled import from_model
from evalctl.plan.placement import Placement, needed_bytes


def advice(service: Service, place: Placement, card: ModelCard | None, evals: tuple[Eval, ...]) -> tuple[str, ...]:
    """All advice about one job."""
    return (*_cheaper_kind(service, place), *_unused_gpus(place, card), *_model_defaults(card, evals))


def _cheaper_kind(service: Service, place: Placement) -> list[str]:
    mine = place.node
    if mine.coefficient is None or not mine.gpus:
        return []
    better = [
        (node.coefficient, name)
        for name, node in service.node_kinds.items()
        if node.offered and node.coefficient is not None and node.coefficient < mine.coefficient
        and (node.gpus, node.gpu, node.gpu_memory_gb) == (mine.gpus, mine.gpu, mine.gpu_memory_gb)
    ]  # fmt: skip
    if not better:
        return []
    coefficient, name = min(better)
    saved = round(100 * (1 - coefficient / mine.coefficient))
    fewer = f"{mine.cores} to {service.node_kinds[name].cores}" if mine.cores else "fewer"
    return [
        f"{name} has the same {mine.gpus} x {mine.gpu} and costs {saved} % less than {place.node_kind} (cores: {fewer})"
    ]


def _unused_gpus(place: Placement, card: ModelCard | None) -> list[str]:
    if card is None or place.node.gpus < 2 or not place.node.gpu_memory_gb:
        return []
    one = place.node.gpu_memory_gb * 1e9 * place.node.gpu_memory_utilization
    if needed_bytes(card, 8192) > one:
        return []
    return [f"the model fits one GPU, and {place.node_kind} has {place.node.gpus}: a one-GPU kind may be cheaper"]


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
