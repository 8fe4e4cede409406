"""Requests against each other: two that ask for the same eval differently would write to one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evalctl.model.diagnostic import Diagnostic, Note, Span


def conflicts(plans: Iterable[Mapping[str, Any]]) -> list[Diagnostic]:
    """A finding for each pair of requests with one result path and two digests (as plan.json lists them)."""
    first: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, str], list[str]] = {}
    for plan in plans:
        request = plan["request"]
        for job in plan["jobs"]:
            for task in job["tasks"]:
                digest, owner = first.setdefault(task["result"], (task["digest"], request))
                if digest != task["digest"]:
                    found.setdefault((request, owner), []).append(task["task"])
    return [_conflict(request, owner, tasks) for (request, owner), tasks in found.items()]


def _conflict(request: str, owner: str, tasks: list[str]) -> Diagnostic:
    where = "itself" if owner == request else owner
    return Diagnostic(
        "conflicting-requests", f"this request asks differently than {where} for {', '.join(dict.fromkeys(tasks))} of the same model and settings",
        Span(request), help="give one of the two its own custom settings (a name), or make both ask alike",
        notes=(Note("the other request", Span(owner)),),
    )  # fmt: skip
