"""plan.json: what a request will run, short enough to read in a review and to compare between two commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalctl.model.names import request_name

if TYPE_CHECKING:
    from evalctl.model.evaluation import Artifact, Job, RequestPlan

SCHEMA = "evalctl/plan/1"
_JSON = json.JSONEncoder(check_circular=False, ensure_ascii=False)


def summary(plan: RequestPlan) -> dict[str, Any]:
    """Jobs with node kind, walltime, cost and advice, and of each eval its identity and the place of its result."""
    asked = {} if plan.push_to_hub is None else {"push_to_hub": asdict(plan.push_to_hub)}
    return {"schema": SCHEMA, "request": plan.request, **asked, "jobs": [_job(job) for job in plan.jobs]}


def artifact(plan: Mapping[str, Any]) -> Artifact:
    """The file beside the scripts."""
    from evalctl.model.evaluation import Artifact  # only a plan that is made now needs what it is made of

    return Artifact(f"generated/{request_name(plan['request'])}/plan.json", _text(plan).encode())


def _text(plan: Mapping[str, Any]) -> str:
    """One line per fact of a job and one per eval, so that a diff shows just what changed."""
    jobs = ",\n".join(_job_text(job) for job in plan["jobs"])
    facts = "".join(f" {_JSON.encode(name)}: {_JSON.encode(plan[name])},\n" for name in plan if name != "jobs")
    return f'{{\n{facts} "jobs": [\n{jobs}\n ]\n}}\n'


def _job_text(job: Mapping[str, Any]) -> str:
    facts = "".join(f"   {_JSON.encode(name)}: {_JSON.encode(job[name])},\n" for name in job if name != "tasks")
    tasks = ",\n".join(f"    {_JSON.encode(task)}" for task in job["tasks"])
    return f'  {{\n{facts}   "tasks": [\n{tasks}\n   ]\n  }}'


def _job(job: Job) -> dict[str, Any]:
    subject = job.tasks[0].evaluation.subject
    estimate = job.estimate
    return {
        "name": job.name,
        "script": job.script_path,
        "service": job.service,
        "node_kind": job.node_kind,
        "walltime_seconds": job.batch.walltime_seconds,
        "start_seconds": job.start_seconds,
        "drain_seconds": job.batch.drain_seconds,
        "step_seconds": job.batch.step_seconds,
        "provider": subject.provider,
        "model": subject.model,
        "revision": subject.revision,
        **({"path": subject.path} if subject.path else {}),
        **({"address": subject.address} if subject.address else {}),
        **({"key_variable": job.server.key_variable} if job.server.key_variable else {}),
        "custom_settings": subject.custom_settings,
        "trust_remote_code": bool(dict(job.tasks[0].evaluation.server).get("trust_remote_code")),
        **_plugin(job),
        "retries": job.retries,
        "cost": None if estimate is None else {
            "unit": estimate.unit, "expected": estimate.expected, "worst": estimate.worst, "held": estimate.held,
            "used_rate": estimate.used_rate, "reserved_rate": estimate.reserved_rate,
            "minimum_seconds": estimate.minimum_seconds,
            "currency": estimate.currency, "currency_per_unit": estimate.currency_per_unit, "checked": estimate.checked,
        },
        "advice": list(job.advice),
        "tasks": [
            {
                "task": task.evaluation.task.key,
                "digest": task.evaluation.digest,
                "result": task.evaluation.result_path,
                "seconds": task.seconds,
            }
            for task in job.tasks
        ],
    }  # fmt: skip


def _plugin(job: Job) -> dict[str, str]:
    """The parser plug-in whose code the server imports: its file and the digest of its text."""
    evaluation = job.tasks[0].evaluation
    text = dict(evaluation.server).get("reasoning_parser_plugin")
    if text is None:
        return {}
    name = next(one.sourced.value for one in evaluation.settings if one.name == "reasoning_parser_plugin")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"parser_plugin": f"manifests/models/reasoning_parsers/{name}.py", "parser_plugin_sha256": digest}
