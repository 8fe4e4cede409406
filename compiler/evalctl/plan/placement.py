"""Node kind, tensor parallel size and concurrency, from the model card and the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.model.card import ModelCard
from evalctl.model.manifest import Request
from evalctl.model.service import NodeKind, Service
from evalctl.model.vllm import BATCHED_TOKENS, SEQUENCES
from evalctl.plan.divisions import copies, sizes

RESERVED_BYTES = 2e9  # activations and CUDA graphs of one GPU; an estimate, not a measurement
TYPICAL_TOKENS = 8192  # of one question with its answer; gives 50-100 for an 8B model on one H100, as the manual has it
FULL_BATCH = (
    16  # typical answers, so 131,072 tokens: 64 answers of 2,048 at once. More GPUs for one copy gain little then
)
API_CONCURRENCY = 20  # the lab's default for providers
CPU_CONCURRENCY = LEAST_AT_ONCE = 8
MOST_AT_ONCE = 1024  # answers under way that the relay was measured with
QUANTISED_BY_VLLM = {"fp8": 2, "mxfp4": 4}  # 16 bits become 8, or 4 and their scales
OF_CACHE = (
    "max_model_length",
    "kv_cache_dtype",
    "quantization",
    "max_num_seqs",
)  # settings of the server that matter here
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Placement:
    """A node kind and how the server uses its GPUs: `tensor_parallel` x `data_parallel` of them."""

    node_kind: str
    node: NodeKind
    tensor_parallel: int
    data_parallel: int


def named_kind(request: Request, service: Service, card: ModelCard | None) -> str | None:
    """The node kind that the request names, else the service for a model of this size; None: the plan chooses by cost."""
    if request.node_kind is not None:
        return request.node_kind
    if request.provider != "vllm":
        return service.api
    if card is None or card.parameters <= service.small_model_limit:
        return service.small_model
    return service.large_model


def placed_on(kind: str, service: Service, card: ModelCard | None, server: Mapping[str, Any] = NOTHING) -> Placement:
    """How the server uses this node kind."""
    node = service.node_kinds[kind]
    if card is None or not node.gpus:
        return Placement(kind, node, 1, max(1, node.gpus))
    return Placement(kind, node, *division(node, card, server))


def division(node: NodeKind, card: ModelCard, server: Mapping[str, Any] = NOTHING) -> tuple[int, int]:
    """(GPUs that share a copy, copies): the fewest that hold a full batch by vLLM's layers; the others run further copies.

    Where none holds it, as many as can share. A division that refines the scales of experts' weights, of one copy or of
    all together, is taken only where the model fits no other way. Without the size of the memory nobody knows what fits: all
    that can share one copy do.
    """
    exact = sizes(card, node.gpus)
    finer = bool(node.gpu_memory_gb) and weight_bytes(card, server) > exact[-1] * _usable(node)
    shares = sizes(card, node.gpus, refined=True) if finer else exact
    ways = [(tensor, copies(card, tensor, node.gpus, refined=finer)) for tensor in shares]
    holding = [way for way in ways if _holds_a_batch(node, card, way[0], server)]
    # No GPU stays without work if it can be.
    return min(holding, key=lambda way: (-way[0] * way[1], way[0]), default=ways[-1])


def _holds_a_batch(node: NodeKind, card: ModelCard, tensor: int, server: Mapping[str, Any]) -> bool:
    """Whether so many GPUs hold the weights, one answer of full length, and a full batch of typical ones."""
    if not node.gpu_memory_gb:
        return False
    length = server.get("max_model_length") or card.default_length or card.context_length or TYPICAL_TOKENS
    free = tensor * _usable(node) - weight_bytes(card, server)
    batch = FULL_BATCH * answer_bytes(card, min(TYPICAL_TOKENS, length), tensor, server)
    return free >= max(batch, answer_bytes(card, length, tensor, server))


def answer_bytes(card: ModelCard, tokens: int, copies: int, server: Mapping[str, Any]) -> int:
    """Cache of one answer as the settings of the server store it."""
    element = 1 if str(server.get("kv_cache_dtype", "")).startswith("fp8") else 2
    return cache_bytes(card, tokens, copies, element)


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
    return weight_bytes(card, server) + answer_bytes(card, max_model_length, copies, server)


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


def concurrency(request: Request, place: Placement, card: ModelCard | None, server: Mapping[str, Any] = NOTHING) -> int:
    """Answers in progress of one task: the request's value, else the number that the cache of all copies holds, as far as
    vLLM and the relay take it.
    """
    if request.concurrency != "auto":
        return request.concurrency
    if request.provider != "vllm":
        return API_CONCURRENCY
    if card is None or place.node.gpus == 0 or not place.node.gpu_memory_gb:
        return CPU_CONCURRENCY
    return min(MOST_AT_ONCE, max(LEAST_AT_ONCE, held_answers(place, card, server)))


def held_answers(place: Placement, card: ModelCard, server: Mapping[str, Any], tokens: int = TYPICAL_TOKENS) -> int:
    """Answers of so many tokens that the cache of all copies holds, at most as many as vLLM answers at once."""
    free = max(0.0, usable_bytes(place) - weight_bytes(card, server)) * place.data_parallel
    length = min(tokens, server.get("max_model_length") or tokens)
    held = int(free / max(1, answer_bytes(card, length, place.tensor_parallel, server)))
    most = server.get("max_num_seqs") or (SEQUENCES[1] if (batched_tokens(place.node) or 0) >= 8192 else SEQUENCES[0])
    return min(held, most * place.data_parallel)


def admitted(request: Request, at_once: int, tasks: int) -> int:
    """The most that the relay has under way for so many tasks at once."""
    return at_once * tasks if request.concurrency != "auto" else max(at_once, min(MOST_AT_ONCE, at_once * tasks))
