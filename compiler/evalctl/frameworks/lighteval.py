"""Upstream lighteval 0.13: `lighteval endpoint litellm config.yaml 'task|0'`.

It sends only temperature, top_p, max_new_tokens, stop, seed, repetition and frequency penalty, and silently drops the rest
(seen: 0.13.0, litellm 1.101): the relay adds those. One task per run: 0.13 applies the parameters of the first task to all
tasks of a run. A missing temperature is 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml
from pydantic_core import to_json

from evalctl.frameworks.pins import empty_subsets, pinned, runs_code, shipped_task_digest, subsets
from evalctl.model.evaluation import Eval, Invocation, Resolved, Subject
from evalctl.model.providers import litellm_prefix
from evalctl_job.options import Options
from evalctl_job.run_folder import CONFIG, OUTPUT

ENVIRONMENT = "lighteval"

LONGEST_ANSWER_SECONDS = 86_400  # litellm's default timeout is 600 s (seen: 1.109)

_OWN = {
    "temperature": "temperature", "top_p": "top_p", "max_new_tokens": "max_new_tokens", "stop_tokens": "stop_tokens",
    "seed": "seed", "repetition_penalty": "repetition_penalty", "frequency_penalty": "frequency_penalty",
}  # fmt: skip
ADDED: tuple[str, ...] = ("top_k", "min_p", "presence_penalty", "reasoning_effort")


def version() -> str:
    """The pinned release."""
    return pinned(ENVIRONMENT, "lighteval")


def task_digest(script: str) -> str:
    """Digest of a task that this project ships."""
    return shipped_task_digest(script)


def own_settings(script: str) -> frozenset[str]:
    """Nothing: a task's own values apply only if the configuration has none."""
    return frozenset()


def always_sent() -> Mapping[str, Any]:
    """The temperature: by default it sends 0 (seen: 0.13.0)."""
    return {"temperature": 0}


def invocation(evaluation: Eval, concurrency: int, request_timeout: int | None, relay: Options) -> Invocation:
    """The command for one task; address and key are passed in the environment, so that the results file contains neither."""
    script = evaluation.task.script
    argv = [
        "lighteval",
        "endpoint",
        "litellm",
        CONFIG,
        f"{script}|0",
        "--output-dir",
        OUTPUT,
        "--save-details",
    ]
    if shipped_task_digest(script):
        argv += ["--custom-tasks", "evalctl_tasks.tasks"]
    if evaluation.max_samples is not None:
        argv += ["--max-samples", str(evaluation.max_samples)]
    config = _config(evaluation.subject, evaluation.resolved, concurrency, request_timeout)
    empty = empty_subsets(ENVIRONMENT, script)
    parts, code = subsets(ENVIRONMENT, script) - len(empty), runs_code(ENVIRONMENT, script)
    return Invocation(tuple(argv), (), config, relay, subsets=parts, empty=empty, runs_code=code)


@lru_cache(maxsize=64)  # most tasks of a job have the same
def _config(subject: Subject, resolved: Resolved, concurrency: int, request_timeout: int | None) -> str:
    settings = dict(resolved.generation)
    parameters: dict[str, Any] = {
        "model_name": MODEL,
        "concurrent_requests": concurrency,
        "cache_dir": "cache",  # in the task's own folder: an answer cached elsewhere could be from another server
        "api_max_retry": 1,  # the relay retries
        "api_retry_sleep": 0.1,
        "timeout": request_timeout or LONGEST_ANSWER_SECONDS,
    }
    if "system_message" in settings:
        parameters["system_prompt"] = settings["system_message"]
    length = dict(resolved.server).get("max_model_length")
    if length is not None:
        parameters["max_model_length"] = length
    parameters["generation_parameters"] = {
        theirs: list(settings[ours]) if ours == "stop_tokens" else settings[ours]
        for ours, theirs in _OWN.items()
        if ours in settings
    }
    return dump({"model_parameters": parameters}, litellm_prefix(subject.provider) + subject.model)


MODEL = "provider/model"


def dump(document: dict[str, Any], model: str) -> str:
    """YAML for both frameworks: keys in the given order, Japanese unescaped; the first MODEL is replaced by `model`.

    A model's name needs no quotes in YAML, and far fewer configurations than models differ in anything else.
    """
    return _dumped(to_json(document)).replace(MODEL, model, 1)


@lru_cache(maxsize=1024)
def _dumped(document: bytes) -> str:
    """The YAML text, cached: PyYAML takes longer for one configuration than all other stages for its eval, and many are equal."""
    return yaml.dump(json.loads(document), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000)
