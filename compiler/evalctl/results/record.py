"""Builds result.json: the inputs of an eval, the scores as the framework wrote them, and how they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from evalctl.model.evaluation import Eval, Job
from evalctl.model.recorded import Facts
from evalctl.model.result import Result
from evalctl.model.run import Attempt, Marks
from evalctl.results.names import task_name
from evalctl.results.submission import Submission, inputs
from evalctl.shell import json_text
from evalctl_job.marks import Acceptance, ServerReady, Started, TaskMark
from evalctl_job.shards import ShardNote


def record(submitted: Submission, attempt: Attempt, mark: TaskMark, marks: Marks) -> Result:
    """The record of one accepted task."""
    acceptance, task = mark.acceptance or Acceptance(), submitted.tasks[mark.key]
    scores = acceptance.scores or {}
    judge = {name: acceptance.judge[name] for name in ("model", "provider", "prompts") if acceptance.judge.get(name)}
    facts = {
        **task.inputs,
        "scores": scores,
        "weights": weights(scores, acceptance.config_tasks),
        "samples": acceptance.samples,
        "tokens": acceptance.tokens,
        "seconds": _seconds(mark, marks),
        "measured_at": mark.ended_at,
        "ran": {**_ran(submitted, attempt, marks), **_of_shards(mark.shards)},
        "versions": _versions(acceptance, marks, mark.shards),
        "environments": task.environments,
        "request": asdict(submitted.request),
        "script": asdict(submitted.script),
        "sent": acceptance.sent,
        "answered_by": acceptance.answered_by,
        "warnings": list(acceptance.warnings),
        **({"judge": judge} if judge else {}),
        **({"code_execution": asdict(acceptance.code_execution)} if acceptance.code_execution else {}),
    }
    return Result(facts, task.path)


def reused(evaluation: Eval, job: Job, commit: str, source: Result) -> Result:
    """A result measured before under another path: its scores, this eval's place, and where they come from."""
    own = {**inputs(evaluation).as_json(), "request": {"path": job.request, "commit": commit}}
    facts = {**source.as_json(), **own, "reused_from": source.reused_from or source.path}
    return Result(facts, evaluation.result_path)


def weights(scores: Mapping[str, object], config_tasks: Mapping[str, Facts]) -> dict[str, int]:
    """Number of questions behind each score key; frameworks spell keys differently, so the task name decides."""
    counts = {task_name(key): config.get("effective_num_docs") for key, config in config_tasks.items()}
    found = {key: counts.get(task_name(key)) for key in scores}
    return {key: count for key, count in found.items() if isinstance(count, int) and count >= 0}


def to_text(document: Facts) -> str:
    """The one form of every JSON file under results/; NaN and infinity are refused, they are no scores."""
    return json_text(document, indent=2)


def _seconds(mark: TaskMark, marks: Marks) -> float | None:
    """The working time of the task, without the wait of a framework that was loaded before the server was ready."""
    if mark.started_at is None or mark.ended_at is None:
        return None
    ready_at = (marks.server_ready or ServerReady()).ready_at or 0
    return round(mark.ended_at - max(mark.started_at, ready_at), 3)


def _ran(submitted: Submission, attempt: Attempt, marks: Marks) -> Facts:
    started = marks.started or Started()
    shared = {"tensor_parallel": submitted.tensor_parallel, "data_parallel": submitted.data_parallel}
    return {
        "service": submitted.service,
        "node_kind": submitted.node_kind,
        "gpu": started.gpu_name or None,
        **({} if not submitted.tensor_parallel else shared),
        "host": started.host,
        "job": submitted.job,
        "attempt": attempt.number,
        "name": attempt.name,
        "native_id": attempt.native_id or started.native_id,
        "by": attempt.by,
        "server_restarts": (marks.server_ready or ServerReady()).restarts,
    }


def _of_shards(notes: Sequence[ShardNote]) -> Facts:
    """What answered each shard of a result that was merged, and the GPU that all of them had."""
    if not notes:
        return {}
    shards = [
        {
            "number": one.number,
            "name": one.attempt,
            "host": one.host,
            "gpu": one.gpu_name or None,
            "answers": one.answers,
        }
        for one in notes
    ]
    return {"gpu": _common(one.gpu_name for one in notes), "shards": shards}


def _common(values: Iterable[str | None]) -> str | None:
    """The value that all have; several are joined, so that nobody takes one for all."""
    return ", ".join(sorted({value for value in values if value})) or None


def _versions(acceptance: Acceptance, marks: Marks, notes: Sequence[ShardNote]) -> dict[str, str]:
    server = (marks.server_ready or ServerReady()).server_version or _common(one.server_version for one in notes)
    found = {**acceptance.versions, "server": server}
    return {name: version for name, version in found.items() if version}
