"""The weights of a model: in a folder, or to be fetched from the Hub before its job is submitted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model in a folder, and the digests of its files: `revision` from samples, `whole` over all bytes ("": not checked)."""

    path: str
    revision: str
    whole: str = ""


@dataclass(frozen=True, slots=True)
class WeightsToDownload:
    """A model's files at a revision: `size` bytes of weights, fetched by a program of any job environment, here `environment`."""

    model: str
    revision: str
    size: int
    environment: str = field(compare=False)
