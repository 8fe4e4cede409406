"""Reads the lab's results files, raw (scores by task) or aggregated (values by entry).

A file that cannot be imported is left out with a warning, and so is a score of another suite or with another number of
examples in the question: the lab measures `swallow|TASK|0`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from evalctl.load import repo
from evalctl.model.diagnostic import NOTE, WARNING, Diagnostic, Span
from evalctl.model.fields import MODEL
from evalctl.model.providers import Provider
from evalctl.results.record import weights

# lighteval writes local time without a time zone; the clocks of both sites show Japan's time.
_JAPAN = timezone(timedelta(hours=9))
_STAMP = re.compile(r"results_(.+)\.json")
_STAMP_FORMS = ("%Y-%m-%dT%H-%M-%S.%f", "%Y-%m-%dT%H-%M-%S")  # isoformat omits a fraction of zero
_MISSING = -1


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """A file of results: its name, its path, and the digest of its text."""

    name: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ResultsContent:
    """The content of one file about one model: scores by task key (raw), or values by entry (aggregate)."""

    source: ResultsFile
    model: str
    at: float | None
    scores: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, int]
    entries: Mapping[str, float]
    settings: Mapping[str, str]


def files_in(folder: Path, names: str) -> tuple[list[Path], list[Diagnostic]]:
    """The regular files with these names, and a finding for each other entry (a link leads to a file that may be counted twice)."""
    found = sorted(folder.glob(names))
    plain = [path for path in found if path.is_file() and not path.is_symlink()]
    other = [_left_out("this is a link or not a regular file", Span(str(path))) for path in found if path not in plain]
    return plain, other


def read(path: Path, providers: Mapping[str, Provider]) -> tuple[ResultsContent | None, list[Diagnostic]]:
    """The content of a results file, raw or aggregated; None with a warning where the file is left out."""
    file = str(path)
    if path.is_file() and path.stat().st_size > _LARGEST:
        return None, [_left_out(f"the file is larger than {_LARGEST >> 20} MiB", Span(file))]
    source, found = repo.read(path.parent, file)
    if source is None:
        return None, [replace(one, severity=WARNING, message=f"not imported: {one.message}") for one in found]
    try:
        return _parsed(source.text, path.name, file, providers)
    except json.JSONDecodeError as error:
        place = Span(file, error.lineno, error.colno, error.colno + 1)
        return None, [_left_out(f"this is not JSON: {error.msg}", place)]
    except _LeftOut as reason:
        return None, [_left_out(str(reason), Span(file), _NOT_WANTED)]
    except KeyError as lacking:
        return None, [_left_out(f"{lacking} is missing", Span(file))]
    except (ValueError, OverflowError) as error:
        return None, [_left_out(str(error), Span(file))]
    except (TypeError, AttributeError, RecursionError):
        return None, [_left_out("this does not have the form of the lab's results files", Span(file))]


# The lab's largest results files have some MB; a larger file is not read into memory.
_LARGEST = 64 << 20
_HIGHEST = 10**12  # limit of a score or a count of questions: sums and products of such numbers stay finite
_LEAVE = "correct the file and import it again; the other files are imported without it"
_NOT_WANTED = "no action needed; to avoid this note, do not name the file"
_SCORE = "only scores `swallow|TASK|0` are imported: the lab's tasks, without examples in the question"


class _LeftOut(Exception):
    """The file is valid but must not be imported."""


def _left_out(reason: str, span: Span, help: str = _LEAVE) -> Diagnostic:
    severity = NOTE if help == _NOT_WANTED else WARNING
    return Diagnostic("unreadable-source", f"not imported: {reason}", span, help, severity=severity)


def _parsed(
    text: str, name: str, file: str, providers: Mapping[str, Provider]
) -> tuple[ResultsContent, list[Diagnostic]]:
    document = json.loads(text, parse_constant=_no_score, object_pairs_hook=_without_twins)
    if re.search(r"\\u[dD][89a-fA-F]", text):
        json.dumps(
            document, ensure_ascii=False
        ).encode()  # raises ValueError for a lone surrogate, which cannot be written
    source = ResultsFile(name, file, hashlib.sha256(text.encode()).hexdigest())
    if "config_general" not in document:
        return _aggregate(document, source, providers), []
    found = _raw(document, source, providers)
    others = sorted(key for key in document["results"] if key != "all" and key not in found.scores)
    return found, [_left_out(f"score of `{key[:_SHOWN]}`", Span(file), _SCORE) for key in others]


_SHOWN = 120


def _no_score(word: str) -> Any:
    raise ValueError(f"{word} is not a valid score")


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twin[:_SHOWN]}` is given twice")
    return found


def _raw(document: Mapping[str, Any], source: ResultsFile, providers: Mapping[str, Provider]) -> ResultsContent:
    general = document["config_general"]
    if general.get("max_samples") is not None:
        raise _LeftOut(f"a debugging run (max_samples {str(general['max_samples'])[:_SHOWN]})")
    scores = {key: _numbers(metrics) for key, metrics in document["results"].items() if _is_the_lab_s(key)}
    described = {
        key: one
        for key, one in (document.get("config_tasks") or {}).items()
        if isinstance(one, dict) and (_is_the_lab_s(key) or _is_the_lab_s(f"{key}|0"))
    }
    counts = {key: count for key, count in weights(scores, described).items() if count <= _HIGHEST}
    none = {"path": "", "name": "", "version": ""}
    model = _model(general["model_name"], providers)
    return ResultsContent(source, model, _stamp(source.name), scores, counts, {}, none)


def _is_the_lab_s(key: str) -> bool:
    """Whether a score's key is in the fork's suite `swallow` without examples: `swallow|TASK|0`, or `…|0|0`."""
    parts = key.split("|")
    return len(parts) in (3, 4) and parts[0] == "swallow" and bool(parts[1]) and set(parts[2:]) == {"0"}


def _aggregate(document: Mapping[str, Any], source: ResultsFile, providers: Mapping[str, Provider]) -> ResultsContent:
    entries = {name: value for name, value in _numbers(document["results"]).items() if value != _MISSING}
    given = document.get("custom_settings") or {}
    settings = {key: str(given.get(key) or "") for key in ("path", "name", "version")}
    return ResultsContent(source, _model(document["model"], providers), None, {}, {}, entries, settings)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The scores among the values, without texts and booleans."""
    found = {name: value for name, value in values.items() if type(value) in (int, float)}
    if wrong := [name for name, value in found.items() if not -_HIGHEST <= value <= _HIGHEST]:
        raise ValueError(f"`{wrong[0][:_SHOWN]}` is not a finite number, or is too large for a score")
    return found


def _model(name: str, providers: Mapping[str, Provider]) -> str:
    bare = name.partition("/")[2] if folder_provider(name, providers) else name
    if not re.fullmatch(MODEL, bare):
        message = f"the model name `{name[:_SHOWN]}` does not have the lab's form (hosted_vllm/PUBLISHER/MODEL)"
        first = name.partition("/")[0]
        if name.count("/") == 2 and re.fullmatch("[a-z][a-z0-9_-]*", first):
            message += f", and there is no provider `{first}` (file manifests/providers/{first}.yaml)"
        raise ValueError(message)
    return name


def folder_provider(name: str, providers: Mapping[str, Provider]) -> str | None:
    """The provider whose folder under results/ the model's name begins with; None for a name without a provider."""
    first, _, rest = name.partition("/")
    return next((one.name for one in providers.values() if one.result_dir == first and "/" in rest), None)


def _stamp(name: str) -> float:
    match = _STAMP.fullmatch(name)
    for form in _STAMP_FORMS if match else ():
        try:
            return datetime.strptime(match[1] if match else "", form).replace(tzinfo=_JAPAN).timestamp()
        except ValueError:
            continue
    raise ValueError("the file's name does not say when it was written: results_2025-07-01T12-34-56.789012.json")
