"""The layers of a model's KV cache, by kind.

By vLLM's rules (seen: 0.32.0; tests/environments/test_vllm_shapes.py compares with the cache specifications of vLLM's layers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalctl.cards.architecture import ATTENTION_FREE, head_size, kv_heads, layers
from evalctl.cards.configuration import Text
from evalctl.model.card import CacheLayers

# vLLM's list (is_deepseek_mla): these cache one compressed vector per token and layer.
MLA = frozenset(
    [
        "axk1", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "deepseek_v41", "dots3_note", "deepseek_mtp",
        "k3_dspark", "glm5_next", "glm5_next_text", "glm_moe_dsa", "glm4_moe_lite", "glm4_moe_lite_mtp", "kimi_k2",
        "kimi_linear", "longcat_flash", "pangu_ultra_moe", "pangu_ultra_moe_mtp", "bailing_hybrid", "bailing_hybrid_mtp",
        "bailing_hybrid_v3_mtp", "hy_v4", "hy_v4_mtp",
    ]
)  # fmt: skip
FULL, WINDOW, CHUNK, STATE, BOTH, NONE = "full", "window", "chunk", "state", "both", "none"
_KINDS = {
    "full_attention": FULL, "attention": FULL, "sliding_attention": WINDOW, "chunked_attention": CHUNK,
    "linear_attention": STATE, "mamba": STATE, "mamba2": STATE, "conv": STATE, "recurrent": STATE, "hybrid": BOTH,
    "mlp": NONE, "moe": NONE, "*": FULL, "M": STATE, "-": NONE, "E": NONE,
}  # fmt: skip


def cache(text: Text) -> tuple[CacheLayers, ...]:
    """The layers that cache every token, grouped by the size and window of their cache."""
    if text.type in ATTENTION_FREE:
        return ()
    found: Counter[tuple[int, int, int | None]] = Counter()
    for kind in own_kinds(text):
        if kind in (FULL, WINDOW, CHUNK, BOTH):
            found[(*_held(text, kind), _window(text, kind))] += 1
    return tuple(
        CacheLayers(layers=count, kv_heads=heads, width=width, window=window)
        for (heads, width, window), count in found.items()
    )


def _held(text: Text, kind: str) -> tuple[int, int]:
    """(heads, elements that each head caches of one token)."""
    rank, rope = text.number("kv_lora_rank"), text.number("qk_rope_head_dim")
    if text.type in MLA and rank:
        return 1, rank + (rope or 0)
    if kind == FULL and text.number("global_head_dim"):  # Gemma 4: layers without a window have larger heads
        heads = text.number("num_global_key_value_heads") if text.get("attention_k_eq_v") else None
        return heads or kv_heads(text), 2 * (text.number("global_head_dim") or 0)
    if text.type.startswith(
        "mimo_v2"
    ):  # values are narrower than keys, and layers with a window have another number of heads
        own = "swa_" if kind == WINDOW else ""
        keys, values = (text.number(f"{own}{name}", name) or head_size(text) for name in ("head_dim", "v_head_dim"))
        return text.number(f"{own}num_key_value_heads") or kv_heads(text), keys + values
    return kv_heads(text), 2 * head_size(text)


def _window(text: Text, kind: str) -> int | None:
    if kind == CHUNK:
        return text.number("attention_chunk_size")
    return text.number("sliding_window") if kind == WINDOW else None


def own_kinds(text: Text) -> list[str]:
    """The kinds of the layers with a cache of their own: Gemma 3n's last layers use the cache of earlier layers."""
    kinds = layer_kinds(text)
    return kinds[: len(kinds) - (text.number("num_kv_shared_layers") or 0)]


def layer_kinds(text: Text) -> list[str]:
    """The kind of each layer, as the configuration lists them or as they follow from the model type."""
    count = layers(text)
    listed = _listed(text) or _by_place(text, count)
    if listed:
        kinds = [_KINDS.get(kind, FULL) for kind in listed[:count]]
        return kinds + kinds[-1:] * (count - len(kinds))
    return [FULL] * count  # vLLM uses a window only where layers differ in kind (seen: Mistral, Mixtral, Qwen2)


def _listed(text: Text) -> list[str]:
    for key in ("layers_block_type", "hybrid_override_pattern", "layer_types"):
        value = text.written.get(key)
        if isinstance(value, (list, str)) and value:
            return [str(kind) for kind in value]
    kinds = text.written.get("attn_type_list")  # MiniMax: 1 attends, 0 is linear
    if isinstance(kinds, list):
        return ["attention" if kind == 1 else "linear_attention" for kind in kinds]
    windows = text.written.get("hybrid_layer_pattern")
    if isinstance(windows, list):  # MiMo-V2: 1 has a window
        return ["sliding_attention" if kind == 1 else "full_attention" for kind in windows]
    blocks = text.written.get("block_configs")  # Nemotron-NAS
    if isinstance(blocks, list):
        return ["mlp" if ((block or {}).get("attention") or {}).get("no_op") else "attention" for block in blocks]
    return []


def _by_place(text: Text, count: int) -> list[str]:
    """Kinds that follow from a layer's number: its position in a period, or in a list of layers with attention."""
    attending = text.written.get("attn_layer_indices")
    if attending is None:
        attending = [number - 1 for number in text.section("linear_attn_config").get("full_attn_layers") or ()]
    period, offset = text.number("attn_layer_period"), text.number("attn_layer_offset") or 0
    if attending:
        return ["attention" if number in attending else "mamba" for number in range(count)]
    if period:
        return ["attention" if number % period == offset else "mamba" for number in range(count)]
    pattern: Sequence[str] = text.known.get("layers") or ()
    every = text.number("full_attention_interval", "sliding_window_pattern", "_sliding_window_pattern")
    if every and pattern:
        other = next((kind for kind in pattern if kind != "full_attention"), "full_attention")
        pattern = [*[other] * min(every - 1, count), "full_attention"]
    return [pattern[number % len(pattern)] for number in range(count)] if pattern else []
