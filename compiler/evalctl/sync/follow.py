"""Commits the derived files that differ from what the committed records and metrics.yaml give.

A change of metrics.yaml computes all aggregates again without a measurement, an edited aggregate is replaced, and one
without records is removed. A pass over an unchanged commit costs one git command: its tree is remembered.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalctl.git.commit import commit_made
from evalctl.git.drafts import Draft
from evalctl.git.push import OURS
from evalctl.git.repository import Repository, blob_id
from evalctl.model.aggregate import Aggregate
from evalctl.results import derived
from evalctl.results.store import Listed
from evalctl.shell import EnvironmentProblem, json_text, write_atomically
from evalctl.suggest import listed, plural
from evalctl.sync.context import Context
from evalctl.sync.ledger import REF
from evalctl.sync.publish import lying_at

METRICS = "manifests/tasks/metrics.yaml"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the last pass found: the state of all inputs, and for each model folder the keys of its inputs and its aggregate.

    `newer` are the aggregates that were left to a newer evalctl.
    """

    state: str = ""
    folders: derived.Known = field(default_factory=dict)
    newer: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    """All derived files (None: to be removed) computed from the records at commit `parent`, `newer` ones included."""

    lying: derived.Base
    texts: Mapping[str, str | None]
    aggregates: Mapping[str, Aggregate]
    parent: str | None
    newer: Sequence[str]


def follow(context: Context, repo: Repository, warnings: list[str]) -> str | None:
    """Commits the derived files of HEAD that are not what its records and tables give; None where all agree."""
    head = repo.resolve("HEAD")
    if head is None or not context.metrics.entries:  # without entries the tables have an error: nothing is computed
        return None
    known = _remembered(context)
    state = _state(context, repo, head)
    if known.state == state:
        warnings += newer_warning(known.newer)
        return None
    if repo.run("diff", "--quiet", "--no-ext-diff", "HEAD", "--", METRICS).status != 0:
        warnings.append(f"{METRICS} differs from the commit: the aggregates are computed again once it is committed")
        return None
    made: list[_Made] = []
    try:
        commit = commit_made(repo, lambda parent: _drafts(context, repo, parent, known, made))
    except EnvironmentProblem as problem:  # a change of the user in results/: the rest of the pass goes on
        warnings.append(f"the aggregates are not computed again yet: {problem.message} ({problem.help})")
        return None
    warnings += [f"{METRICS}: {line}" for line in derived.mismatches(made[-1].aggregates)]
    warnings += unproven_warning([one for found in made[-1].lying.unproven.values() for one in found])
    warnings += newer_warning(made[-1].newer)
    _remember(context, repo, made[-1])
    return commit


def unproven_warning(found: Sequence[Listed]) -> list[str]:
    """One warning, however many records are unproven: there may be thousands."""
    if not found:
        return []
    paths = listed(sorted(one.path for one in found), 3)
    return [
        f"{plural(len(found), 'result')} unproven, the ledger does not account for what they say: {paths} "
        "(evalctl results accept PATH --why TEXT, or delete them)"
    ]


def newer_warning(found: Sequence[str]) -> list[str]:
    """One warning for the aggregates of a newer evalctl: only that one computes them and the leaderboard again."""
    if not found:
        return []
    return [
        f"{plural(len(found), 'aggregate')} of a newer evalctl, not computed again here, nor the leaderboard: {listed(found, 3)} "
        "(install that version of evalctl in this clone)"
    ]


def copied_unproven(copies: Mapping[str, str], lying: derived.Base) -> list[str]:
    """One warning for copies (place to source) of unproven results: a copy has its source's origin and is unproven, too."""
    unproven = {one.path for found in lying.unproven.values() for one in found}
    reused = [f"{place} from {source}" for place, source in sorted(copies.items()) if source in unproven]
    if not reused:
        return []
    return [
        f"{plural(len(reused), 'unproven result')} reused, and unproven at the new place as well: {listed(reused, 3)} "
        "(evalctl results accept PATH --why TEXT; or delete source and copy to measure again)"
    ]


def _drafts(
    context: Context, repo: Repository, parent: str | None, known: _Remembered, made: list[_Made]
) -> list[Draft]:
    """One draft of all derived files, which is added to `made`; `commit_made` leaves out those that are so already."""
    lying = lying_at(context, repo, parent)
    texts, aggregates = derived.everything(lying, context.metrics, known.folders)
    newer = derived.of_newer(lying, aggregates)
    made.append(_Made(lying, texts, aggregates, parent, newer))
    present = {
        path: text for path, text in derived.without(texts, newer).items() if text is not None or path in lying.keys
    }  # fmt: skip
    return [Draft(present, _message(lying, present, str(parent)))] if present else []


def _message(lying: derived.Base, texts: Mapping[str, str | None], like: str) -> str:
    removed = [path for path, text in texts.items() if text is None]
    changed = [
        path for path, text in texts.items()
        if text is not None and path in lying.aggregates and lying.keys[path] != blob_id(text.encode(), like)
    ]  # fmt: skip
    lines = [f"Aggregates computed again from their records: {len(changed)}. Nothing was measured." if changed else ""]
    lines += [f"Removed, as no record supports it: {path}" for path in removed]
    body = "\n".join(filter(None, lines)) or "The leaderboard follows the aggregates."
    return f"results: aggregates follow their records and metrics.yaml\n\n{body}\n\n{OURS}: none (derived files)\n"


def _state(context: Context, repo: Repository, head: str) -> str:
    """Identifies all that the derived files depend on, and the files themselves."""
    tree = repo.run("rev-parse", "--verify", "--quiet", f"{head}:results").text
    ledger = repo.run("rev-parse", "--verify", "--quiet", REF).text
    return hashlib.sha256(json.dumps([tree, ledger, derived.tables_key(context.metrics)]).encode()).hexdigest()


def _remembered(context: Context) -> _Remembered:
    """A file that cannot be used counts as empty: everything is computed again."""
    try:
        document = json.loads(context.home_folder.remembered.derived.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return _Remembered()
    whole = isinstance(document, dict) and document.get("schema") == _SCHEMA
    usable = whole and isinstance(document.get("folders"), dict)
    if not usable:
        return _Remembered()
    newer = document.get("newer")
    return _Remembered(str(document.get("state")), document["folders"], newer if isinstance(newer, list) else ())


def _remember(context: Context, repo: Repository, made: _Made) -> None:
    """Without this file the next pass only takes longer."""
    inputs = derived.input_keys(made.lying, context.metrics)
    folders = {
        folder: [
            inputs[folder],
            blob_id(str(made.texts[f"{folder}/{derived.AGGREGATE}"]).encode(), str(made.parent)),
        ]
        for folder in made.aggregates
    }
    document = {"schema": _SCHEMA, "state": _state(context, repo, "HEAD"), "folders": folders, "newer": made.newer}
    with contextlib.suppress(OSError):
        write_atomically(context.home_folder.remembered.derived, json_text(document, indent=None), folder_mode=0o700)
