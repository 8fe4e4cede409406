"""What the pinned vLLM knows by name (0.32.0); tests/environments/test_parsers.py compares with the installed one."""

VLLM = "0.32.0"

# Ways of quantisation.
QUANTIZATIONS = frozenset(
    [
        "awq",
        "auto_awq",
        "fp8",
        "fbgemm_fp8",
        "fp_quant",
        "modelopt",
        "modelopt_fp4",
        "modelopt_mxfp8",
        "modelopt_mixed",
        "auto_gptq",
        "gptq",
        "gptq_marlin",
        "awq_marlin",
        "humming",
        "compressed-tensors",
        "experts_int8",
        "quark",
        "moe_wna16",
        "torchao",
        "inc",
        "mxfp4",
        "gpt_oss_mxfp4",
        "deepseek_v4_fp8",
        "online",
        "fp8_per_tensor",
        "fp8_per_block",
        "fp8_per_channel",
        "int8_per_channel_weight_only",
        "nvfp4_per_token",
        "mxfp8",
    ]
)
# Names in a checkpoint that vLLM takes for one of its own (override_quantization_method).
QUANTIZATION_NAMES = QUANTIZATIONS | {"auto-round"}
# Names that it has and refuses nevertheless: deprecated ones, which want an option that evalctl does not give, and one that wants
# a package which the pinned environments lack.
REFUSED_QUANTIZATIONS = frozenset({"fbgemm_fp8", "fp_quant", "torchao"})
# What `--quantization` may be for a checkpoint that names its own method (ModelConfig._verify_quantization, override_quantization_method;
# ModelOpt's methods are used whatever the option is).
SAYABLE_QUANTIZATIONS = {
    "fp8": {"fp8"}, "gptq": {"gptq", "gptq_marlin"}, "awq": {"awq", "awq_marlin"}, "mxfp4": {"mxfp4"}, "quark": {"quark"},
    "compressed-tensors": {"compressed-tensors"},
}  # fmt: skip
# Of one without a method in config.json: what vLLM does itself, and what a file of its own beside it may name.
SAYABLE_UNQUANTISED = frozenset(
    {"fp8", "mxfp4", "awq", "awq_marlin", "gptq", "gptq_marlin", "modelopt", "modelopt_fp4"}
)
# What ModelOpt's quant_algo may say (QUANT_ALGOS of modelopt.py).
MODELOPT_ALGORITHMS = frozenset({
    "FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PB_WO", "NVFP4", "W4A16_NVFP4", "MXFP8", "MIXED_PRECISION",
})  # fmt: skip
# What fp8's activation_scheme may say; the second is the one for weights in blocks.
ACTIVATION_SCHEMES = ("static", "dynamic")
# Of these the ones that read a file beside config.json, and what its name ends with (get_config_filenames); ModelOpt's is read
# with config.json, so that a checkpoint without one is not quantised by it.
QUANTIZATION_FILES = {
    "awq": ("quantize_config.json", "quant_config.json"), "awq_marlin": ("quantize_config.json", "quant_config.json"),
    "gptq": ("quantize_config.json",), "gptq_marlin": ("quantize_config.json",),
    "modelopt": ("hf_quant_config.json",), "modelopt_fp4": ("hf_quant_config.json",),
}  # fmt: skip
# Tokens of one step where nobody names them, by the GiB of a GPU; max_num_seqs may not be more (EngineArgs.get_batch_defaults,
# for the server). An A100 counts as the smallest.
BATCHED_TOKENS = ((160, 16384), (70, 8192), (0, 2048))
# Answers at once where nobody names max_num_seqs, of each copy: on the smallest GPUs, and on the others (the same function).
SEQUENCES = (256, 1024)
# Bits of a weight, and whether they are symmetric (TYPE_MAP of auto_gptq.py and auto_awq.py).
READABLE_BITS = {"gptq": {4, 8}, "awq": {4}}
# Model classes whose prompts it writes itself, without a template (ModelConfig: the default tokenizer modes).
RENDERED = frozenset({
    "MoonshotKimiaForCausalLM", "KimiK3ForConditionalGeneration", "DeepseekV32ForCausalLM", "DeepseekV4ForCausalLM",
    "DeepseekV4ForConditionalGeneration", "DeepseekV41ForCausalLM", "InklingForCausalLM", "InklingForConditionalGeneration",
})  # fmt: skip
# Of these the ones whose tokenizer it makes itself, without code of the repository.
OWN_TOKENIZER = frozenset({
    "MoonshotKimiaForCausalLM", "DeepseekV32ForCausalLM", "DeepseekV4ForCausalLM", "DeepseekV4ForConditionalGeneration",
    "DeepseekV41ForCausalLM",
})  # fmt: skip
# Those for which it brings a template where the repository has none, by model type (transformers_utils/chat_templates/registry.py).
WITH_FALLBACK = {
    "blip-2": "Blip2ForConditionalGeneration", "deepseek_ocr": "DeepseekOCRForCausalLM",
    "deepseek_ocr2": "DeepseekOCR2ForCausalLM", "deepseek_vl_v2": "DeepseekVLV2ForCausalLM", "minicpmv": "MiniCPMV",
    "minicpmv4_6": "MiniCPMV4_6ForConditionalGeneration", "minicpmv4_7": "MiniCPMV4_7ForConditionalGeneration",
    "paligemma": "PaliGemmaForConditionalGeneration", "unlimited_ocr": "UnlimitedOCRForCausalLM",
}  # fmt: skip
# Forms of weights beside which it takes no cache of type fp8_e5m2 (layers/attention/attention.py).
WITHOUT_E5M2 = frozenset({"fp8", "modelopt", "modelopt_fp4"})
