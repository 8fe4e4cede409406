"""What the pinned vLLM certainly refuses is known before a job is queued."""

from __future__ import annotations

import pytest
import yaml
from samples import card_file, compiled

from evalctl.model.marks import MARKS, Mark
from evalctl.model.parsers import VLLM_PARSERS

SMALL = "model: lab/small-8B\nservice: tsubame\n"


def codes(text: str = "", **facts: object) -> list[str]:
    """The findings of a request with overrides `text`, of a model with these facts."""
    line = f"overrides: {{all: {{{text}}}}}\n" if text else ""
    return compiled(f"{SMALL}tasks: [ja]\n{line}", card_file(**facts)).codes()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_new_tokens: 32767", []), ("max_new_tokens: 32768", ["no-room-for-question"]),
        ("max_new_tokens: 40000", ["no-room-for-question"]), ("max_new_tokens: 40000, max_model_length: 65536", []),
        ("max_new_tokens: 4096, max_model_length: 4096", ["no-room-for-question"]),
        ("max_new_tokens: 131071, max_model_length: null", []),
        ("max_new_tokens: 131072, max_model_length: null", ["no-room-for-question"]), ("max_new_tokens: null", []),
    ],
)  # fmt: skip
def test_an_answer_leaves_room_for_the_question(text: str, found: list[str]) -> None:
    """Against the length that the server is started with, the cap included, else against the model's own."""
    assert codes(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_new_tokens: 4095, max_model_length: null", []),
        ("max_new_tokens: 4096, max_model_length: null", ["no-room-for-question"]),
        ("max_new_tokens: 4096, max_model_length: 8192", []), ("max_new_tokens: 4096", []),
    ],
)  # fmt: skip
def test_longrope_starts_with_its_original_length(text: str, found: list[str]) -> None:
    """With `max_model_length: null` vLLM takes the length before the scaling, unless a longer one is named."""
    assert codes(text, default_length=4096) == found


@pytest.mark.parametrize(
    ("text", "layers", "found"),
    [
        ("method: mtp, num_speculative_tokens: 1", 0, ["unsupported-speculation"]),
        ("method: mtp, num_speculative_tokens: 1", None, []), ("method: mtp, num_speculative_tokens: 1", 1, []),
        ("method: mtp, num_speculative_tokens: 3", 1, []), ("method: mtp, num_speculative_tokens: 1", 2, []),
        ("method: mtp, num_speculative_tokens: 4", 2, []),
        ("method: mtp, num_speculative_tokens: 3", 2, ["unsupported-speculation"]),
        ("method: ngram, num_speculative_tokens: 3", 0, []),
    ],
)  # fmt: skip
def test_multi_token_prediction_needs_layers_for_it(text: str, layers: int | None, found: list[str]) -> None:
    """Their number divides the tokens that are guessed; a card of an older evalctl does not say it."""
    assert codes(f"speculative_config: {{{text}}}", mtp_layers=layers) == found


@pytest.mark.parametrize(
    ("method", "draft", "found"),
    [
        ("draft_model", "lab/small-1B", []), ("draft_model", "lab/EAGLE3-8B", ["unsupported-speculation"]),
        ("draft_model", "lab/EAGLE-8B", ["unsupported-speculation"]), ("eagle", "lab/EAGLE3-8B", []),
        ("draft_model", "lab/dflash_8B", ["unsupported-speculation"]), ("eagle3", "lab/small-1B", []),
    ],
)  # fmt: skip
def test_a_draft_model_whose_name_means_another_method_is_refused(method: str, draft: str, found: list[str]) -> None:
    """vLLM would use that other method without a word."""
    text = f"speculative_config: {{method: {method}, num_speculative_tokens: 2, model: {draft}, revision: {'a' * 40}}}"
    assert codes(text) == found


def test_where_the_longest_answer_was_said_is_shown() -> None:
    """In custom settings as well as in an override."""
    settings = {"manifests/models/lab/small-8B.yaml": "long:\n  version: 1\n  max_new_tokens: 32768\n"}
    (found,) = compiled(f"{SMALL}custom_settings: long\ntasks: [ja]\n", settings).problems
    assert (found.code, found.span.file, found.span.line) == (
        "no-room-for-question",
        "manifests/models/lab/small-8B.yaml",
        3,
    )
    assert "max_model_length" in found.help


def test_a_model_without_template_needs_one() -> None:
    """Its own, one of the settings, or Mistral's tokenizer, which has it within."""
    assert codes(chat_template_sha256=None) == ["no-chat-template"]
    assert codes("chat_template: plain", chat_template_sha256=None) == []
    assert codes(chat_template_sha256=None, tokenizer="mistral") == []


