"""The evaluation programs and their dialects: how each is called for one eval. Text only; nothing is run here.

A module per dialect (`lighteval`, `lighteval_swallow`) satisfies `Framework`; a new one is a file and a line in FRAMEWORKS.
`pins` is what is pinned of them: versions, tasks, digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from evalctl.frameworks import lighteval, lighteval_swallow
from evalctl.model.evaluation import Eval, Invocation
from evalctl_job.options import Options


class Framework(Protocol):
    """A module that knows one dialect."""

    ENVIRONMENT: str

    def version(self) -> str:
        """The release that the environment's lock pins; part of an eval's identity."""

    def task_digest(self, script: str) -> str:
        """Digest of the task's own files where this project ships them, else ""; part of an eval's identity."""

    def own_settings(self, script: str) -> frozenset[str]:
        """Settings that the task sends itself with each question, whatever its configuration says."""

    def always_sent(self) -> Mapping[str, Any]:
        """Settings that it sends with each question where nobody names them, with the values that it sends."""

    def invocation(self, evaluation: Eval, concurrency: int, request_timeout: int | None, relay: Options) -> Invocation:
        """The call that measures `evaluation`, run in a folder of its own with config.yaml in it.

        `relay` are the options that hold for every framework; the call adds the settings that this one does not send.
        """


FRAMEWORKS: dict[str, Framework] = {"lighteval": lighteval, "lighteval-swallow": lighteval_swallow}
