"""Marks between which models write their reasoning, and vLLM's parser for each (seen: 0.32.0, vllm/reasoning)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """Two tokens of a vocabulary; `parser` is "" where no parser of vLLM removes them."""

    begin: str
    end: str
    parser: str


THINK = Mark("<think>", "</think>", "deepseek_r1")
MARKS = (
    THINK,
    Mark("[THINK]", "[/THINK]", "mistral"),
    Mark("<seed:think>", "</seed:think>", "seed_oss"),
    Mark("<|START_THINKING|>", "<|END_THINKING|>", ""),  # cohere_command3 and 4 need a package that no environment has
    Mark("<mm:think>", "</mm:think>", "minimax_m3"),
    Mark("<ifm|think>", "</ifm|think>", "k2_horizon"),
    Mark("<|channel>", "<channel|>", "gemma4"),
    Mark("<|channel|>", "<|message|>", ""),  # openai_gptoss is for model type gpt_oss alone, which needs no name of it
    Mark("<|open|>", "<|close|>", "kimi_k3"),
    Mark("◁think▷", "◁/think▷", ""),  # Kimi-VL
    Mark("<|inner_prefix|>", "<|inner_suffix|>", ""),  # Apertus
)
# vLLM names the parser of these itself (seen: 0.32.0, GptOssForCausalLMConfig).
IMPLIED = frozenset({"GptOssForCausalLM"})