@pytest.mark.parametrize(
    ("reader", "text", "found"),
    [
        ("repository", "", ["remote-code-needed"]), ("repository", "trust_remote_code: false", ["remote-code-needed"]),
        ("repository", "trust_remote_code: true", ["remote-code"]), ("nobody", "", ["unsupported-architecture"]),
        ("nobody", "trust_remote_code: true", ["remote-code", "unsupported-architecture"]), ("known", "", []), (None, "", []),
    ],
)  # fmt: skip
def test_a_configuration_that_vllm_cannot_read_is_refused(reader: str | None, text: str, found: list[str]) -> None:
    """One that only its repository's code reads needs trust_remote_code; a card of an older evalctl does not say."""
    assert sorted(codes(text, config_read_by=reader)) == found


def test_a_configuration_that_transformers_refuses_is_refused() -> None:
    """Whatever the settings are; with the words of the card."""
    (found,) = compiled(f"{SMALL}tasks: [ja]\n", card_file(config_fault="rope type su")).problems
    assert found.code == "unsupported-architecture" and "rope type su" in found.message


@pytest.mark.parametrize(
    ("reader", "text", "found"),
    [
        ("repository", "", ["remote-code-needed"]), ("repository", "trust_remote_code: true", ["remote-code"]),
        ("nobody", "", ["no-tokenizer"]), ("known", "", []), (None, "", []),
    ],
)  # fmt: skip
def test_a_tokenizer_that_vllm_cannot_make_is_refused(reader: str | None, text: str, found: list[str]) -> None:
    """One that only its repository's code makes needs trust_remote_code, and one without a vocabulary is none."""
    assert sorted(codes(text, tokenizer_read_by=reader)) == found


@pytest.mark.parametrize("architecture", ["DeepseekV32ForCausalLM", "DeepseekV4ForCausalLM", "MiniCPMV"])
def test_a_model_that_vllm_has_a_template_for_needs_none(architecture: str) -> None:
    """DeepSeek-V3.2 comes without one, and vLLM writes its prompts itself."""
    assert codes(chat_template_sha256=None, architecture=architecture) == []


@pytest.mark.parametrize(
    ("own", "dtype", "found"),
    [
        ("fp8", "fp8_e5m2", ["unsupported-quantization"]), ("modelopt", "fp8_e5m2", ["unsupported-quantization"]),
        ("fp8", "fp8_e4m3", []), ("gptq", "fp8_e5m2", []), ("compressed-tensors", "fp8_e5m2", []),
    ],
)  # fmt: skip
def test_a_type_of_the_cache_that_the_weights_exclude(own: str, dtype: str, found: list[str]) -> None:
    """vLLM would read the scales of the cache from such weights."""
    assert codes(f"kv_cache_dtype: {dtype}", quantization={"method": own}) == found


@pytest.mark.parametrize(
    ("architecture", "found"),
    [
        ("Qwen3ForCausalLM", []),
        ("MPTForCausalLM", ["error"]),
        ("BertModel", ["error"]),
        ("LlamaForCasualLM", ["warning"]),
    ],
)
def test_a_class_that_vllm_does_not_serve_is_found(architecture: str, found: list[str]) -> None:
    """An error where vLLM refuses it by name, a warning where it may serve it with the code of transformers."""
    problems = compiled(f"{SMALL}tasks: [ja]\n", card_file(architecture=architecture)).problems
    assert [(one.code, one.severity) for one in problems] == [("unsupported-architecture", said) for said in found]
    assert all("LlamaForCausalLM" in one.help for one in problems if one.severity == "warning")


