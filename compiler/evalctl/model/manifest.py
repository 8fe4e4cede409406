"""The documents people write, as pydantic models: settings, requests, providers. `card`, `metrics` and `service` have the others.

`schema/*.schema.json` are generated from them. Field descriptions appear in editors. How layers merge is not known here (`resolve/`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from evalctl.model.engine import WITH_DRAFT_MODEL, KvCacheDtype, QuantizationMethod, SpeculativeMethod
from evalctl.model.fields import (
    BASE_URL,
    COMMIT,
    LINE,
    RESERVED_SWITCHES,
    AbsolutePath,
    CommandText,
    GpuList,
    LabNumber,
    Line,
    ModelName,
    Name,
    ServedModelName,
    StopText,
    Strict,
    TaskWord,
    TemplateSwitch,
    Text,
)
from evalctl.model.gate import Compared
from evalctl.model.names import NAME
from evalctl.model.providers import LengthKey


class Speculation(Strict):
    """Speculative decoding: tokens are guessed and checked by the model."""

    method: SpeculativeMethod = Field(
        description="ngram and mtp need no model; the others need `model` and `revision`."
    )
    num_speculative_tokens: Annotated[int, Field(ge=1, le=64)] = Field(description="Tokens guessed at once.")
    model: ModelName | None = Field(None, description="The draft model, by its name on the Hub.")
    revision: Annotated[str, StringConstraints(pattern=COMMIT)] | None = Field(
        None, description="The commit of the draft model."
    )
    prompt_lookup_max: Annotated[int, Field(ge=1, le=64)] | None = Field(None, description="Longest n-gram (ngram).")
    prompt_lookup_min: Annotated[int, Field(ge=1, le=64)] | None = Field(None, description="Shortest n-gram (ngram).")

    @model_validator(mode="after")
    def _with_its_window(self) -> Speculation:
        shortest, longest = self.prompt_lookup_min, self.prompt_lookup_max
        for key in ("prompt_lookup_min", "prompt_lookup_max"):
            if self.method != "ngram" and getattr(self, key) is not None:
                context = {"help": "take it out", "key": key}
                raise PydanticCustomError("exclusive-keys", f"`{key}` is not for method {self.method}", context)
        if shortest is not None and longest is not None and shortest > longest:
            help = "lower `prompt_lookup_min`, or raise `prompt_lookup_max`"
            message = f"prompt_lookup_min {shortest} is more than prompt_lookup_max {longest}"
            context = {"help": help, "key": "prompt_lookup_min"}
            raise PydanticCustomError("out-of-range", message, context)
        return self

    @model_validator(mode="after")
    def _with_its_draft(self) -> Speculation:
        needs = self.method in WITH_DRAFT_MODEL
        for key in ("model", "revision"):
            if needs and getattr(self, key) is None:
                help = f"add `{key}: …`: a draft model is named with its commit"
                raise PydanticCustomError("missing-key", f"`{key}` is missing for method {self.method}", {"help": help})
            if not needs and getattr(self, key) is not None:
                context = {"help": "take it out", "key": key}
                raise PydanticCustomError("exclusive-keys", f"`{key}` is not for method {self.method}", context)
        return self


class GenerationSettings(Strict):
    """Settings that a task default, custom settings or an override may give; `null` unsets explicitly."""

    system_message: CommandText | None = Field(None, description="System message sent before every question.")
    max_model_length: Annotated[int, LabNumber(ge=1, le=10_000_000)] | None = Field(
        None, description="Context length that the server is started with (tokens)."
    )
    max_new_tokens: Annotated[int, LabNumber(ge=1, le=10_000_000)] | None = Field(
        None, description="Longest answer (tokens)."
    )
    temperature: Annotated[float, LabNumber(ge=0, le=2)] | None = Field(
        None, description="Sampling temperature. From custom settings it applies only to tasks whose default is 0."
    )
    top_p: Annotated[float, LabNumber(gt=0, le=1)] | None = Field(
        None, description="Nucleus sampling; see temperature."
    )
    top_k: Annotated[int, LabNumber(ge=-1, le=1_000_000)] | None = Field(None, description="Top-k sampling.")
    min_p: Annotated[float, LabNumber(ge=0, le=1)] | None = Field(None, description="Min-p sampling.")
    repetition_penalty: Annotated[float, LabNumber(gt=0, le=2)] | None = None
    frequency_penalty: Annotated[float, LabNumber(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, LabNumber(ge=-2, le=2)] | None = None
    seed: Annotated[int, LabNumber(ge=0, le=2**31 - 1)] | None = None
    max_n: Annotated[int, LabNumber(ge=1, le=1024)] | None = Field(
        None, description="Largest number of answers asked for in one call (`n`); larger tasks are split."
    )
    reasoning_parser: Name | None = Field(
        None, description="A parser of vLLM, one of the framework (deepseek_r1_markup), or `ignore`."
    )
    reasoning_parser_plugin: Name | None = Field(
        None,
        description="A file manifests/models/reasoning_parsers/NAME.py that registers reasoning_parser; its code runs on the "
        "node, so it needs trust_remote_code: true.",
    )
    reasoning_effort: Name | None = Field(None, description="Passed on as it is (low, medium, high, …).")
    stop_tokens: tuple[StopText, ...] | None = Field(None, description="Texts that end an answer.", strict=False)
    chat_template: Annotated[str, StringConstraints(pattern=NAME, max_length=96)] | None = Field(
        None, description="A file manifests/models/chat_templates/NAME.jinja, used in place of the model's own."
    )
    chat_template_kwargs: Annotated[dict[TemplateSwitch, bool | int | float | Line], Field(min_length=1)] | None = (
        Field(
            None,
            description="Switches of the chat template, as {enable_thinking: false}; replaces the whole of a lower layer.",
        )
    )
    vllm_use_v1: Annotated[int, LabNumber(ge=0, le=1)] | None = Field(None, description="VLLM_USE_V1 (deprecated).")
    generation_config: Literal["auto", "vllm"] | None = Field(
        None,
        description="auto: vLLM fills what a request omits from the model's generation_config.json; vllm: it does not.",
    )
    kv_cache_dtype: KvCacheDtype | None = Field(None, description="Type of the cache (vLLM's --kv-cache-dtype).")
    quantization: QuantizationMethod | None = Field(
        None, description="How the weights are quantised, where the model's own files do not say it."
    )
    speculative_config: Speculation | None = Field(None, description="Speculative decoding of vLLM.")
    max_num_seqs: Annotated[int, LabNumber(ge=1, le=4096)] | None = Field(
        None, description="Most answers that the server generates at once, of each copy of the model; changes no score."
    )
    trust_remote_code: bool | None = Field(
        None, description="Lets the model's repository run its own code on the node. Reviewed with care."
    )

    @field_validator("chat_template_kwargs")
    @classmethod
    def _no_reserved_switch(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in value or ():
            if name in RESERVED_SWITCHES:
                help = "name only variables of the template: enable_thinking"
                context = {"help": help, "key": name}
                raise PydanticCustomError("forbidden-text", "`{key}` is a parameter of vLLM, no switch", context)
        return value

    def plain(self, key: str) -> Any:
        """A setting as text, numbers, lists and mappings, which can be shown, compared and remembered."""
        value = getattr(self, key)
        return value.model_dump(exclude_none=True) if isinstance(value, Speculation) else value


def _version_text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class CustomSettings(GenerationSettings):
    """One named set of a model's settings (manifests/models/PUBLISHER/MODEL.yaml maps names to these)."""

    version: Annotated[
        str,
        BeforeValidator(_version_text),
        StringConstraints(pattern=LINE, max_length=96),
        WithJsonSchema({"anyOf": [{"type": "string", "pattern": LINE, "maxLength": 96}, {"type": "number"}]}),
    ] = Field(description="Raise it whenever you change the settings.")


