"""The settings of a job's evals in words: what all its tasks share, and what each has beside that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evalctl.model.evaluation import Eval, Job

# Of each job by name: "common" settings, and by task key the "own" ones with those that the caution kept out.
Applied = Mapping[str, Mapping[str, Any]]


def applied(jobs: Iterable[Job]) -> Applied:
    """The jobs' settings as `evalctl plan` shows them, ready to be remembered."""
    return {job.name: _of_job([task.evaluation for task in job.tasks]) for job in jobs}


def _of_job(evals: Sequence[Eval]) -> Mapping[str, Any]:
    common = _common(evals)
    return {"common": _values(common), "own": {one.task.key: _own(one, common) for one in evals}}


def _common(evals: Sequence[Eval]) -> dict[str, Any]:
    shared = _applied(evals[0])
    for evaluation in evals[1:]:
        own = _applied(evaluation)
        shared = {name: value for name, value in shared.items() if name in own and own[name] == value}
    return shared


def _applied(evaluation: Eval) -> dict[str, Any]:
    return {setting.name: setting.sourced.value for setting in evaluation.settings if setting.applied}


def _own(evaluation: Eval, common: Mapping[str, Any]) -> str:
    own = {name: value for name, value in _applied(evaluation).items() if name not in common}
    kept_out = {s.name: s.sourced.value for s in evaluation.settings if not s.applied}
    parts = [_values(own)] if own else []
    return "; ".join(parts + ([f"not applied: {_values(kept_out)}"] if kept_out else []))


def _values(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in settings.items())


def _short(value: Any) -> str:
    text = str(list(value) if isinstance(value, tuple) else value)
    words = "unset" if value is None else text.replace("\n", " ")
    return words if len(words) <= 40 else words[:39] + "…"
