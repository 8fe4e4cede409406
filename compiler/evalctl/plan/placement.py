"""Node kind, tensor parallel size and concurrency, from the model card and the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.manifest import Request
from evalctl.model.service import NodeKind, Service
from evalctl.model.vllm import BATCHED_TOKENS
from evalctl.plan.divisions import sizes

RESERVED_BYTES = 2e9  # activations and CUDA graphs of one GPU; an estimate, not a measurement
TYPICAL_TOKENS = 8192  # of one question with its answer; gives 50-100 for an 8B model on one H100, as the manual has it
API_CONCURRENCY = 20  # the lab's default for providers
CPU_CONCURRENCY = 8
QUANTISED_BY_VLLM = {"fp8": 2, "mxfp4": 4}  # 16 bits become 8, or 4 and their scales
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Placement:
    """A node kind and how the server uses its GPUs: `tensor_parallel` x `data_parallel` of them."""

    node_kind: str
    node: NodeKind
    tensor_parallel: int
    data_parallel: int


def node_kind_for(request: Request, service: Service, card: ModelCard | None) -> str | None:
    """The requested node kind, else the service's kind for a model of this size; None where the service has none."""
    if request.node_kind is not None:
        return request.node_kind
    if request.provider != "vllm":
        return service.api
    if card is None or card.parameters <= service.small_model_limit:
        return service.small_model
    return service.large_model


def placement(request: Request, service: Service, card: ModelCard | None) -> Placement | None:
    """Where the model runs; None where the service has no node kind for it."""
    kind = node_kind_for(request, service, card)
    if kind is None or kind not in service.node_kinds:
        return None
    return placed_on(kind, service, card)


def placed_on(kind: str, service: Service, card: ModelCard | None) -> Placement:
    """How the server uses this node kind."""
    node = service.node_kinds[kind]
    tensor = tensor_parallel(node, card) if card is not None and node.gpus else 1
    return Placement(kind, node, tensor, max(1, node.gpus // tensor))


def tensor_parallel(node: NodeKind, card: ModelCard) -> int:
    """The most GPUs that can share one copy, by vLLM's layers; the remaining GPUs run further copies.

    A division that refines the scales of experts' weights is taken only where the model fits no other way.
    """
    exact, refined = max(sizes(card, node.gpus)), max(sizes(card, node.gpus, refined=True))
    fits = not node.gpu_memory_gb or card.weight_bytes <= exact * _usable(node)
    return exact if fits else refined


def cache_bytes(card: ModelCard, tokens: int, copies: int, element: int = 2) -> int:
    """KV cache of one answer of `tokens`, `element` bytes each, on all of the `copies` GPUs that share the model: a head that
    more of them need than there are heads is kept by each. A card of an older evalctl gives an upper bound.
    """
    if card.cache is None:
        return 2 * card.layers * max(card.kv_heads, copies) * card.head_size * element * tokens
    attended = sum(
        layers.layers * max(layers.kv_heads, copies) * layers.width * min(tokens, layers.window or tokens)
        for layers in card.cache
    )
    return element * attended + card.state_bytes


def _usable(node: NodeKind) -> float:
    """Memory of one GPU that the model may use."""
    return (node.gpu_memory_gb or 0.0) * 1e9 * node.gpu_memory_utilization - RESERVED_BYTES


def usable_bytes(place: Placement) -> float:
    """GPU memory that one copy of the model may use; 0 where the node kind has no memory size."""
    return place.tensor_parallel * _usable(place.node) if place.node.gpu_memory_gb else 0.0


def needed_bytes(card: ModelCard, max_model_length: int, copies: int = 1, server: Mapping[str, Any] = NOTHING) -> float:
    """Weights and the cache of one answer of full length, as the settings of the server store them."""
    element = 1 if str(server.get("kv_cache_dtype", "")).startswith("fp8") else 2
    return weight_bytes(card, server) + cache_bytes(card, max_model_length, copies, element)


def weight_bytes(card: ModelCard, server: Mapping[str, Any]) -> int:
    """The least memory of the weights, in their new form where vLLM quantises them itself."""
    by_itself = card.quantization is None and card.widths is not None
    return (
        card.weight_bytes // QUANTISED_BY_VLLM.get(server.get("quantization", ""), 1)
        if by_itself
        else card.weight_bytes
    )


def batched_tokens(node: NodeKind) -> int | None:
    """The tokens that vLLM takes in one step on this node kind; None where the node kind has no memory size."""
    if node.gpus and node.gpu_memory_gb is None:
        return None
    memory = node.gpu_memory_gb or 0
    smallest = not node.gpus or ("a100" in (node.gpu or "").lower() and memory < BATCHED_TOKENS[0][0])
    return next(tokens for least, tokens in BATCHED_TOKENS if (0 if smallest else memory) >= least)


def concurrency(request: Request, place: Placement, card: ModelCard | None, max_model_length: int) -> int:
    """Answers in progress of one task: the request's value, else the number that the cache of all copies holds."""
    if request.concurrency != "auto":
        return request.concurrency
    if request.provider != "vllm":
        return API_CONCURRENCY
    if card is None or place.node.gpus == 0 or not place.node.gpu_memory_gb:
        return CPU_CONCURRENCY
    free = max(0.0, usable_bytes(place) - card.weight_bytes) * place.data_parallel
    each = cache_bytes(card, min(TYPICAL_TOKENS, max_model_length or TYPICAL_TOKENS), place.tensor_parallel)
    return int(min(256, max(8, free / max(1, each))))
