"""The sizes that tensor parallelism divides, and how the weights are quantised; plan/divisions.py evaluates them.

By vLLM's rules (seen: 0.32.0, model_executor/models and layers).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from evalctl.cards.architecture import ATTENTION_FREE, attention_heads, head_size, kv_heads, layers
from evalctl.cards.cache import BOTH, MLA, STATE, layer_kinds
from evalctl.cards.configuration import Config, Text
from evalctl.model.card import Quantization
from evalctl.model.vllm import QUANTIZATION_FILES

_EXPERTS = ("num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts")
_SHARED = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "shared_intermediate_size")
MIXED = "MIXED_PRECISION"
# Parts that a checkpoint may leave unquantised, by words in module names.
_PARTS = {
    "attention": r"self_attn|attention|attn",
    "experts": r"experts",
    "shared": r"shared_expert",
    "mlp": r"mlp|ffn",
}


def widths(text: Text) -> dict[str, int]:
    """Sizes by name, without those that the model does not have."""
    found: dict[str, int | None] = {"hidden": text.number("hidden_size"), "vocabulary": text.number("vocab_size")}
    if text.type not in ATTENTION_FREE:
        found |= _attention(text)
    found |= _feed_forward(text)
    if {STATE, BOTH} & set(layer_kinds(text)) or text.type in ATTENTION_FREE:
        found |= _state(text)
    return {name: size for name, size in found.items() if size}


def _attention(text: Text) -> dict[str, int | None]:
    heads = attention_heads(text)
    rope, nope, value = (text.number(f"{key}_head_dim") for key in ("qk_rope", "qk_nope", "v"))
    if text.type in MLA and text.number("kv_lora_rank") and nope and value:
        return {"query": heads * (nope + (rope or 0)), "latent": heads * (nope + value), "value": heads * value}
    return {"query": heads * head_size(text), "key": kv_heads(text) * head_size(text), "value": heads * head_size(text)}


def _feed_forward(text: Text) -> dict[str, int | None]:
    experts = text.number(*_EXPERTS)
    dense, own = text.number("intermediate_size"), text.number("moe_intermediate_size")
    if not experts:
        return {"mlp": text.number("shared_intermediate_size") if text.type == "granitemoehybrid" else dense}
    shared = text.number(*_SHARED)
    count = text.number("n_shared_experts", "num_shared_experts")
    if shared is None and own and count:
        shared = own * count
    mixed = text.number("intermediate_size_mlp") if own is None else dense if _has_dense(text) else None
    return {"experts": experts, "expert": own or dense, "shared_expert": shared, "mlp": mixed}


def _has_dense(text: Text) -> bool:
    """Whether some layers have no experts."""
    if text.get("first_k_dense_replace") is not None:
        return bool(text.number("first_k_dense_replace"))
    return bool(text.written.get("mlp_only_layers")) or text.number("decoder_sparse_step") != 1


def _state(text: Text) -> dict[str, int | None]:
    """Sizes of layers with a state: both kinds of Mamba, gated delta nets, short convolutions."""
    if values := text.number("linear_num_value_heads"):
        keys, key, value = (
            text.number(f"linear_{name}") for name in ("num_key_heads", "key_head_dim", "value_head_dim")
        )
        found = {"linear_keys": keys, "linear_values": values, "linear_key": key, "linear_value": value}
        outputs, inputs = (keys or 0) * (key or 0), values * (value or 0)
        if text.type == "qwen3_next":  # its projections are one output, of all heads interleaved
            return found | {"delta_outputs": 2 * (outputs + inputs), "delta_values": inputs, "delta_gates": 2 * values}
        return found | {"delta_outputs": math.gcd(outputs, inputs), "delta_values": inputs, "delta_gates": values}
    if text.number("conv_L_cache"):
        return {"convolution": text.number("conv_dim", "hidden_size")}
    delta = text.section("linear_attn_config")
    if delta:
        return {"linear_values": _whole(delta.get("num_heads")), "linear_value": _whole(delta.get("head_dim"))}
    return _mamba(text)


def _mamba(text: Text) -> dict[str, int | None]:
    heads = text.number("mamba_num_heads", "mamba_n_heads") or (
        text.number("num_heads") if text.type == "mamba2" else None
    )
    inner = (text.number("mamba_expand", "expand") or 2) * (text.number("hidden_size") or 0)
    if not heads or text.type == "jamba":
        own = text.number("intermediate_size") if text.type in ATTENTION_FREE else None
        return {"mamba": own or inner, "mamba_state": text.number("state_size", "mamba_d_state")}
    size = text.number("mamba_head_dim", "mamba_d_head") or (text.number("head_dim") if text.type == "mamba2" else None)
    return {
        "mamba": text.number("mamba_d_ssm") or (heads * size if size else inner), "mamba_heads": heads,
        "mamba_groups": text.number("n_groups", "mamba_n_groups"),
        "mamba_state": text.number("ssm_state_size", "mamba_d_state", "state_size"),
    }  # fmt: skip


def state_bytes(text: Text, sizes: dict[str, int]) -> int:
    """Bytes that layers with a state keep per answer: the state in 32 bits, the last inputs of a convolution in 16."""
    kinds = layer_kinds(text) if text.type not in ATTENTION_FREE else [STATE] * layers(text)
    return sum(kind in (STATE, BOTH) for kind in kinds) * (4 * _state_elements(sizes) + 2 * _kept_inputs(text, sizes))


def _state_elements(sizes: dict[str, int]) -> int:
    if "linear_values" in sizes:
        return (
            sizes["linear_values"]
            * sizes.get("linear_value", 0)
            * sizes.get("linear_key", sizes.get("linear_value", 0))
        )
    return sizes.get("mamba", 0) * sizes.get("mamba_state", 0)


def _kept_inputs(text: Text, sizes: dict[str, int]) -> int:
    kept = (text.number("conv_kernel", "mamba_d_conv", "linear_conv_kernel_dim", "conv_L_cache") or 4) - 1
    if "linear_values" in sizes:
        keys = sizes.get("linear_keys", sizes["linear_values"]) * sizes.get("linear_key", sizes.get("linear_value", 0))
        return kept * (2 * keys + sizes["linear_values"] * sizes.get("linear_value", 0))
    groups = 2 * sizes.get("mamba_groups", 0) * sizes.get("mamba_state", 0)
    return kept * (sizes.get("mamba", 0) + groups + sizes.get("convolution", 0))


def with_modelopt(config: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """vLLM reads hf_quant_config.json where config.json itself says nothing (get_config)."""
    return {**config, "quantization_config": beside} if beside and config.get("quantization_config") is None else config


def quantization_files(names: Iterable[str]) -> tuple[str, ...]:
    """Those that vLLM may read a quantisation from."""
    ends = tuple({end for files in QUANTIZATION_FILES.values() for end in files})
    return tuple(sorted(name for name in names if name.endswith(ends))[:16])


def quantization(config: Config, text: Text) -> Quantization | None:
    """How the weights are stored, where a configuration says so."""
    raw = next(
        (one for holder in (config, text.written) for key in ("quantization_config", "compression_config")
         if isinstance(one := holder.get(key), dict)),
        None,
    )  # fmt: skip
    if raw is None:
        return None
    method, block, group, bits = _method(raw), *_granularity(raw)
    skipped = (*(part for part in _PARTS if _skips(raw, part)), *_skipped_of_delta(raw, method, text))
    symmetric = raw.get("sym") if isinstance(raw.get("sym"), bool) else None
    return Quantization(
        method=method, block=block, group=group, bits=bits, symmetric=symmetric, skipped=skipped,
        activations=str(raw.get("activation_scheme", "none"))[:96] if method == "fp8" else None,
        algorithm=_algorithm(raw) if method.startswith("modelopt") else None, sparse=_sparse(raw),
    )  # fmt: skip


def _algorithm(raw: Config) -> str | None:
    """ModelOpt's algorithm; vLLM refuses the mixed one without the algorithm of each layer (seen: 0.32, ModelOptMixedPrecisionConfig)."""
    own = raw.get("quantization")
    held = own if isinstance(own, dict) else raw
    algorithm = str(held.get("quant_algo") or "").upper()[:64]
    return (
        f"{algorithm} without quantized_layers"
        if algorithm == MIXED and not held.get("quantized_layers")
        else algorithm or None
    )


