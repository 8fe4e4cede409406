"""A task of the fork with conversations of two turns, as MT-Bench has them; what was said in both is its own judge."""

import numpy as np
from evalctl_tasks.reading import QUESTIONS, first_digit
from lighteval.metrics.metrics import SampleLevelMetricGrouping
from lighteval.metrics.utils.metric_utils import MetricCategory, MetricUseCase
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc


def talk(line: dict, task_name: str = "") -> Doc:
    """Two temperatures, as MT-Bench has one for each category."""
    specific = {
        "reference": [], "category": "math", "id": line["question"], "num_samples": 2, "max_gen_text_length": 100,
        "multi_turn_queries": [line["question"], "もう一度、別の言い方で。"],
        "temperature": 0.7 + 0.1 * (len(line["question"]) % 2),
    }  # fmt: skip
    return Doc(
        task_name=task_name, query=line["question"], choices=[], instruction=None, gold_index=[], specific=specific
    )


def digits(sample_ids: list, responses: list, formatted_docs: list, **_: object) -> list[dict]:
    """How many of the texts of all turns have a digit."""
    texts = [[text for turn in one[0].result for text in turn] for one in responses]
    return [{"digits": float(np.mean([bool(first_digit(text)) for text in each]))} for each in texts]


METRIC = SampleLevelMetricGrouping(
    metric_name=["digits"],
    higher_is_better={"digits": True},
    category=MetricCategory.LLM_AS_JUDGE_MULTI_TURN,
    use_case=MetricUseCase.SUMMARIZATION,
    sample_level_fn=digits,
    corpus_level_fn={"digits": np.mean},
)
TASKS_TABLE = [
    LightevalTaskConfig(
        name="talks",
        suite=["swallow"],
        prompt_function=talk,
        hf_repo=str(QUESTIONS),
        hf_subset="demo_arithmetic",
        hf_avail_splits=["test"],
        evaluation_splits=["test"],
        metric=[METRIC],
        generation_size=24,
        stop_sequence=[],
        version=1,
    )
]
