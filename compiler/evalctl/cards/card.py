"""Combines all facts of a model to a ModelCard."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evalctl.cards import mistral
from evalctl.cards.architecture import architecture, fault
from evalctl.cards.cache import cache
from evalctl.cards.configuration import read_by, text_part
from evalctl.cards.folder import folder_revision, open_folder
from evalctl.cards.hub import Fetch, open_hub
from evalctl.cards.recommendations import recommendations
from evalctl.cards.source import ModelFiles, json_file
from evalctl.cards.speculation import mtp_layers
from evalctl.cards.tokenizer import marks, parser_tokens, parses_thinking, template_digest
from evalctl.cards.tokenizer import read_by as tokenizer_read_by
from evalctl.cards.weights import weights
from evalctl.cards.widths import quantization, quantization_files, state_bytes, widths, with_modelopt
from evalctl.model.card import ModelCard
from evalctl.model.marks import THINK
from evalctl.shell import EnvironmentProblem

# Values that vLLM takes from generation_config.json for questions without them (seen: 0.32.0).
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty",
    "max_new_tokens",
)  # fmt: skip


def read_folder(path: Path, name: str, today: datetime.date | None = None, *, whole: bool = False) -> ModelCard:
    """The card of a checkpoint on disk; `name` is the model's name for results. `whole`: read every byte of the weights."""
    place = path.absolute()
    source = open_folder(place)
    facts: dict[str, Any] = {**_facts(source), "revision": folder_revision(place, whole=whole)}
    if whole:
        facts["sampled_revision"] = folder_revision(place)
    return _card(model=name, path=str(place), source="folder", today=today, **facts)


def read_hub(
    model: str,
    token: str | None,
    fetch: Fetch | None = None,
    *,
    revision: str | None = None,
    today: datetime.date | None = None,
) -> ModelCard:
    """The card of a model on the Hub at its newest revision, or at the named one."""
    source = open_hub(model, token, fetch, revision)
    facts = _facts(source)
    return _card(model=model, revision=source.revision, gated=source.gated, source="hub", today=today, **facts)


def _facts(source: ModelFiles) -> dict[str, Any]:
    """The facts; an EnvironmentProblem where a value has an unexpected type (the publisher's JSON is not trusted)."""
    try:
        return _read(source)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"[:200]
        raise EnvironmentProblem(
            f"the files of {source.label} are not in the form that transformers reads ({what})",
            "download the model again, or ask its publisher",
        ) from error


def _read(source: ModelFiles) -> dict[str, Any]:
    config = mistral.configuration(source)
    if not config:
        raise EnvironmentProblem(
            f"{source.label} has no config.json",
            "evalctl needs a model in the form of transformers, not GGUF or adapters",
        )
    config = with_modelopt(config, json_file(source, "hf_quant_config.json"))
    shape, text = architecture(config, source.label), text_part(config, source.label)
    sizes = widths(text)
    stored, found = weights(source, shape.dtype), marks(source)
    return {
        "architecture": shape.name, "config_read_by": "known" if config.get("model_type") == mistral.TYPE else read_by(config), "config_fault": fault(text), "context_length": shape.context_length,
        "default_length": shape.default_length, "mtp_layers": mtp_layers(config, text), "layers": shape.layers,
        "attention_heads": shape.attention_heads, "kv_heads": shape.kv_heads, "head_size": shape.head_size,
        "dtype": stored.dtype, "parameters": stored.parameters, "weight_bytes": stored.bytes,
        "cache": cache(text), "state_bytes": state_bytes(text, sizes), "widths": sizes,
        "quantization": quantization(config, text), "quantization_files": quantization_files(source.sizes),
        "think_tags": THINK in found, "reasoning_marks": tuple(mark.begin for mark in found if mark is not THINK),
        "parser_tokens": parser_tokens(source), "parses_thinking": parses_thinking(source),
        "tokenizer": "mistral" if mistral.own_tokenizer(source) else "transformers",
        "tokenizer_read_by": tokenizer_read_by(source, config),
        "chat_template_sha256": template_digest(source),
        "generation_config": _sampling(json_file(source, "generation_config.json")),
        "recommends": recommendations(source),
    }  # fmt: skip


def _sampling(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in _SAMPLING if isinstance(config.get(key), (int, float))}


def _card(*, today: datetime.date | None, **facts: Any) -> ModelCard:
    try:
        return ModelCard(read_at=(today or datetime.date.today()).isoformat(), **facts)
    except ValidationError as error:
        what = "; ".join(f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors())
        raise EnvironmentProblem(f"the files of {facts['model']} do not make a model card: {what}") from error
