"""A job as the script that will run it: directives, a header for reviewers, quoted assignments, the constant program.

The same job gives the same bytes on every machine: no time, no path of this machine, no order that could change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

from pydantic_core import to_json

from evalctl.model.evaluation import Artifact, Checkpoint, Estimate, Eval, Job, JobTask, Site
from evalctl.model.providers import litellm_prefix
from evalctl.render.quoting import assignment, comment, word
from evalctl.schedulers import SCHEDULERS

# Above the first command a directive counts for the whole file.
SHELLCHECK = """\
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016"""
_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False, sort_keys=True)


def script(job: Job) -> Artifact:
    """The whole script of `job`."""
    directives = SCHEDULERS[job.site.scheduler].directives(job.batch)
    parts = ["#!/bin/bash", *directives, *_header(job), SHELLCHECK, "", *_assignments(job), ""]
    return Artifact(job.script_path, "\n".join(parts).encode(), program())


@cache
def program() -> bytes:
    """The constant shell program."""
    return Path(__file__).with_name("job.sh").read_bytes()


def clock(seconds: int) -> str:
    """H:MM:SS, hours without limit."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _header(job: Job) -> Iterator[str]:
    yield "#"
    yield comment(f"Made by `evalctl compile` from {job.request}; change that file, not this one.")
    yield "#"
    for label, text in _facts(job):
        yield comment(f"  {label:<9} {text}")
    for task in job.tasks:
        evaluation = task.evaluation
        yield comment(f"    {evaluation.task.key:<24} {clock(task.seconds):>8}   eval {evaluation.digest[:12]}")
    for line in job.advice:
        yield comment(f"  {'advice':<9} {line}")
    yield "#"


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    subject = job.tasks[0].evaluation.subject
    yield "model", (subject.path or subject.model) + (f" at {subject.revision}" if subject.revision else "")
    if subject.custom_settings:
        version = f" version {subject.custom_settings_version}" if subject.custom_settings_version else ""
        yield "settings", f"{subject.custom_settings}{version} ({subject.custom_settings_file})"
    yield "served by", job.server.base_url or f"{job.server.provider} in {job.server.environment}"
    yield "runs on", f"{job.service}, {job.node_kind}, {_gpus(job)}"
    yield "time", f"at most {clock(job.batch.walltime_seconds)}, {clock(job.start_seconds)} of it to start"
    if job.estimate is not None:
        yield "cost", cost(job.estimate)
    yield "tasks", f"{len(job.tasks)}, at most {job.parallel_tasks} at once, each with the time that it may take:"


def _gpus(job: Job) -> str:
    gpus = job.batch.gpus
    count = "no GPU" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus} GPUs"
    return count + (f" (CUDA_VISIBLE_DEVICES {job.cuda_visible_devices})" if job.cuda_visible_devices else "")


def cost(estimate: Estimate) -> str:
    """What the job will cost, in the service's unit and in money where the price is known."""
    held = "" if estimate.held is None else f", {estimate.held:g} held from the start"
    money = ""
    if estimate.currency and estimate.currency_per_unit is not None:
        money = f"; {estimate.worst * estimate.currency_per_unit:,.0f} {estimate.currency} at most"
    points = f"about {estimate.expected:g}, at most {estimate.worst:g} {estimate.unit}s"
    return f"{points}{held}{money} (prices of {estimate.checked})"


def _assignments(job: Job) -> Iterator[str]:
    yield from _job(job)
    yield ""
    yield from node_lines(job.site, job.batch.gpus)
    yield ""
    yield from _server(job)
    yield ""
    for number, task in enumerate(job.tasks, 1):
        yield _task(number, task, job.framework_environments[task.evaluation.task.framework])


def _job(job: Job) -> Iterator[str]:
    yield f"JOB_NAME={word(job.name)}"
    yield f"WALLTIME_SECONDS={job.batch.walltime_seconds}"
    yield f"DRAIN_SECONDS={job.batch.drain_seconds}"
    yield f"START_SECONDS={job.start_seconds}"
    yield f"PARALLEL_TASKS={job.parallel_tasks}"
    yield f"ADMIT={word(job.admit)}"
    yield assignment("TASKS", [task.evaluation.task.key for task in job.tasks])
    environments = {job.framework_environments[task.evaluation.task.framework]: None for task in job.tasks}
    yield assignment("FRAMEWORK_ENVIRONMENTS", list(environments))
    yield assignment("SECRETS", job.secrets)


def node_lines(site: Site, gpus: int) -> Iterator[str]:
    """What the script needs to know of the node that it runs on."""
    yield f"GPUS={gpus}"
    yield f"MODULES_INIT={word(site.modules_init)}"
    yield assignment("MODULES", site.modules)
    yield assignment("SITE_VARIABLES", _pairs(site.variables))
    yield assignment("SCRATCH", site.scratch)


def _server(job: Job) -> Iterator[str]:
    server = job.server
    checkpoint = job.checkpoint or Checkpoint("", "")
    yield f"CHECKPOINT={word(checkpoint.path)}"
    yield f"CHECKPOINT_REVISION={word(checkpoint.revision)}"
    yield f"CHECKPOINT_WHOLE={word(checkpoint.whole)}"
    yield f"SERVED_NAME={word(server.served_name)}"
    yield f"SERVER_ENVIRONMENT={word(server.environment)}"
    yield assignment("SERVER_COMMAND", server.argv)
    yield assignment("SERVER_FILES", [part for file in server.files for part in (file.option, file.name, file.text)])
    yield assignment("SERVER_VARIABLES", _pairs(server.variables))
    yield f"UPSTREAM_URL={word(server.base_url)}"
    yield f"KEY_VARIABLE={word(server.key_variable)}"
    yield f"LITELLM_PREFIX={_litellm_prefix(server.provider)}"


def _litellm_prefix(provider: str) -> str:
    """How litellm's variables for this provider begin (…_API_BASE, …_API_KEY); openai's models name it themselves."""
    return (litellm_prefix(provider).rstrip("/") or provider).upper()


def _task(number: int, task: JobTask, environment: str) -> str:
    evaluation, invocation = task.evaluation, task.invocation
    size = "" if evaluation.max_samples is None else evaluation.max_samples
    return f"""\
task_{number}() {{
  TASK={word(evaluation.task.key)}
  TASK_SECONDS={task.seconds}
  DIGEST={word(evaluation.digest)}{_answers(evaluation)}
  MAX_SAMPLES={size}
  FRAMEWORK={word(evaluation.task.framework)}
  FRAMEWORK_ENVIRONMENT={word(environment)}
  {assignment("COMMAND", invocation.argv, "  ")}
  {assignment("VARIABLES", _pairs(invocation.variables), "  ")}
  {assignment("TASK_SECRETS", invocation.secrets, "  ")}
  RELAY={_quoted(to_json(invocation.relay))}
  CONFIG={word(invocation.config)}
}}
"""


@lru_cache(maxsize=8192)
def _quoted(options: bytes) -> str:
    """The relay's options as a word, with their keys in order: the same for a task of thousands of requests."""
    return word(_JSON.encode(json.loads(options)))


def _answers(evaluation: Eval) -> str:
    """Where the answers have another name than the eval."""
    return f"\n  ANSWERS_NAME={word(evaluation.answers)}" if evaluation.unanswered else ""


def _pairs(variables: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}={value}" for name, value in variables]
