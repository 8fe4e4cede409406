"""Reasoning parsers by name: vLLM's own (0.32/0.33) and those of the frameworks (manual 3.7)."""

VLLM_PARSERS = frozenset(
    """deepseek_r1 deepseek_v3 deepseek_v4 deepseek_v41 poolside_v1 cohere_command3 cohere_command4 ernie45 gemma4 glm45
    glm47 ling3 openai_gptoss granite granite_thinking_parser hf beam holo2 hunyuan_a13b hy_v3 hy_v4 kimi_k2 kimi_k3
    k2_horizon mimo minicpmv minimax_m2 minimax_m2_append_think minimax_m3 mistral nemotron_v3 olmo3 plamo3 muse
    muse_glimmer musespark1x qwen3 seed_oss step3 step3p5 step5 inkling""".split()
)
FRAMEWORK_PARSERS = frozenset({"deepseek_r1_markup"})
