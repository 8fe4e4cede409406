"""The demo's code questions in the dialect of lighteval-swallow 0.8: once greedy, once with four samples."""

from pathlib import Path

import evalctl_tasks
import numpy as np
from lighteval.metrics.metrics import SampleLevelMetric
from lighteval.metrics.utils.metric_utils import MetricCategory, MetricUseCase
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc

QUESTIONS = Path(evalctl_tasks.__file__).with_name("questions")


def question(line: dict, task_name: str = "") -> Doc:
    """A question with one written answer."""
    return Doc(task_name=task_name, query=line["question"], choices=[line["answer"]], gold_index=0)


def share_right(predictions: list, formatted_doc: Doc, **_: object) -> float:
    """How many of the answers contain the expected one."""
    return float(np.mean([formatted_doc.get_golds()[0] in prediction for prediction in predictions]))


def task(name: str, metric_name: str, category: MetricCategory) -> LightevalTaskConfig:
    """One task over the demo's code questions."""
    metric = SampleLevelMetric(metric_name, True, category, MetricUseCase.ACCURACY, share_right, np.mean)
    return LightevalTaskConfig(
        name=name,
        suite=["swallow"],
        prompt_function=question,
        hf_repo=str(QUESTIONS),
        hf_subset="demo_code",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        metric=[metric],
        generation_size=24,
        stop_sequence=[],
    )


TASKS_TABLE = [
    task("demo_once", "right", MetricCategory.GENERATIVE),
    task("demo_four", "right_pass@1:4", MetricCategory.GENERATIVE_SAMPLING),
]
