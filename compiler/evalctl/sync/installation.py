"""Reasons why a job may exist although the scheduler does not list its name: another scheduler was asked, or the job was renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from evalctl import runfiles
from evalctl.model import plain_json
from evalctl.model.run import Attempt, Sighting, State
from evalctl.shell import json_text
from evalctl.surroundings import chosen
from evalctl.sync.context import Context
from evalctl_job.run_folder import INSIDE

_LONGEST = 200


def note(context: Context) -> str:
    """The text of the file that an attempt keeps: the variables, and the program that lists jobs here."""
    return json_text({**chosen(os.environ), **_program(context)}, indent=None, ascii=True)


def foreign(context: Context) -> str:
    """Why an empty list proves nothing: a program of another scheduler printed it."""
    name = context.query().argv[0]
    path = _program(context).get(name) or name
    return (
        f"no job is listed, and {path} is not a program of {context.service.scheduler}: see PATH, and `evalctl doctor`"
    )


def _program(context: Context) -> dict[str, str]:
    """The name of the scheduler's program that lists jobs, and its file without links; "" where it is not on PATH."""
    name = context.query().argv[0]
    if name not in context.scheduler.PROGRAMS:  # the local queue is called by its path
        return {}
    found = shutil.which(name)
    return {name: os.path.realpath(found) if found else ""}


def renamed(attempt: Attempt, seen: Iterable[Sighting]) -> Sighting | None:
    """A live job that has the attempt's number and another name: a person or a rule of the site may change a name.

    Schedulers reuse numbers, so it may be another job: it proves only that the end of the attempt's job was not seen.
    """
    number = _number(attempt.native_id)
    found = (one for one in seen if number and _number(one.native_id) == number and one.state is not State.ENDED)
    return next((one for one in found if one.name != attempt.name), None)


def _number(native_id: str) -> str:
    return native_id.partition(";")[0]  # Slurm names the cluster only where several are asked


def other(context: Context, attempt: Attempt, renamed: Sighting | None = None) -> str:
    """Why the list does not prove that the attempt's job is gone; "" for nothing, and where no note was made."""
    if renamed is not None:
        return f"job {renamed.native_id} is listed under another name, `{renamed.name}`: the next sync after its end collects it"
    try:
        then = plain_json.document(runfiles.read(context.folder(attempt), INSIDE.scheduler))
    except (OSError, ValueError):
        return ""
    now = chosen(os.environ)
    differ = [name for name in now if then.get(name, now[name]) != now[name]]
    # A program that is gone was replaced by an upgrade; nobody could ask it any more.
    differ += [name for name, path in _program(context).items() if _is_another(then.get(name), path)]
    values = ", ".join(f"{name}={str(then[name])[:_LONGEST]}" if then[name] else f"{name} not set" for name in differ)
    file = context.folder(attempt) / INSIDE.scheduler
    way_out = f"evalctl sync in a shell that has the same; if this shell's is the same scheduler: rm {file}"
    return f"it was submitted with {values}: {way_out}" if differ else ""


def _is_another(then: object, now: str) -> bool:
    return isinstance(then, str) and then not in ("", now) and Path(then).is_file()
