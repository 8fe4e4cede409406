"""Single facts: shape, length, think tags, template."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from evalctl.cards.architecture import architecture, fault
from evalctl.cards.configuration import text_part
from evalctl.cards.folder import open_folder
from evalctl.cards.tokenizer import marks, parser_tokens, parses_thinking, read_by, template_digest
from evalctl.cards.widths import quantization
from evalctl.model.marks import MARKS, THINK, Mark

from .conftest import CONFIG, TEMPLATE

CLOSE = {"content": "</think>"}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
CODE = {"AutoTokenizer": ["own.Own", None]}


def shape(**changes: Any) -> Any:
    """The architecture of the small model with some keys changed; None takes a key away."""
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
    return architecture(config, "it")


def test_head_size_is_declared_or_computed() -> None:
    """head_dim wins over hidden size by heads."""
    assert (shape().head_size, shape(head_dim=256).head_size) == (32, 256)


def test_kv_heads_default_to_all_heads() -> None:
    """Without grouped attention each head has its own keys."""
    assert shape(num_key_value_heads=None).kv_heads == 4


def test_falcon_and_nemotron_say_kv_heads_in_their_own_way() -> None:
    """A flag of Falcon means one head; Nemotron-NAS gives the group size of each block."""
    blocks = [{"attention": {"no_op": True}}, {"attention": {"no_op": False, "n_heads_in_group": 2}}]
    assert shape(model_type="falcon", multi_query=True).kv_heads == 1
    assert shape(num_key_value_heads=None, block_configs=blocks).kv_heads == 2


def test_the_text_part_of_a_larger_model_counts() -> None:
    """Models that see nest the text model's configuration; its values win."""
    nested = {"architectures": ["SeesForConditionalGeneration"], "text_config": CONFIG, "num_hidden_layers": 99}
    found = architecture(nested, "it")
    assert (found.layers, found.context_length, found.dtype) == (2, 4096, "bfloat16")


def test_gpt2_names_are_understood() -> None:
    """Older configurations say n_layer, n_head, n_embd, n_positions."""
    old = {"architectures": ["GPT2LMHeadModel"], "n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}
    found = architecture(old, "it")
    assert (found.layers, found.attention_heads, found.kv_heads, found.head_size, found.context_length) == (
        12, 12, 12, 64, 1024,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rope", "length"),
    [
        ({"rope_type": "llama3", "factor": 8.0}, 4096),
        ({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}, 4096),
        ({"rope_type": "linear", "factor": 2.0}, 8192),
        ({"type": "dynamic", "factor": 4.0}, 16384),
        ({"type": "mrope", "mrope_section": [16, 24, 24]}, 4096),
        ({"rope_type": "linear", "factor": None}, 4096),
    ],
)
def test_context_length_follows_vllm(rope: dict[str, Any], length: int) -> None:
    """Scaling is applied where vLLM 0.32 applies it, and nowhere else."""
    assert shape(rope_scaling=rope).context_length == length


def test_context_length_is_unknown_where_nothing_says_it() -> None:
    """No key and no default of the type, no invented number."""
    assert shape(max_position_embeddings=None, model_type="own").context_length is None
    assert shape(max_position_embeddings=None).context_length == 2048  # LlamaConfig's


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", {"added_tokens_decoder": {"5": {"content": "<think>"}, "6": CLOSE}}),
        ("tokenizer_config.json", {"additional_special_tokens": ["<think>", "</think>"]}),
        ("added_tokens.json", {"<think>": 5, "</think>": 6}),
        ("special_tokens_map.json", {"additional_special_tokens": ["<think>", {"content": "</think>"}]}),
        ("tokenizer.json", {"added_tokens": [{"content": "<think>"}, {"content": "</think>"}]}),
        ("tokenizer.json", {"model": {"vocab": {"<think>": 5, "</think>": 6}}}),
        ("tokenizer.json", {"model": {"vocab": [["<think>", -1.0], ["</think>", -1.0]]}}),
        ("vocab.json", {"<think>": 5, "</think>": 6}),
    ],
)  # fmt: skip
def test_think_tags_are_found_wherever_a_tokenizer_keeps_tokens(tmp_path: Path, name: str, content: object) -> None:
    """Each of the files that may hold a token is asked."""
    (tmp_path / name).write_text(json.dumps(content))
    assert marks(open_folder(tmp_path)) == (THINK,)


