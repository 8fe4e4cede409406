"""Checks the form of one document: pydantic models decide, JSON Schema locates and describes the mistakes.

pydantic validates in microseconds and its models are the source of `schema/*.schema.json`; jsonschema runs only for a
document that was refused, because its errors name the exact node (seen: pydantic 2.14 names all branches of a union, not
the intended one).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from evalctl.check.codes import CODES
from evalctl.check.wording import from_model, from_schema, is_limit, is_misspelt
from evalctl.load import yaml_source
from evalctl.model.acceptance import AcceptedFile
from evalctl.model.card import ModelCard
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.document import Document, Path
from evalctl.model.fields import LONGEST_NAME, NUMBER_TEXT, Name, TaskWord
from evalctl.model.gate import Gate
from evalctl.model.manifest import CustomSettings, Endpoint, Request
from evalctl.model.metrics import Metrics
from evalctl.model.policy import Policy
from evalctl.model.service import Service

M = TypeVar("M")

SettingsFile = dict[Name, CustomSettings]
SuitesFile = dict[Name, list[TaskWord]]

KINDS: Mapping[str, Any] = {
    "request": Request,
    "service": Service,
    "provider": Endpoint,
    "model-settings": SettingsFile,
    "model-card": ModelCard,
    "metrics": Metrics,
    "suites": SuitesFile,
    "gate": Gate,
    "policy": Policy,
    "accepted": AcceptedFile,
}

_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def adapter(kind: str) -> TypeAdapter[Any]:
    """The validator of one kind of document; built on first use."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(KINDS[kind])
    return _ADAPTERS[kind]


def document_at(texts: Mapping[str, str], path: str, problems: list[Diagnostic]) -> Document | None:
    """The data of the file at `path`; None (and a finding) where it is missing or cannot be read."""
    if path not in texts:
        return None
    document, found = yaml_source.parse(texts[path], path)
    problems += found
    return document


def validated(kind: str, document: Document) -> tuple[Any, list[Diagnostic]]:
    """The document as a model, or None and a finding for every mistake in its form."""
    try:
        return adapter(kind).validate_python(document.data), []
    except ValidationError as error:
        return None, _describe(kind, document, error)


_MOST_FAULTS = 100  # faulty parts are removed one by one; a file with more of them must be corrected first
_DECISIVE: set[Path] = {(), ("provider",), ("cuda_visible_devices",)}


def without_faults(document: Document, problems: list[Diagnostic]) -> Document | None:
    """The document without its faulty parts, so that the names in the rest can be checked; None where a part is faulty that
    the other names depend on."""
    if len(problems) > _MOST_FAULTS:
        return None
    paths = {_path_at(document, problem.span) for problem in problems}
    if paths & _DECISIVE:
        return None
    for path in sorted(paths, key=_by_place, reverse=True):
        document = document.without(path)
    return document


def _path_at(document: Document, span: Span) -> Path:
    place = (span.line, span.column)
    for places in (document.keys, document.values):
        for path, (line, column, _) in places.items():
            if (line, column) == place and path:
                return path
    return ()


def _by_place(path: Path) -> tuple[tuple[int, str], ...]:
    """A sort key: later items of a list come later, and a part of a value after the value."""
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in path)


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of document."""
    body = _with_key_rules(adapter(kind).json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"evalctl {kind}",
        **{key: value for key, value in body.items() if key != "title"},
    }


def _with_key_rules(schema: Any) -> Any:
    """The schema, changed to refuse keys that match no pattern (pydantic's `patternProperties` alone accepts them)."""
    if isinstance(schema, list):
        return [_with_key_rules(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _with_key_rules(value) for key, value in schema.items()}
    if patterns := changed.pop("patternProperties", None):
        ((pattern, value),) = patterns.items()
        changed["propertyNames"] = {"pattern": pattern, "maxLength": LONGEST_NAME}
        changed["additionalProperties"] = value
    return changed


def schema_text(kind: str) -> str:
    """The content of schema/KIND.schema.json."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _describe(kind: str, document: Document, refused: ValidationError) -> list[Diagnostic]:
    """Findings for JSON Schema's errors, and for errors of the model that JSON Schema cannot express."""
    found = [
        problem
        for error in validator(kind).iter_errors(document.data)
        for meant in _meant(error)
        for problem in from_schema(document, meant)
    ]
    reported = {problem.span for problem in found}
    details = [one for one in refused.errors(include_url=False) if not _is_said_of_its_misspelling(kind, one)]
    limited = {from_model(document, one).span for one in details if is_limit(one)}
    for detail in details:
        problem = from_model(document, detail)
        if problem.span in limited and not is_limit(detail):  # from another branch of the number's union
            continue
        if not found or detail["type"] in CODES or (is_limit(detail) and problem.span not in reported):
            found.append(problem)
    return list(dict.fromkeys(found))


def _is_said_of_its_misspelling(kind: str, detail: Any) -> bool:
    """Whether a rule between keys misses a key that the document has under a misspelt name."""
    context = detail.get("ctx", {})
    wanted = context.get("wanted")
    return wanted is not None and is_misspelt(
        wanted, detail["input"], context.get("known") or schema_of(kind)["properties"]
    )


@cache
def validator(kind: str) -> Any:
    """A validator that agrees with the models: 1.0 is not a whole number, and `$` is the end of the text."""
    import jsonschema

    base = jsonschema.Draft202012Validator
    whole = base.TYPE_CHECKER.redefine("integer", lambda _, it: isinstance(it, int) and not isinstance(it, bool))
    extend: Any = jsonschema.validators.extend
    return extend(base, {"pattern": _pattern}, type_checker=whole)(schema_of(kind))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    # Python's `$` also matches before a final line break; that of JavaScript (editors) and Rust (pydantic) does not.
    import jsonschema

    whole = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(whole, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _meant(error: Any) -> list[Any]:
    """The errors of the branch of a union that the author intended: the branch for this kind of value."""
    branches: dict[Any, list[Any]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    meant = [inner for inner in branches.values() if not any(_of_another_kind(one, error) for one in inner)]
    if not meant:
        return [error]
    deepest = max(meant, key=lambda inner: max(len(one.absolute_path) for one in inner))
    return [one for inner in deepest for one in _meant(inner)]


def _of_another_kind(inner: Any, error: Any) -> bool:
    if len(inner.absolute_path) > len(error.absolute_path):
        return False
    return inner.validator in ("type", "const", "enum") or inner.validator_value == NUMBER_TEXT
