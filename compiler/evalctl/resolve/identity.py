"""An eval's digest: everything that can change its score, and nothing else.

FIELDS classifies every field of the eval's data: a test visits all of them, so that a new field cannot be forgotten.
How and where the eval runs (node kind, walltime, concurrency, tensor parallel size, file names) is not included.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from evalctl.model.evaluation import Subject, Task
from evalctl.model.providers import PROVIDERS

VERSION = 1
_JSON = json.JSONEncoder(check_circular=False, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

# The kind of each generation setting: sent with every question, given to the server, or only a way of sending questions.
SENT = frozenset({
    "system_message", "max_new_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty",
    "frequency_penalty", "presence_penalty", "seed", "reasoning_effort", "stop_tokens",
})  # fmt: skip
SERVED = frozenset({
    "max_model_length", "reasoning_parser", "reasoning_parser_plugin", "chat_template", "chat_template_kwargs", "vllm_use_v1", "generation_config",
    "trust_remote_code", "kv_cache_dtype", "quantization", "speculative_config",
})  # fmt: skip
OPERATED = frozenset({"max_num_seqs"})  # given to the server, but does not affect a score
ASKED = frozenset({"max_n"})  # ten answers from one call or from ten calls are equivalent


def eval_digest(
    subject: Subject,
    task: Task,
    framework_version: str,
    task_digest: str,
    generation: tuple[tuple[str, Any], ...],
    server: tuple[tuple[str, Any], ...],
    max_samples: int | None,
) -> str:
    """64 hex digits; equal when everything that affects the score is equal, on any machine and for any order of keys."""
    inputs = eval_inputs(subject, task, framework_version, task_digest, generation, server, max_samples)
    return hashlib.sha256(_JSON.encode(inputs).encode()).hexdigest()


def eval_inputs(
    subject: Subject,
    task: Task,
    framework_version: str,
    task_digest: str,
    generation: tuple[tuple[str, Any], ...],
    server: tuple[tuple[str, Any], ...],
    max_samples: int | None,
) -> dict[str, Any]:
    """The data that the digest is computed from."""
    return {
        "version": VERSION,
        "provider": subject.provider,
        "model": subject.model,
        "revision": subject.revision,
        "framework": task.framework,
        "framework_version": framework_version,
        "script": task.script,
        "task_digest": task_digest,
        "generation": {name: plain_value(value) for name, value in generation},
        "server": {name: plain_value(value) for name, value in server},
        "max_samples": max_samples,
        **_address(subject),
    }


def allowing(digest: str, unanswered: int) -> str:
    """The digest of the same eval if up to `unanswered` questions may remain without an answer.

    That can change the score: a result with zeros for unanswered questions must not be reused for a request that allows none.
    """
    return hashlib.sha256(f"{digest} unanswered {unanswered}".encode()).hexdigest() if unanswered else digest


def _address(subject: Subject) -> dict[str, str]:
    """The provider's address; {} for a built-in provider, whose name implies it, so that results from before addresses were
    recorded stay valid."""
    known = PROVIDERS.get(subject.provider)
    return {} if known is not None and known.base_url == subject.address else {"address": subject.address}


def plain_value(value: Any) -> Any:
    """A value in the form for the digest: 0 and 0.0 are the same temperature; tuples are lists in JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return list(value) if isinstance(value, tuple) else value
