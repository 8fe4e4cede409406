"""A model's shape from config.json, by the rules of vLLM (seen: 0.32.0, model_arch_config_convertor.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evalctl.cards.configuration import LARGEST, MOST_LAYERS, Config, Text, text_part
from evalctl.shell import EnvironmentProblem

_KV_HEADS = ("n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num", "num_attention_groups")
_LENGTH = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length",
    "max_target_positions", "max_sequence_length", "max_seq_length", "seq_len",
)  # fmt: skip
# Model types whose max_position_embeddings is the scaled length already.
_SCALED = ("su", "longrope", "llama3", "yarn", "telechat3-yarn", "deepseek_yarn", "deepseek_llama_scaling")
_DEFAULT = 2048  # what vLLM takes where no key says a length; one that is named may be any (_get_and_verify_max_len)
_LONG_ROPE = ("su", "longrope")
_ORIGINAL = "original_max_position_embeddings"
# Model types without attention: vLLM gives them no heads (convertors of 0.32.0).
ATTENTION_FREE = frozenset({"mamba", "mamba2", "falcon_mamba"})

_ONE_KV_HEAD = frozenset({"falcon", "RefinedWeb", "RefinedWebModel", "gpt_bigcode"})


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model's shape; `dtype` and `context_length` are None where config.json does not state them.

    `default_length` is vLLM's default of max_model_len; None where that is the context length.
    """

    name: str
    context_length: int | None
    default_length: int | None
    layers: int
    attention_heads: int
    kv_heads: int
    head_size: int
    dtype: str | None


def architecture(config: Config, label: str) -> Architecture:
    """The shape of the text part, or an EnvironmentProblem that names what config.json lacks."""
    name, text = _name(config, label), text_part(config, label)
    heads = attention_heads(text)
    return Architecture(
        name=name,
        context_length=_context_length(config, text),
        default_length=_default_length(text) if _context_length(config, text) else _DEFAULT,
        layers=layers(text),
        attention_heads=heads,
        kv_heads=kv_heads(text),
        head_size=head_size(text),
        dtype=_dtype(text.written) or _dtype(config),
    )


def layers(text: Text) -> int:
    """The number of layers, including those without attention."""
    # LongCat counts two attention sublayers per layer; NemotronH may give its layers as a pattern only.
    pattern = text.written.get("hybrid_override_pattern")
    kinds = text.written.get("layers_block_type")
    if "num_hidden_layers" not in text.written and (isinstance(pattern, str) or isinstance(kinds, list)):
        return len(pattern or kinds or ())
    return text.needed("num_hidden_layers", MOST_LAYERS)


def attention_heads(text: Text) -> int:
    """Heads of one layer; a model without attention counts as one."""
    return 1 if text.type in ATTENTION_FREE else text.needed("num_attention_heads")


def kv_heads(text: Text) -> int:
    """Heads for keys and values of one layer."""
    # Falcon's first generation has one head for keys and values and states that only by a flag.
    one = text.type in _ONE_KV_HEAD and text.get("multi_query") is True
    if one and not text.get("new_decoder_architecture"):
        return 1
    if text.type == "dbrx":
        grouped = text.section("attn_config").get("kv_n_heads")
        return grouped if isinstance(grouped, int) else 1  # transformers' own default
    heads = attention_heads(text)
    return text.number(*_KV_HEADS) or _heads_of_first_block(text, heads) or heads


def _heads_of_first_block(text: Text, heads: int) -> int | None:
    """Nemotron-NAS describes each block; the first block with attention counts."""
    for block in text.written.get("block_configs") or ():
        attention = (block.get("attention") if isinstance(block, dict) else None) or {}
        if not attention.get("no_op") and isinstance(attention.get("n_heads_in_group"), int):
            return heads // max(1, int(attention["n_heads_in_group"]))
    return None


