"""Layers for multi-token prediction (MTP), as vLLM counts them (seen: 0.32.0, SpeculativeConfig.hf_config_override).

A test compares the two lists with the installed vLLM, for every model type and class that it knows.
"""

from __future__ import annotations

from evalctl.cards.configuration import Config, Text

MTP_TYPES = frozenset(
    {
        "bailing_hybrid", "deepseek_v3", "deepseek_v32", "deepseek_v4", "dots3_note", "ernie4_5_moe", "exaone4_5",
        "exaone_moe", "glm5_next", "glm_moe_dsa", "hy_v3", "hy_v4", "inkling_mm_model", "inkling_model",
        "intern_s2_preview", "interns2_mobius", "kimi_k3", "longcat_flash", "minimax_m3_vl", "nemotron_h",
        "nemotron_h_puzzle", "pangu_ultra_moe", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next",
        "qwen4_exp", "qwen4_exp_text", "step3p5", "step3p7",
    }
)  # fmt: skip
MTP_CLASSES = frozenset(
    {
        "BailingMoeV2_5ForCausalLM", "BailingMoeV3ForCausalLM", "BailingMoeV3VLForConditionalGeneration",
        "Glm4MoeForCausalLM", "Glm4MoeLiteForCausalLM", "GlmOcrForConditionalGeneration", "MiMoForCausalLM",
        "MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM", "MiMoV2OmniForCausalLM", "MiniMaxM3SparseForConditionalGeneration",
        "Step3p5ForCausalLM", "Step3p7ForConditionalGeneration",
    }
)  # fmt: skip
_ONE_LAYER = frozenset({"MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM", "MiMoV2OmniForCausalLM"})
_KEYS = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
_NOT_WITHOUT_COUNT = frozenset({"nemotron_h", "nemotron_h_puzzle", "inkling_mm_model", "inkling_model"})


def mtp_layers(config: Config, text: Text) -> int | None:
    """The number of MTP layers; 0 where vLLM refuses the method mtp, None where the model is a draft model itself."""
    names = config.get("architectures") or ()
    name, type = str(names[0]) if names else "", str(config.get("model_type") or "")
    if type not in MTP_TYPES and name not in MTP_CLASSES:
        return None if type.endswith("_mtp") else 0
    if name in _ONE_LAYER:
        return 1
    inkling = text.section("mtp_config") or (config.get("mtp_config") or {})
    for part in (config, inkling):
        for key in _KEYS:
            if isinstance(value := part.get(key), int):
                return value
    count = text.number(*_KEYS)
    return count if count is not None else 0 if type in _NOT_WITHOUT_COUNT else 1
