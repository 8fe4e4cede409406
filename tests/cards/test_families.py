"""The shapes of well-known families, from configurations that leave out what their type has by default."""

from __future__ import annotations

import pytest
from families import FAMILIES, FP8, READERS, card_of

from evalctl.cards.architecture import architecture
from evalctl.cards.configuration import read_by
from evalctl.plan.divisions import sizes
from evalctl.plan.placement import cache_bytes
from evalctl.shell import EnvironmentProblem


@pytest.mark.parametrize(
    ("name", "layers", "heads", "kv_heads", "head_size", "context"),
    [
        ("gemma-3-4b-it", 34, 8, 4, 256, 131072),
        ("gemma-3-12b-it", 48, 16, 8, 256, 131072),
        ("llava-1.5-7b-hf", 32, 32, 32, 128, 4096),
        ("pixtral-12b", 40, 32, 8, 128, 1024000),
        ("Qwen2-VL-7B-Instruct", 28, 28, 4, 128, 32768),
        ("gpt2", 12, 12, 12, 64, 1024),
        ("falcon-7b", 32, 71, 1, 64, 2048),
        ("chatglm3-6b", 28, 32, 2, 128, 8192),
        ("dbrx-instruct", 40, 48, 8, 128, 32768),
        ("mpt-7b", 32, 32, 32, 128, 2048),
        ("DeepSeek-V3", 61, 128, 128, 56, 163840),
        ("Jamba-v0.1", 32, 32, 8, 128, 262144),
    ],
)
def test_what_is_left_out_has_the_default_of_its_type(
    name: str, layers: int, heads: int, kv_heads: int, head_size: int, context: int
) -> None:
    """As transformers reads the same file."""
    found = architecture(FAMILIES[name], "it")
    assert (found.layers, found.attention_heads, found.kv_heads) == (layers, heads, kv_heads)
    assert (found.head_size, found.context_length) == (head_size, context)


def test_a_null_is_no_default() -> None:
    """Written as null, num_key_value_heads means as many as heads; left out it is Mistral's 8."""
    config = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "num_key_value_heads": None}
    assert architecture(config, "it").kv_heads == 32
    del config["num_key_value_heads"]
    assert architecture(config, "it").kv_heads == 8


@pytest.mark.parametrize("value", [10**400, -1, 10**13])
def test_a_number_that_cannot_be_is_named(value: int) -> None:
    """No card is made of it."""
    with pytest.raises(EnvironmentProblem, match=r"num_hidden_layers in config.json of it is not a possible number"):
        architecture({**FAMILIES["phi-4"], "num_hidden_layers": value}, "it")


def test_an_unknown_type_says_what_to_type() -> None:
    """Where nothing is known of a type, what its file leaves out is never invented."""
    with pytest.raises(
        EnvironmentProblem, match=r"num_attention_heads; evalctl knows no defaults of model_type own"
    ) as caught:
        architecture({"architectures": ["OwnForCausalLM"], "model_type": "own", "num_hidden_layers": 2}, "it")
    assert "evalctl lock --path" in caught.value.help


@pytest.mark.parametrize(
    ("name", "tokens", "expected"),
    [
        ("DeepSeek-V3", 1000, 61 * 576 * 2 * 1000),  # 70 KB a token
        ("Nemotron-Nano-9B-v2", 1000, 4 * 8 * 256 * 2 * 1000 + 27 * 5316608),
        ("gemma-3-4b-it", 100_000, (5 * 100_000 + 29 * 1024) * 4 * 512 * 2),
        ("gpt-oss-20b", 8192, (12 * 8192 + 12 * 128) * 8 * 128 * 2),
        ("gemma-3n-E4B", 100_000, (4 * 100_000 + 16 * 512) * 2 * 512 * 2),
        ("granite-4.0-h-micro", 0, 36 * (4 * 4096 * 128 + 2 * 3 * (4096 + 2 * 128))),
        ("Qwen3-Next-80B-A3B", 1000, 12 * 2 * 512 * 2 * 1000 + 36 * (4 * 32 * 128 * 128 + 2 * 3 * 8192)),
    ],
)
def test_the_cache_of_one_answer(name: str, tokens: int, expected: int) -> None:
    """Compressed vectors, the layers that attend, windows and shared layers are counted as what they keep."""
    assert cache_bytes(card_of(FAMILIES[name]), tokens, 1) == expected