def test_one_think_tag_alone_is_none(tmp_path: Path) -> None:
    """A reasoning parser needs both ends; a template that merely mentions them is not a token."""
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<think>": 5}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "<think></think>"}))
    assert marks(open_folder(tmp_path)) == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", json.dumps({"chat_template": TEMPLATE})),
        ("tokenizer_config.json", json.dumps({"chat_template": [
            {"name": "tool_use", "template": "x"}, {"name": "default", "template": TEMPLATE}]})),
        ("tokenizer_config.json", json.dumps({"chat_template": {"default": TEMPLATE, "rag": "x"}})),
        ("chat_template.jinja", TEMPLATE),
        ("chat_template.json", json.dumps({"chat_template": TEMPLATE})),
    ],
)  # fmt: skip
def test_template_digest_does_not_depend_on_where_it_stands(tmp_path: Path, name: str, content: str) -> None:
    """One template has one digest in all places."""
    (tmp_path / name).write_text(content)
    assert template_digest(open_folder(tmp_path)) == hashlib.sha256(TEMPLATE.encode()).hexdigest()


def test_the_template_file_wins_over_the_key(model: Path) -> None:
    """transformers reads chat_template.jinja first."""
    (model / "chat_template.jinja").write_text("other")
    assert template_digest(open_folder(model)) == hashlib.sha256(b"other").hexdigest()


def test_a_base_model_has_no_template(tmp_path: Path) -> None:
    """No template is None, not the digest of nothing; several of which none is the default are none, too."""
    assert template_digest(open_folder(tmp_path)) is None
    several = {"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "rag", "template": "y"}]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(several))
    assert template_digest(open_folder(tmp_path)) is None


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None), ({"tokenizer_config.json": {"added_tokens_decoder": {"5": {"content": "<assistant>"}}}}, None),
        ({"tokenizer.json": {"model": {"vocab": {"a": 0, "Ġ</": 1, ">": 2}}}}, (">", "Ġ</")),
        ({"vocab.json": {"a": 0}, "added_tokens.json": {"<think:1a2b>": 1, "<thinking>": 2}}, ("<think:1a2b>",)),
        ({"tekken.json": {"config": {}}, "consolidated.safetensors": {}}, None),
        (
            {"tekken.json": {"special_tokens": [{"token_str": "[TOOL_CALLS]"}]}, "consolidated.safetensors": {},
             "tokenizer.json": {"model": {"vocab": {"<assistant>": 0}}}},
            ("[TOOL_CALLS]",),
        ),
    ],
)  # fmt: skip
def test_the_tokens_that_parsers_look_for_are_known_of_a_whole_vocabulary(
    tmp_path: Path, files: dict[str, object], found: tuple[str, ...] | None
) -> None:
    """With what is added to it; of one in a form that is no text nobody says that a token is missing."""
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert parser_tokens(open_folder(tmp_path)) == found


@pytest.mark.parametrize(
    ("config", "own", "files", "reader"),
    [
        (LLAMA, None, (), "nobody"), (LLAMA, None, ("tokenizer.json",), "known"), (LLAMA, None, ("tokenizer.model",), "known"),
        (LLAMA, None, ("vocab.json", "merges.txt"), "known"), (LLAMA, None, ("qwen.tiktoken",), "known"),
        (LLAMA, {"auto_map": None}, ("tokenizer.json",), "nobody"), (LLAMA, {"auto_map": {}}, ("tokenizer.json",), "known"),
        (LLAMA, {"auto_map": {"AutoTokenizer": None}}, ("tokenizer.json",), "known"),
        (LLAMA, {"auto_map": CODE}, ("tokenizer.json",), "repository"), (LLAMA, {"auto_map": CODE}, (), "repository"),
        (LLAMA, {"auto_map": ["own.Own", None]}, ("tokenizer.json",), "repository"),
        (LLAMA, {"auto_map": CODE, "tokenizer_class": "Own"}, ("tokenizer.json",), "repository"),
        (LLAMA, {"auto_map": CODE, "tokenizer_class": "LlamaTokenizerFast"}, ("tokenizer.json",), "known"),
        ({"model_type": "qwen2"}, {"auto_map": CODE}, ("tokenizer.json",), "known"),
        ({"model_type": "chatglm"}, {"auto_map": CODE, "tokenizer_class": "ChatGLMTokenizer"}, ("tokenizer.model",), "repository"),
        ({"model_type": "own", "architectures": ["DeepseekV32ForCausalLM"]}, {"auto_map": CODE}, ("tokenizer.json",), "known"),
        (LLAMA, {"auto_map": CODE}, ("tekken.json", "consolidated.safetensors"), "known"),
    ],
)  # fmt: skip
def test_whose_code_makes_the_tokenizer(
    tmp_path: Path, config: dict[str, object], own: object, files: tuple[str, ...], reader: str
) -> None:
    """That of the repository where transformers has none for the class or the type of model; nobody's without a vocabulary."""
    for name, content in [*((name, {}) for name in files), ("tokenizer_config.json", own or {})]:
        (tmp_path / name).write_text(json.dumps(content))
    assert read_by(open_folder(tmp_path), config) == reader


