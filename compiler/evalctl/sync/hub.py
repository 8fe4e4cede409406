"""Calls programs of a job environment that talk to the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from evalctl.shell import Command
from evalctl.sync.context import Context
from evalctl.sync.secrets import named_like_a_secret

# What huggingface_hub 0.36 reads the token from.
TOKENS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"})


def is_environment(name: str) -> bool:
    """Whether a text in a result can be the name of a job environment, which never names another folder."""
    return re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name) is not None


def hub_home(context: Context) -> Path:
    """The folder of the Hub's programs in a job, data sets among it: what .env names, else one of evalctl's (evalctl_job's supervisor/node.py)."""
    named = context.environment.get
    return Path(named("HUGGINGFACE_CACHE") or named("HF_HOME") or context.home_folder.caches.hub).expanduser()


def program(context: Context, environment: str, *words: str, **variables: str) -> Command:
    """`python -m WORDS` in a job environment; of all API keys it gets only the Hub's, whatever the shell exports."""
    python = context.environments / environment / "bin" / "python"
    known = {
        name: value if name in TOKENS or not named_like_a_secret(name) else None
        for name, value in context.environment.items()
    }  # fmt: skip
    # Without PYTHONSAFEPATH, modules would be looked for in the current folder first: here, a repository.
    # What they print is read as UTF-8, whatever the locale of the login node is.
    return Command(
        (str(python), "-m", *words), env={**known, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8", **variables}
    )
