"""The Swallow fork of lighteval 0.8: `lighteval endpoint litellm config.yaml 'swallow|NAME|0|0' --use-chat-template`.

Without --use-chat-template every call fails and counts as an empty answer (seen). It sends max_new_tokens, stop,
temperature, top_p, seed, the two penalties, n and reasoning_effort; it drops top_k, min_p and presence_penalty, and
litellm 1.75.5 drops reasoning_effort to hosted_vllm: the relay adds those. A missing temperature is the server's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from evalctl.environments.recipes import read_source
from evalctl.frameworks.lighteval import MODEL, dump
from evalctl.frameworks.pins import catalogue, empty_subsets, runs_code, shipped_task_digest, subsets
from evalctl.model.evaluation import Eval, Invocation, Resolved, Subject
from evalctl.model.parsers import FRAMEWORK_PARSERS
from evalctl.model.providers import litellm_prefix
from evalctl_job.options import Options
from evalctl_job.run_folder import CONFIG, OUTPUT

ENVIRONMENT = "lighteval-swallow"

_OWN = (
    "max_new_tokens",
    "temperature",
    "top_p",
    "seed",
    "repetition_penalty",
    "frequency_penalty",
    "stop_tokens",
    "reasoning_effort",
)
ADDED: tuple[str, ...] = ("top_k", "min_p", "presence_penalty", "reasoning_effort")
_JUDGE_KEY = "OPENAI_API_KEY"


def version() -> str:
    """The fork's release, and the commit that is installed."""
    return f"0.8+swallow.{pinned_commit()[:12]}"


@lru_cache(maxsize=1)
def pinned_commit() -> str:
    """The commit that the environment installs."""
    sources = [path for path in catalogue()[ENVIRONMENT].source if path.suffix == ".source"]
    return read_source(sources[0]).commit


def task_digest(script: str) -> str:
    """Digest of a task that this project ships; "" for the fork's own tasks, which its commit identifies."""
    return shipped_task_digest(script)


def own_settings(script: str) -> frozenset[str]:
    """The temperature for MT-Bench, which sends that of each question's category, 0.0 or 0.7 (seen: the pinned commit)."""
    return frozenset({"temperature"}) if "mt_bench" in script else frozenset()


def always_sent() -> Mapping[str, Any]:
    """Nothing: the server's defaults apply."""
    return {}


def invocation(evaluation: Eval, concurrency: int, request_timeout: int | None, relay: Options) -> Invocation:
    """The command for one task, as in the lab's scripts."""
    settings = dict(evaluation.generation)
    script = evaluation.task.script
    argv = [
        "lighteval", "endpoint", "litellm", CONFIG, f"swallow|{script}|0|0",
        "--use-chat-template", "--output-dir", OUTPUT, "--save-details",
    ]  # fmt: skip
    if shipped_task_digest(script):
        argv += ["--custom-tasks", "evalctl_tasks.swallow"]
    if "system_message" in settings:
        argv.append(f"--system-prompt={settings['system_message']}")  # a text may begin with a dash
    if evaluation.max_samples is not None:
        argv += ["--max-samples", str(evaluation.max_samples)]
    variables = [("LITELLM_CONCURRENT_CALLS", str(concurrency))]
    if request_timeout is not None:
        variables.append(("REQUEST_TIMEOUT", str(request_timeout)))
    secrets = (_JUDGE_KEY,) if "mt_bench" in script else ()
    config, empty = _config(evaluation.subject, evaluation.resolved), empty_subsets(ENVIRONMENT, script)
    parts = subsets(ENVIRONMENT, script) - len(empty)
    code = runs_code(ENVIRONMENT, script)
    return Invocation(tuple(argv), tuple(variables), config, relay, secrets, parts, empty, code)


@lru_cache(maxsize=64)  # most tasks of a job have the same
def _config(subject: Subject, resolved: Resolved) -> str:
    settings = dict(resolved.generation)
    base: dict[str, Any] = {"model_name": MODEL}
    parser = dict(resolved.server).get("reasoning_parser")
    if parser in FRAMEWORK_PARSERS:
        base["reasoning_parser"] = parser
    generation = {
        name: list(settings[name]) if name == "stop_tokens" else settings[name] for name in _OWN if name in settings
    }
    name = litellm_prefix(subject.provider) + subject.model
    return dump({"model": {"base_params": base, "generation": generation}}, name)
