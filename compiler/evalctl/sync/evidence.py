"""The evidence from which the step of one job is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalctl.model.run import Attempt, Marks, Sighting


@dataclass(frozen=True, slots=True)
class JobEvidence:
    """The evidence about one job, other jobs and other owners included.

    `missing` are task keys without a current result, not claimed by another job.
    `elsewhere` maps task keys without a result here to the job that runs them, `absent_here` to the job that gave
    their results into a commit that this clone lacks. `foreign`: the open attempt is another person's, whose jobs the
    scheduler does not show us. `other_home`: the folder that an attempt of ours is recorded with, where it is not one of
    this EVALCTL_HOME; nothing is read or written there. `lingering` are sightings of attempts that are closed. `unreadable_results` are paths
    that hold no result. `answered` are shards that have all their answers: they give no result, their merge does.
    """

    job: str
    missing: tuple[str, ...]
    attempt: Attempt | None
    attempts: int
    sightings: tuple[Sighting, ...]
    silent: bool
    marks: Marks
    age_seconds: float
    grace_seconds: float
    retries: int
    last_outcome: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    absent_here: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False
    other_scheduler: str = ""  # why the scheduler that was asked cannot know the job
    other_home: str = ""
    lingering: tuple[Sighting, ...] = ()
    cancelled: bool = False
    retried: bool = False  # `evalctl retry` was typed, and there was no attempt since
    unreadable_record: str = ""
    unreadable_results: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    blocked: str = ""  # why it cannot be submitted from here now, e.g. a script that was not compiled
    blocked_by: str = ""  # what is missing: a file, a variable, an environment


def under_way(evidence: Mapping[str, JobEvidence]) -> dict[str, Attempt]:
    """The open attempts of ours whose job has begun and has not ended, by job."""
    return {
        name: one.attempt for name, one in evidence.items()
        if one.attempt and one.marks.started and not one.marks.finished
    }  # fmt: skip
