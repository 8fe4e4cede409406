"""Cards of checkpoints on disk."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from evalctl.cards import folder_revision, read_folder
from evalctl.cards.source import SMALL
from evalctl.shell import EnvironmentProblem

from .conftest import CONFIG, PARAMETERS, TEMPLATE, safetensors

DAY = datetime.date(2026, 11, 23)


def test_all_facts_come_from_the_files(model: Path) -> None:
    """Every field of the card is what the files say."""
    card = read_folder(model, "pub/tiny", DAY)
    assert card.model_dump() == {
        "model": "pub/tiny",
        "path": str(model),
        "revision": folder_revision(model),
        "sampled_revision": None,
        "architecture": "LlamaForCausalLM",
        "context_length": 4096,
        "default_length": None,
        "mtp_layers": 0,
        "layers": 2,
        "attention_heads": 4,
        "kv_heads": 2,
        "config_read_by": "known",
        "config_fault": None,
        "head_size": 32,
        "dtype": "bfloat16",
        "parameters": PARAMETERS,
        "weight_bytes": len(safetensors()),
        "cache": ({"layers": 2, "kv_heads": 2, "width": 64, "window": None},),
        "state_bytes": 0,
        "widths": {"hidden": 128, "vocabulary": 32, "query": 128, "key": 64, "value": 128, "mlp": 11008},
        "quantization": None,
        "quantization_files": (),
        "think_tags": False,
        "reasoning_marks": (),
        "parser_tokens": (),
        "parses_thinking": False,
        "tokenizer_read_by": "known",
        "tokenizer": "transformers",
        "chat_template_sha256": hashlib.sha256(TEMPLATE.encode()).hexdigest(),
        "generation_config": {"temperature": 0.6, "top_p": 0.9},
        "recommends": (),
        "gated": False,
        "source": "folder",
        "read_at": "2026-11-23",
    }


def test_files_beside_the_configuration_tell_of_a_quantisation(model: Path) -> None:
    """ModelOpt's counts where config.json says nothing, as with vLLM; of others only their names are kept."""
    (model / "quantize_config.json").write_text("{}")
    (model / "hf_quant_config.json").write_text(
        json.dumps({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "group_size": 16}})
    )
    card = read_folder(model, "pub/tiny", DAY)
    assert card.quantization_files == ("hf_quant_config.json", "quantize_config.json")
    assert card.quantization is not None
    assert (card.quantization.method, card.quantization.algorithm) == ("modelopt_fp4", "NVFP4")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_revision_changes_with_the_content_of_a_file(model: Path, name: str) -> None:
    """One changed byte, in a file of the same size, is another revision."""
    before = folder_revision(model)
    content = bytearray((model / name).read_bytes())
    content[-1] ^= 1
    (model / name).write_bytes(content)
    assert folder_revision(model) != before


def test_whole_keeps_both_digests(model: Path) -> None:
    """`evalctl lock --whole`: results are kept by the digest of every byte; the cheap one is what is looked at often."""
    card = read_folder(model, "pub/tiny", DAY, whole=True)
    assert (card.revision, card.sampled_revision) == (folder_revision(model, whole=True), folder_revision(model))
    assert card.revision != card.sampled_revision


def test_revision_changes_with_a_name(model: Path) -> None:
    """A renamed file is another revision."""
    before = folder_revision(model)
    (model / "tokenizer.json").rename(model / "tokenizer2.json")
    assert folder_revision(model) != before


def test_revision_does_not_change_with_place_time_or_hidden_files(model: Path, tmp_path: Path) -> None:
    """The same files elsewhere are the same revision; .git and the like are no part of the model."""
    before = folder_revision(model)
    (model / ".gitattributes").write_text("*.safetensors lfs")
    (model / ".cache").mkdir()
    moved = model.rename(tmp_path / "elsewhere")
    assert folder_revision(moved) == before


def test_revision_of_large_weights_changes_when_they_are_trained_on(model: Path) -> None:
    """A checkpoint overwritten in place, same names and sizes, is another revision though not all of it is read."""
    large = model / "model.safetensors"
    with large.open("r+b") as file:
        file.truncate(SMALL + 1_000_000)
    before = folder_revision(model)
    assert folder_revision(model) == before
    with large.open("r+b") as file:
        for offset in range(1_000_000, SMALL, 4096):  # every tensor moves a little
            file.seek(offset)
            file.write(b"\x01")
    assert folder_revision(model) != before


