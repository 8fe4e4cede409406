"""The evaluation frameworks: the command line and the configuration of each for one eval. Makes texts only, runs nothing.

One module per framework (`lighteval`, `lighteval_swallow`) satisfies `Framework`; a new one is a file and a line in FRAMEWORKS.
`pins` reads what is pinned: versions, tasks, digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from evalctl.frameworks import lighteval, lighteval_swallow
from evalctl.model.evaluation import Eval, Invocation
from evalctl_job.options import Options


class Framework(Protocol):
    """A module that knows one framework."""

    ENVIRONMENT: str
    ADDED: tuple[str, ...]  # settings that it does not send itself: the relay adds them

    def version(self) -> str:
        """The release that the environment's lock pins; part of an eval's identity."""

    def task_digest(self, script: str) -> str:
        """Digest of the task's own files where this project ships them, else ""; part of an eval's identity."""

    def own_settings(self, script: str) -> frozenset[str]:
        """Settings that the task sends itself with each question, whatever its configuration says."""

    def always_sent(self) -> Mapping[str, Any]:
        """Settings that the framework always sends with each question, with its default values."""

    def invocation(self, evaluation: Eval, concurrency: int, request_timeout: int | None, relay: Options) -> Invocation:
        """The command that measures `evaluation`, and its config.yaml; it runs in a folder of its own."""


FRAMEWORKS: dict[str, Framework] = {"lighteval": lighteval, "lighteval-swallow": lighteval_swallow}
