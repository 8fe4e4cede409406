"""Programs of a job environment that speak with the Hub, called from here."""

from __future__ import annotations

from evalctl.shell import Command
from evalctl.sync.context import Context
from evalctl.sync.secrets import named_like_a_secret

TOKEN = "HF_TOKEN"


def program(context: Context, environment: str, *words: str, **variables: str) -> Command:
    """`python -m WORDS` in a job environment; of all keys it gets the Hub's alone."""
    python = context.environments / environment / "bin" / "python"
    known = {
        name: value for name, value in context.environment.items() if name == TOKEN or not named_like_a_secret(name)
    }  # fmt: skip
    return Command((str(python), "-m", *words), env={**known, **variables})
