"""What config.json says of a model's shape, by the rules of vLLM (seen: 0.32.0, model_arch_config_convertor.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.shell import EnvironmentProblem

Config = Mapping[str, Any]

_NESTED = ("text_config", "llm_config", "language_config")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_KV_HEADS = ("n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num", "num_attention_groups")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_LENGTH = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length",
    "max_target_positions", "max_sequence_length", "max_seq_length", "seq_len",
)  # fmt: skip
# Their max_position_embeddings is the scaled length already.
_SCALED = ("su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling")


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model's shape; `dtype` and `context_length` are None where config.json does not say."""

    name: str
    context_length: int | None
    layers: int
    attention_heads: int
    kv_heads: int
    head_size: int
    dtype: str | None


def architecture(config: Config, label: str) -> Architecture:
    """The shape of the text part, or an EnvironmentProblem that names what config.json lacks."""
    name, text = _name(config, label), _text_part(config)
    heads = _needed(text, _HEADS, label)
    return Architecture(
        name=name,
        context_length=_context_length(config, text),
        layers=_needed(text, _LAYERS, label),
        attention_heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_size=_head_size(text, heads, label),
        dtype=_dtype(text) or _dtype(config),
    )


def _text_part(config: Config) -> Config:
    """Models that see or hear nest their text model's configuration."""
    for key in _NESTED:
        if isinstance(config.get(key), dict):
            return {**config, **config[key]}
    return config


def _name(config: Config, label: str) -> str:
    names = config.get("architectures") or ()
    if not names:
        raise EnvironmentProblem(
            f"config.json of {label} names no architecture", "is this a model that generates text?"
        )
    return str(names[0])


def _needed(config: Config, keys: tuple[str, ...], label: str) -> int:
    value = _first(config, keys)
    if value is None:
        raise EnvironmentProblem(
            f"config.json of {label} does not say {keys[0]}",
            "write the model's lock.yaml by hand, with the values of its documentation",
        )
    return value


def _first(config: Config, keys: tuple[str, ...]) -> int | None:
    return next((config[key] for key in keys if isinstance(config.get(key), int)), None)


def _kv_heads(config: Config, heads: int) -> int:
    # Falcon's first generation has one head for keys and values and says so by a flag alone.
    if config.get("multi_query") is True and not config.get("new_decoder_architecture") and "falcon" in _type(config):
        return 1
    return _first(config, _KV_HEADS) or _heads_of_first_block(config, heads) or heads


def _heads_of_first_block(config: Config, heads: int) -> int | None:
    """Nemotron-NAS describes each block; the first that attends counts."""
    for block in config.get("block_configs") or ():
        attention = block.get("attention") or {}
        if not attention.get("no_op") and attention.get("n_heads_in_group"):
            return heads // int(attention["n_heads_in_group"])
    return None


def _head_size(config: Config, heads: int, label: str) -> int:
    given = _first(config, ("head_dim", "hidden_size_per_head"))
    return given or _needed(config, _HIDDEN, label) // heads


def _dtype(config: Config) -> str | None:
    value = config.get("dtype") or config.get("torch_dtype")  # transformers 5 writes the first, 4 the second
    return value.removeprefix("torch.") if isinstance(value, str) and value != "auto" else None


def _type(config: Config) -> str:
    return str(config.get("model_type", ""))


def _context_length(config: Config, text: Config) -> int | None:
    lengths = [text[key] for key in _LENGTH if isinstance(text.get(key), int)]
    if not lengths:
        return None
    length = text["model_max_length"] if isinstance(text.get("model_max_length"), int) else min(lengths)
    return int(length * _scaling(config, text))


def _scaling(config: Config, text: Config) -> float:
    """What rope scaling of the older kinds (linear, dynamic) adds to the length."""
    rope = text.get("rope_scaling") or text.get("rope_parameters")
    if not isinstance(rope, dict) or "gemma3" in _type(config):
        return 1.0
    kind = rope.get("rope_type", rope.get("type"))
    factor = rope.get("factor")
    return 1.0 if kind in _SCALED or not isinstance(factor, (int, float)) else float(factor)
