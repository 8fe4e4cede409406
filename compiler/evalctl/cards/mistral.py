"""Reads repositories in Mistral's own form: params.json, consolidated*.safetensors, tekken.json.

vLLM prefers this form to that of transformers if there are consolidated*.safetensors, without any option (seen: 0.32.0:
config_format, load_format and tokenizer_mode are `auto`; transformers_utils/configs/mistral.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalctl.cards.configuration import MOST_LAYERS
from evalctl.cards.source import ModelFiles, json_file

_NAMES = {
    "dim": "hidden_size", "n_kv_heads": "num_key_value_heads", "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads", "hidden_dim": "intermediate_size",
}  # fmt: skip
_EXPERTS = {
    "first_k_dense_replace": "first_k_dense_replace", "num_experts_per_tok": "num_experts_per_tok",
    "num_experts": "n_routed_experts", "expert_hidden_dim": "moe_intermediate_size",
    "num_shared_experts": "n_shared_experts",
}  # fmt: skip
_DEFAULT_LENGTH = 128_000
TYPE = "mistral_params"  # vLLM reads it by itself


def is_mistral(source: ModelFiles) -> bool:
    """Whether vLLM loads the consolidated weights."""
    return any(name.startswith("consolidated") and name.endswith(".safetensors") for name in source.sizes)


def own_tokenizer(source: ModelFiles) -> bool:
    """Whether the tokenizer is that of mistral_common, which includes the chat template."""
    files = source.sizes
    return is_mistral(source) and any(name == "tekken.json" or name.startswith("tokenizer.model.v") for name in files)


def configuration(source: ModelFiles) -> dict[str, Any]:
    """The configuration that vLLM reads, with the key names of transformers; empty where there is none."""
    written = json_file(source, "config.json")
    params = json_file(source, "params.json") if is_mistral(source) else {}
    return {**written, **_in_words_of_transformers(params, written)} if params else written


def _in_words_of_transformers(params: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    text = {_NAMES.get(key, key): value for key, value in params.items() if key not in ("moe", "quantization")}
    experts = params.get("moe") if isinstance(params.get("moe"), dict) else None
    if experts is not None:
        text |= {_EXPERTS[key]: value for key, value in experts.items() if key in _EXPERTS}
    text.setdefault("max_position_embeddings", _length(written))
    windows, count = text.get("sliding_window"), min(int(text.get("num_hidden_layers", 0)), MOST_LAYERS)
    if isinstance(windows, list) and windows:
        kinds = ["sliding_attention" if window else "full_attention" for window in windows]
        text["layer_types"] = kinds * (count // len(kinds))
        text["sliding_window"] = next(filter(None, windows), None)
    elif isinstance(windows, int):
        text["layer_types"] = ["sliding_attention"] * count
    # vLLM treats MLA as DeepSeek's; another type has no defaults here, as PreTrainedConfig has none.
    text["model_type"] = "deepseek_v3" if params.get("qk_nope_head_dim") else TYPE
    return {**text, "architectures": [_class(params, experts)], **_quantised(params)}


def _length(written: Mapping[str, Any]) -> int:
    text = written.get("text_config")
    value = (text if isinstance(text, dict) else written).get("max_position_embeddings")
    return value if isinstance(value, int) else _DEFAULT_LENGTH


def _class(params: Mapping[str, Any], experts: Mapping[str, Any] | None) -> str:
    multimodal = params.get("multimodal") if isinstance(params.get("multimodal"), dict) else {}
    if params.get("vision_encoder") or (multimodal or {}).get("vision_encoder_args"):
        return "PixtralForConditionalGeneration"
    if (multimodal or {}).get("whisper_model_args"):
        return "VoxtralForConditionalGeneration"
    if params.get("model_type") == "mamba":
        return "Mamba2ForCausalLM"
    if experts is not None:
        return "MistralLarge3ForCausalLM" if experts.get("num_shared_experts") else "MixtralForCausalLM"
    return "MistralForCausalLM"


def _quantised(params: Mapping[str, Any]) -> dict[str, Any]:
    own = params.get("quantization")
    if not isinstance(own, dict):
        return {}
    if own.get("qformat_weight") == "fp8_e4m3":
        return {"quantization_config": {"quant_method": "fp8"}}
    return {"quantization_config": own}
