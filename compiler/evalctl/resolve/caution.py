"""The manual's caution (3.2): custom sampling settings apply only to tasks that are greedy by default.

MT-Bench, LiveCodeBench and HumanEval sample by design; a temperature of the custom settings would change what they
measure. A request may say `sampling_override: true`. Either way the plan shows what was applied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from evalctl.model.catalogue import Layer
from evalctl.model.diagnostic import Sourced
from evalctl.model.evaluation import Setting, Task

SAMPLING = ("temperature", "top_p", "top_k", "min_p")

WHY = "this task samples by design; `sampling_override: true` applies it all the same"

OWN = "this task sends a value of its own with each question, whatever the settings say"


def cautious(layer: Layer, task: Task, *, override: bool) -> tuple[Layer, tuple[Setting, ...]]:
    """What of the custom settings' `layer` applies to `task`, and what was kept out."""
    if override or not task.samples_by_design:
        return layer, ()
    kept_out = tuple(Setting(name, layer[name], applied=False, why=WHY) for name in SAMPLING if name in layer)
    if not kept_out:
        return layer, ()
    return {name: value for name, value in layer.items() if name not in SAMPLING}, kept_out


def without_own(
    merged: Mapping[str, Sourced[Any]], kept_out: tuple[Setting, ...], own: Collection[str]
) -> tuple[dict[str, Sourced[Any]], tuple[Setting, ...]]:
    """The settings less those that the task decides itself: an eval does not claim what no request carries."""
    theirs = [Setting(name, merged[name], applied=False, why=OWN) for name in merged if name in own]
    others = [replace(setting, why=OWN) if setting.name in own else setting for setting in kept_out]
    return {name: sourced for name, sourced in merged.items() if name not in own}, (*others, *theirs)
