"""Findings about files under results/ and generated/ that evalctl would have written differently.

Sync commits results on the service's login node. A pull request changes results/ only if sync ran on its branch or
`import results` was used; every record that it adds, changes or deletes is reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from evalctl.changes.listed import EXECUTABLE, REGULAR, Change
from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.model.result import IMPORTED
from evalctl.results.derived import AGGREGATE
from evalctl.results.leaderboard import PATH as LEADERBOARD
from evalctl.results.leaderboard import UNPROVEN, unmarked
from evalctl.results.proof import ACCEPTED_FILE, rows
from evalctl.results.question_files import unlike_set
from evalctl.results.question_values import FOLDER as QUESTIONS
from evalctl.results.reading import parse
from evalctl.results.record import to_text
from evalctl.results.store import FILE
from evalctl.suggest import plural
from evalctl_job.run_folder import SCORES

_RESTORE = "remove this file from the change; `evalctl sync` writes results, `evalctl results rebuild` the files derived from them"
_COMPILE = "type `evalctl compile` and commit generated/"


@dataclass(frozen=True, slots=True)
class Expected:
    """What evalctl would write. `derived` has the possible texts of aggregates and leaderboard (with the tables before and
    after the change), `generated` the digests of generated files, `uncompiled` the folders of requests with errors.
    """

    derived: Mapping[str, frozenset[str]]
    generated: Mapping[str, str]
    uncompiled: tuple[str, ...]
    digest: Callable[[bytes], str]
    origin: Callable[[str], str] = lambda _: (
        ""
    )  # path of a record -> why it counts as measured; "" where that is unknown
    # path and content of a scores.json -> why evalctl would not have written it, and whether its record names it
    values: Callable[[str, bytes | None], tuple[str, bool]] = lambda *_: ("", True)
    # path of a question set -> whether a record uses it
    is_used: Callable[[str], bool] = lambda _: True


def findings(changes: Iterable[Change], expected: Expected) -> list[Diagnostic]:
    """A finding for each file that evalctl would have written differently, and for each record that changes."""
    found: list[Diagnostic] = []
    for change in changes:
        if change.path.startswith("generated/"):
            found += _generated(change, expected)
        elif change.path.startswith("results/"):
            found += _result(change, expected)
    return found


def by_hand(path: str, why: str, help: str = _RESTORE) -> Diagnostic:
    """The finding `changed-by-hand`: evalctl would have written the file differently."""
    return Diagnostic("changed-by-hand", f"{path}: {why}", Span(path), help)


def _generated(change: Change, expected: Expected) -> Iterator[Diagnostic]:
    path, wanted = change.path, expected.generated.get(change.path)
    if path.startswith(expected.uncompiled):
        yield by_hand(
            path,
            f"{change.word}, and cannot be compared: its request has errors",
            "fix the request, then: evalctl compile",
        )
    elif change.new is None:
        if wanted is not None:
            yield by_hand(path, "deleted, but the manifests still compile to it", _COMPILE)
    elif wanted is None and not _is_empty_keep(change):
        yield by_hand(path, f"{change.word}, but no request compiles to it", "remove it from generated/")
    elif wanted is not None and expected.digest(change.new.data) != wanted:
        yield by_hand(path, f"{change.word}, but the manifests compile to another text", _COMPILE)
    elif wanted is not None and change.new.mode != (EXECUTABLE if path.endswith(".sh") else REGULAR):
        yield by_hand(path, f"its mode is {change.new.mode}, which compile does not give it", _COMPILE)


def _is_empty_keep(change: Change) -> bool:
    """A file that only keeps its folder in git."""
    return change.path.endswith("/.gitkeep") and (change.new is None or not change.new.data)


def _result(change: Change, expected: Expected) -> Iterator[Diagnostic]:
    path, name = change.path, change.path.rpartition("/")[2]
    if change.new is not None and change.new.mode != REGULAR:
        yield by_hand(path, f"its mode is {change.new.mode}; results are regular files")
    elif path == LEADERBOARD or name == AGGREGATE:
        yield from _derived(change, expected)
    elif name == FILE:
        yield _record(change, expected)
    elif name == SCORES:
        yield from _values(change, expected)
    elif path.startswith(f"{QUESTIONS}/"):
        yield from _question_set(change, expected)
    elif path == ACCEPTED_FILE:
        yield from _accepted(change)
    elif _is_empty_keep(change):
        return
    else:
        yield by_hand(path, f"{change.word}; evalctl commits no such file under results/")


def _values(change: Change, expected: Expected) -> Iterator[Diagnostic]:
    """Findings about the values of a result's questions; values that the record names come with the finding about it."""
    why, named = expected.values(change.path, change.new.data if change.new else None)
    if why:
        yield by_hand(change.path, f"{change.word}, but {why}")
    elif not named:
        yield _touched(change.path, f"values of questions, which the record beside does not name, are {change.word}")


