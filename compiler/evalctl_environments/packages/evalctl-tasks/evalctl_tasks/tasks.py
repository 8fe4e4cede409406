"""The demo tasks, in the form that lighteval 0.13 imports (`TASKS_TABLE`)."""

import numpy as np
from evalctl_tasks.reading import LETTERS, QUESTIONS, first_digit, first_letter, letter_query
from lighteval.metrics.metrics_sample import ExactMatches, PassAtK
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod


def open_question(line: dict, task_name: str) -> Doc:
    """A question with one written answer."""
    return Doc(task_name=task_name, query=line["question"], choices=[line["answer"]], gold_index=0)


def letter_question(line: dict, task_name: str) -> Doc:
    """A question with four choices, answered by writing a letter."""
    gold = LETTERS.index(line["answer"])
    return Doc(task_name=task_name, query=letter_query(line), choices=list(LETTERS), gold_index=gold)


def exact(name: str, reading) -> SampleLevelMetric:
    """Right when what `reading` finds in the answer is the expected answer."""
    return SampleLevelMetric(
        metric_name=name,
        sample_level_fn=ExactMatches(normalize_pred=reading, strip_strings=True),
        category=SamplingMethod.GENERATIVE,
        corpus_level_fn=np.mean,
        higher_is_better=True,
    )


def pass_at(k: int, n: int) -> SampleLevelMetric:
    """The chance that one of `k` answers is right, estimated from `n`; lighteval names it `pass@k:k=…&n=…`."""
    metric = SampleLevelMetric(
        metric_name="pass@k",
        sample_level_fn=PassAtK(normalize=first_digit, strip_strings=True),
        category=SamplingMethod.GENERATIVE,
        corpus_level_fn=np.mean,
        higher_is_better=True,
    )
    return metric(sample_params={"k": k, "n": n})


def demo(name: str, subset: str | None, prompt_function, metrics: list, generation_size: int) -> LightevalTaskConfig:
    """One entry of the table; the questions come from the package, never from the network."""
    return LightevalTaskConfig(
        name=f"{name}:{subset}" if subset else name,
        prompt_function=prompt_function,
        hf_repo=str(QUESTIONS),
        hf_subset=f"{name}.{subset}" if subset else name,
        metrics=metrics,
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        generation_size=generation_size,
        version=1,
    )


TASKS_TABLE = [
    demo("demo_arithmetic", None, open_question, [exact("exact_match", first_digit)], 24),
    demo("demo_capitals_ja", None, letter_question, [exact("acc", first_letter)], 16),
    demo("demo_code", None, open_question, [pass_at(1, 4), pass_at(4, 4)], 24),
    demo("demo_subjects", "history", letter_question, [exact("acc", first_letter)], 16),
    demo("demo_subjects", "science", letter_question, [exact("acc", first_letter)], 16),
]
