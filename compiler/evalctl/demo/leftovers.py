"""Ends the jobs that a demo's queue still runs, by the queue's own ids."""

from __future__ import annotations

import time
from pathlib import Path

from evalctl.model.run import Sighting, State
from evalctl.schedulers import local
from evalctl.shell import EnvironmentProblem, run

_PATIENCE_S = 60.0


def end_queue(queue: Path) -> None:
    """Cancels every live job of `queue` and returns when none is left."""
    deadline = time.monotonic() + _PATIENCE_S
    words = ("--queue", str(queue))
    while queue.is_dir() and (live := _live(words)):
        for sighting in live:
            run(local.cancel(sighting.native_id, words))
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"{', '.join(sighting.name for sighting in live)} in {queue} does not end")
        time.sleep(0.3)


def _live(words: tuple[str, str]) -> list[Sighting]:
    return [sighting for sighting in local.sightings(run(local.query("", words))) if sighting.state is not State.ENDED]
