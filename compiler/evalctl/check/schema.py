"""The form of one document: the model decides, JSON Schema says where and what is wrong.

pydantic validates in microseconds and its models are the source of `schema/*.schema.json`; jsonschema is asked only
about a document that was refused, because its errors point at the exact node (seen: pydantic 2.14 names the branches
of a union, not the one that was meant).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from evalctl.model.diagnostic import Diagnostic
from evalctl.model.document import Document, Path
from evalctl.model.manifest import (
    CustomSettings,
    Metrics,
    ModelCard,
    Name,
    Request,
    Service,
    TaskWord,
)
from evalctl.suggest import help_for, listed

M = TypeVar("M")

SettingsFile = dict[Name, CustomSettings]
SuitesFile = dict[Name, list[TaskWord]]

KINDS: Mapping[str, Any] = {
    "request": Request,
    "service": Service,
    "model-settings": SettingsFile,
    "model-card": ModelCard,
    "metrics": Metrics,
    "suites": SuitesFile,
}

_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def adapter(kind: str) -> TypeAdapter[Any]:
    """The validator of one kind of document; built on first use."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(KINDS[kind])
    return _ADAPTERS[kind]


def validated(kind: str, document: Document) -> tuple[Any, list[Diagnostic]]:
    """The document as a model, or None and every way in which it does not fit."""
    try:
        return adapter(kind).validate_python(document.data), []
    except ValidationError as error:
        return None, _describe(kind, document, error)


def without_unknown_keys(document: Document, problems: list[Diagnostic]) -> Document | None:
    """The document less its unknown keys, so that the rest can still be checked; None when more than that is wrong."""
    if any(problem.code != "unknown-key" for problem in problems):
        return None
    places = {(problem.span.line, problem.span.column) for problem in problems}
    data = copy.deepcopy(document.data)
    for path, place in document.keys.items():
        if place[:2] in places:
            holder = data
            for part in path[:-1]:
                holder = holder[part]
            holder.pop(path[-1], None)
    return replace(document, data=data)


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of document."""
    body = adapter(kind).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"evalctl {kind}",
        **{key: value for key, value in body.items() if key != "title"},
    }


def schema_text(kind: str) -> str:
    """What schema/KIND.schema.json holds."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _describe(kind: str, document: Document, refused: ValidationError) -> list[Diagnostic]:
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema_of(kind))
    found: list[Diagnostic] = []
    for error in validator.iter_errors(document.data):
        found.extend(_from_schema(document, _most_telling(error)))
    return found or [_from_model(document, detail) for detail in refused.errors(include_url=False)]


def _most_telling(error: Any) -> Any:
    """Of a union's branches, the error that goes deepest: the branch that the writer meant."""
    while error.context:
        typed = [inner for inner in error.context if inner.validator != "type"]
        deepest = max(typed or error.context, key=lambda inner: len(inner.absolute_path))
        if deepest.validator == "type" and len(deepest.absolute_path) == len(error.absolute_path):
            return error
        error = deepest
    return error


def _from_schema(document: Document, error: Any) -> list[Diagnostic]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        return _unknown_keys(document, path, error)
    if error.validator == "required":
        return _missing_keys(document, path, error)
    return [_wrong_value(document, path, error)]


def _unknown_keys(document: Document, path: Path, error: Any) -> list[Diagnostic]:
    known = sorted(error.schema.get("properties", ()))
    return [
        Diagnostic(
            "unknown-key",
            f"there is no key `{key}` here",
            document.key_span((*path, key)),
            help=help_for(key, known, f"the keys are: {listed(known, 40)}"),
        )
        for key in error.instance
        if key not in known
    ]


def _missing_keys(document: Document, path: Path, error: Any) -> list[Diagnostic]:
    span = document.key_span(path) if path else document.span(path)
    return [
        Diagnostic("missing-key", f"`{key}` is missing", span, help=_example(error.schema, key))
        for key in error.validator_value
        if key not in error.instance
    ]


def _example(schema: Mapping[str, Any], key: str) -> str:
    description = schema.get("properties", {}).get(key, {}).get("description", "")
    return f"add `{key}: …`" + (f" ({description.rstrip('.')})" if description else "")


def _wrong_value(document: Document, path: Path, error: Any) -> Diagnostic:
    name = _name(path)
    given = json.dumps(error.instance, ensure_ascii=False, default=str)
    given = given if len(given) <= 80 else given[:77] + "…"
    if error.validator == "propertyNames" or (error.parent is not None and error.parent.validator == "propertyNames"):
        return Diagnostic(
            "forbidden-text",
            f"`{error.instance}` cannot be a name",
            document.key_span((*path, error.instance)),
            help=_NAME_HELP,
        )
    if error.validator == "pattern":
        return Diagnostic("forbidden-text", f"{name} cannot be {given}", document.span(path), help=_NAME_HELP)
    if error.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxLength"):
        limit = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most",
                 "exclusiveMaximum": "less than", "minItems": "not empty: at least", "maxLength": "no longer than"}  # fmt: skip
        message = f"{name} must be {limit[error.validator]} {error.validator_value}"
        return Diagnostic("out-of-range", message, document.span(path), help=f"it is {given}")
    expected = _expected(error)
    return Diagnostic(
        "wrong-type", f"{name} must be {expected}", document.span(path), help=f"it is {given}, {_kind(error.instance)}"
    )


_NAME_HELP = (
    "names have letters, digits, _ - + and single dots, and begin with a letter or digit; "
    "text has no control characters"
)


def _name(path: Path) -> str:
    words = [str(part) for part in path if not isinstance(part, int)]
    item = " item" if path and isinstance(path[-1], int) else ""
    return f"`{'.'.join(words)}`{item}" if words else "the document"


def _expected(error: Any) -> str:
    if error.validator in ("enum", "const"):
        values = error.validator_value if error.validator == "enum" else [error.validator_value]
        return "one of " + ", ".join(json.dumps(value) for value in values)
    if error.validator in ("anyOf", "oneOf"):
        options = [_type_word(option) for option in error.validator_value]
        return " or ".join(dict.fromkeys(options))
    return _type_word(error.schema)


def _type_word(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if "$ref" in schema:
        return "a mapping"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type_word(option) for option in schema["anyOf"]))
    return _WORDS.get(str(schema.get("type")), "something else")


_WORDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "null",
}  # fmt: skip


def _kind(value: Any) -> str:
    kinds = {
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    return kinds.get(type(value), "null")


def _from_model(document: Document, detail: Any) -> Diagnostic:
    """What JSON Schema cannot say: rules between keys."""
    path: Path = tuple(part for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Diagnostic("wrong-type", message, document.span(path))
