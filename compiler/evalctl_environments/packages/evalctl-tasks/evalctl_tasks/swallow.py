"""The demo tasks in the form that the Swallow fork (0.8) imports; it asks a question as often as a metric's name says."""

import numpy as np
from evalctl_tasks.reading import LETTERS, QUESTIONS, first_digit, first_letter, letter_query
from lighteval.metrics.metrics import SampleLevelMetric
from lighteval.metrics.utils.metric_utils import MetricCategory, MetricUseCase
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc


def open_question(line: dict, task_name: str = "") -> Doc:
    """A question with one written answer."""
    return Doc(task_name=task_name, query=line["question"], choices=[line["answer"]], gold_index=0)


def letter_question(line: dict, task_name: str = "") -> Doc:
    """A question with four choices, answered by writing a letter."""
    gold = LETTERS.index(line["answer"])
    return Doc(task_name=task_name, query=letter_query(line), choices=list(LETTERS), gold_index=gold)


def share_right(reading):
    """The share of a question's answers in which `reading` finds the expected one."""

    def score(predictions: list, formatted_doc: Doc, **_: object) -> float:
        return float(np.mean([reading(text) == formatted_doc.get_golds()[0] for text in predictions]))

    return score


def metric(name: str, reading, category: MetricCategory = MetricCategory.GENERATIVE) -> SampleLevelMetric:
    """The mean over all questions."""
    return SampleLevelMetric(name, True, category, MetricUseCase.ACCURACY, share_right(reading), np.mean)


def demo(name: str, subset: str | None, prompt_function, measure: SampleLevelMetric, size: int) -> LightevalTaskConfig:
    """One entry of the table; the questions come from the package, never from the network."""
    return LightevalTaskConfig(
        name=f"{name}:{subset}" if subset else name,
        suite=["swallow"],
        prompt_function=prompt_function,
        hf_repo=str(QUESTIONS),
        hf_subset=f"{name}.{subset}" if subset else name,
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        metric=[measure],
        generation_size=size,
        stop_sequence=[],
        version=1,
    )


FOUR = metric("pass@1:4", first_digit, MetricCategory.GENERATIVE_SAMPLING)
TASKS_TABLE = [
    demo("demo_arithmetic", None, open_question, metric("exact_match", first_digit), 24),
    demo("demo_capitals_ja", None, letter_question, metric("acc", first_letter), 16),
    demo("demo_code", None, open_question, FOUR, 24),
    demo("demo_subjects", "history", letter_question, metric("acc", first_letter), 16),
    demo("demo_subjects", "science", letter_question, metric("acc", first_letter), 16),
]
