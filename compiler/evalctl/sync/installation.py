"""Why a job that is not listed by its name may be there: a shell that chooses another scheduler, or a name that was changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from evalctl.model import plain_json
from evalctl.model.run import Attempt, Sighting, State
from evalctl.surroundings import chosen
from evalctl.sync import runfiles

FILE = "scheduler.json"
_LONGEST = 200


def note() -> str:
    """The text of the file that an attempt keeps."""
    return json.dumps(chosen(os.environ)) + "\n"


def renamed(attempt: Attempt, seen: Iterable[Sighting]) -> Sighting | None:
    """A live job that has the attempt's number and another name: a person or a rule of the site may change a name.

    Numbers are given again, so it need not be the attempt's job: it proves only that its end was not seen.
    """
    number = _number(attempt.native_id)
    found = (one for one in seen if number and _number(one.native_id) == number and one.state is not State.ENDED)
    return next((one for one in found if one.name != attempt.name), None)


def _number(native_id: str) -> str:
    return native_id.partition(";")[0]  # Slurm names the cluster only where several are asked


def other(folder: Path, renamed: Sighting | None = None) -> str:
    """Why the list does not prove that the job of the attempt in `folder` is gone; "" for nothing, and where no note was made."""
    if renamed is not None:
        return f"job {renamed.native_id} is listed under another name, `{renamed.name}`: it is waited for"
    try:
        then = plain_json.document(runfiles.read(folder, FILE))
    except (OSError, ValueError):
        return ""
    now = chosen(os.environ)
    differ = [name for name in now if then.get(name, now[name]) != now[name]]
    values = ", ".join(f"{name}={str(then[name])[:_LONGEST]}" if then[name] else f"{name} not set" for name in differ)
    return f"it was submitted with {values}: evalctl sync in a shell that has the same" if differ else ""