@pytest.mark.parametrize(
    ("method", "found"), [("fp8", []), ("auto-round", []), ("bitsandbytes", ["unsupported-quantization"])]
)
def test_a_quantisation_that_vllm_does_not_read_is_found(method: str, found: list[str]) -> None:
    """By the name that the model's configuration gives it."""
    assert codes(quantization={"method": method}) == found


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("{method: gptq, bits: 4, symmetric: true}", []), ("{method: gptq, bits: 8}", []), ("{method: awq, bits: 4}", []),
        ("{method: gptq, bits: 3}", ["unsupported-quantization"]), ("{method: awq, bits: 8}", ["unsupported-quantization"]),
        ("{method: gptq, bits: 4, symmetric: false}", ["unsupported-quantization"]), ("{method: fp8, bits: 3}", []),
        ("{method: fp8, activations: dynamic, block: [128, 128]}", []), ("{method: fp8, activations: static}", []),
        ("{method: fp8, activations: static, block: [128, 128]}", ["unsupported-quantization"]),
        ("{method: fp8, activations: none}", ["unsupported-quantization"]), ("{method: fp8}", []),
        ("{method: modelopt, algorithm: FP8}", []), ("{method: modelopt, algorithm: W4A16_AWQ}", ["unsupported-quantization"]),
        ("{method: modelopt_fp4, algorithm: NVFP4_AWQ}", ["unsupported-quantization"]), ("{method: modelopt_fp4, algorithm: NVFP4}", []),
        ("{method: compressed-tensors, sparse: true}", ["unsupported-quantization"]), ("{method: compressed-tensors}", []),
        ("{method: torchao}", ["unsupported-quantization"]), ("{method: fbgemm_fp8}", ["unsupported-quantization"]),
    ],
)  # fmt: skip
def test_a_known_form_that_is_refused_nevertheless(form: str, found: list[str]) -> None:
    """Bits that no kernel reads, a deprecated method, one whose package the environments lack, variants without a reader."""
    assert codes(quantization=yaml.safe_load(form)) == found


@pytest.mark.parametrize(
    ("own", "said", "refused"),
    [
        ("gptq", "gptq_marlin", False), ("gptq", "fp8", True), ("awq", "awq_marlin", False), ("fp8", "fp8", False),
        ("fp8", "mxfp4", True), ("compressed-tensors", "fp8", True), ("modelopt", "fp8", False), ("", "fp8", False),
        ("", "mxfp4", False), ("", "gptq", False), ("", "quark", True), ("", "torchao", True), ("", "compressed-tensors", True),
    ],
)  # fmt: skip
def test_what_is_said_of_the_weights_is_what_they_say(own: str, said: str, refused: bool) -> None:
    """`quantization` is for a checkpoint that does not say it in config.json."""
    form = {"quantization": {"method": own}} if own else {}
    assert codes(f"quantization: {said}", widths={"hidden": 4096}, **form) == ["unsupported-quantization"] * refused
    assert codes(f"quantization: {said}", **form) == []  # a card of an older evalctl


@pytest.mark.parametrize(
    ("said", "files", "refused"),
    [
        ("awq", [], True), ("awq", ["quant_config.json"], False), ("awq_marlin", ["quantize_config.json"], False),
        ("gptq", ["quant_config.json"], True), ("gptq_marlin", ["quantize_config.json"], False), ("modelopt", [], True),
        ("fp8", [], False), ("mxfp4", [], False), ("awq", None, False),
    ],
)  # fmt: skip
def test_a_form_that_a_file_describes_needs_that_file(said: str, files: list[str] | None, refused: bool) -> None:
    """A card of an older evalctl does not say which there are."""
    found = codes(f"quantization: {said}", widths={"hidden": 4096}, quantization_files=files)
    assert found == ["unsupported-quantization"] * refused


@pytest.mark.parametrize("mark", MARKS[1:])
def test_marks_of_reasoning_want_a_parser(mark: Mark) -> None:
    """Like think tags, naming vLLM's parser that fits; gpt-oss has its own in vLLM."""
    facts = card_file(reasoning_marks=(mark.begin,))
    (found,) = compiled(f"{SMALL}tasks: [ja]\n", facts).problems
    parser = mark.parser
    assert (found.code, found.severity) == ("think-tags-without-parser", "error")
    assert (f"reasoning_parser: {parser}" if parser else "ignore") in found.help
    assert not parser or parser in VLLM_PARSERS
    assert codes("reasoning_parser: ignore", reasoning_marks=(mark.begin,)) == []
    assert codes(reasoning_marks=("<|channel|>",), architecture="GptOssForCausalLM") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_model_length: 4096", []), ("max_model_length: null", ["model-does-not-fit"]),
        ("max_model_length: null, kv_cache_dtype: fp8", []), ("max_model_length: null, quantization: fp8", []),
    ],
)  # fmt: skip
def test_the_length_that_vllm_takes_itself_fits_the_memory(text: str, found: list[str]) -> None:
    """vLLM ends where the cache does not hold one answer of it; a smaller cache or smaller weights may hold it."""
    large = {"weight_bytes": 40 * 10**9, "widths": {"hidden": 4096}, "context_length": 1_500_000, "kv_heads": 2}
    assert codes(f"{text}, max_new_tokens: 256", **large) == found
