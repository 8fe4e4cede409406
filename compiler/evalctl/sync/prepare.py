"""The run folder of an attempt before it is submitted: the script's copy, and all files that the job reads there."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

from evalctl.model.evaluation import Job, Work
from evalctl.model.run import Attempt
from evalctl.results.submission import of_job
from evalctl.shell import json_text, make_durable, make_folder, write_atomically
from evalctl.sync import installation, private
from evalctl.sync.context import Context
from evalctl.sync.shards import answers_folder
from evalctl.sync.weights import hub_cache, note_of
from evalctl_job.attempt import AttemptFile
from evalctl_job.run_folder import RunFolder


def prepare(context: Context, job: Work, attempt: Attempt) -> Path:
    """Makes the attempt's folder with all files that the script reads, and returns the path of the script's copy."""
    folder = RunFolder(context.folder(attempt))
    text = (context.root / job.script_path).read_bytes()
    private.made_own(context.home, folder.path, shared=private.is_shared(context))
    facts = asdict(_attempt_file(context, job, attempt))
    write_atomically(folder.attempt, json_text(facts, ascii=True), mode=private.OWN_FILE)
    write_atomically(folder.environments, str(context.environments), mode=private.OWN_FILE)  # the script reads it
    write_atomically(folder.scheduler, installation.note(context), mode=private.OWN_FILE)
    if isinstance(job, Job):
        submitted = of_job(job, context.commit, hashlib.sha256(text).hexdigest(), str(answers_folder(context, job)))
        write_atomically(
            folder.submission,
            json_text(submitted.as_json()),
            mode=private.OWN_FILE,
        )
        private.made(context.home, answers_folder(context, job), shared=private.is_shared(context))
    else:
        make_folder(note_of(context, job.weights).parent, private.OWN_FOLDER)
        note_of(context, job.weights).unlink(missing_ok=True)  # what an earlier attempt wrote does not count
    write_atomically(folder.script, text.decode("utf-8"), mode=private.OWN_SCRIPT)
    make_durable(folder.path, context.home)  # collecting the results needs these files, perhaps on another machine
    return folder.script


def _attempt_file(context: Context, job: Work, attempt: Attempt) -> AttemptFile:
    """The values of this attempt that the job needs and the script cannot contain."""
    file = AttemptFile(
        number=attempt.number, name=attempt.name, environments=str(context.environments), env_file=str(context.env_file),
        caches=str(context.home_folder.caches.path), umask=0o007 if private.is_shared(context) else 0o077,
        walltime_seconds=attempt.walltime_seconds,
        # one and the same cache, whatever the node's environment says
        variables={} if job.weights is None else {"HF_HUB_CACHE": str(hub_cache(context))},
    )  # fmt: skip
    if isinstance(job, Job):
        return replace(file, answers=str(answers_folder(context, job)), run_tasks=tuple(attempt.evals))
    return replace(file, note=str(note_of(context, job.weights)))
