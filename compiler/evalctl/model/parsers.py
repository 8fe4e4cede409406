"""Reasoning parsers by name: vLLM's own (those of the pinned 0.32.0) and those of the frameworks (manual 3.7)."""

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
# Their constructors raise where <think> and </think> are no tokens of the vocabulary, and vLLM ends (seen: 0.32.0, each
# parser made with a tokenizer that lacks them).
NEED_THINK_TAGS = frozenset({"deepseek_r1", "ernie45", "holo2", "hy_v3", "hy_v4", "step3"})
