"""config.json of well-known families, by public numbers, as their repositories have them: with what they leave out."""

from __future__ import annotations

from typing import Any

from samples import card

from evalctl.cards.architecture import architecture
from evalctl.cards.cache import cache
from evalctl.cards.configuration import text_part
from evalctl.cards.widths import quantization, state_bytes, widths
from evalctl.model.card import ModelCard

FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": [128, 128]}

_NEXT: dict[str, Any] = {
    "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "hidden_size": 2048,
    "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "num_hidden_layers": 48,
    "full_attention_interval": 4, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
    "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "num_experts": 512,
    "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "max_position_embeddings": 262144,
    "vocab_size": 151936, "decoder_sparse_step": 1, "mlp_only_layers": [],
}  # fmt: skip
_GATES = [f"model.layers.{layer}.linear_attn.in_proj_ba" for layer in range(48)]
_DELTA = [f"model.layers.{layer}.linear_attn.{name}" for layer in range(48) for name in ("in_proj_qkvz", "out_proj")]

FAMILIES: dict[str, dict[str, Any]] = {
    "phi-4": {
        "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 5120, "num_attention_heads": 40,
        "num_key_value_heads": 10, "intermediate_size": 17920, "num_hidden_layers": 40, "vocab_size": 100352,
        "max_position_embeddings": 16384, "sliding_window": None,
    },
    "Qwen3-30B-A3B-FP8": {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": 2048,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144,
        "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
        "vocab_size": 151936, "max_position_embeddings": 40960, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "max_window_layers": 48, "sliding_window": None, "use_sliding_window": False, "quantization_config": FP8,
    },
    "gemma-3-4b-it": {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "text_config": {
            "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024,
        },
        "vision_config": {"hidden_size": 1152, "num_attention_heads": 16, "num_hidden_layers": 27},
    },
    "gemma-3-12b-it": {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "text_config": {
            "hidden_size": 3840, "intermediate_size": 15360, "model_type": "gemma3_text", "num_attention_heads": 16,
            "num_hidden_layers": 48, "num_key_value_heads": 8, "sliding_window": 1024,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        },
    },
    "llava-1.5-7b-hf": {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
        "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
        "vision_config": {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 24},
    },
    "pixtral-12b": {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
        "text_config": {
            "head_dim": 128, "hidden_size": 5120, "intermediate_size": 14336, "max_position_embeddings": 1024000,
            "model_type": "mistral", "num_hidden_layers": 40, "num_key_value_heads": 8, "sliding_window": None,
            "vocab_size": 131072,
        },
        "vision_config": {"model_type": "pixtral", "head_dim": 64},
    },
    "Qwen2-VL-7B-Instruct": {
        "architectures": ["Qwen2VLForConditionalGeneration"], "model_type": "qwen2_vl", "hidden_size": 3584,
        "intermediate_size": 18944, "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
        "vocab_size": 152064, "max_position_embeddings": 32768, "use_sliding_window": False, "sliding_window": 32768,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "vision_config": {"embed_dim": 1280},
    },
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
        "n_layer": 12, "n_positions": 1024, "vocab_size": 50257,
    },
    "falcon-7b": {
        "architectures": ["FalconForCausalLM"], "model_type": "falcon", "hidden_size": 4544, "multi_query": True,
        "new_decoder_architecture": False, "num_attention_heads": 71, "num_hidden_layers": 32, "vocab_size": 65024,
    },
    "chatglm3-6b": {
        "architectures": ["ChatGLMModel"], "model_type": "chatglm", "hidden_size": 4096, "ffn_hidden_size": 13696,
        "kv_channels": 128, "num_attention_heads": 32, "multi_query_attention": True, "multi_query_group_num": 2,
        "num_layers": 28, "padded_vocab_size": 65024, "seq_length": 8192, "original_rope": True, "rmsnorm": True,
        "tie_word_embeddings": False,
    },
    "dbrx-instruct": {
        "architectures": ["DbrxForCausalLM"], "model_type": "dbrx", "d_model": 6144, "max_seq_len": 32768, "n_heads": 48,
        "n_layers": 40, "vocab_size": 100352, "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "rope_theta": 500000},
        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
    },
    "mpt-7b": {
        "architectures": ["MPTForCausalLM"], "model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32,
        "max_seq_len": 2048, "vocab_size": 50432,
    },
    "mamba-2.8b": {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", "hidden_size": 2560, "intermediate_size": 5120,
        "num_hidden_layers": 64, "state_size": 16, "conv_kernel": 4, "time_step_rank": 160, "vocab_size": 50280,
    },
    "DeepSeek-V3": {
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": 7168,
        "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_attention_heads": 128, "num_hidden_layers": 61,
        "num_key_value_heads": 128, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1, "n_group": 8,
        "topk_group": 4, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "max_position_embeddings": 163840,
        "vocab_size": 129280, "quantization_config": FP8,
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
    },
    "Nemotron-Nano-9B-v2": {
        "architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hidden_size": 4480,
        "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-", "num_hidden_layers": 56,
        "intermediate_size": 15680, "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128,
        "mamba_num_heads": 128, "mamba_head_dim": 80, "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
        "vocab_size": 131072, "max_position_embeddings": 131072,
    },
    "Jamba-v0.1": {
        "architectures": ["JambaForCausalLM"], "model_type": "jamba", "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "num_experts": 16,
        "num_experts_per_tok": 2, "attn_layer_offset": 4, "attn_layer_period": 8, "mamba_d_state": 16,
        "mamba_d_conv": 4, "mamba_expand": 2, "vocab_size": 65536,
    },
    "granite-4.0-h-micro": {
        "architectures": ["GraniteMoeHybridForCausalLM"], "model_type": "granitemoehybrid", "hidden_size": 2048,
        "layer_types": [*["mamba"] * 5, "attention", *["mamba"] * 9, "attention", *["mamba"] * 9, "attention",
                        *["mamba"] * 9, "attention", *["mamba"] * 4],
        "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 0,
        "num_experts_per_tok": 0, "intermediate_size": 8192, "shared_intermediate_size": 8192, "mamba_n_heads": 64,
        "mamba_d_head": 64, "mamba_d_state": 128, "mamba_n_groups": 1, "mamba_expand": 2, "mamba_d_conv": 4,
        "position_embedding_type": "nope", "vocab_size": 100352, "max_position_embeddings": 131072,
    },
    "Qwen3-Next-80B-A3B": _NEXT,
    "Qwen3-Next-80B-A3B-FP8": {**_NEXT, "quantization_config": {**FP8, "modules_to_not_convert": _GATES}},
    "Qwen3-Next with gates in FP8": {**_NEXT, "quantization_config": FP8},
    "Qwen3-Next with one layer's gates left out": {
        **_NEXT, "quantization_config": {**FP8, "modules_to_not_convert": [*_GATES[1:], "linear_attn"]},
    },
    "Qwen3-Next of few heads in FP8": {
        **_NEXT, "linear_num_value_heads": 16, "linear_value_head_dim": 64, "moe_intermediate_size": 2048,
        "shared_expert_intermediate_size": 2048, "num_experts": 32, "num_key_value_heads": 16,
        "quantization_config": {**FP8, "modules_to_not_convert": _GATES},
    },
    "Qwen3-Next of few heads, delta nets left out": {
        **_NEXT, "linear_num_value_heads": 16, "linear_value_head_dim": 64, "moe_intermediate_size": 2048,
        "shared_expert_intermediate_size": 2048, "num_experts": 32, "num_key_value_heads": 16,
        "quantization_config": {**FP8, "modules_to_not_convert": [*_GATES, *_DELTA]},
    },
    "Falcon-H1-3B": {
        "architectures": ["FalconH1ForCausalLM"], "model_type": "falcon_h1", "hidden_size": 2560,
        "intermediate_size": 10240, "num_attention_heads": 10, "num_key_value_heads": 2, "head_dim": 128,
        "num_hidden_layers": 32, "mamba_n_heads": 32, "mamba_d_head": 128, "mamba_d_ssm": 4096, "mamba_d_state": 256,
        "mamba_n_groups": 1, "mamba_d_conv": 4, "max_position_embeddings": 131072, "vocab_size": 65536,
    },
    "gpt-oss-20b": {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 2880, "head_dim": 64,
        "num_attention_heads": 64, "num_key_value_heads": 8, "num_hidden_layers": 24, "num_local_experts": 32,
        "num_experts_per_tok": 4, "intermediate_size": 2880, "sliding_window": 128, "vocab_size": 201088,
        "layer_types": ["sliding_attention", "full_attention"] * 12, "max_position_embeddings": 131072,
        "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                         "original_max_position_embeddings": 4096},
        "quantization_config": {"quant_method": "mxfp4"},
    },
    "gemma-3n-E4B": {
        "architectures": ["Gemma3nForCausalLM"], "model_type": "gemma3n_text", "num_hidden_layers": 35,
        "num_kv_shared_layers": 15, "hidden_size": 2048, "num_attention_heads": 8, "num_key_value_heads": 2,
    },
    "Qwen2.5-7B-Instruct-GPTQ-Int4": {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
        "num_attention_heads": 28, "num_key_value_heads": 4, "num_hidden_layers": 28, "vocab_size": 152064,
        "max_position_embeddings": 32768, "use_sliding_window": False, "sliding_window": 131072,
        "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True},
    },
    "Qwen2-72B-Instruct-AWQ-unpadded": {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 8192, "intermediate_size": 29568,
        "num_attention_heads": 64, "num_key_value_heads": 8, "num_hidden_layers": 80, "vocab_size": 152064,
        "max_position_embeddings": 32768, "use_sliding_window": False,
        "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
    },
    "Mixtral-8x7B": {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 4096,
        "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
        "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None, "vocab_size": 32000,
        "max_position_embeddings": 32768,
    },
    "gemma-2-9b": {
        "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "hidden_size": 3584, "head_dim": 256,
        "intermediate_size": 14336, "num_attention_heads": 16, "num_key_value_heads": 8, "num_hidden_layers": 42,
        "sliding_window": 4096, "vocab_size": 256000, "max_position_embeddings": 8192,
    },
    "MiMo-V2-Flash": {
        "architectures": ["MiMoV2FlashForCausalLM"], "model_type": "mimo_v2_flash", "hidden_size": 4096,
        "intermediate_size": 16384, "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": None,
        "num_experts_per_tok": 8, "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 192,
        "v_head_dim": 128, "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8, "swa_head_dim": 192,
        "swa_v_head_dim": 128, "num_hidden_layers": 48, "hybrid_layer_pattern": [0, *([1] * 5 + [0]) * 7, *[1] * 5],
        "sliding_window": 128, "sliding_window_size": 128, "max_position_embeddings": 262144, "vocab_size": 152576,
        "moe_layer_freq": [0, *[1] * 47], "layernorm_epsilon": 1e-5, "partial_rotary_factor": 0.334,
        "attention_value_scale": 0.707, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "n_group": 1,
        "topk_group": 1, "norm_topk_prob": True, "hidden_act": "silu", "rope_theta": 5000000, "swa_rope_theta": 10000,
        "attention_bias": False,
    },
    "LFM2-1.2B": {
        "architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "hidden_size": 2048, "num_attention_heads": 32,
        "num_key_value_heads": 8, "num_hidden_layers": 16, "block_ff_dim": 12288, "block_dim": 2048, "conv_L_cache": 3, "conv_dim": 2048, "conv_dim_out": 2048,
        "block_auto_adjust_ff_dim": True, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256, "conv_bias": False,
        "vocab_size": 65536,
        "layer_types": ["conv", "conv", "full_attention", "conv", "conv", "full_attention", "conv", "conv",
                        "full_attention", "conv", "full_attention", "conv", "full_attention", "conv",
                        "full_attention", "conv"],
        "max_position_embeddings": 128000,
    },
}  # fmt: skip