def _question_set(change: Change, expected: Expected) -> Iterator[Diagnostic]:
    used = expected.is_used(change.path)
    if change.new is None:
        if used:
            yield by_hand(change.path, "deleted, but the values of a result are of this question set")
    elif why := unlike_set(change.path, change.new.data):
        yield by_hand(change.path, f"{change.word}, but {why}")
    elif not used:
        yield by_hand(change.path, f"{change.word}, but no result has values of these questions")


def _accepted(change: Change) -> Iterator[Diagnostic]:
    """Findings about results/accepted.json, with which a person accepts records without an attempt in the ledger."""
    try:
        before, after = ([tuple(sorted(row.items())) for row in rows(text)] for text in change.texts)
    except ValueError as error:
        yield by_hand(change.path, f"it accepts nothing: {error}", "evalctl results accept writes this file")
        return
    for row in map(dict, [row for row in after if row not in before]):
        yield _touched(change.path, f"{row['by']} accepts {row['path']} without an attempt: {row['why']}")
    for row in map(dict, [row for row in before if row not in after]):
        yield _touched(change.path, f"{row['path']} is no longer accepted")


def _derived(change: Change, expected: Expected) -> Iterator[Diagnostic]:
    wanted = expected.derived.get(change.path, frozenset())
    if change.new is None:
        if wanted:
            yield by_hand(change.path, "deleted, but the records beside it still produce it")
    elif not wanted:
        yield by_hand(change.path, f"{change.word}, but no record (result.json) in this folder supports it")
    elif unmarked(change.texts[1]) not in wanted:
        yield by_hand(change.path, f"{change.word}, but its records do not produce it{_first(change.texts[1], wanted)}")
    elif change.path == LEADERBOARD and (gone := change.texts[0].count(UNPROVEN) - change.texts[1].count(UNPROVEN)) > 0:
        yield _touched(change.path, f"{plural(gone, 'score')} lost the remark `{UNPROVEN.strip()}`")


def _first(text: str, wanted: frozenset[str]) -> str:
    """The entries of an aggregate that differ, at most five; "" where the file is not an aggregate."""
    try:
        here, there = (json.loads(one) for one in (text, min(wanted)))
        found = [
            f"{what}{name} is {value}, but the records give {there.get(part, {}).get(name)}"
            for part, what in (
                ("results", ""),
                ("uncertainty", "the uncertainty of "),
                ("stability", "how answers ended of "),
            )
            for name, value in here.get(part, {}).items()
            if there.get(part, {}).get(name) != value
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return f": {'; '.join(found[:5])}" if found else ""


def _record(change: Change, expected: Expected) -> Diagnostic:
    """A finding for a record that changes: who measured it, as far as this clone knows."""
    path = change.path
    if change.new is None:
        return _touched(path, "a result is deleted; if a request asks for it, the next sync measures it again")
    try:
        result = parse(path, change.new.data)
        canonical = to_text(result.as_json()).encode() == change.new.data
    except (ValueError, RecursionError) as error:
        return by_hand(path, f"{change.word}, but is not a result: {error}")
    if not canonical:
        return by_hand(path, f"{change.word}, but does not have the form that evalctl writes")
    if result.digest.startswith(IMPORTED) and result.imported is not None:
        return _touched(path, f"an imported result is {change.word}: shown as imported, never reused")
    if why := expected.origin(path):
        return _touched(path, f"a result is {change.word}: {why}")
    return _touched(path, f"a result is {change.word}; this clone does not know whether an attempt measured it")


def _touched(path: str, message: str) -> Diagnostic:
    help = "results are committed by `evalctl sync` or `evalctl import results`; make sure that this one was"
    return Diagnostic("result-touched", f"{path}: {message}", Span(path), help, severity=WARNING)
