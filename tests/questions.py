"""Records with the values of their questions, as collection writes them: for tests that compare models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from evalctl.model.providers import result_path
from evalctl.model.result import SCHEMA as RECORD
from evalctl.results.question_values import path_of, set_path
from evalctl.results.record import to_text
from evalctl_job import scores
from evalctl_job.question_set import QuestionSet

# Of tests/golden/base: the key of a task, the framework's name, the folder of its results and its metric.
TASKS = {
    "en_gpqa_diamond": ("gpqa:diamond", "en/gpqa_diamond", "extractive_match"),  # of the shipped tasks
    "ja_exact": ("jemhopqa_cot", "ja/exact", "exact"), "ja_judged": ("japanese_mt_bench", "ja/judged", "judge"),
    "en_code": ("humaneval", "en/code", "pass@1"), "en_choice": ("gsm8k", "en/choice", "acc"),
}  # fmt: skip


def record(
    model: str, task: str, kept: Sequence[Any], /, *, answers: int = 1, settings: str = "", bound: bool = True,
    asked: str = "", max_samples: int | None = None, **facts: Any,
) -> dict[str, str]:  # fmt: skip
    """Path to text of a record, its scores.json and its question set; `kept` is what the framework keeps of each question.

    `asked` names another set of questions. Without `bound` the record is of an older evalctl. `facts` replace the record's.
    """
    script, folder, metric = TASKS[task]
    key = f"{script}|0"
    there = [part for one in kept for part in (one if isinstance(one, list) else [one])]
    score = sum(there) / len(there)
    made = scores.encoded(metric, [(kept, score)], answers)
    digests = tuple(_digest(f"{asked or task} {number}") for number in range(len(kept)))
    questions = QuestionSet(digests, (key,) * len(kept))
    beside = json.dumps({
        "schema": scores.SCHEMA, "questions": questions.digest(), "answers": answers, "metrics": {metric: made.as_json()},
        "of_whole_texts": [],
    })  # fmt: skip
    path = result_path("vllm", model, settings, folder, max_samples)
    binding = {"questions": questions.digest(), "scores": hashlib.sha256(beside.encode()).hexdigest()}
    document: Mapping[str, Any] = {
        "schema": RECORD, "digest": _digest(path) * 4, "measured_at": 1, "samples": {"asked": len(kept) * answers},
        "task": {"key": task, "script": script, "result_dir": folder, "framework": "lighteval", "framework_version": "1", "digest": "d"},
        "subject": {"provider": "vllm", "model": model, "revision": "r", "custom_settings": {"path": "", "name": settings, "version": ""}},
        "generation": {"temperature": 0.0}, "max_samples": max_samples, "scores": {key: {metric: score}}, "weights": {key: len(kept)},
        **({"per_question": binding} if bound else {}), **facts,
    }  # fmt: skip
    files = {path: to_text(dict(document))}
    return {**files, path_of(path): beside, set_path(task, questions.digest()): questions.text()} if bound else files


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
