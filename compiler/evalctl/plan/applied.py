"""The settings of a job's evals as text: those that all its tasks share, and those of each task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalctl.model.evaluation import Eval, Job

# Of each job by name: "common" settings, and by task key the "own" ones with those that the caution kept out.
Applied = Mapping[str, Mapping[str, Any]]
_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False)


def applied(jobs: Iterable[Job]) -> Applied:
    """The jobs' settings as `evalctl plan` shows them, in a form that can be cached."""
    return {job.name: _of_job([task.evaluation for task in job.tasks]) for job in jobs}


def _of_job(evals: Sequence[Eval]) -> Mapping[str, Any]:
    settings = [_applied(one) for one in evals]
    common = _common(settings)
    own = {one.task.key: _own(one, its, common) for one, its in zip(evals, settings, strict=True)}
    return {"common": _values(common), "own": own}


def _common(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shared = dict(settings[0])
    for own in settings[1:]:
        shared = {name: value for name, value in shared.items() if name in own and own[name] == value}
    return shared


def _applied(evaluation: Eval) -> dict[str, Any]:
    return {setting.name: setting.sourced.value for setting in evaluation.settings if setting.applied}


def _own(evaluation: Eval, applied: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    own = {name: value for name, value in applied.items() if name not in common}
    kept_out = {s.name: s.sourced.value for s in evaluation.settings if not s.applied}
    parts = [_values(own)] if own else []
    return "; ".join(parts + ([f"not applied: {_values(kept_out)}"] if kept_out else []))


def _values(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def shown(value: Any) -> str:
    """A setting's value as it is written in a manifest, cut where it is long."""
    text = value if isinstance(value, str) else _JSON.encode(value)
    words = "unset" if value is None else text.replace("\n", " ")
    return words if len(words) <= 40 else words[:39] + "…"
