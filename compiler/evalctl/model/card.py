"""A model card: the facts of a model that `evalctl lock` writes; what it caches, how its weights are stored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from evalctl.model.fields import REVISION, SHA256, AbsolutePath, Line, ModelName, Name, Strict

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
        None,
        description="How inputs are scaled (fp8's activation_scheme), `none` where the configuration does not name it.",
    )
    algorithm: Line | None = Field(None, description="ModelOpt's quant_algo.")
    sparse: bool | None = Field(
        None, description="Whether weights are sparse as well (compressed-tensors' sparsity_config)."
    )
    skipped: tuple[Name, ...] = Field((), description="Parts that are not quantised.", strict=False)


class Recommendation(Strict):
    """What a model's own files recommend and a request would have to name."""

    setting: Literal["system_message", "thinking", "enable_thinking", "reasoning_effort"] = Field(
        description="A setting, or a switch of the chat template."
    )
    source: Line = Field(description="The file that says it, or `chat template`.")
    text: Line = Field(description="Its words, or what applies where the switch is not set.")


class ModelCard(Strict):
    """A model's facts, fetched once by `evalctl lock` and committed as MODEL.lock.yaml."""

    model: ModelName
    path: AbsolutePath | None = None
    revision: Annotated[str, StringConstraints(pattern=REVISION)] = Field(
        description="The commit on the Hub; of a folder, a digest of its files."
    )
    sampled_revision: Annotated[str, StringConstraints(pattern=SHA256)] | None = Field(
        None, description="Of a folder locked with --whole: the digest that does not read all bytes."
    )
    architecture: Line
    config_read_by: Reader | None = Field(
        None,
        description="repository: by the model's own code, which needs trust_remote_code; nobody: neither transformers nor "
        "vLLM knows its model_type. Absent in a card of an older evalctl.",
    )
    config_fault: Line | None = Field(None, description="What transformers refuses of config.json.")
    context_length: Annotated[int, Field(ge=1, le=10**12)] | None
    default_length: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        None, description="What vLLM takes where no length is named; null: context_length."
    )
    mtp_layers: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None,
        description="Layers for multi-token prediction; 0: vLLM has none for it. Absent in a card of an older evalctl.",
    )
    layers: Count
    attention_heads: Count
    kv_heads: Count
    head_size: Count
    dtype: Name
    parameters: Bytes
    weight_bytes: Bytes
    cache: tuple[CacheLayers, ...] | None = Field(
        None, description="Absent in a card of an older evalctl: lock again to have it.", strict=False
    )
    state_bytes: Annotated[int, Field(ge=0, le=10**12)] = Field(
        0, description="What layers without attention keep of one answer."
    )
    widths: dict[Name, Count] | None = Field(
        None, description="Sizes that tensor parallelism divides. Absent in a card of an older evalctl: lock again."
    )
    quantization: Quantization | None = None
    quantization_files: tuple[Line, ...] | None = Field(
        None,
        description="Files beside config.json that describe a quantisation. Absent in a card of an older evalctl.",
        strict=False,
    )
    think_tags: bool
    reasoning_marks: tuple[Line, ...] = Field(
        (),
        description="Tokens other than <think> that begin reasoning. Absent in a card of an older evalctl.",
        strict=False,
    )
    parser_tokens: tuple[Line, ...] | None = Field(
        None,
        description="Tokens of the vocabulary that vLLM's reasoning parsers look for; null where the vocabulary is not known. "
        "Absent in a card of an older evalctl.",
        strict=False,
    )
    parses_thinking: bool | None = Field(
        None,
        description="Whether the tokenizer has a response_template with a field for thinking (reasoning_parser: hf). "
        "Absent in a card of an older evalctl.",
    )
    tokenizer: Literal["transformers", "mistral"] = Field(
        "transformers", description="mistral: mistral_common's, which has its chat template within."
    )
    tokenizer_read_by: Reader | None = Field(
        None,
        description="repository: made by the model's own code, which needs trust_remote_code; nobody: it has no vocabulary. "
        "Absent in a card of an older evalctl.",
    )
    chat_template_sha256: Annotated[str, StringConstraints(pattern=SHA256)] | None
    generation_config: dict[Name, bool | int | float | Line | None] = Field(default_factory=dict)
    recommends: tuple[Recommendation, ...] = Field(
        (), description="Absent in a card of an older evalctl: lock again to have it.", strict=False
    )
    gated: bool = False
    source: Line = Field(description="hub or folder")
    read_at: Line = Field(description="When the facts were read (date).")

    @model_validator(mode="after")
    def _of_one_place(self) -> ModelCard:
        """A folder never has the revision of a model on the Hub: their results would be taken for each other's."""
        if (self.path is not None) != (len(self.revision) == 64):
            kind, has = ("a folder", "64") if self.path is not None else ("a model on the Hub", "40")
            help = f"type `evalctl lock {f'--path {self.path} ' if self.path else ''}{self.model}`"
            context = {"kind": kind, "has": has, "help": help, "key": "revision"}
            raise PydanticCustomError("forbidden-text", "the revision of {kind} has {has} digits", context)
        return self
