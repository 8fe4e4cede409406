"""Compares requests with each other: two with different settings for one result path, here or on a disk that ignores case, conflict."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.load.places import folded
from evalctl.model.diagnostic import Diagnostic, Note, Span
from evalctl.model.plan_file import PlanFile


def conflicts(plans: Iterable[PlanFile]) -> list[Diagnostic]:
    """A finding for each pair of requests with the same result path and different digests (as plan.json lists them)."""
    first: dict[str, tuple[str, str, str]] = {}
    found: dict[tuple[str, str], list[str]] = {}
    clashing: dict[tuple[str, str], tuple[str, str]] = {}
    for plan in plans:
        request = plan.request
        for task in plan.tasks:
            place, digest, owner = first.setdefault(folded(task.result), (task.result, task.digest, request))
            if place != task.result:
                clashing.setdefault((request, owner), (task.result, place))
            elif digest != task.digest:
                found.setdefault((request, owner), []).append(task.task)
    return [
        *(_conflict(request, owner, tasks) for (request, owner), tasks in found.items()),
        *(_clash(request, owner, *places) for (request, owner), places in clashing.items()),
    ]


def _clash(request: str, owner: str, place: str, other: str) -> Diagnostic:
    return Diagnostic(
        "clashing-names", f"its result {place} and {other} are the same path on a disk that ignores case or Unicode forms",
        Span(request), help="write model and settings in the same way in both requests, or rename one of them",
        notes=(Note("the other request", Span(owner)),),
    )  # fmt: skip


def _conflict(request: str, owner: str, tasks: list[str]) -> Diagnostic:
    where = "itself" if owner == request else owner
    return Diagnostic(
        "conflicting-requests", f"this request and {where} have different settings for {', '.join(dict.fromkeys(tasks))} of the same model and custom settings",
        Span(request), help="give one of the two its own custom settings (a name), or use the same settings in both",
        notes=(Note("the other request", Span(owner)),),
    )  # fmt: skip
