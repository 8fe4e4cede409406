"""What crosses between `evalctl probe` and its program: the targets to ask, and what was found of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTarget:
    """One model, as its provider names it; the key is in the variable `key_variable` ("": none). `up_to` is the largest `n`."""

    api_base: str
    model: str
    key_variable: str
    parameters: Mapping[str, Any]
    up_to: int

    def as_json(self) -> dict[str, Any]:
        """The object on the command line."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ParameterVerdict:
    """Of one parameter; `at_most` is how many of its texts are accepted, where not all are."""

    verdict: str
    message: str | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestNumber:
    """The `largest` n, of `asked`."""

    largest: int
    asked: int
    verdict: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLength:
    """The context length, and the longest answer, where the list of models or a refusal (`message`) names them."""

    source: str
    tokens: int | None = None
    longest_answer: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Why no further question was asked; `reason` is one of evalctl's reasons."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that is known of a target after `calls` questions; `rate_limit` are headers."""

    n: LargestNumber | None = None
    parameters: Mapping[str, ParameterVerdict] = field(default_factory=dict)
    context: ContextLength | None = None
    stopped: Stop | None = None
    unknown_accepted: bool | None = None
    together_refused: str | None = None
    rate_limit: Mapping[str, str] = field(default_factory=dict)
    calls: int = 0
    tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """The object of a line, and of `--json`: what a verdict does not have is left out, a group that is not there is null."""
        made = asdict(self)
        made["parameters"] = {name: _given(one) for name, one in made["parameters"].items()}
        optional = ("unknown_accepted", "together_refused")
        return {name: value for name, value in made.items() if name not in optional or value is not None}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
