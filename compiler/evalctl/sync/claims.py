"""Which job has which eval, and which shard of it, as the ledger says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalctl.model.evaluation import JobTask
from evalctl.sync.ledger import Records
from evalctl.sync.shards import claimed


@dataclass(frozen=True, slots=True)
class Claims:
    """Which job has which eval: digest to the job whose open attempt runs it, or that gave its result, and when.

    `running` has shards under names of their own (`shards.claimed`), `divided` the evals of which a shard runs.
    """

    running: Mapping[str, str]
    collected: Mapping[str, tuple[str, float]]
    divided: Mapping[str, str] = field(default_factory=dict)

    def other(self, job: str, task: JobTask) -> str:
        """The job that runs this in place of `job`; "" where none does. A merge runs beside no shard: it waits for all of them."""
        digest = task.evaluation.digest
        names = [self.running.get(claimed(task.key, digest)), self.running.get(digest)]
        names += [self.divided.get(digest)] if not task.shards else []
        return next((name for name in names if name is not None and name != job), "")


def claims_of(records: Records) -> Claims:
    """Digests in open attempts, and digests in closed ones whose results are committed somewhere."""
    running: dict[str, str] = {}
    divided: dict[str, str] = {}
    collected: dict[str, tuple[str, float]] = {}
    for name, record in records.by_job.items():
        for key, digest in record.open.evals.items() if record.open else ():
            running[claimed(key, digest)] = name
            divided.update({digest: name} if claimed(key, digest) != digest else {})
        collected.update({digest: (name, moment) for digest, moment in record.results.items()})
    return Claims(running, collected, divided)
