"""The tensor parallel sizes of a model: conditions of vLLM's layers (seen: 0.32.0).

One rule per function, each naming vLLM's own; tests/environments/test_vllm_shapes.py builds vLLM's models of many shapes
and sizes and compares. Facts come from the card; one of an older evalctl has heads alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from evalctl.model.card import ModelCard, Quantization

VOCABULARY_PADDING = 64  # vocab_parallel_embedding.py: the vocabulary is padded to a multiple, and that is divided
SMALLEST_BLOCK = 32  # oracle/fp8.py and moe_wna16.py: the finest scales that experts' weights are refined to
NVFP4_GROUP = 16
# Model classes that refuse more GPUs than experts ("Tensor parallel size … is greater than the number of experts").
_AN_EXPERT_EACH = (
    "HYV3", "Ernie4_5_", "Step3", "K2Horizon", "Cohere2Moe", "Laguna", "MiniMaxM2", "InternS1Pro", "InternS2", "Qwen2Moe",
    "Qwen3Moe", "Qwen3Next", "Qwen3VLMoe", "ExaoneMoE", "Lfm2Moe", "MiMoV2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DividedSize:
    """A size whose share per GPU must be an integer and a multiple of `unit`."""

    what: str
    size: int
    unit: int = 1

    def holds(self, gpus: int) -> bool:
        """Whether `gpus` can divide it."""
        return self.size % (gpus * self.unit) == 0


def refusal(card: ModelCard, gpus: int, *, refined: bool = False) -> str | None:
    """Why vLLM cannot divide the model among so many GPUs; None if it can. `refined` accepts what only some of its
    kernels do: scales of experts' weights that are cut finer than the checkpoint's.
    """
    if gpus == 1:
        return None
    if not _kv_heads_divide(card, gpus):
        return f"{card.kv_heads} KV heads are neither a multiple nor a divisor of {gpus}"
    for demand in _demands(card, gpus, refined):
        if not demand.holds(gpus):
            unit = f" in multiples of {demand.unit}" if demand.unit > 1 else ""
            return f"{demand.what} {demand.size} is not divisible by {gpus}{unit}"
    sizes = card.widths or {}
    if sizes.get("mamba_groups", 1) > 1 and sizes["mamba_groups"] % gpus:  # mamba_mixer2.py: one group is copied
        return f"{sizes['mamba_groups']} groups of Mamba are not divisible by {gpus}"
    if card.architecture.startswith(_AN_EXPERT_EACH) and sizes.get("experts", gpus) < gpus:
        return f"the model has {sizes['experts']} experts only"
    return None


def sizes(card: ModelCard, gpus: int, *, refined: bool = False) -> list[int]:
    """The tensor parallel sizes that divide a node's GPUs and the model, in growing order."""
    return [size for size in range(1, gpus + 1) if gpus % size == 0 and not refusal(card, size, refined=refined)]


def copies(card: ModelCard, tensor: int, gpus: int, *, refined: bool = False) -> int:
    """The most copies that so many GPUs can run, each on `tensor` of them; `refined` as above.

    vLLM divides experts among the GPUs of all copies (FusedMoEParallelConfig), so that their widths must allow that too.
    """
    most = gpus // tensor
    if "expert" not in (card.widths or {}):
        return most
    return next(
        (n for n in range(most, 1, -1) if all(one.holds(tensor * n) for one in _experts(card, tensor * n, refined))), 1
    )


def _kv_heads_divide(card: ModelCard, gpus: int) -> bool:
    """QKVParallelLinear: each GPU has some heads, or each head some GPUs. A compressed cache (MLA) has no such heads."""
    if "latent" in (card.widths or {}):
        return True
    return card.kv_heads % gpus == 0 or gpus % card.kv_heads == 0


def _demands(card: ModelCard, gpus: int, refined: bool) -> Iterator[DividedSize]:
    facts = card.widths or {}
    if not facts or "query" in facts:  # a model without attention has no heads
        yield DividedSize("the number of heads", card.attention_heads)
    if "vocabulary" in facts:
        yield DividedSize("the padded vocabulary", -(-facts["vocabulary"] // VOCABULARY_PADDING) * VOCABULARY_PADDING)
    for name in ("linear_keys", "linear_values", "mamba_heads", "mamba", "convolution"):
        if name in facts:
            yield DividedSize(name.replace("_", " "), facts[name])
    yield from _attention(card, facts, gpus)
    yield from _delta(card, facts)
    for name, part, what in (
        ("mlp", "mlp", "intermediate_size"),
        ("shared_expert", "shared", "the shared expert's size"),
    ):
        if name in facts:
            yield DividedSize(what, facts[name], math.lcm(*_units(card.quantization, part, facts[name])))
    yield from _experts(card, gpus, refined)


def _experts(card: ModelCard, gpus: int, refined: bool) -> Iterator[DividedSize]:
    facts = card.widths or {}
    if "expert" in facts and (card.quantization is None or "mxfp4" not in card.quantization.method):  # mxfp4 pads
        unit = _expert_unit(card.quantization, facts, gpus, refined)
        yield DividedSize("moe_intermediate_size", facts["expert"], unit)


def _attention(card: ModelCard, facts: dict[str, int], gpus: int) -> Iterator[DividedSize]:
    """Outputs of queries, keys and values; inputs of the projection after them."""
    for name in ("query", "latent", "value"):
        if name in facts:
            outputs, inputs = _units(card.quantization, "attention", facts[name])
            yield DividedSize(f"the attention's {name} size", facts[name], inputs if name == "value" else outputs)
    if "key" in facts:  # heads that several GPUs share are copied to each
        copied = max(1, gpus // card.kv_heads)
        outputs, _ = _units(card.quantization, "attention", facts["key"])
        yield DividedSize("the attention's key size", facts["key"] * copied, outputs)


def _delta(card: ModelCard, facts: dict[str, int]) -> Iterator[DividedSize]:
    """Projections of gated delta nets (qwen_gdn_linear_attn.py); whole heads are demanded elsewhere."""
    if card.quantization is None or "delta_values" not in facts:
        return
    outputs, inputs = _units(card.quantization, "delta", facts["delta_values"])
    yield DividedSize("the linear attention's projection", facts["delta_outputs"], outputs)
    yield DividedSize("the linear attention's output size", facts["delta_values"], inputs)
    yield DividedSize(
        "the linear attention's gates", facts["delta_gates"], _units(card.quantization, "delta_gates", 1)[0]
    )


def _units(quantization: Quantization | None, part: str, size: int) -> tuple[int, int]:
    """What a share of outputs and of inputs must be a multiple of: blocks of scales (validate_fp8_block_shape), groups
    of inputs (verify_group_size_divides_partition; Marlin and Machete pad the rest).
    """
    if quantization is None or part in quantization.skipped:
        return 1, 1
    if quantization.block is not None:
        return quantization.block
    group = NVFP4_GROUP if quantization.method == "modelopt_fp4" else quantization.group
    return 1, group if group is not None and group < size else 1


def _expert_unit(quantization: Quantization | None, facts: dict[str, int], gpus: int, refined: bool) -> int:
    """Of experts' weights: validate_fp8_block_shape_moe and the groups of moe_wna16.py."""
    size = facts["expert"]
    unit = math.lcm(*_units(quantization, "experts", size))
    if not refined or quantization is None or quantization.method == "compressed-tensors" or size % gpus:
        return unit
    finer = math.gcd(unit, size // gpus, facts.get("hidden", 0))
    return finer if finer >= SMALLEST_BLOCK else unit
