"""Names on the Hugging Face Hub."""

from __future__ import annotations

import re

# As huggingface_hub 0.36 checks them, before it asks the Hub.
_REPOSITORY = re.compile(r"\b[\w.-]+\b/\b[\w.-]{1,96}\b", re.ASCII)


def dataset(org: str, model: str, *, private: bool) -> str:
    """The name of the dataset for a model's details, as lighteval forms it."""
    return f"{org}/details_{model.replace('/', '__')}{'_private' if private else ''}"


def is_repository(name: str) -> bool:
    """Whether the Hub takes `ORG/NAME`."""
    plain = "--" not in name and ".." not in name and not name.endswith(".git")
    return plain and _REPOSITORY.fullmatch(name) is not None
