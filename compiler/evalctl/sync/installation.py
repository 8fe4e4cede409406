"""Which scheduler an attempt was submitted to: a shell that chooses another one does not see its job."""

from __future__ import annotations

import json
import os
from pathlib import Path

from evalctl.model import plain_json
from evalctl.surroundings import chosen
from evalctl.sync import runfiles

FILE = "scheduler.json"
_LONGEST = 200


def note() -> str:
    """The text of the file that an attempt keeps."""
    return json.dumps(chosen(os.environ)) + "\n"


def other(folder: Path) -> str:
    """What chose another scheduler when the attempt in `folder` was submitted; "" for nothing, and where no note was made."""
    try:
        then = plain_json.document(runfiles.read(folder, FILE))
    except (OSError, ValueError):
        return ""
    now = chosen(os.environ)
    differ = [name for name in now if then.get(name, now[name]) != now[name]]
    values = ", ".join(f"{name}={str(then[name])[:_LONGEST]}" if then[name] else f"{name} not set" for name in differ)
    return f"it was submitted with {values}: evalctl sync in a shell that has the same" if differ else ""
