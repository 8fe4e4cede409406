"""Sampling values that no setting gives: the value used instead, and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.frameworks import FRAMEWORKS
from evalctl.model.card import ModelCard
from evalctl.model.evaluation import Eval

FROM_MODEL = "the model's generation_config.json, applied by the server (generation_config: auto)"
OWN_OF_VLLM = "vLLM's own default"
# The default of vLLM 0.32.0 where neither the request nor generation_config.json has a value; a test reads its source.
NEUTRAL = {
    "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
}  # fmt: skip
_LENGTH = "max_new_tokens"


@dataclass(frozen=True, slots=True)
class Filled:
    """One value that no setting of the eval gives; None where it is not known here."""

    name: str
    value: Any
    origin: str


def filled(evaluation: Eval, card: ModelCard | None) -> tuple[Filled, ...]:
    """Every sampling value that no setting gives, with its source; `card` is that of the model."""
    given, model = dict(evaluation.generation), from_model(evaluation, card)
    names = [name for name in (*NEUTRAL, _LENGTH) if name not in given]
    return tuple(
        Filled(name, model[name], FROM_MODEL) if name in model else _elsewhere(name, evaluation, card) for name in names
    )


def from_model(evaluation: Eval, card: ModelCard | None) -> dict[str, Any]:
    """The values that the server takes from the model's generation_config.json."""
    config = _configured(evaluation, card)
    if not config:
        return {}
    framework = FRAMEWORKS[evaluation.task.framework]
    sent = {*dict(evaluation.generation), *framework.always_sent(), *framework.own_settings(evaluation.task.script)}
    return {name: config[name] for name in NEUTRAL if name not in sent and config.get(name) is not None}


def _configured(evaluation: Eval, card: ModelCard | None) -> Mapping[str, Any]:
    auto = dict(evaluation.server).get("generation_config") == "auto"  # a provider has no such setting
    return card.generation_config if card is not None and auto else {}


def _elsewhere(name: str, evaluation: Eval, card: ModelCard | None) -> Filled:
    framework, subject = FRAMEWORKS[evaluation.task.framework], evaluation.subject
    always = framework.always_sent()
    if name in framework.own_settings(evaluation.task.script):
        return Filled(name, None, "the task sends a value of its own with each question")
    if name in always:
        return Filled(name, always[name], f"{evaluation.task.framework} sends it where no setting does")
    if subject.provider != "vllm":
        return Filled(name, None, f"not sent: {subject.provider}'s own default applies")
    if card is None:
        return Filled(name, None, f"not sent, and not known without a model card: evalctl lock {subject.model}")
    if name != _LENGTH:
        return Filled(name, NEUTRAL[name], OWN_OF_VLLM)
    length = _configured(evaluation, card).get(_LENGTH)
    rest = "the rest of the context" if length is None else f"{length} from {FROM_MODEL}"
    return Filled(name, None, f"the task's own length where it has one, else {rest}")