def _sparse(raw: Config) -> bool | None:
    sparsity = raw.get("sparsity_config")
    return True if isinstance(sparsity, dict) and sparsity.get("targets") else None


def _method(raw: Config) -> str:
    """The quantisation method, as vLLM names it."""
    producer = raw.get("producer")
    own = raw.get("quantization")
    if isinstance(producer, dict) and producer.get("name") == "modelopt" and isinstance(own, dict):
        return "modelopt_fp4" if str(own.get("quant_algo")).upper() == "NVFP4" else "modelopt"
    return str(raw.get("quant_method") or "").lower().replace("compressed_tensors", "compressed-tensors")


def _granularity(raw: Config) -> tuple[tuple[int, int] | None, int | None, int | None]:
    """(block of the weights' scales, group size along the input, bits); for compressed-tensors of the first group of layers."""
    groups = raw.get("config_groups")
    first: Any = next(iter(groups.values()), {}) if isinstance(groups, dict) else {}
    weights = first.get("weights") if isinstance(first, dict) else None
    source = weights if isinstance(weights, dict) else raw
    block = _pair(source.get("block_structure")) or _pair(raw.get("weight_block_size"))
    return block, _whole(source.get("group_size")), _whole(source.get("num_bits") or source.get("bits"))


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(_whole(side) for side in value):
        return int(value[0]), int(value[1])
    return None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10**9 else None


