"""Writes files that readers see complete or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any


def write_by_rename(path: Path, text: str) -> None:
    """Readers of `path` see the old or the whole new text; an unpaired surrogate becomes `?`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8", errors="replace")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON by rename, with its keys in order."""
    write_by_rename(path, json_text(value, indent=2, sort_keys=True))


def json_text(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """The text of a JSON file; NaN and infinities are a ValueError, never a file."""
    return json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=sort_keys, allow_nan=False) + "\n"


def complain(name: str, problem: OSError) -> None:
    """Print which file cannot be written; if the log is on the same full disk, go on without a message."""
    with contextlib.suppress(OSError):
        # not by sys.stderr, which would keep what it cannot write and try again until the end
        os.write(2, f"relay: {name}: {problem.strerror or problem}\n".encode())
