"""Upstream lighteval 0.13: `lighteval endpoint litellm config.yaml 'task|0'`.

Sends only temperature, top_p, max_new_tokens, stop, seed, repetition and frequency penalty, and drops the rest without a
word (seen: 0.13.0, litellm 1.101): the relay adds those. One task per call: 0.13 gives every task of a call the first
one's parameters. An absent temperature is 0 here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import yaml
from pydantic_core import to_json

from evalctl.frameworks.pins import pinned, shipped_task_digest, subsets
from evalctl.model.evaluation import Eval, Invocation
from evalctl.model.providers import litellm_prefix
from evalctl_job.options import Options
from evalctl_job.run_folder import CONFIG, OUTPUT

ENVIRONMENT = "lighteval"

LONGEST_ANSWER_SECONDS = 86_400  # without a number litellm gives up after 600 s (seen in 1.109)

_OWN = {
    "temperature": "temperature", "top_p": "top_p", "max_new_tokens": "max_new_tokens", "stop_tokens": "stop_tokens",
    "seed": "seed", "repetition_penalty": "repetition_penalty", "frequency_penalty": "frequency_penalty",
}  # fmt: skip
_ADDED = ("top_k", "min_p", "presence_penalty", "reasoning_effort")


def version() -> str:
    """The pinned release."""
    return pinned(ENVIRONMENT, "lighteval")


def task_digest(script: str) -> str:
    """Digest of a task that this project ships."""
    return shipped_task_digest(script)


def own_settings(script: str) -> frozenset[str]:
    """None: a task's own values hold only where the configuration has none."""
    return frozenset()


def always_sent() -> Mapping[str, Any]:
    """Without a temperature it asks for 0 (seen: 0.13.0)."""
    return {"temperature": 0}


def invocation(evaluation: Eval, concurrency: int, request_timeout: int | None, relay: Options) -> Invocation:
    """One call for one task; the address and the key come by environment, so that the results file has neither."""
    settings = dict(evaluation.generation)
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
    options = replace(relay, add={name: settings[name] for name in _ADDED if name in settings})
    config = _config(evaluation, settings, concurrency, request_timeout)
    return Invocation(tuple(argv), (), config, options, subsets=subsets(ENVIRONMENT, script))


def _config(evaluation: Eval, settings: dict[str, Any], concurrency: int, request_timeout: int | None) -> str:
    subject = evaluation.subject
    parameters: dict[str, Any] = {
        "model_name": MODEL,
        "concurrent_requests": concurrency,
        "cache_dir": "cache",  # in the task's own folder: an answer cached elsewhere could be another server's
        "api_max_retry": 1,  # the relay retries, and knows what is worth it
        "api_retry_sleep": 0.1,
        "timeout": request_timeout or LONGEST_ANSWER_SECONDS,
    }
    if "system_message" in settings:
        parameters["system_prompt"] = settings["system_message"]
    length = dict(evaluation.server).get("max_model_length")
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
    """YAML as both dialects read it: keys in the order given, Japanese as it is; its first MODEL becomes `model`.

    Such a name (letters, digits, / and a few marks) means itself in YAML; there are far fewer other texts than models.
    """
    return _dumped(to_json(document)).replace(MODEL, model, 1)


@lru_cache(maxsize=1024)
def _dumped(document: bytes) -> str:
    """PyYAML takes longer for one configuration than all other stages for its eval, and many are the same."""
    return yaml.dump(json.loads(document), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000)
