"""Requests against each other: two that ask for the same eval differently would write to one place, here or on a disk that ignores case."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.load.places import folded
from evalctl.model.diagnostic import Diagnostic, Note, Span
from evalctl.model.plan_file import PlanFile


def conflicts(plans: Iterable[PlanFile]) -> list[Diagnostic]:
    """A finding for each pair of requests with one result path and two digests (as plan.json lists them)."""
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
        "clashing-names", f"its result {place} and {other} are one place on a disk that ignores case or Unicode forms",
        Span(request), help="write the model and its settings alike, or give one of the two another name",
        notes=(Note("the other request", Span(owner)),),
    )  # fmt: skip


def _conflict(request: str, owner: str, tasks: list[str]) -> Diagnostic:
    where = "itself" if owner == request else owner
    return Diagnostic(
        "conflicting-requests", f"this request asks differently than {where} for {', '.join(dict.fromkeys(tasks))} of the same model and settings",
        Span(request), help="give one of the two its own custom settings (a name), or make both ask alike",
        notes=(Note("the other request", Span(owner)),),
    )  # fmt: skip