def _skips(raw: Config, part: str) -> bool:
    """Whether a whole part is not quantised; a list that names single layers does not exclude the whole part."""
    return any(_general(name) and re.search(_PARTS[part], name) for name in _ignored(raw))


def _skipped_of_delta(raw: Config, method: str, text: Text) -> Iterator[str]:
    """Of gated delta nets the projections and the gates; vLLM's fp8 takes full names of modules only (is_layer_skipped)."""
    names = [name for name in _ignored(raw) if "linear_attn" in name or "in_proj" in name]
    wide = [name for name in names if name.startswith(("re:", "*")) or (method != "fp8" and not re.search(r"\d", name))]
    modules = {found[1] for name in names if (found := re.search(r"layers\.(\d+\.linear_attn\.\w+)$", name))}
    numbers = [number for number, kind in enumerate(layer_kinds(text)) if kind == STATE]

    def left_out(*forms: tuple[str, ...]) -> bool:
        return any(all(f"{n}.linear_attn.{one}" in modules for n in numbers for one in form) for form in forms)

    if any("in_proj" not in name for name in wide) or left_out(
        ("in_proj_qkvz", "out_proj"), ("in_proj_qkv", "in_proj_z", "out_proj")
    ):
        yield "delta"
    if wide or left_out(("in_proj_ba",), ("in_proj_b", "in_proj_a"), ("b_proj", "a_proj")):
        yield "delta_gates"


def _ignored(raw: Config) -> Iterator[str]:
    for key in ("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules"):
        value = raw.get(key)
        yield from (name for name in (value if isinstance(value, list) else ()) if isinstance(name, str))


def _general(name: str) -> bool:
    """Whether a name applies to every layer: a pattern, or a module name without a number; gates are ignored."""
    return not re.search(r"\d|gate(?:$|\W)(?!_)|norm|router", name) or name.startswith(("re:", "*"))
