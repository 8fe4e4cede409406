"""A task of lighteval 0.13 that runs code, with LiveCodeBench's own metric: each question wants a function of the facts in CODE_FACTS."""

import os

import numpy as np
from evalctl_tasks.tasks import demo
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.tasks.requests import Doc, SamplingMethod
from lighteval.tasks.tasks.lcb.main import CodegenMetric


def question(line: dict, task_name: str) -> Doc:
    """The function is to return "denied"."""
    facts = {"inputs": [os.environ["CODE_FACTS"]], "outputs": ['"denied"'], "fn_name": "f"}
    return Doc(task_name=task_name, query=line["question"], choices=[""], gold_index=0, specific=facts)


PASSED = SampleLevelMetric(
    metric_name="codegen_pass@1",
    category=SamplingMethod.GENERATIVE,
    higher_is_better=True,
    sample_level_fn=CodegenMetric(),
    corpus_level_fn=np.mean,
    batched_compute=False,
)
TASKS_TABLE = [demo("demo_arithmetic", None, question, [PASSED], 24)]