def test_shards_count_together(model: Path) -> None:
    """Weights in several files are added up, and only those that the index names."""
    (model / "model.safetensors").unlink()
    for number in (1, 2):
        (model / f"model-0000{number}-of-00002.safetensors").write_bytes(safetensors())
    (model / "adapter.safetensors").write_bytes(safetensors())
    index = {"weight_map": {f"w{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    card = read_folder(model, "pub/tiny")
    assert (card.parameters, card.weight_bytes) == (2 * PARAMETERS, 2 * len(safetensors()))


def test_pickled_weights_are_counted_by_their_size(model: Path) -> None:
    """A .bin is never opened; bytes and type give the count."""
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(bytes(2000))
    card = read_folder(model, "pub/tiny")
    assert (card.parameters, card.weight_bytes, card.dtype) == (1000, 2000, "bfloat16")


def test_type_comes_from_the_weights_where_the_configuration_is_silent(model: Path) -> None:
    """Without dtype in config.json the type that holds most parameters counts."""
    config = {key: value for key, value in CONFIG.items() if key != "torch_dtype"}
    (model / "config.json").write_text(json.dumps(config))
    (model / "model.safetensors").write_bytes(safetensors({"a": ("F16", [100]), "b": ("F32", [10])}))
    assert read_folder(model, "pub/tiny").dtype == "float16"


def test_a_long_header_is_read_whole(model: Path) -> None:
    """Headers of large models are longer than the first read."""
    (model / "model.safetensors").write_bytes(safetensors(padding=200_000))
    assert read_folder(model, "pub/tiny").parameters == PARAMETERS


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", b"{", "config.json of .* is not JSON"),
        ("config.json", b"[]", "is not a JSON object"),
        ("config.json", b'{"model_type": "llama"}', "names no architecture"),
        ("config.json", b'{"architectures": ["X"], "num_hidden_layers": 2}', "lacks num_attention_heads"),
        ("model.safetensors", None, "has no weights"),
        ("model.safetensors", b"version https://git-lfs", "is not a valid safetensors file"),
        ("model.safetensors", b"short", "is not a valid safetensors file"),
        ("model.safetensors", (2).to_bytes(8, "little") + b"{}", "contains no tensor"),
        ("model.safetensors.index.json", b'{"weight_map": {"w": "model-1.safetensors"}}', "lacks model-1"),
    ],
)  # fmt: skip
def test_a_broken_model_is_named_with_its_remedy(model: Path, name: str, content: bytes | None, says: str) -> None:
    """What is missing or damaged is said with what to do; no card is made."""
    if content is None:
        (model / name).unlink()
    else:
        (model / name).write_bytes(content)
    with pytest.raises(EnvironmentProblem, match=says) as caught:
        read_folder(model, "pub/tiny")
    assert caught.value.help


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path that is not there gives its name and what to type."""
    with pytest.raises(EnvironmentProblem, match=r"nowhere cannot be read: No such file") as caught:
        read_folder(tmp_path / "nowhere", "pub/tiny")
    assert "absolute path" in caught.value.help


PARAMS = {
    "dim": 128, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "head_dim": 32, "hidden_dim": 256, "vocab_size": 32,
    "max_position_embeddings": 40960,
}  # fmt: skip
TEKKEN = {"config": {"version": "v13"}, "special_tokens": [{"token_str": "[THINK]"}, {"token_str": "[/THINK]"}]}


def test_a_repository_in_mistrals_own_form_is_read(model: Path) -> None:
    """params.json, consolidated weights and tekken.json alone, as vLLM takes them without an option."""
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json", "generation_config.json"):
        (model / name).unlink()
    (model / "model.safetensors").rename(model / "consolidated.safetensors")
    (model / "params.json").write_text(json.dumps(PARAMS))
    (model / "tekken.json").write_text(json.dumps(TEKKEN))
    card = read_folder(model, "pub/tiny")
    assert (card.architecture, card.context_length, card.kv_heads, card.dtype) == (
        "MistralForCausalLM",
        40960,
        2,
        "bfloat16",
    )
    assert (card.tokenizer, card.reasoning_marks, card.think_tags) == ("mistral", ("[THINK]",), False)


def test_mistrals_own_form_is_preferred(model: Path) -> None:
    """Where both forms are there, vLLM loads the consolidated weights and reads params.json first."""
    (model / "consolidated.safetensors").write_bytes(safetensors() + bytes(8))
    (model / "params.json").write_text(json.dumps({**PARAMS, "n_layers": 3}))
    card = read_folder(model, "pub/tiny")
    assert (card.layers, card.weight_bytes, card.tokenizer) == (3, len(safetensors()) + 8, "transformers")


DEEP = b"[" * 100_000
NESTED = (
    json.dumps({"architectures": ["X"]})[:-1].encode() + b', "text_config": {"llm_config": ' * 400 + b"{}" + b"}" * 401
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", DEEP), ("config.json", b'{"a":' * 100_000), ("config.json", NESTED), ("tokenizer.json", b'{"a":' * 100_000),
        ("tokenizer_config.json", b'{"added_tokens_decoder": ["x"]}'), ("tokenizer.json", b'{"model": {"vocab": [1]}}'),
("tokenizer.json", b'{"model": ["x"]}'),
        ("tokenizer_config.json", b'{"chat_template": ["x"]}'), ("generation_config.json", b'{"temperature": 1e999}'),
        ("config.json", b'{"architectures": ["X"], "num_hidden_layers": ' + b"9" * 4000 + b"}"),
        ("config.json", b'{"architectures": ["X"], "num_hidden_layers": ' + b"9" * 5000 + b"}"),
        ("model.safetensors", (11).to_bytes(8, "little") + b'{"a": "bc"}'),
        ("model.safetensors.index.json", b'{"weight_map": ["x"]}'),
    ],
)  # fmt: skip
def test_no_file_of_a_model_is_a_bug(model: Path, name: str, content: bytes) -> None:
    """Whatever a stranger's JSON holds, and however deep it nests, the place is named and no card is made."""
    (model / name).write_bytes(content)
    with pytest.raises(EnvironmentProblem) as caught:
        read_folder(model, "pub/tiny")
    assert str(model) in str(caught.value) or "pub/tiny" in str(caught.value)


def test_whether_gptq_is_symmetric_is_a_fact(model: Path) -> None:
    """vLLM reads only symmetric weights of it."""
    form = {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": False}
    (model / "config.json").write_text(json.dumps({**CONFIG, "quantization_config": form}))
    found = read_folder(model, "pub/tiny").quantization
    assert found is not None and (found.method, found.bits, found.symmetric) == ("gptq", 4, False)


MANY = 3 * 10**9


@pytest.mark.parametrize(
    "more",
    [
        {}, {"model_type": "mamba"}, {"attn_layer_period": 3}, {"layer_types": ["full_attention"]},
        {"model_type": "gemma3_text", "num_hidden_layers": 2, "sliding_window_pattern": MANY},
    ],
)  # fmt: skip
def test_a_model_of_no_possible_depth_costs_nothing(model: Path, more: dict[str, Any]) -> None:
    """A card looks at each layer by itself: before that, their number is one that a model can have."""
    (model / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": MANY, **more}))
    if "sliding_window_pattern" in more:
        assert [layers.layers for layers in read_folder(model, "pub/tiny").cache or ()] == [2]
        return
    with pytest.raises(EnvironmentProblem, match=r"num_hidden_layers in config.json of .* is not a possible number"):
        read_folder(model, "pub/tiny")


@pytest.mark.parametrize("window", [4096, [4096, None]])
def test_nor_does_one_in_mistrals_own_form(model: Path, window: Any) -> None:
    """The same where each layer's window is written into a list first."""
    (model / "consolidated.safetensors").write_bytes(safetensors())
    (model / "params.json").write_text(json.dumps({**PARAMS, "n_layers": MANY, "sliding_window": window}))
    with pytest.raises(EnvironmentProblem, match="is not a possible number"):
        read_folder(model, "pub/tiny")


@pytest.mark.parametrize("shape", [[10**12] * 100_000, [-5, 10], [2.5], ["a"], [True], 7, None, [10**13]])
def test_a_tensor_of_no_possible_shape_costs_nothing(model: Path, shape: Any) -> None:
    """The product of a hundred thousand sides would take minutes."""
    header = json.dumps({"w": {"dtype": "BF16", "shape": shape, "data_offsets": [0, 2]}}).encode()
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(EnvironmentProblem, match="is not a valid safetensors file"):
        read_folder(model, "pub/tiny")


def test_a_name_that_is_not_utf_8_is_named(model: Path) -> None:
    """A file that nothing can write into a card or a message."""
    (model / os.fsdecode(b"caf\xe9.json")).write_bytes(b"{}")
    with pytest.raises(EnvironmentProblem, match="is not UTF-8"):
        read_folder(model, "pub/tiny")
