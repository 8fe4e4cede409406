"""Why an attempt failed: which reasons are worth another try by themselves, and what a person does about the others."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.sync.pages import pages

# Reasons are the words of the job (evalctl_job.supervisor) and of its acceptance check (evalctl_job.reasons).
_TRANSIENT = frozenset(
    {
        "lost", "timeout", "server-died", "server-start-timeout", "relay-died", "port-taken", "rate-limit",
        "dataset-unreachable", "request-timeout", "answers-failed", "answers-missing", "aborted", "task-lost",
        "node-lost", "job-killed", "provider-unreachable", "not-run", "gpu-error", "hub-unreachable",
        "weights-unseen", "answers-in-use", "framework-stalled",
    }
)  # fmt: skip
# Not this job's fault, and not a person's: it waits until its weights are there.
_AWAITED = frozenset({"weights-missing", "hub-unreachable"})
_GENERAL = "evalctl logs shows what happened; evalctl retry runs it again"


def is_transient(reason: str) -> bool:
    """Whether the same job may well succeed when it just runs again."""
    return reason in _TRANSIENT


def is_awaited(reason: str) -> bool:
    """Whether a job that cannot be submitted for this reason just waits."""
    return reason in _AWAITED


def advice(reason: str) -> str:
    """What to do about it, as a line of plain text."""
    page = pages().get(reason)
    return page.do.replace("`", "") if page else _GENERAL


def gravest(reasons: Iterable[str]) -> str:
    """The reason that stands for several: one that may pass by itself is tried again before a person is asked."""
    ordered = sorted(set(reasons), key=lambda reason: (not is_transient(reason), reason))
    return ordered[0] if ordered else ""
