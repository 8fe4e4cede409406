"""Asks a server with another harness; runs in that harness's environment: its task, its settings, its own client.

python peer_load.py HARNESS ADDRESS QUESTIONS CONCURRENT      the harness's exit code; it writes into the working folder
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

LM_EVAL = """\
task: load
dataset_path: json
dataset_kwargs: {data_files: {test: test.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: [], max_gen_toks: 24, temperature: 0}
metric_list: [{metric: exact_match}]
"""
INSPECT = """\
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

@task
def load():
    return Task(dataset=json_dataset("test.jsonl", FieldSpec(input="question", target="answer")), solver=generate(), scorer=includes())
"""
NEMO = """\
from nemo_evaluator.environments.custom import benchmark, scorer
from nemo_evaluator.scoring import ScorerInput, exact_match

@benchmark(name="load", dataset="test.jsonl", prompt="{question}", target_field="answer")
@scorer
def load(sample: ScorerInput) -> dict:
    return exact_match(sample)
"""
NEMO_CONFIG = """\
services:
  m: {{type: api, url: "{address}/v1/chat/completions", protocol: chat_completions, model: m, generation: {{temperature: 0, max_tokens: 24}}}}
benchmarks:
  - {{name: load.py, solver: {{type: simple, service: m}}, max_concurrent: {concurrent}}}
"""
Words = list[str]


def lm_eval(address: str, concurrent: int) -> Words:
    """lm-evaluation-harness with `local-chat-completions`."""
    Path("load.yaml").write_text(LM_EVAL)
    server = f"model=m,base_url={address}/v1/chat/completions,num_concurrent={concurrent},max_retries=3,tokenized_requests=False"
    words = [
        "lm_eval",
        "--model",
        "local-chat-completions",
        "--model_args",
        server,
        "--tasks",
        "load",
        "--include_path",
        ".",
    ]
    return [*words, "--apply_chat_template", "--output_path", "out", "--log_samples"]


def inspect(address: str, concurrent: int) -> Words:
    """inspect_ai with `openai-api`."""
    Path("load.py").write_text(INSPECT)
    os.environ |= {"LOCAL_BASE_URL": f"{address}/v1", "LOCAL_API_KEY": "none"}
    most = str(concurrent)
    words = [
        "inspect",
        "eval",
        "load.py",
        "--model",
        "openai-api/local/m",
        "--max-connections",
        most,
        "--max-samples",
        most,
    ]
    return [*words, "--max-tokens", "24", "--temperature", "0", "--display", "none", "--log-dir", "logs"]


def nemo(address: str, concurrent: int) -> Words:
    """nemo-evaluator with a benchmark of one's own."""
    Path("load.py").write_text(NEMO)
    Path("config.yaml").write_text(NEMO_CONFIG.format(address=address, concurrent=concurrent))
    return ["nel", "eval", "run", "config.yaml", "-o", "out"]


HARNESSES: dict[str, Callable[[str, int], Words]] = {
    "lm-evaluation-harness": lm_eval, "nemo-evaluator": nemo, "inspect_ai": inspect,
}  # fmt: skip


def main() -> int:
    """One run."""
    name, address, questions, concurrent = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    lines = (
        json.dumps({"question": f"質問 {number}: {number} + 1 = ?", "answer": "答え"}) for number in range(questions)
    )
    Path("test.jsonl").write_text("\n".join(lines) + "\n")
    program, *words = HARNESSES[name](address, concurrent)
    return subprocess.call([str(Path(sys.executable).with_name(program)), *words])


if __name__ == "__main__":
    sys.exit(main())
