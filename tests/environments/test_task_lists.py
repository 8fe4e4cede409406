"""The committed lists of tasks are what the installed frameworks have."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from evalctl.environments import FOLDER, catalogue, check
from evalctl_job import judges, whole_texts

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = pytest.mark.environments


NAMES = ("lighteval", "lighteval-swallow")
# Functions by which a score is a mean over questions: of numbers, of the parts of all questions, of a judge's points.
MEANS = {"mean", "agg_inst_level_acc", "mt_bench_corpus_level_fn", "mean_dv_5"}


def interpreter(name: str) -> Path:
    """The environment's own Python."""
    return BUILT / catalogue()[name].directory_name / "bin" / "python"


@cache
def registered(name: str) -> dict[str, Any]:
    """What the installed registry says of each task's metrics."""
    if check([name], BUILT):
        pytest.skip(f"run `evalctl env setup {name}`")
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(FOLDER)}
    program = [str(interpreter(name)), str(Path(__file__).with_name("listed_metrics.py"))]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=600, env=variables)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_that_is_no_mean_over_questions_is_listed(name: str) -> None:
    """And none that is a mean: acceptance computes each of those again."""
    for task, metrics in registered(name)["metrics"].items():
        for metric, function in metrics.items():
            listed = whole_texts.of_whole_texts(task, metric)
            assert bool(listed) == (function not in MEANS), f"{metric} of {task} is made by {function}"


def test_no_line_of_the_list_is_of_a_task_that_neither_framework_has() -> None:
    """A line without a task would hide a name that is written wrong."""
    there = {
        (task, metric) for name in NAMES for task, metrics in registered(name)["metrics"].items() for metric in metrics
    }
    used = {one for task, metric in there for one in whole_texts.LISTED if one in whole_texts.lines_of(task, metric)}
    assert set(whole_texts.LISTED) == used


@pytest.mark.parametrize("name", NAMES)
def test_the_judges_of_all_tasks_are_listed(name: str) -> None:
    """Model, who serves it and the file of its prompts, or of the prompts beside the task."""
    found = registered(name)
    for task in found["metrics"]:
        listed = [[one.model, one.provider] for one in judges.judges_of(task)]
        assert sorted(listed) == sorted(one[:2] for one in found["judges"].get(task, []))
        folders = {str(Path(one[2]).parent) for one in found["judges"].get(task, [])}
        assert {str(Path(one.prompts).parent) for one in judges.judges_of(task)} == folders


@pytest.mark.parametrize("name", NAMES)
def test_the_prompts_of_judges_are_there(name: str) -> None:
    """Their digest goes into the record; run by the environment's own Python, which has them."""
    tasks = sorted(registered(name)["judges"])
    code = "import sys; from evalctl_job.judges import judges_of, recorded\n"
    code += "print(*[recorded(judges_of(task))['prompts'] for task in sys.argv[1:]])"
    variables = {**os.environ, "PYTHONPATH": str(Path(judges.__file__).parents[1])}
    done = subprocess.run(
        [str(interpreter(name)), "-c", code, *tasks], capture_output=True, text=True, check=True, env=variables
    )
    assert tasks and all(len(one) == 16 for one in done.stdout.split()) and len(done.stdout.split()) == len(tasks)


@pytest.mark.parametrize("name", NAMES)
def test_the_list_is_the_installed_registry(name: str) -> None:
    """By the command of compiler/evalctl_environments/README.md, run by the environment's own Python."""
    if check([name], BUILT):
        pytest.skip(f"run `evalctl env setup {name}`")
    listed = (FOLDER / f"{name}.tasks").read_text(encoding="utf-8")
    python = interpreter(name)
    done = subprocess.run(
        [str(python), str(FOLDER / "task_list.py"), listed.splitlines()[0].removeprefix("# ")],
        capture_output=True, text=True, check=True, timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.stdout == listed
