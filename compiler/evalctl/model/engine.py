"""Values that vLLM 0.32 accepts for its cache, its weights and speculative decoding; a test compares the lists with the installed one."""

from __future__ import annotations

from typing import Literal

# Without float16 (the weights are bfloat16), and without the forms for one model or for other hardware than CUDA's.
KvCacheDtype = Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"]
# Without names that vLLM calls deprecated, and without those that need files of their own.
QuantizationMethod = Literal[
    "awq", "awq_marlin", "compressed-tensors", "fp8", "gptq", "gptq_marlin", "modelopt", "modelopt_fp4",
    "mxfp4", "quark", "torchao",
]  # fmt: skip
SpeculativeMethod = Literal["ngram", "mtp", "eagle", "eagle3", "draft_model"]
# Part of a draft model's name -> the method that vLLM takes it for.
NAMED_METHODS = {"eagle-": "eagle", "eagle3": "eagle3", "dflash": "dflash", "dspark": "dspark"}
WITH_DRAFT_MODEL = frozenset({"eagle", "eagle3", "draft_model"})
