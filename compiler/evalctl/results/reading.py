"""Reads and checks result.json and aggregated_results.json, so that all users can rely on their form.

Further keys of a record are kept: a newer evalctl may have written them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any

from evalctl.model import plain_json
from evalctl.model.aggregate import Aggregate, AggregatedEval, Stability, Uncertainty, is_newer
from evalctl.model.recorded import Facts, RecordedSettings
from evalctl.model.result import IMPORTED, SCHEMA, ImportedFrom, Result, Samples
from evalctl_job.ends import KINDS
from evalctl_job.typed import NO_DATE

Read = Callable[[Sequence[str]], Mapping[str, bytes]]  # the files at these paths; those that do not exist are left out
OF_NEWER = (
    "a newer evalctl made these scores: their intervals, and how answers ended, are not shown "
    "(install that version; evalctl results compare computes its own)"
)
MOST_ENDS = 10**9  # answers of one record

# What else a record has, where it is there: all that reads records may rely on it.
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys((
        "custom_settings", "samples", "tokens", "ran", "server", "generation", "versions", "environments", "request", "script",
        "sent", "answered_by", "per_question", "stability", "judge",
        "code_execution",
    ), dict),
    "warnings": list, "reused_from": str, "max_samples": int, "unanswered": int, "seconds": (int, float),
}  # fmt: skip
_CALLED: Mapping[Any, str] = {dict: "mapping", list: "list", str: "text", int: "whole number", (int, float): "number"}


def parse(path: str, content: bytes | str) -> Result:
    """The result in a file; raises ValueError with the reason when it is invalid."""
    result = Result(_document(content), path)
    if not 0 <= result.measured_at < NO_DATE:
        raise ValueError(f"its `measured_at` is not a time: {result.recorded('measured_at')}")
    if not abs(result.seconds or 0) < NO_DATE:
        raise ValueError(f"its `seconds` is not a time: {result.seconds}")
    return result


def _document(content: bytes | str) -> Facts:
    document = plain_json.document(content)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {document.get('schema')!r}, this evalctl reads {SCHEMA!r}")
    _require(document, {"digest": str, "task": dict, "subject": dict, "scores": dict, "weights": dict})
    _require(document["task"], {"key": str, "script": str, "result_dir": str})
    recorded = {**document, "custom_settings": document["subject"].get("custom_settings")}
    for key, kind in _KINDS.items():
        if not isinstance(recorded.get(key), (kind, NoneType)):
            raise ValueError(f"its `{key}` is not a {_CALLED[kind]}")
    if not all(isinstance(one, str) for one in document.get("warnings") or ()):
        raise ValueError("its `warnings` are not texts")
    _require_one_kind(document)
    _require_numbers(document)
    ends = document.get("stability")
    if ends is not None and (why := _impossible_ends(ends)):
        raise ValueError(f"its `stability` has an impossible number of {why}")
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
                raise ValueError(f"`{name}` of `{task}` is not a number")


def _impossible_ends(stability: Mapping[str, Any]) -> str:
    """Which number of questions, or of their answers, cannot be: more of a kind than there are; "" where all can."""
    most = {"questions": MOST_ENDS, "answers": MOST_ENDS, "finished": stability.get("questions")}
    for name in ("questions", "answers", "finished", *KINDS):
        value, limit = stability.get(name), most.get(name, stability.get("answers"))
        if type(value) is not int or type(limit) is not int or not 0 <= value <= limit:
            return f"`{name}`: {value!r}"
    return ""


_NEEDED = {"model": str, "results": dict, "overall": str, "custom_settings": dict, "evals": dict}
_OF_SETTINGS = {"name": str, "version": str}
_PERHAPS = (int, float, NoneType)
_OF_UNCERTAINTY: Mapping[str, type | tuple[type, ...]] = {
    "questions": int, "answers": int, "clusters": (int, NoneType), "error": _PERHAPS, "low": _PERHAPS, "high": _PERHAPS,
    "of_sampling": _PERHAPS, "method": str,
}  # fmt: skip
_BEYOND, _ROUNDED = 1e100, 1e-5  # ends of an interval are written with six decimals
_OF_EVALS = {"measured": (str, NoneType)}


def aggregate_in(text: bytes) -> Aggregate | None:
    """An aggregate of the repository; a damaged one is left out of the table until it is computed again."""
    try:
        document = plain_json.parsed(text)
    except ValueError:
        return None
    whole = _has(document, _NEEDED) and _has(document["custom_settings"], _OF_SETTINGS)
    return _aggregate(document) if whole and all(_has(one, _OF_EVALS) for one in document["evals"].values()) else None


def _has(document: Any, needed: Mapping[str, type | tuple[type, ...]]) -> bool:
    return isinstance(document, dict) and all(
        key in document and isinstance(document[key], kind) for key, kind in needed.items()
    )


def _aggregate(document: Mapping[str, Any]) -> Aggregate:
    """An older evalctl left out what is looked up by `get`. What a newer one says of questions is left out: nothing here can check it."""
    unmatched = document.get("unmatched")
    newer = is_newer(_text(document.get("generated_by")))
    return Aggregate(
        document["model"],
        {name: value if isinstance(value, (int, float)) else None for name, value in document["results"].items()},
        document["overall"],
        _texts(document.get("tasks")),
        RecordedSettings(document["custom_settings"]),
        {task: _eval(one) for task, one in document["evals"].items()},
        {} if newer else _uncertainty(document.get("uncertainty"), document["results"]),
        {} if newer else _stability(document.get("stability")),
        _texts(document.get("missing")),
        {name: str(why) for name, why in unmatched.items()} if isinstance(unmatched, dict) else {},
        (*_texts(document.get("warnings")), *((OF_NEWER,) if newer else ())),
        _text(document.get("generated_by")),
    )


def _eval(one: Mapping[str, Any]) -> AggregatedEval:
    samples, seconds, imported = one.get("samples"), one.get("seconds"), one.get("imported")
    return AggregatedEval(
        _text(one.get("digest")),
        _text(one.get("script")),
        _text(one.get("result")),
        one["measured"],
        Samples(samples) if isinstance(samples, dict) else None,
        seconds if isinstance(seconds, (int, float)) else None,
        ImportedFrom(imported if isinstance(imported, dict) else {}) if "imported" in one else None,
        _text(one.get("judge")),
        _text(one.get("code_execution")),
    )


def _uncertainty(found: object, scores: Mapping[str, Any]) -> dict[str, Uncertainty]:
    """One that a person damaged is left out: without the score in it, or with an end that no score has."""
    return {
        entry: Uncertainty(**{name: one[name] for name in _OF_UNCERTAINTY})
        for entry, one in (found.items() if isinstance(found, dict) else ())
        if _has(one, _OF_UNCERTAINTY) and _is_about(one["low"], one["high"], scores.get(entry))
    }  # fmt: skip


def _stability(found: object) -> dict[str, Stability]:
    """One with impossible numbers is left out."""
    names = ("questions", "answers", "finished", *KINDS)
    return {
        entry: Stability(**{name: one[name] for name in names}, score=one.get("score"))
        for entry, one in (found.items() if isinstance(found, dict) else ())
        if isinstance(one, dict) and not _impossible_ends(one) and _is_score(one.get("score"))
    }


def _is_score(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and abs(value) < _BEYOND)


def _is_about(low: float | None, high: float | None, score: object) -> bool:
    if low is None or high is None or not isinstance(score, (int, float)):
        return True
    return -_BEYOND < low <= score + _ROUNDED and score - _ROUNDED <= high < _BEYOND


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
