"""plan.json made from a plan: short enough to read in a review and to compare between two commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalctl.model.names import request_name
from evalctl.model.plan_file import PlanFile, PlannedJob, PlannedTask

if TYPE_CHECKING:
    from evalctl.model.evaluation import Artifact, Job, RequestPlan

_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False)


def summary(plan: RequestPlan) -> PlanFile:
    """Jobs with node kind, walltime, cost and advice, and of each eval its identity and the place of its result."""
    who = next((job.requested_by for job in plan.jobs if job.requested_by), None)
    return PlanFile(plan.request, tuple(map(_job, plan.jobs)), plan.push_to_hub, plan.baseline, who)


def artifact(plan: PlanFile) -> Artifact:
    """The file beside the scripts."""
    from evalctl.model.evaluation import Artifact  # only a plan that is made now needs what it is made of

    return Artifact(f"generated/{request_name(plan.request)}/plan.json", _text(plan.as_json()).encode())


def _text(plan: Mapping[str, Any]) -> str:
    """One line per fact of a job and one per eval, so that a diff shows just what changed."""
    jobs = ",\n".join(_job_text(job) for job in plan["jobs"])
    facts = "".join(f" {_JSON.encode(name)}: {_JSON.encode(plan[name])},\n" for name in plan if name != "jobs")
    return f'{{\n{facts} "jobs": [\n{jobs}\n ]\n}}\n'


def _job_text(job: Mapping[str, Any]) -> str:
    facts = "".join(f"   {_JSON.encode(name)}: {_JSON.encode(job[name])},\n" for name in job if name != "tasks")
    tasks = ",\n".join(f"    {_JSON.encode(task)}" for task in job["tasks"])
    return f'  {{\n{facts}   "tasks": [\n{tasks}\n   ]\n  }}'


def _job(job: Job) -> PlannedJob:
    subject, server = job.tasks[0].evaluation.subject, dict(job.tasks[0].evaluation.server)
    plugin, digest = _plugin(job)
    return PlannedJob(
        name=job.name, script=job.script_path, service=job.service, node_kind=job.node_kind,
        walltime_seconds=job.batch.walltime_seconds, start_seconds=job.start_seconds,
        drain_seconds=job.batch.drain_seconds, step_seconds=job.batch.step_seconds,
        provider=subject.provider, model=subject.model, revision=subject.revision, path=subject.path or None,
        address=subject.address or None, key_variable=job.server.key_variable or None, custom_settings=subject.custom_settings,
        trust_remote_code=bool(server.get("trust_remote_code")), parser_plugin=plugin, parser_plugin_sha256=digest,
        retries=job.retries, cost=job.estimate,
        advice=tuple(job.advice),
        kinds=job.kinds,
        tasks=tuple(
            PlannedTask(
                task.evaluation.task.key, task.evaluation.digest, task.evaluation.result_path, task.seconds, task.shard,
                task.shards,
            )
            for task in job.tasks
        ),
    )  # fmt: skip


def _plugin(job: Job) -> tuple[str | None, str | None]:
    """The parser plug-in whose code the server imports: its file and the digest of its text."""
    evaluation = job.tasks[0].evaluation
    text = dict(evaluation.server).get("reasoning_parser_plugin")
    if text is None:
        return None, None
    name = next(one.sourced.value for one in evaluation.settings if one.name == "reasoning_parser_plugin")
    return f"manifests/models/reasoning_parsers/{name}.py", hashlib.sha256(text.encode()).hexdigest()