# config.json of a small model, by whose code reads it.
_OWN = {"auto_map": {"AutoConfig": "configuration_own.OwnConfig"}}
_SMALL = {"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}
READERS: dict[str, tuple[dict[str, Any], str]] = {
    "own type with code": ({**_SMALL, "model_type": "plamo3", **_OWN}, "repository"),
    "no type with code": ({**_SMALL, **_OWN}, "repository"),
    "code of another repository": (
        {**_SMALL, "model_type": "own", "auto_map": {"AutoConfig": "lab/other--configuration_own.OwnConfig"}}, "repository",
    ),
    "transformers' type with code": ({**_SMALL, "model_type": "llama", **_OWN}, "known"),
    "vLLM's type with code": ({**_SMALL, "model_type": "kimi_k2", **_OWN}, "known"),
    "vLLM's type": ({**_SMALL, "model_type": "kimi_linear"}, "known"),
    "a type by its class": ({**_SMALL, "architectures": ["LongcatFlashForCausalLM"], **_OWN}, "known"),
    "own type without code": ({**_SMALL, "model_type": "plamo3"}, "nobody"),
    "own type with a model's code alone": (
        {**_SMALL, "model_type": "plamo3", "auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}, "nobody",
    ),
    "no type": (_SMALL, "nobody"),
}  # fmt: skip


def card_of(config: dict[str, Any]) -> ModelCard:
    """A card with what its configuration says; the rest is the sample's."""
    shape, text = architecture(config, "it"), text_part(config, "it")
    found = widths(text)
    return card(
        architecture=shape.name, context_length=shape.context_length, layers=shape.layers, widths=found,
        attention_heads=shape.attention_heads, kv_heads=shape.kv_heads, head_size=shape.head_size, cache=cache(text),
        state_bytes=state_bytes(text, found), quantization=quantization(config, text),
    )  # fmt: skip
