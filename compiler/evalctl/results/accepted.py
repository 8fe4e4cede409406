"""Finds faults of `results/accepted.json`, whose unreadable rows would otherwise accept nothing without a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from evalctl.model import plain_json
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.results.proof import ACCEPTED_FILE, KEYS
from evalctl.results.submission import is_place
from evalctl.suggest import did_you_mean

_BLANK = re.compile(r"[\s,]*")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_AGAIN = "evalctl results accept PATH --why TEXT"


def faults(content: bytes) -> list[Diagnostic]:
    """One finding for each fault of the file, at the line where its row begins."""
    try:
        text = content.decode("utf-8")
        rows = plain_json.parsed(text)
    except json.JSONDecodeError as error:
        return [_found(error.lineno, f"it is not JSON: {error.msg}", f"git checkout -- {ACCEPTED_FILE}")]
    except ValueError as error:
        return [_found(1, f"it cannot be read: {error}", f"git checkout -- {ACCEPTED_FILE}")]
    if not isinstance(rows, list):
        return [_found(1, "it is not a list of rows", f"git checkout -- {ACCEPTED_FILE}")]
    lines, first = _lines(text, len(rows)), dict[str, int]()
    found = []
    for line, row in zip(lines, rows, strict=True):
        found += [_found(line, why, help) for why, help in _of_row(row)]
        path = row.get("path") if isinstance(row, dict) else None
        if isinstance(path, str) and first.setdefault(path, line) != line:
            found.append(_found(line, f"`{path}` has a row at line {first[path]} already", "delete one of the two"))
    return found


def _found(line: int, why: str, help: str) -> Diagnostic:
    return Diagnostic(
        "damaged-acceptance", f"{why}; the whole file accepts nothing", Span(ACCEPTED_FILE, line), help=help
    )


def _lines(text: str, number: int) -> list[int]:
    """The line at which each element of the list begins."""
    decoder, place = json.JSONDecoder(), text.index("[") + 1
    lines = []
    for _ in range(number):
        place = _BLANK.match(text, place).end()  # type: ignore[union-attr]  # it matches everywhere
        lines.append(text.count("\n", 0, place) + 1)
        _, place = decoder.raw_decode(text, place)
    return lines


def _of_row(row: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(row, dict):
        yield "a row is not an object", f"delete it, then: {_AGAIN}"
        return
    for key in sorted(row.keys() - KEYS):
        guess = did_you_mean(key, KEYS)
        yield (
            f"there is no key `{key}`",
            f"did you mean `{guess}`?" if guess else f"delete it; keys are {', '.join(sorted(KEYS))}",
        )
    for key in sorted(KEYS - row.keys()):
        yield f"a row has no `{key}`", f"delete the row, then: {_AGAIN}"
    for key in sorted(KEYS & row.keys()):
        if not isinstance(row[key], str) or not row[key]:
            yield f"`{key}` is not a text", f"delete the row, then: {_AGAIN}"
        elif key == "path" and not is_place(row[key]):
            yield f"`{row[key]}` is not the path of a result", "name it from the repository: results/…/result.json"
        elif key == "fingerprint" and not _FINGERPRINT.fullmatch(row[key]):
            yield "`fingerprint` is not one", f"delete the row, then: {_AGAIN}"