@pytest.mark.parametrize(
    ("template", "found"),
    [
        (None, False),
        ({}, False),
        ({"fields": {"content": {}}}, False),
        ({"fields": {"thinking": {}}}, True),
        ("x", False),
    ],
)
def test_whether_the_tokenizer_takes_thinking_out_itself(tmp_path: Path, template: object, found: bool) -> None:
    """Its response_template says so by a field."""
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"response_template": template}))
    assert parses_thinking(open_folder(tmp_path)) == found


@pytest.mark.parametrize("mark", MARKS)
def test_each_mark_of_reasoning_is_found(tmp_path: Path, mark: Mark) -> None:
    """In a tokenizer's tokens and in Mistral's tekken.json alike; one half alone is none."""
    both = [mark.begin, mark.end]
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": text} for text in both]}))
    assert marks(open_folder(tmp_path)) == (mark,)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": mark.begin}]}))
    assert marks(open_folder(tmp_path)) == ()
    (tmp_path / "tekken.json").write_text(json.dumps({"special_tokens": [{"token_str": text} for text in both]}))
    assert marks(open_folder(tmp_path)) == (mark,)


LONG = {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}


@pytest.mark.parametrize(
    ("type", "more", "why"),
    [
        ("llama", {"hidden_size": 100, "num_attention_heads": 3, "head_dim": 32}, "hidden_size 100 is not a multiple of 3 heads"),
        ("qwen3", {"hidden_size": 100, "num_attention_heads": 3, "head_dim": 32}, None),
        ("gemma3_text", {"rope_scaling": {"type": "linear", "factor": 8.0}}, "rope type default and, by its older name, linear"),
        ("gemma3_text", {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}, None),
        ("gemma3_text", {"rope_scaling": {"rope_type": "linear"}}, None),
        ("gemma3_text", {"rope_scaling": {"type": "default"}}, None),
        ("gemma3_text", {"rope_parameters": {"full_attention": {"rope_type": "linear", "type": "yarn"}}}, "rope type linear and, by its older name, yarn"),
        ("llama", {"rope_scaling": {"type": "linear", "factor": 8.0}}, None),
        ("llama", {"rope_scaling": {"type": "linear"}}, "rope type linear without factor"),
        ("llama", {"rope_scaling": {"type": "linear", "factor": None}}, None),
        ("llama", {"rope_scaling": {"type": "linear", "rope_type": "yarn"}}, "rope type yarn and, by its older name, linear"),
        ("llama", {"rope_scaling": {"type": "mrope", "rope_type": "default"}}, None),
        ("llama", {"rope_scaling": {"type": "mrope"}}, "rope type mrope without mrope_section"),
        ("llama", {"rope_scaling": {"type": 7, "rope_type": 7}}, None),
        ("llama", {"rope_scaling": {"type": "own"}}, None),
        ("llama", {"rope_scaling": LONG}, None),
        ("mimo_v2_flash", {"rope_scaling": LONG}, "rope type longrope without original_max_position_embeddings"),
        ("mimo_v2_flash", {"rope_scaling": {**LONG, "original_max_position_embeddings": 8}}, None),
        ("own-type", {"rope_scaling": {"type": "linear"}, "hidden_size": 100, "num_attention_heads": 3}, None),
    ],
)  # fmt: skip
def test_what_is_refused_of_a_configuration_is_what_its_own_class_refuses(
    type: str, more: dict[str, Any], why: str | None
) -> None:
    """And nothing of a type whose class is in its repository (tests/environments compares them with the installed vLLM)."""
    assert fault(text_part({"model_type": type, **more}, "m")) == why


@pytest.mark.parametrize("layers", [None, {}, {"model.layers.0": {"quant_algo": "FP8"}}])
def test_a_mixed_quantisation_names_the_algorithm_of_its_layers(layers: Any) -> None:
    """In config.json or, as ModelOpt writes it, in a section of its own."""
    said = {"quant_algo": "mixed_precision", **({} if layers is None else {"quantized_layers": layers})}
    text = text_part({"model_type": "llama"}, "m")
    for form in ({"quant_method": "modelopt", **said}, {"quant_method": "modelopt", "quantization": said}):
        found = quantization({"quantization_config": form}, text)
        assert found is not None and found.algorithm == (
            "MIXED_PRECISION" if layers else "MIXED_PRECISION without quantized_layers"
        )
