"""Reasoning parsers by name: vLLM's own (those of the pinned 0.32.0), those of the frameworks (manual 3.7), and plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParserPlugin:
    """A file of manifests/models/reasoning_parsers/: code for the server's process, and the parsers that it registers."""

    path: str
    text: str
    digest: str  # SHA-256 of the text
    names: tuple[str, ...]


VLLM_PARSERS = frozenset(
    [
        "deepseek_r1",
        "deepseek_v3",
        "deepseek_v4",
        "deepseek_v41",
        "poolside_v1",
        "cohere_command3",
        "cohere_command4",
        "ernie45",
        "gemma4",
        "glm45",
        "glm47",
        "ling3",
        "openai_gptoss",
        "granite",
        "granite_thinking_parser",
        "hf",
        "holo2",
        "hunyuan_a13b",
        "hy_v3",
        "hy_v4",
        "kimi_k2",
        "kimi_k3",
        "k2_horizon",
        "mimo",
        "minicpmv",
        "minimax_m2",
        "minimax_m2_append_think",
        "minimax_m3",
        "mistral",
        "nemotron_v3",
        "olmo3",
        "plamo3",
        "muse_glimmer",
        "qwen3",
        "seed_oss",
        "step3",
        "step3p5",
        "inkling",
    ]
)
FRAMEWORK_PARSERS = frozenset({"deepseek_r1_markup"})
# Tokens without which a parser's constructor raises, and vLLM ends; `{suffix}` is "" or ":…", alike in all of a vocabulary
# (seen: 0.32.0; the test adds to a vocabulary what each parser asks for until vLLM starts with it).
_THINK_TAGS = ("<think>", "</think>")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "deepseek_r1": _THINK_TAGS, "ernie45": _THINK_TAGS, "holo2": _THINK_TAGS, "step3": ("</think>",),
    "hy_v3": ("<think{suffix}>", "</think{suffix}>"), "hy_v4": ("<think{suffix}>", "</think{suffix}>"),
    "k2_horizon": ("<ifm|think>", "</ifm|think>"), "minimax_m3": ("<mm:think>", "</mm:think>"),
    "mistral": ("[TOOL_CALLS]",), "olmo3": ("Ġ</", "</", "think", ">"), "poolside_v1": ("<assistant>",),
}  # fmt: skip
# Made again for each question: with a template's switch for thinking these need the think tags, else each question fails.
NEED_WHEN_THINKING = frozenset({"deepseek_v3", "poolside_v1"})
THINKING_SWITCHES = frozenset({"thinking", "enable_thinking"})
# Reads the tokenizer's own `response_template`, which needs a field for thinking.
NEEDS_RESPONSE_TEMPLATE = frozenset({"hf"})
# Import a package that no pinned environment has.
NEEDS_PACKAGE: Mapping[str, str] = {"cohere_command3": "cohere_melody", "cohere_command4": "cohere_melody"}
# For model type gpt_oss alone, and the only one for it (HarmonyParser): of another model each question fails.
HARMONY = "openai_gptoss"
# What a card of an older evalctl has of the vocabulary: think tags, and since a later one the other reasoning tags.
NEED_THINK_TAGS = frozenset({"deepseek_r1", "ernie45", "holo2", "hy_v3", "hy_v4", "step3"})
# What each takes out of a text, by the mark that begins it; of those that are not here it depends on more than the marks
# (seen: 0.32.0, each parser asked about a text with each pair; the framework's looks for <think> alone).
TAKES_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "deepseek_r1", "deepseek_v4", "deepseek_v41", "ernie45", "glm45", "glm47", "granite_thinking_parser", "holo2",
            "hy_v4", "kimi_k2", "ling3", "mimo", "minicpmv", "minimax_m2", "nemotron_v3", "qwen3", "step3", "step3p5",
            "deepseek_r1_markup",
        ],
        "<think>",
    ),
    "gemma4": "<|channel>", "k2_horizon": "<ifm|think>", "minimax_m3": "<mm:think>", "mistral": "[THINK]",
    "seed_oss": "<seed:think>",
}  # fmt: skip
# Of these the ones that end vLLM where the vocabulary lacks their marks, by a card that knows the marks alone.
NEED_OWN_MARKS = frozenset({"k2_horizon", "minimax_m3"})
# Parsers that the lab takes from a file of the model's publisher, `{name}_reasoning_parser.py` (seen: swallow 2026).
LAB_PLUGINS = frozenset({"llmjp4", "nemotron_nano_v2"})


def add_plugin(parser: str) -> str:
    """What to do where a parser of the lab's comes as a plug-in."""
    return (
        f"it is a plug-in of the model's publisher: read {parser}_reasoning_parser.py, put it at "
        f"manifests/models/reasoning_parsers/{parser}.py, and add `reasoning_parser_plugin: {parser}` and "
        "`trust_remote_code: true` to the custom settings"
    )
