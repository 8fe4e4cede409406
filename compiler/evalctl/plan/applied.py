"""The settings of a job's evals as text: those that all its tasks share, and those of each task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalctl_job.typed import read

if TYPE_CHECKING:
    from evalctl.model.evaluation import Eval, Job, Resolved


@dataclass(frozen=True, slots=True)
class Shown:
    """A job's settings as text: those of all its tasks, and by task key its `own` ones with those that the caution kept out."""

    common: str = ""
    own: Mapping[str, str] = field(default_factory=dict)


Applied = Mapping[str, Shown]  # by the name of the job
_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False)


def applied(jobs: Iterable[Job]) -> Applied:
    """The jobs' settings as `evalctl plan` shows them."""
    return {job.name: _of_job([task.evaluation for task in job.tasks]) for job in jobs}


def as_json(settings: Applied) -> dict[str, Any]:
    """The form in which they are remembered."""
    return {job: {"common": one.common, "own": dict(one.own)} for job, one in settings.items()}


def of_json(document: Any) -> dict[str, Shown]:
    """What `as_json` made; ValueError for anything else."""
    return {job: read(Shown, shown) for job, shown in document.items()}


def _of_job(evals: Sequence[Eval]) -> Shown:
    settings = {resolved: _applied(resolved) for resolved in dict.fromkeys(one.resolved for one in evals)}
    common = _common(list(settings.values()))
    own = {resolved: _own(resolved, its, common) for resolved, its in settings.items()}
    return Shown(_values(common), {one.task.key: own[one.resolved] for one in evals})


def _common(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shared = dict(settings[0])
    for own in settings[1:]:
        shared = {name: value for name, value in shared.items() if name in own and own[name] == value}
    return shared


def _applied(resolved: Resolved) -> dict[str, Any]:
    return {setting.name: setting.sourced.value for setting in resolved.settings if setting.applied}


def _own(resolved: Resolved, applied: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    own = {name: value for name, value in applied.items() if name not in common}
    kept_out = {s.name: s.sourced.value for s in resolved.settings if not s.applied}
    parts = [_values(own)] if own else []
    return "; ".join(parts + ([f"not applied: {_values(kept_out)}"] if kept_out else []))


def _values(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def shown(value: Any) -> str:
    """A setting's value as it is written in a manifest, cut where it is long."""
    text = value if isinstance(value, str) else repr(value) if type(value) in (int, float) else _JSON.encode(value)
    words = "unset" if value is None else text.replace("\n", " ")
    return words if len(words) <= 40 else words[:39] + "…"
