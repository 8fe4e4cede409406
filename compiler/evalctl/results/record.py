"""Builds result.json: the inputs of an eval, the scores as the framework wrote them, and how they came about.

A submission is written down when a job is submitted and read when it is collected, so that a result tells what ran
even if the request was edited meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evalctl.model.evaluation import Eval, Job, Subject
from evalctl.model.result import SCHEMA, Facts, Inputs, Result
from evalctl.model.run import Attempt, Marks
from evalctl.results.names import task_name
from evalctl_job.marks import Acceptance, ServerReady, Started, TaskMark

SUBMISSION_SCHEMA = "evalctl/submission/1"
_SUBMISSION = {"job": str, "service": str, "node_kind": str, "request": dict, "script": dict, "tasks": dict}
_LONGEST_PATH = 1000
_TASK = {"path": str, "inputs": dict, "environments": dict}


def submission(job: Job, commit: str, script_sha256: str, answers: str) -> dict[str, Any]:
    """All that a later collection needs to know of a job: where each result belongs and what it is a result of.

    `answers` is the folder where the relay keeps answers until their eval has its result.
    """
    return {
        "schema": SUBMISSION_SCHEMA,
        "job": job.name,
        "service": job.service,
        "node_kind": job.node_kind,
        "request": {"path": job.request, "commit": commit},
        "script": {"path": job.script_path, "sha256": script_sha256},
        "answers": answers,
        "tasks": {
            task.evaluation.task.key: {
                "path": task.evaluation.result_path,
                "inputs": inputs(task.evaluation).as_json(),
                "environments": environments(job, task.evaluation.task.framework),
                **({"answers": task.evaluation.answers} if task.evaluation.unanswered else {}),
            }
            for task in job.tasks
        },
    }


def require_form(document: Any, evals: Mapping[str, str]) -> None:
    """Raises ValueError with the reason unless `document` is a submission of these evals (task key to digest)."""
    if not isinstance(document, dict) or document.get("schema") != SUBMISSION_SCHEMA:
        raise ValueError(f"its schema is not {SUBMISSION_SCHEMA!r} (written by another evalctl?)")
    _require_kinds(document, _SUBMISSION, "")
    for key, digest in evals.items():
        task = document["tasks"].get(key)
        _require_kinds(task if isinstance(task, dict) else {}, _TASK, f"{key}: ")
        if task["inputs"].get("digest") != digest:
            raise ValueError(f"{key}: its digest is not that of the attempt")
        if not is_place(task["path"]):
            raise ValueError(f"{key}: its path is no place of a result: {task['path'][:200]!r}")


def is_place(path: str) -> bool:
    """Whether a text is a path that a result of evalctl can have: below results/, with no part that is hidden or a link up."""
    first, *folders, last = path.split("/") if "/" in path else ("", "")
    plain = path.isprintable() and "\\" not in path and len(path) <= _LONGEST_PATH
    return plain and (first, last) == ("results", "result.json") and all(one and one[0] != "." for one in folders)


def _require_kinds(document: Mapping[str, Any], kinds: Mapping[str, type], where: str) -> None:
    wrong = [key for key, kind in kinds.items() if not isinstance(document.get(key), kind)]
    if wrong:
        raise ValueError(f"{where}`{wrong[0]}` is missing or of a wrong kind")


def record(submitted: Mapping[str, Any], attempt: Attempt, mark: TaskMark, marks: Marks) -> Result:
    """The record of one accepted task."""
    acceptance, task = mark.acceptance or Acceptance(), submitted["tasks"][mark.key]
    scores = acceptance.scores or {}
    facts = {
        **task["inputs"],
        "scores": scores,
        "weights": weights(scores, acceptance.config_tasks),
        "samples": acceptance.samples,
        "tokens": acceptance.tokens,
        "seconds": _seconds(mark, marks),
        "measured_at": mark.ended_at,
        "ran": _ran(submitted, attempt, marks),
        "versions": _versions(acceptance, marks),
        "environments": task["environments"],
        "request": submitted["request"],
        "script": submitted["script"],
        "sent": acceptance.sent,
        "answered_by": acceptance.answered_by,
        "warnings": list(acceptance.warnings),
    }
    return Result(facts, task["path"])


def reused(evaluation: Eval, job: Job, commit: str, source: Result) -> Result:
    """A result measured before under another path: its scores, this eval's place, and where they come from."""
    own = {**inputs(evaluation).as_json(), "request": {"path": job.request, "commit": commit}}
    facts = {**source.as_json(), **own, "reused_from": source.reused_from or source.path}
    return Result(facts, evaluation.result_path)


def inputs(evaluation: Eval) -> Inputs:
    """What was measured: everything that the digest covers, in words."""
    task = evaluation.task
    return Inputs(
        {
            "schema": SCHEMA,
            "digest": evaluation.digest,
            "task": {
                "key": task.key,
                "script": task.script,
                "result_dir": task.result_dir,
                "framework": task.framework,
                "framework_version": evaluation.framework_version,
                "digest": evaluation.task_digest,
            },
            "subject": _subject(evaluation.subject),
            "generation": dict(evaluation.generation),
            "server": dict(evaluation.server),
            "max_samples": evaluation.max_samples,
            **({"unanswered": evaluation.unanswered} if evaluation.unanswered else {}),
        }
    )


def weights(scores: Mapping[str, Any], config_tasks: Mapping[str, Any]) -> dict[str, int]:
    """Number of questions behind each score key; frameworks spell keys differently, so the task name decides."""
    counts = {task_name(key): config.get("effective_num_docs") for key, config in config_tasks.items()}
    found = {key: counts.get(task_name(key)) for key in scores}
    return {key: count for key, count in found.items() if isinstance(count, int) and count >= 0}


def to_text(document: Facts) -> str:
    """The one form of every JSON file under results/; NaN and infinity are refused, they are no scores."""
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def environments(job: Job, framework: str) -> dict[str, str]:
    """Directory names of the job environments; each ends in the digest of its lock."""
    names = {"framework": job.framework_environments.get(framework, ""), "server": job.server.environment}
    return {role: name for role, name in names.items() if name}


def _subject(subject: Subject) -> Facts:
    return {
        "provider": subject.provider,
        "model": subject.model,
        "revision": subject.revision,
        "path": subject.path,
        **({"address": subject.address} if subject.address else {}),
        "custom_settings": {
            "path": subject.custom_settings_file,
            "name": subject.custom_settings or "",
            "version": subject.custom_settings_version,
        },
    }


def _seconds(mark: TaskMark, marks: Marks) -> float | None:
    """How long the task worked; a framework that was loaded before the server was ready only waited."""
    if mark.started_at is None or mark.ended_at is None:
        return None
    ready_at = (marks.server_ready or ServerReady()).ready_at or 0
    return round(mark.ended_at - max(mark.started_at, ready_at), 3)


def _ran(submitted: Mapping[str, Any], attempt: Attempt, marks: Marks) -> dict[str, Any]:
    started = marks.started or Started()
    return {
        "service": submitted["service"],
        "node_kind": submitted["node_kind"],
        "gpu": started.gpu_name or None,
        "host": started.host,
        "job": submitted["job"],
        "attempt": attempt.number,
        "name": attempt.name,
        "native_id": attempt.native_id or started.native_id,
        "by": attempt.by,
        "server_restarts": (marks.server_ready or ServerReady()).restarts,
    }


def _versions(acceptance: Acceptance, marks: Marks) -> dict[str, str]:
    server = (marks.server_ready or ServerReady()).server_version
    found = {**acceptance.versions, "server": server}
    return {name: version for name, version in found.items() if version}
