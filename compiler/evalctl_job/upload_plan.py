"""What one upload to the Hub consists of: `evalctl sync` writes it, `upload` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """One commit to the dataset `repo`: `texts` and the paths of `files` by their place in it."""

    repo: str
    private: bool
    model: str
    message: str
    texts: Mapping[str, str]
    files: Mapping[str, str]

    def as_json(self) -> Mapping[str, object]:
        """The file's object."""
        return asdict(self)
