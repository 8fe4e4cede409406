"""Runs the fork's client over conversations of two turns and prints what it returns and what became of its questions, as JSON.

Run with the environment of lighteval-swallow; in a job where the job's variables are set, else the client asks as it does by itself.
"""

import json
import os
import sys

from lighteval.models import litellm_model
from lighteval.models.model_input import GenerationParameters
from lighteval.tasks.requests import GreedyUntilMultiTurnRequest, RequestType

TEMPERATURES = (0.0, 0.7, None, 0.1, 0.7)


def question(number: int, temperature: float | None) -> GreedyUntilMultiTurnRequest:
    """A conversation: the second turn has the first answer in it. The fourth and the fifth are equal but for their temperature."""
    first = {"role": "user", "content": f"{min(number, 3)}: 話して" + "。" * (7 * number % 5)}
    later = [dict(first), {"role": "assistant", "content": "{model_response}"}, {"role": "user", "content": "もっと"}]
    made = GreedyUntilMultiTurnRequest(
        task_name="talk", sample_index=number, request_index=0, context=[[first], later], metric_categories=[],
        stop_sequence=("END",), generation_size=24, temperature=temperature, num_samples=3, max_gen_text_length=40,
    )  # fmt: skip
    assert made.request_type == RequestType.GREEDY_UNTIL_MULTI_TURN
    return made


config = litellm_model.LiteLLMModelConfig(
    model="hosted_vllm/demo/tiny", base_url=os.environ["HOSTED_VLLM_API_BASE"], api_key=os.environ["HOSTED_VLLM_API_KEY"],
    generation_parameters=GenerationParameters(temperature=0.3, top_p=0.9),
)  # fmt: skip
client = litellm_model.LiteLLMClient(config, None)
asked = [question(number, temperature) for number, temperature in enumerate(TEMPERATURES)]
found = client.greedy_until_multi_turn(asked)
seen = {"answers": [one.result for one in found], "asked": [one.context for one in asked]}
sys.stdout.write(json.dumps({**seen, "temperature": client.generation_parameters.temperature}) + "\n")
