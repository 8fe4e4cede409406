"""The note of a download: its outcome and the size of each file, with which `evalctl sync` checks later whether all are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadNote:
    """The size of each file in the Hub's cache at `cache`, or the reason why it `failed`, with a sentence."""

    cache: str = ""
    files: Mapping[str, int] = field(default_factory=dict)
    failed: str = ""
    detail: str = ""

    def as_json(self) -> Mapping[str, object]:
        """The file's object, without empty keys."""
        return {name: value for name, value in asdict(self).items() if value}
