"""Renders a job as a script: directives, a header for reviewers, a constant bootstrap, the job as TOML.

The same job gives the same bytes on every machine: no time, no path of this machine, no unstable order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

from pydantic_core import to_json

from evalctl.model.evaluation import Artifact, Job, JobTask, Server, Site
from evalctl.model.plan_file import CostEstimate
from evalctl.model.providers import litellm_prefix
from evalctl.model.walltime import clock
from evalctl.render.document import END, Value, lines, most_alike, without
from evalctl.render.quoting import comment, word
from evalctl.schedulers import SCHEDULERS
from evalctl_job.options import Options
from evalctl_job.run_folder import INSIDE

RUN = 'exec "$program" -I -X utf8 -m evalctl_job.run'
_NOT_STARTED = f'missing "$environment: its program cannot be started; {INSIDE.job_log} says more"'
_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False, sort_keys=True)


def script(job: Job) -> Artifact:
    """The whole script of `job`."""
    directives = SCHEDULERS[job.site.scheduler].directives(job.batch)
    return Artifact(job.script_path, page([*directives, *_header(job)], first_environment(job), _document(job)))


def page(head: Iterable[str], environment: str, document: Iterable[str]) -> bytes:
    """A script: the head's comments, the job environment that holds the program, the bootstrap, the document."""
    begin = "\n".join(["#!/bin/bash", *head, f"environment={word(environment)}"])
    text = "\n".join([f"{RUN} 3<<'{END}'", *document, *table("end", {}), END, _NOT_STARTED, ""])
    return b"".join((begin.encode(), b"\n", bootstrap(), text.encode()))


@cache
def bootstrap() -> bytes:
    """The constant part, in bash."""
    return Path(__file__).with_name("job.sh").read_bytes()


def _header(job: Job) -> Iterator[str]:
    yield "#"
    yield comment(f"Made by `evalctl compile` from {job.request}; change that file, not this one.")
    yield "#"
    for label, text in _facts(job):
        yield comment(f"  {label:<9} {text}")
    for task in job.tasks:
        evaluation = task.evaluation
        yield comment(f"    {task.key:<24} {clock(task.seconds):>8}   eval {evaluation.digest[:12]}")
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
    yield (
        "tasks",
        f"{len(job.tasks)}, at most {job.parallel_tasks} at once as far as the node bears them, each with the time that it may take:",
    )


def _gpus(job: Job) -> str:
    gpus = job.batch.gpus
    count = "no GPU" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus} GPUs"
    return count + (f" (CUDA_VISIBLE_DEVICES {job.cuda_visible_devices})" if job.cuda_visible_devices else "")


def cost(estimate: CostEstimate) -> str:
    """The cost of the job, in the service's unit, and in money where the price is known."""
    held = "" if estimate.held is None else f", {estimate.held:g} held from the start"
    money = ""
    if estimate.currency and estimate.currency_per_unit is not None:
        money = f"; {estimate.worst * estimate.currency_per_unit:,.0f} {estimate.currency} at most"
    points = f"about {estimate.expected:g}, at most {estimate.worst:g} {estimate.unit}s"
    return f"{points}{held}{money} (prices of {estimate.checked})"


def _document(job: Job) -> Iterator[str]:
    """The job as TOML, which evalctl_job's `supervisor/document.py` reads."""
    yield from lines(_job(job))
    yield from table("node", node_facts(job.site, job.batch.gpus))
    if job.checkpoint is not None:
        card = job.checkpoint
        yield from table("checkpoint", {"path": card.path, "revision": card.revision, "whole": card.whole})
    yield from table("server", _server(job.server))
    for file in job.server.files:
        yield from table("server.files", {"option": file.option, "name": file.name, "text": file.text}, several=True)
    yield from _tasks(job)


def _tasks(job: Job) -> Iterator[str]:
    relays = {id(task.invocation.relay): task.invocation.relay for task in job.tasks}  # most tasks share theirs
    texts = {which: _encoded(to_json(options)) for which, options in relays.items()}
    tasks = [
        _task(
            task,
            job.framework_environments[task.evaluation.task.framework],
            texts[id(task.invocation.relay)],
            job.site.code_execution,
        )
        for task in job.tasks
    ]
    alike = most_alike(tasks)
    if alike:
        yield from table("each_task", alike)
    for task in tasks:
        yield from table("tasks", without(task, alike), several=True)


def table(name: str, facts: Mapping[str, Value], *, several: bool = False) -> Iterator[str]:
    """A table of the document; with `several`, one item of an array of tables."""
    yield ""
    yield f"[[{name}]]" if several else f"[{name}]"
    yield from lines(facts)


def _job(job: Job) -> Mapping[str, Value]:
    return {
        "name": job.name, "environment": first_environment(job), "walltime_seconds": job.batch.walltime_seconds,
        "drain_seconds": job.batch.drain_seconds, "start_seconds": job.start_seconds,
        "parallel_tasks": job.parallel_tasks, "admit": str(job.admit), "admit_most": job.admit_most, "secrets": job.secrets,
    }  # fmt: skip


def first_environment(job: Job) -> str:
    """The job environment whose program runs the job."""
    return job.framework_environments[job.tasks[0].evaluation.task.framework]


def node_facts(site: Site, gpus: int) -> Mapping[str, Value]:
    """Facts about the node that the program needs."""
    return {
        "gpus": gpus, "modules_init": site.modules_init, "modules": site.modules, "variables": site.variables,
        "scratch": site.scratch,
    }  # fmt: skip


def _server(server: Server) -> Mapping[str, Value]:
    return {
        "served_name": server.served_name, "environment": server.environment, "command": server.argv,
        "variables": server.variables, "base_url": server.base_url, "key_variable": server.key_variable,
        "litellm_prefix": _litellm_prefix(server.provider),
    }  # fmt: skip


def _litellm_prefix(provider: str) -> str:
    """The prefix of litellm's variables for this provider (…_API_BASE, …_API_KEY); openai's model names have their own prefix."""
    return (litellm_prefix(provider).rstrip("/") or provider).upper()


def _task(task: JobTask, environment: str, relay: str, code_execution: str) -> Mapping[str, Value]:
    evaluation, invocation = task.evaluation, task.invocation
    limit = {} if evaluation.max_samples is None else {"max_samples": evaluation.max_samples}
    answers = {"answers": evaluation.answers} if evaluation.unanswered else {}  # else they are named by the digest
    shard = {name: number for name, number in (("shard", task.shard), ("shards", task.shards)) if number}
    return {
        "key": task.key, "seconds": task.seconds, "digest": evaluation.digest, **answers, **limit, **shard,
        "framework": evaluation.task.framework, "environment": environment, "command": invocation.argv,
        "subsets": invocation.subsets, **({"empty": invocation.empty} if invocation.empty else {}),
        **({"code_execution": code_execution} if invocation.runs_code else {}), "variables": invocation.variables, "secrets": invocation.secrets,
        "relay": relay, "config": invocation.config,
    }  # fmt: skip


@lru_cache(maxsize=8192)
def _encoded(options: bytes) -> str:
    """The relay's options with sorted keys, cached: thousands of requests have the same options for a task."""
    return _JSON.encode(Options(**json.loads(options)).as_json())
