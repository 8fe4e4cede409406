"""Files to commit for attempts that ended, copies of results of other requests included, and the ledger's entries about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from evalctl.model.run import Phase
from evalctl.results.derived import Base
from evalctl.results.proof import UNPROVEN
from evalctl.results.question_files import copied
from evalctl.results.reading import parse
from evalctl.results.record import reused, to_text
from evalctl.sync.asked import fingerprints
from evalctl.sync.charges import ended
from evalctl.sync.collect import Collected
from evalctl.sync.follow import copied_unproven
from evalctl.sync.ledger import Records
from evalctl.sync.marks import read_marks
from evalctl.sync.observe import Observation
from evalctl.sync.proofs import proofs_at
from evalctl.sync.publish import RequestResults, lying_at
from evalctl.sync.records import JobRecord
from evalctl.sync.sync_pass import SyncPass


def batches(current: SyncPass, observed: Observation, collected: Sequence[Collected]) -> list[RequestResults]:
    """New records by request: those of attempts that ended, and copies of results of other requests."""
    files: dict[str, dict[str, str]] = {}
    beside: dict[str, dict[str, str]] = {}
    jobs: dict[str, set[str]] = {}
    for found in collected:
        request = found.attempt.request
        new = _new(current, observed, found.files)
        files.setdefault(request, {}).update(new)
        for path in new:
            beside.setdefault(request, {}).update(found.beside.get(path, {}))
        jobs.setdefault(request, set()).add(found.attempt.job)
    for request, path, job, text, others in _copies(current, observed):
        if files.setdefault(request, {}).setdefault(path, text) is text:
            beside.setdefault(request, {}).update(others)
        jobs.setdefault(request, set()).add(job)
    return [
        RequestResults(request, files[request], tuple(sorted(jobs[request])), beside.get(request, {}))
        for request in sorted(files) if files[request]
    ]  # fmt: skip


def _new(current: SyncPass, observed: Observation, files: Mapping[str, str]) -> dict[str, str]:
    """The records that are not committed yet (a pass was killed between commit and ledger, or another attempt was first).

    An unproven record in the commit is replaced by the measured one.
    """
    results = {path: parse(path, text) for path, text in files.items()}
    there = [path for path, result in results.items() if observed.results.current(path, result.digest)]
    proofs = proofs_at(current.repo, current.repo.resolve("HEAD"), authoritative=True) if there else None
    kept = {path for path in there if proofs and proofs.state(observed.results.by_path[path]) != UNPROVEN}
    return {path: text for path, text in files.items() if path not in kept}


def _copies(current: SyncPass, observed: Observation) -> list[tuple[str, str, str, str, Mapping[str, str]]]:
    """(request, path, job, text, files beside it) of results that exist elsewhere under another path."""
    wanted = [
        (job, task.evaluation) for job in current.jobs.values() for task in job.tasks
        if not task.part and task.evaluation.digest in observed.results.by_digest
        and not observed.results.current(task.evaluation.result_path, task.evaluation.digest)
    ]  # fmt: skip
    if not wanted:
        return []
    lying = lying_at(current.context, current.repo, current.repo.resolve("HEAD"))
    sources = _sources({evaluation.digest for _, evaluation in wanted}, lying)
    texts = lying.read(list(sources.values()))
    current.warnings += copied_unproven({one.result_path: sources[one.digest] for _, one in wanted}, lying)
    found = {digest: parse(source, texts[source]) for digest, source in sources.items()}
    copies = [
        (job, found[one.digest], reused(one, job, current.context.commit, found[one.digest])) for job, one in wanted
    ]
    return [
        (job.request, made.path, job.name, to_text(made.as_json()), copied(source, made, lying.read))
        for job, source, made in copies
    ]


def _sources(digests: Collection[str], lying: Base) -> dict[str, str]:
    """The record that each of these digests is copied from; an unproven one only if there is no other."""
    doubted = {one.path for found in lying.unproven.values() for one in found}
    found = [one for one in lying.index.by_path.values() if one.digest in digests]
    return {one.digest: one.path for one in sorted(found, key=lambda one: one.path not in doubted)}


def noted(records: Records, collected: Sequence[Collected]) -> dict[str, JobRecord]:
    """Fingerprints of results that are about to be committed, beside their open attempts."""
    changed = {}
    for found in collected:
        record, number = records.of(found.attempt.job), found.attempt.number
        if (marks := fingerprints(found.files)) and record.pinned.get(number) != marks:
            changed[record.job] = replace(record, pinned={**record.pinned, number: marks})
    return changed


def closed(current: SyncPass, records: Records, collected: Sequence[Collected]) -> dict[str, JobRecord]:
    """The job records with these attempts closed, with their outcomes and results."""
    changed = {}
    for found in collected:
        record, number = records.of(found.attempt.job), found.attempt.number
        now = current.context.clock()
        closed_attempt = replace(found.attempt, phase=Phase.CLOSED, closed_at=now, outcome=found.outcome)
        charge = ended(record.charges.get(number), read_marks(found.folder), now)
        results = {**record.collected, number: found.digests} if found.digests else record.collected
        marks = fingerprints(found.files)
        pinned = {**record.pinned, number: marks} if marks else record.pinned
        record = record.with_attempt(closed_attempt).with_charge(number, charge)
        changed[record.job] = replace(record, collected=results, pinned=pinned)
    return changed
