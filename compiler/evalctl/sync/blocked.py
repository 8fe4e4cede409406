"""Why a job cannot be submitted from here: its script, variables, secrets, set-up file, environments and weights."""

from __future__ import annotations

from collections.abc import Sequence

from evalctl.environments.readiness import is_built
from evalctl.model.evaluation import Job
from evalctl.sync import shards
from evalctl.sync.context import Context
from evalctl.sync.modules import setup_problem
from evalctl.sync.weights import changed, lacking


def job_blocked(context: Context, job: Job, *, wanted: bool) -> tuple[str, str]:
    """As `blocked_reason`; the weights are looked at only where something is `wanted` of the job."""
    blocked = blocked_reason(context, job.script_path, [job.server.environment, *job.framework_environments.values()])
    unset = [name for name in job.secrets if not context.environment.get(name)]
    if not blocked[0] and unset:
        return "secret-not-set", ", ".join(unset)
    if blocked[0] or not wanted:
        return blocked
    if job.checkpoint is not None:
        return changed(job.checkpoint)
    if job.weights is not None:
        return lacking(context, job.weights)
    return shards.lacking(context, job)


def blocked_reason(context: Context, script_path: str, environments: Sequence[str]) -> tuple[str, str]:
    """Why the job cannot be submitted, and what is missing; found before the job waits hours in a queue."""
    if not (context.root / script_path).is_file():
        return "script-missing", script_path
    try:
        context.site_args()
    except KeyError as missing:
        return "env-variable-missing", str(missing.args[0])
    if problem := setup_problem(context.service.modules_init):
        return "modules-init-writable", problem
    unbuilt = [name for name in environments if name and not is_built(context.environments / name)]
    return ("environment-not-built", ", ".join(unbuilt)) if unbuilt else ("", "")