def head_size(text: Text) -> int:
    """Elements of one head."""
    given = text.number("head_dim")
    if given:
        return given
    return max(1, text.needed("hidden_size") // attention_heads(text))


def _name(config: Config, label: str) -> str:
    names = config.get("architectures") or ()
    if not isinstance(names, list) or not names:
        raise EnvironmentProblem(
            f"config.json of {label} names no architecture", "check that this is a model that generates text"
        )
    return str(names[0])


def _dtype(config: Config) -> str | None:
    value = config.get("dtype") or config.get("torch_dtype")  # transformers 5 writes the first, 4 the second
    return value.removeprefix("torch.") if isinstance(value, str) and value != "auto" else None


def _context_length(config: Config, text: Text) -> int | None:
    lengths = [number for key in _LENGTH if (number := text.number(key))]
    if not lengths:
        return None
    # Command-R has a key of its own for the length.
    length = text.number("model_max_length") or min(lengths)
    return int(min(LARGEST, length * _scaling(config, text)))


def _default_length(text: Text) -> int | None:
    """vLLM's default length for LongRoPE is the original one: with long factors, answers to short questions are worse (seen: 0.32.0)."""
    ropes = [*_ropes(text)]
    if not any(_rope_type(rope) in _LONG_ROPE for rope in ropes):
        return None
    # The configuration class of this type copies the number from the parameters; no other class does.
    copied = ropes[0].get(_ORIGINAL) if text.type == "phimoe" else None
    return copied if isinstance(copied, int) and copied > 0 else text.number(_ORIGINAL)


def fault(text: Text) -> str | None:
    """What the pinned transformers or vLLM refuses to read (seen: 5.19, validate_rope, validate_architecture; 0.32, patch_legacy_rope_type)."""
    if text.refuses("uneven") and text.needed("hidden_size") % attention_heads(text):
        return f"hidden_size {text.needed('hidden_size')} is not a multiple of {attention_heads(text)} heads"
    return next((found for rope in _ropes(text) if (found := _phi_fault(text, rope) or _rope_fault(text, rope))), None)


def _phi_fault(text: Text, rope: Config) -> str | None:
    """Phi-3 and PhiMoE have checks of their own: a `su` of before is none of theirs."""
    type = _rope_type(rope)
    if text.type == "phi3" and type not in (None, "default", "longrope"):
        return f"rope type {str(type)[:40]} where phi3 has longrope alone"
    scales = ("short_mscale", "long_mscale")
    if text.type == "phimoe" and type not in (None, "default") and not all(rope.get(name) for name in scales):
        return "rope scaling without short_mscale and long_mscale"
    return None


# The parameters without which a kind of rope cannot be computed.
_ROPE_NEEDS = {
    "linear": ("factor",), "dynamic": ("factor",), "yarn": ("factor",), "longrope": ("short_factor", "long_factor"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"), "mrope": ("mrope_section",),
}  # fmt: skip


def _rope_fault(text: Text, rope: Config) -> str | None:
    """Two names for the kind that differ, or a parameter that is missing; only of types whose own class is known."""
    old, new = rope.get("type"), rope.get("rope_type")
    # These classes put a `rope_scaling` of before into parameters that say `default` already.
    legacy = text.refuses("legacy") and bool(text.section("rope_scaling")) and not text.section("rope_parameters")
    new = new or ("default" if legacy and old else None)
    if old and new and old != new and (old, new) not in (("su", "longrope"), ("mrope", "default")):
        return f"rope type {str(new)[:40]} and, by its older name, {str(old)[:40]}"
    if legacy or not text.known:
        return None
    kind = new or old
    needs = _ROPE_NEEDS.get(kind, ()) if isinstance(kind, str) else ()
    if kind == "longrope" and text.refuses("original"):
        needs += (_ORIGINAL,)
    missing = [name for name in needs if name not in rope]
    return f"rope type {kind} without {', '.join(missing)}" if missing else None


def _scaling(config: Config, text: Text) -> float:
    """The factor by which rope scaling of the older kinds (linear, dynamic) extends the length."""
    if "gemma3" in str(config.get("model_type")) or "gemma3" in text.type:
        return 1.0
    factor = 1.0
    for rope in _ropes(text):
        given = rope.get("factor")
        if _rope_type(rope) not in _SCALED and isinstance(given, (int, float)):
            factor = float(given)
    return factor


def _rope_type(rope: Config) -> Any:
    return rope.get("rope_type", rope.get("type"))


def _ropes(text: Text) -> Iterator[dict[str, Any]]:
    """One set of rope parameters, or one for each kind of layer; an empty `rope_scaling` counts as absent."""
    rope = next((part for key in ("rope_scaling", "rope_parameters") if (part := text.section(key))), {})
    nested = [one for one in rope.values() if isinstance(one, dict)]
    yield from nested or [dict(rope)]