def test_heads_that_gpus_share_are_kept_by_each() -> None:
    """Four KV heads on eight GPUs are eight; the vector of MLA is on every GPU."""
    small, compressed = card_of(FAMILIES["Qwen3-30B-A3B-FP8"]), card_of(FAMILIES["DeepSeek-V3"])
    assert [cache_bytes(small, 100, gpus) for gpus in (4, 8)] == [48 * n * 256 * 2 * 100 for n in (4, 8)]
    assert cache_bytes(compressed, 100, 8) == 8 * cache_bytes(compressed, 100, 1)


@pytest.mark.parametrize(
    ("name", "exact", "refined"),
    [
        ("phi-4", [1, 2], [1, 2]),  # 10 KV heads on 4 GPUs
        ("Qwen3-30B-A3B-FP8", [1, 2], [1, 2, 4, 8]),  # 768 / 4 = 192 is one block of 128 and a half
        ("DeepSeek-V3", [1, 2, 4, 8, 16], [1, 2, 4, 8, 16]),
        ("Nemotron-Nano-9B-v2", [1, 2, 4, 8], [1, 2, 4, 8]),
        ("Qwen2.5-7B-Instruct-GPTQ-Int4", [1, 2, 4], [1, 2, 4]),
        ("Qwen2-72B-Instruct-AWQ-unpadded", [1], [1]),  # 29568 / 2 is not a multiple of the group of 128
        ("Mixtral-8x7B", [1, 2, 4, 8, 16], [1, 2, 4, 8, 16]),
        ("falcon-7b", [1], [1]),
        ("gpt-oss-20b", [1, 2, 4, 8, 16], [1, 2, 4, 8, 16]),
    ],
)
def test_the_sizes_that_vllm_accepts(name: str, exact: list[int], refined: list[int]) -> None:
    """Heads, KV heads, blocks and groups of the quantisation, experts, states."""
    one = card_of(FAMILIES[name])
    assert sizes(one, 16) == exact
    assert sizes(one, 16, refined=True) == refined


@pytest.mark.parametrize("name", READERS)
def test_whose_code_reads_a_configuration_is_known(name: str) -> None:
    """Code of a repository is not needed where transformers or vLLM has its own; tests/environments asks vLLM the same."""
    config, reader = READERS[name]
    assert read_by(config) == reader


_QWEN35 = {
    **FAMILIES["Qwen3-Next-80B-A3B"], "model_type": "qwen3_5_moe_text", "architectures": ["Qwen3_5MoeForCausalLM"],
    "moe_intermediate_size": 2048, "shared_expert_intermediate_size": 2048, "linear_num_key_heads": 16, "num_key_value_heads": 16,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "left_out", "expected"),
    [
        ({}, [], [1]), ({}, ["in_proj_a", "in_proj_b"], [1, 2, 4, 8, 16]), ({}, ["in_proj_a"], [1]),
        ({"linear_key_head_dim": 64}, ["in_proj_a", "in_proj_b"], [1, 2, 4, 8]),
        ({"linear_value_head_dim": 32}, ["in_proj_a", "in_proj_b"], [1, 2, 4, 8]),
        ({"linear_key_head_dim": 64}, ["in_proj_a", "in_proj_b", "in_proj_qkv", "in_proj_z", "out_proj"], [1, 2, 4, 8, 16]),
    ],
)  # fmt: skip
def test_projections_of_gated_delta_nets_are_divided_in_blocks(
    changes: dict[str, int], left_out: list[str], expected: list[int]
) -> None:
    """Qwen3.5 has one for keys and one for values, and gates that are smaller than a block unless they are left out."""
    names = [f"model.layers.{layer}.linear_attn.{name}" for layer in range(48) for name in left_out]
    form = {"quantization_config": {**FP8, "modules_to_not_convert": names}}
    assert sizes(card_of({**_QWEN35, **changes, **form}), 16, refined=True) == expected


def test_layers_with_a_window_may_have_heads_of_their_own() -> None:
    """MiMo-V2: 40 of 48 layers keep 128 tokens of eight heads, and values are narrower than keys."""
    found = {
        (one.layers, one.kv_heads, one.width, one.window) for one in card_of(FAMILIES["MiMo-V2-Flash"]).cache or ()
    }
    assert found == {(8, 4, 320, None), (40, 8, 320, 128)}
