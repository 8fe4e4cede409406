"""submission.json: the inputs that each result of a job will record, written when the job is submitted.

It is read when the job is collected, so that a result records what ran even if the request was edited meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

from evalctl.model import plain_json
from evalctl.model.evaluation import Eval, Job, Subject
from evalctl.model.recorded import Facts, Inputs, RecordedTask
from evalctl.model.result import SCHEMA as RESULT_SCHEMA
from evalctl_job.typed import Form, read

SCHEMA = "evalctl/submission/1"
_LONGEST_PATH = 1000


def is_place(path: str) -> bool:
    """Whether a text is a path that a result of evalctl can have: below results/, with no part that is hidden or a link up."""
    first, *folders, last = path.split("/") if "/" in path else ("", "")
    plain = path.isprintable() and "\\" not in path and len(path) <= _LONGEST_PATH
    return plain and (first, last) == ("results", "result.json") and all(one and one[0] != "." for one in folders)


@dataclass(frozen=True, slots=True)
class RequestFile:
    """The request, at the commit from which the job was submitted."""

    path: str
    commit: str


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """The script that was submitted."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedTask:
    """One eval: the place of its result, and what the result says of its inputs as `model.result.Inputs` has it.

    `answers` names the file of its answers where that is not its digest.
    """

    path: Annotated[str, Form(is_place, "not the path of a result")]
    inputs: Facts
    environments: Mapping[str, str]
    answers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The facts about a job that a later collection needs, by task key.

    `answers` is the folder where the relay keeps answers until their eval has its result.
    """

    job: str
    service: str
    node_kind: str
    request: RequestFile
    script: ScriptFile
    answers: str = ""
    tensor_parallel: int = 0  # 0 where others serve, and in a submission of an older evalctl
    data_parallel: int = 0
    tasks: Mapping[str, SubmittedTask]

    def as_json(self) -> Facts:
        """The document; `read_submission` reads it."""
        return {"schema": SCHEMA, **asdict(self)}


def of_job(job: Job, commit: str, script_sha256: str, answers: str) -> Submission:
    """What is submitted for a job."""
    return Submission(
        job=job.name, service=job.service, node_kind=job.node_kind, request=RequestFile(job.request, commit),
        script=ScriptFile(job.script_path, script_sha256), answers=answers,
        tensor_parallel=job.server.tensor_parallel, data_parallel=job.server.data_parallel,
        tasks={task.key: _task(job, task.evaluation) for task in job.tasks},
    )  # fmt: skip


def _task(job: Job, evaluation: Eval) -> SubmittedTask:
    return SubmittedTask(
        path=evaluation.result_path, inputs=inputs(evaluation).as_json(),
        environments=environments(job, evaluation.task.framework),
        answers=evaluation.answers if evaluation.unanswered else "",
    )  # fmt: skip


def read_submission(content: bytes, evals: Mapping[str, str]) -> Submission:
    """The submission of these evals (task key to digest); ValueError with the reason where it is invalid."""
    document = plain_json.document(content)
    if document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA!r} (written by another evalctl?)")
    found = read(Submission, document, extra=True)
    for key, digest in evals.items():
        if key not in found.tasks:
            raise ValueError(f"{key} is not among its tasks")
        if Inputs(found.tasks[key].inputs).digest != digest:
            raise ValueError(f"{key}: its digest is not that of the attempt")
    return found


def environments(job: Job, framework: str) -> dict[str, str]:
    """Directory names of the job environments; each ends in the digest of its lock."""
    names = {"framework": job.framework_environments.get(framework, ""), "server": job.server.environment}
    return {role: name for role, name in names.items() if name}


def inputs(evaluation: Eval) -> Inputs:
    """What was measured: everything that the digest covers, in words."""
    return Inputs(
        {
            "schema": RESULT_SCHEMA,
            "digest": evaluation.digest,
            "task": recorded_task(evaluation).as_json(),
            "subject": _subject(evaluation.subject),
            "generation": dict(evaluation.generation),
            "server": dict(evaluation.server),
            "max_samples": evaluation.max_samples,
            **({"unanswered": evaluation.unanswered} if evaluation.unanswered else {}),
        }
    )


def recorded_task(evaluation: Eval) -> RecordedTask:
    """The task as its record names it."""
    task = evaluation.task
    return RecordedTask(
        {
            "key": task.key,
            "script": task.script,
            "result_dir": task.result_dir,
            "framework": task.framework,
            "framework_version": evaluation.framework_version,
            "digest": evaluation.task_digest,
        }
    )


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
