"""The evaluator's `.env`: read as data, never sourced here, never printed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")


def env_path(root: Path) -> Path:
    """The `.env` of the repository, or what EVALCTL_ENV_FILE names."""
    return Path(os.environ.get("EVALCTL_ENV_FILE") or root / ".env")


def env_values(root: Path) -> dict[str, str]:
    """Variables of `.env`, with ${OTHER} filled in from earlier lines; empty when there is no file."""
    path = env_path(root)
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    # A comment in another encoding must not stop anything; values keep their bytes, as in the job's shell.
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        match = ASSIGNMENT.fullmatch(line)
        if match:
            values[match[1]] = _value(match[2].strip(), values)
    return values


def _value(text: str, earlier: Mapping[str, str]) -> str:
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1]
    if text[:1] == '"' and '"' in text[1:]:
        text = text[1 : text.index('"', 1)]
    else:
        text = text.split(" #")[0].rstrip()
    return _REFERENCE.sub(
        lambda match: earlier.get(match[1] or match[2], os.environ.get(match[1] or match[2], "")), text
    )


def process_with_env_file(root: Path) -> dict[str, str]:
    """This process's environment with `.env` over it, as the job itself sees it; empty lines of `.env` say nothing."""
    return {**os.environ, **{name: value for name, value in env_values(root).items() if value}}


def home_of(root: Path) -> Path:
    """Where environments, run folders and caches lie: EVALCTL_HOME of the environment or of .env, else .evalctl."""
    given = os.environ.get("EVALCTL_HOME") or env_values(root).get("EVALCTL_HOME")
    return Path(given).expanduser() if given else root / ".evalctl"


def environments_of(root: Path) -> Path:
    """Where the job environments lie; EVALCTL_ENVIRONMENTS lets several repositories share them."""
    given = os.environ.get("EVALCTL_ENVIRONMENTS") or env_values(root).get("EVALCTL_ENVIRONMENTS")
    return Path(given).expanduser() if given else home_of(root) / "environments"