class LocalModel(Strict):
    """A checkpoint on disk and the name under which its results are kept."""

    path: AbsolutePath
    name: ModelName


class ParallelPacking(Strict):
    """`parallel: N`: the evals are split evenly over N jobs; a task that is longer than a job's share is divided into shards."""

    parallel: Annotated[int, Field(ge=1, le=100)]


class PushToHub(Strict):
    """Upload of results and details to a dataset of ORG on the Hugging Face Hub."""

    org: Name
    private: bool = True


Model = ServedModelName | LocalModel  # for vllm a ModelName: the check of the names says so


class Request(Strict):
    """One evaluation request, a file under manifests/requests/."""

    model: Model | None = Field(None, description="Hugging Face id of the model, or {path, name} of a checkpoint.")
    models: Annotated[tuple[Model, ...], Field(min_length=1, strict=False)] | None = Field(
        None, description="Several models, each evaluated alike."
    )
    custom_settings: Name | Annotated[tuple[Name | None, ...], Field(min_length=1, strict=False)] | None = Field(
        None, description="Name(s) in manifests/models/PUBLISHER/MODEL.yaml; a list makes a matrix, null is 'none'."
    )
    service: Name = Field(description="Where to run: a file manifests/services/NAME.yaml.")
    node_kind: Name | None = Field(
        None, description="Resource type of the service; chosen from the model card if left out."
    )
    tasks: Annotated[tuple[TaskWord, ...], Field(min_length=1, strict=False)] = Field(
        description="Suites and task keys; a leading - takes out again."
    )
    provider: Name = Field(
        "vllm",
        description="Who serves the model: vllm, openai, deepinfra, gemini, anthropic, or a file manifests/providers/NAME.yaml.",
    )
    priority: Annotated[int, Field(ge=-1024, le=1024)] | None = Field(None, description="A priority of the service.")
    max_samples: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Only the first N samples: for debugging, kept apart from real results."
    )
    unanswered: Annotated[int, Field(ge=0, le=1000)] = Field(
        0,
        description="Questions per task that may stay without an answer (empty or filtered): scored as wrong, and shown.",
    )
    predownload: bool | None = Field(None, description="Download the model before the job is submitted (vllm only).")
    cuda_visible_devices: GpuList | Annotated[int, Field(ge=0)] | None = Field(
        None, description='GPUs to use on service local, as "0,1".'
    )
    concurrency: Literal["auto"] | Annotated[int, Field(ge=1, le=4096)] = Field(
        "auto",
        description="Answers in progress: a number is of all tasks of a job together; auto is as many as the server can handle.",
    )
    request_timeout: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="Seconds that the model may take for one answer; waiting for its turn does not count."
    )
    packing: Literal["shared", "per_task"] | ParallelPacking = Field(
        "shared", description="shared: one job; parallel: N: N jobs; per_task: one job for each task."
    )
    sampling_override: bool = Field(
        False, description="Apply temperature and top_p of custom settings to tasks that sample by design, too."
    )
    overrides: dict[TaskWord, GenerationSettings] = Field(
        default_factory=dict, description="Per task key or suite: generation settings that win over all others."
    )
    push_to_hub: PushToHub | None = Field(
        None, description="Upload committed results and their details to a data set on the Hub, private by default."
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(1, description="How often a transient failure is tried again.")
    baseline: ServedModelName | Compared | None = Field(
        None,
        description="The model that the scores will be compared with: `evalctl plan` says what difference they will be able "
        "to show. Changes no eval.",
    )
    requested_by: Line | None = None
    reason: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_of_model_and_models(cls, data: Any) -> Any:
        """Before the fields, so that it is reported together with errors of the fields."""
        given = [key for key in ("model", "models") if isinstance(data, dict) and data.get(key) is not None]
        if isinstance(data, dict) and not given:
            help = "add `model: PUBLISHER/MODEL`, or `models:` with a list of them"
            raise PydanticCustomError("missing-key", "`model` is missing", {"help": help, "wanted": "model"})
        if len(given) == 2:
            message = "`model` and `models` are both given"
            raise PydanticCustomError("exclusive-keys", message, {"key": "models", "help": "keep one of the two"})
        return data


class Endpoint(Strict):
    """An endpoint with OpenAI's protocol, a file manifests/providers/NAME.yaml; its key is NAME_API_KEY in .env."""

    base_url: Annotated[str, StringConstraints(pattern=BASE_URL, max_length=500)] = Field(
        description="The address to which /chat/completions is added, e.g. https://llm.example.jp/v1."
    )
    key: bool = Field(True, description="Whether it needs a key; false for a server of one's own without one.")
    length_key: LengthKey = Field(
        "max_tokens", description="Under which name(s) it takes max_new_tokens; some refuse both together."
    )
    description: Line = ""
