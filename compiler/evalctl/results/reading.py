"""The one reader of result.json: what every record has, so that all that use one can rely on it.

Further keys are kept: a newer evalctl may have written them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any

from evalctl.model import plain_json
from evalctl.model.result import IMPORTED, SCHEMA, Facts, Result

LAST_MOMENT = 253_402_300_800  # the year 10000; later ones have no date
# What else a record has, where it is there: all that reads records may rely on it.
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys((
        "custom_settings", "samples", "tokens", "ran", "server", "generation", "versions", "environments", "request", "script",
        "sent", "answered_by",
    ), dict),
    "warnings": list, "reused_from": str, "max_samples": int, "unanswered": int, "seconds": (int, float),
}  # fmt: skip
_CALLED: Mapping[Any, str] = {dict: "mapping", list: "list", str: "text", int: "whole number", (int, float): "number"}


def parse(path: str, content: bytes | str) -> Result:
    """The result in a file; raises ValueError with the reason when it is none."""
    result = Result(_document(content), path)
    if not 0 <= result.measured_at < LAST_MOMENT:
        raise ValueError(f"its `measured_at` is no time: {result.recorded('measured_at')}")
    return result


def _document(content: bytes | str) -> Facts:
    document = plain_json.document(content)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {document.get('schema')!r}, this evalctl reads {SCHEMA!r}")
    _require(document, {"digest": str, "task": dict, "subject": dict, "scores": dict, "weights": dict})
    _require(document["task"], {"key": str, "script": str, "result_dir": str})
    told = {**document, "custom_settings": document["subject"].get("custom_settings")}
    for key, kind in _KINDS.items():
        if not isinstance(told.get(key), (kind, NoneType)):
            raise ValueError(f"its `{key}` is no {_CALLED[kind]}")
    if not all(isinstance(one, str) for one in document.get("warnings") or ()):
        raise ValueError("its `warnings` are not texts")
    _require_one_kind(document)
    _require_numbers(document)
    return document


def _require(document: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    for key, kind in kinds.items():
        if not isinstance(document.get(key), kind):
            raise ValueError(f"its `{key}` is missing or not a {kind.__name__}")


def _require_one_kind(document: Mapping[str, Any]) -> None:
    """Imported or measured here: an imported record says so in its digest and in words, and only it has `entries`."""
    imported = document["digest"].startswith(IMPORTED)
    if imported != isinstance(document.get("imported"), dict) or ("imported" in document) != imported:
        raise ValueError("its `digest` and its `imported` do not agree on whether it was imported")
    if "entries" in document and not imported:
        raise ValueError("it has `entries`, which only an imported result has")


def _require_numbers(document: Mapping[str, Any]) -> None:
    """What is computed with: a text or a NaN among the scores must not stop the aggregate of all others."""
    if not all(isinstance(metrics, dict) for metrics in document["scores"].values()):
        raise ValueError("its scores are not metrics by task")
    imported = {"entries": {}, **document}  # what an imported result has in place of scores
    _require(imported, {"entries": dict})
    for task, metrics in {**document["scores"], "weights": document["weights"], "entries": imported["entries"]}.items():
        for name, value in metrics.items():
            if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value)):
                raise ValueError(f"`{name}` of `{task}` is no number")
