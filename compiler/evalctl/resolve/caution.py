"""The manual's rule (3.2): custom sampling settings apply only to tasks that are greedy by default.

MT-Bench, LiveCodeBench and HumanEval sample by design; a temperature of the custom settings would change what they
measure. `sampling_override: true` in a request applies them. In both cases the plan shows what was applied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from evalctl.model.catalogue import Layer
from evalctl.model.diagnostic import Sourced
from evalctl.model.evaluation import Setting, Task

SAMPLING = ("temperature", "top_p", "top_k", "min_p")

WHY = "this task samples by design; `sampling_override: true` applies the setting anyway"

OWN = "this task always sends a value of its own with each question"


def cautious(layer: Layer, task: Task, *, override: bool) -> tuple[Layer, tuple[Setting, ...]]:
    """(the part of the custom settings that applies to `task`, the settings that do not)."""
    if override or not task.samples_by_design:
        return layer, ()
    kept_out = tuple(Setting(name, layer[name], applied=False, why=WHY) for name in SAMPLING if name in layer)
    if not kept_out:
        return layer, ()
    return {name: value for name, value in layer.items() if name not in SAMPLING}, kept_out


def without_own(
    merged: Mapping[str, Sourced[Any]], kept_out: tuple[Setting, ...], own: Collection[str]
) -> tuple[Mapping[str, Sourced[Any]], tuple[Setting, ...]]:
    """The settings without those for which the task sends its own value, so that an eval does not list values that are not sent."""
    if not own:
        return merged, kept_out
    theirs = [Setting(name, merged[name], applied=False, why=OWN) for name in merged if name in own]
    others = [replace(setting, why=OWN) if setting.name in own else setting for setting in kept_out]
    return {name: sourced for name, sourced in merged.items() if name not in own}, (*others, *theirs)
