"""The interface to a model's files in a folder or on the Hub, and reading JSON from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from evalctl.model import plain_json
from evalctl.shell import EnvironmentProblem

# Largest file that is read whole. A tokenizer.json of 2026 has 2 to 20 MB, the largest seen 33 MB.
SMALL = 32 * 1024 * 1024


class ModelFiles(Protocol):
    """A model's top-level files."""

    @property
    def label(self) -> str:
        """The name of the source in messages."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Every file's name and size in bytes."""

    @property
    def parameters(self) -> int | None:
        """The parameter count, if the source itself states it."""

    def head(self, name: str, length: int) -> bytes:
        """The first `length` bytes of a file, or all of a shorter one."""


def small_file(source: ModelFiles, name: str) -> bytes | None:
    """The content of a file; None where it does not exist or is too large."""
    size = source.sizes.get(name)
    if size is None or size > SMALL:
        return None
    return source.head(name, size)


def json_file(source: ModelFiles, name: str) -> dict[str, Any]:
    """The mapping in a JSON file; empty where the file does not exist or is too large."""
    data = small_file(source, name)
    if data is None:
        return {}
    try:
        value = plain_json.parsed(data)
    except ValueError as error:
        raise EnvironmentProblem(
            f"{name} of {source.label} is not JSON: {str(error)[:200]}", "download the model again"
        ) from error
    if not isinstance(value, dict):
        raise EnvironmentProblem(f"{name} of {source.label} is not a JSON object", "download the model again")
    return value
