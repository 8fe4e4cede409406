"""Reads config.json as transformers does: missing values have the default of the model type.

`defaults.json` has these defaults and the names of all types, generated from the pinned transformers (tests/environments/transformers_defaults.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalctl.model.card import Reader
from evalctl.shell import EnvironmentProblem

Config = Mapping[str, Any]

# For a model type outside the table (its code is in its repository), the text part is searched under these keys, as in vLLM.
_NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
# Alternative names in older and remote configurations; for known types the table has them.
_OTHER_NAMES = {
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads"),
    "hidden_size": ("n_embd", "d_model"),
    "intermediate_size": ("n_inner", "ffn_hidden_size", "ffn_dim"),
    "vocab_size": ("padded_vocab_size",),
    "head_dim": ("hidden_size_per_head", "attention_head_dim", "kv_channels"),
}
# Model classes whose configurations name no type (vLLM 0.32.0, _ARCHITECTURE_TO_MODEL_TYPE).
_WITHOUT_TYPE = frozenset({"LongcatFlashForCausalLM", "LongcatFlashNgramForCausalLM"})
_DEEPEST = 3  # Qwen-Omni nests two
LARGEST = 10**12  # no width, count or length of a model comes near
MOST_LAYERS = 10_000  # each layer is examined; the deepest models of 2026 have 150


@dataclass(frozen=True, slots=True)
class Text:
    """The configuration of the text model: `written` values, then the defaults of its type (`known`)."""

    written: Config
    known: Config  # the type's entry of the table; empty for a type that is not in it
    label: str

    @property
    def type(self) -> str:
        """The model type; "" where the configuration lacks it."""
        return str(self.written.get("model_type") or "")

    def get(self, key: str) -> Any:
        """The value of `key`; None where it is null, or missing without a default."""
        for name in (self.known.get("names", {}).get(key, key), key, *_OTHER_NAMES.get(key, ())):
            if name in self.written:
                return self.written[name]
        return self.known.get("defaults", {}).get(key)

    def number(self, *keys: str) -> int | None:
        """The first of `keys` that holds a whole number."""
        for key in keys:
            value = self.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                if not 0 <= value <= LARGEST:
                    raise self._impossible(key)
                return value
        return None

    def needed(self, key: str, most: int = LARGEST) -> int:
        """A required number; an EnvironmentProblem where it is missing or impossible."""
        value = self.number(key)
        if not value:
            kind = f"; evalctl knows no defaults of model_type {self.type}" if self.type and not self.known else ""
            raise EnvironmentProblem(
                f"config.json of {self.label} lacks {key}{kind}",
                f"copy the model, add {key} to config.json of the copy, and type `evalctl lock --path FOLDER NAME`",
            )
        if value > most:
            raise self._impossible(key)
        return value

    def _impossible(self, key: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{key} in config.json of {self.label} is not a possible number", "download the model again"
        )

    def refuses(self, what: str) -> bool:
        """Whether the type's own class refuses something that others take (`refusals` of transformers_defaults.py names each)."""
        return what in self.known.get("refuses", ())

    def section(self, *keys: str) -> Config:
        """A mapping within the configuration; empty where there is none."""
        return next((value for key in keys if isinstance(value := self.written.get(key), dict)), {})


def text_part(config: Config, label: str, depth: int = 0) -> Text:
    """The part of the configuration that describes the text model: multimodal models nest it."""
    known = _type_of(config)
    key, default = known.get("text") or (None, "")
    nested = config.get(key) if key else None
    if isinstance(nested, dict):
        inner = {"model_type": default, **nested}
        return Text(inner, _type_of(inner), label)
    for key in _NESTED:
        if depth < _DEEPEST and isinstance(config.get(key), dict):
            return _unknown_nested(config, config[key], label, depth + 1)
    if default and not known.get("defaults"):  # Qwen2-VL as released: the text model's keys are at the top level
        return Text({**config, "model_type": default}, _types().get(default, {}), label)
    return Text(config, known, label)


def _unknown_nested(config: Config, nested: Config, label: str, depth: int) -> Text:
    """The nested configuration; if its type is known, nothing of the outer configuration is used."""
    inner = text_part(nested, label, depth)
    if inner.known:
        return inner
    return Text({**config, **inner.written}, {}, label)


def read_by(config: Config) -> Reader:
    """Whose code reads this config.json. transformers and vLLM do not run the repository's code if they know the type (seen:
    transformers 5.19, resolve_trust_remote_code; vLLM 0.32, HFConfigParser).
    """
    type, names = config.get("model_type"), config.get("architectures")
    if (
        type in _types()
        or type in _others()
        or (type is None and isinstance(names, list) and _WITHOUT_TYPE & {*names[:1]})
    ):
        return "known"
    code = config.get("auto_map")
    return "repository" if isinstance(code, dict) and code.get("AutoConfig") else "nobody"


def brings_tokenizer(type: str, cls: str) -> bool:
    """Whether transformers or vLLM takes a class of its own for a tokenizer of this name, or for this model type."""
    known: Mapping[str, list[str]] = _table()["tokenizers"]
    return type in known["types"] or cls.removesuffix("Fast") in known["classes"]


def known_types() -> frozenset[str]:
    """The types that describe a text model or contain one."""
    return frozenset(_types())


def _type_of(config: Config) -> Config:
    return _types().get(str(config.get("model_type") or ""), {})


def _types() -> Mapping[str, Config]:
    types: Mapping[str, Config] = _table()["types"]
    return types


def _others() -> list[str]:
    """The names of model types that are not text models."""
    others: list[str] = _table()["others"]
    return others


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(Path(__file__).with_name("defaults.json").read_text(encoding="utf-8"))
    return table
