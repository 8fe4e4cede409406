"""Parts of a model card (model/manifest.py): what the model caches, and how its weights are stored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evalctl.model.fields import Line, Name, Strict

# Far above any model, and small enough that nothing computed from them can overflow.
Count = Annotated[int, Field(ge=1, le=10**9)]
Bytes = Annotated[int, Field(ge=1, le=10**16)]

# Whose code reads config.json: the pinned transformers' or vLLM's own, that of the model's repository, or none there is.
Reader = Literal["known", "repository", "nobody"]


class CacheLayers(Strict):
    """Layers that cache every token alike."""

    layers: Count
    kv_heads: Count = Field(description="Heads that are cached; 1 where it is one compressed vector (MLA).")
    width: Count = Field(description="Elements that one head keeps of one token, keys and values together.")
    window: Count | None = Field(None, description="Tokens that are kept at most; null keeps all.")


class Quantization(Strict):
    """How the weights are stored."""

    method: Line
    block: Annotated[tuple[Count, Count], Field(strict=False)] | None = Field(
        None, description="Outputs and inputs that share a scale."
    )
    group: Count | None = Field(None, description="Inputs that share a scale.")
    bits: Annotated[int, Field(ge=1, le=64)] | None = None
    symmetric: bool | None = Field(None, description="Whether zero is in the middle (GPTQ's `sym`).")
    activations: Line | None = Field(
        None, description="How inputs are scaled (fp8's activation_scheme), `none` where it is not said."
    )
    algorithm: Line | None = Field(None, description="ModelOpt's quant_algo.")
    sparse: bool | None = Field(
        None, description="Whether weights are sparse as well (compressed-tensors' sparsity_config)."
    )
    skipped: tuple[Name, ...] = Field((), description="Parts that are not quantised.", strict=False)
