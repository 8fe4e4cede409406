"""Prints, as JSON, what the framework's registry says of each task: metrics by the function of their score, and judges.

Run by the environment's own Python.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import lighteval.tasks.registry as registry
import task_list

FOLDER = Path(registry.__file__).parents[1]


def functions(metric: Any) -> dict[str, str]:
    """The name of the function that makes each score of a metric."""
    names = metric.metric_name if isinstance(metric.metric_name, list) else [metric.metric_name]
    found = metric.corpus_level_fn
    each = found if isinstance(found, dict) else dict.fromkeys(names, found)
    return {name: getattr(one, "__name__", type(one).__name__) for name, one in each.items()}


def judge(metric: Any) -> list[str] | None:
    """The model and backend of a metric's judge, and the file of its prompts."""
    own = getattr(metric.sample_level_fn, "__self__", metric.sample_level_fn)
    found = getattr(own, "judge", None)
    if found is None:
        return None
    return [found.model, found.backend, str(Path(inspect.getfile(found.template)).relative_to(FOLDER))]


if __name__ == "__main__":
    tasks = task_list.fork() if hasattr(registry, "swallow_task_module") else task_list.upstream()
    metrics = {
        task: {name: one for metric in those for name, one in functions(metric).items()}
        for task, those in tasks.items()
    }
    judges = {task: [found for metric in those if (found := judge(metric))] for task, those in tasks.items()}
    sys.stdout.write(json.dumps({"metrics": metrics, "judges": {task: one for task, one in judges.items() if one}}))
