"""The proofs of records: which attempts in the ledger measured which evals."""

from __future__ import annotations

import contextlib

from evalctl.git.repository import Repository
from evalctl.model.run import Phase
from evalctl.results.proof import ACCEPTED_FILE, Proofs, accepted
from evalctl.sync.ledger import Ledger, Records


def proofs_at(repo: Repository, commit: str | None, *, authoritative: bool, records: Records | None = None) -> Proofs:
    """The proofs by the ledger of this clone (`records`, where it has been read) and the accepted records of `commit`.

    `authoritative`: the ledger was just fetched, so that none is an empty one; else nothing is known without it.
    """
    records = Ledger(repo).read() if records is None else records
    text = repo.read(commit, [ACCEPTED_FILE], ACCEPTED_FILE).get(ACCEPTED_FILE, b"")
    accepted_by: frozenset[tuple[str, str]] = frozenset()
    with contextlib.suppress(ValueError):  # `evalctl check` reports the fault; a damaged file accepts nothing
        accepted_by = accepted(text)
    known = records.commit is not None or authoritative
    return Proofs(_attempts(records) if known else None, accepted_by, frozenset(records.unreadable), _pinned(records))


def _attempts(records: Records) -> dict[tuple[str, int], frozenset[str]]:
    """A closed attempt proves the results collected from it, an open one those noted before their commit."""
    return {
        (name, attempt.number): frozenset(
            record.collected.get(attempt.number, ())
            if attempt.phase is Phase.CLOSED
            else (digest for digest, _ in record.pinned.get(attempt.number, ()))
        )
        for name, record in records.by_job.items()
        for attempt in record.attempts
    }


def _pinned(records: Records) -> dict[tuple[str, int, str], frozenset[str]]:
    found: dict[tuple[str, int, str], frozenset[str]] = {}
    for name, record in records.by_job.items():
        for number, pairs in record.pinned.items():
            for digest, mark in pairs:
                found[name, number, digest] = found.get((name, number, digest), frozenset()) | {mark}
    return found
