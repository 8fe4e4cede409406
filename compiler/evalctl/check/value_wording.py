"""Words what a value should be and what it is: types, limits, choices and an example of what to type."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from evalctl.model import fields
from evalctl.suggest import did_you_mean

LIMITS = {
    "minimum": "must be at least", "exclusiveMinimum": "must be more than", "maximum": "must be at most",
    "exclusiveMaximum": "must be less than", "minItems": "has too few items: needs at least",
    "minProperties": "has too few keys: needs at least", "minLength": "has too few characters: needs at least", "maxLength": "has too many characters: allowed are at most",
}  # fmt: skip


def limit_of(error: Any) -> str:
    """The limit that a value is outside of."""
    empty = error.validator in ("minItems", "minLength") and error.validator_value == 1
    return "must not be empty" if empty else f"{LIMITS[error.validator]} {error.validator_value}"


def how(error: Any) -> str:
    """What was given, and how to write it if that can be guessed."""
    given = error.instance
    types = _types(error)
    if "array" in types and isinstance(given, str) and "string" not in types:
        item = given if re.fullmatch(r"[\w./-]+", given) else json.dumps(given, ensure_ascii=False)
        return f"write it as a list: [{short(item)}]"
    if "string" in types and isinstance(given, (int, float)):
        return f'{_given(given)}; if it is text, put it in quotes: "…"'
    if "boolean" in types and isinstance(given, str):
        return f"{_given(given)}; write true or false (YAML 1.2 has no yes, no, on and off)"
    if isinstance(given, str) and (choices := _choices(error)) and (guess := did_you_mean(given, choices)):
        return f"did you mean `{guess}`?"
    if isinstance(given, str) and types & {"integer", "number"} and _is_number(given):
        return f"{_given(given)}; write it " + ("without quotes" if given.isascii() else "in half-width digits")
    if isinstance(given, list) and "string" in types:
        return f'write it as text: "{short(",".join(map(str, given)))}"'
    return "; ".join(filter(None, (_given(given), _example(error))))


def _example(error: Any) -> str:
    """An example of a valid value, as it is typed; else the description of the key, or ""."""
    key = next((part for part in reversed(error.absolute_path) if isinstance(part, str)), None)
    samples = [sample for option in _options(error) if (sample := _sample(option))]
    if key and samples:
        return f"write e.g. `{key}: {samples[0]}`"
    return str(error.schema.get("description", "")).rstrip(".")


def _sample(schema: Mapping[str, Any]) -> str:
    if "const" in schema or "enum" in schema:
        return str(schema.get("enum", [schema.get("const")])[0])
    least, most = schema.get("minimum", 0), schema.get("maximum", math.inf)
    samples = {"integer": 10 if least <= 10 <= most else least, "number": 0.5, "boolean": "true"}
    return str(samples.get(str(schema.get("type")), ""))


def within(error: Any) -> str:
    """What was given, and the limits of the number."""
    words = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    limits = [f"{LIMITS[word].removeprefix('must be ')} {error.schema[word]}" for word in words if word in error.schema]
    return f"{_given(error.instance)}; write a number, {', '.join(limits)}" if limits else _given(error.instance)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _options(error: Any) -> list[Mapping[str, Any]]:
    return list(error.validator_value) if error.validator in ("anyOf", "oneOf") else [error.schema]


def _types(error: Any) -> set[str]:
    return {str(option.get("type", "")) for option in _options(error)}


def _choices(error: Any) -> list[str]:
    found = [choice for option in _options(error) for choice in (*option.get("enum", ()), option.get("const"))]
    return [choice for choice in found if isinstance(choice, str)]


def expected(error: Any) -> str:
    """The types and choices that are allowed."""
    words = [word for option in _options(error) for word in _type_words(option)]
    implied = {"null"} | ({"a whole number"} if "a number" in words else set())
    words = [word for word in dict.fromkeys(words) if word not in implied or len(words) == 1]
    return " or ".join(words)


def _type_words(schema: Mapping[str, Any]) -> list[str]:
    if "const" in schema or "enum" in schema:
        return [json.dumps(value) for value in schema.get("enum", [schema.get("const")])]
    if schema.get("pattern") == fields.NUMBER_TEXT:
        return []  # numbers may be written as text, but that is not recommended
    if "anyOf" in schema:
        return [word for option in schema["anyOf"] for word in _type_words(option)]
    if "$ref" in schema:
        return ["a mapping"]
    return [_WORDS.get(str(schema.get("type")), "something else")]


_WORDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "null",
}  # fmt: skip


def _given(value: Any) -> str:
    return "the value is empty" if value is None else f"the value is {shown(value)}, {kind_of(value)}"


def kind_of(value: Any) -> str:
    """The type of a value, in words."""
    kinds = {
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    return kinds.get(type(value), "null")


def shown(value: Any) -> str:
    """A value as it is in the file, shortened."""
    return short(json.dumps(value, ensure_ascii=False, default=str))


def short(text: str) -> str:
    """At most 80 characters of a text."""
    return text if len(text) <= 80 else f"{text[:77]}…"
