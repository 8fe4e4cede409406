"""Samples the server's load once a second, sets the limiter's limit, and writes the load for `evalctl status`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from evalctl_job.address import Address
from evalctl_job.admission import MOST, Limit, Load, LoadSample, adapted, read_load
from evalctl_job.files import complain, write_json
from evalctl_job.forward import Upstream
from evalctl_job.limiter import Limiter
from evalctl_job.relay_files import ServerLoad

LOOK_SECONDS = 1.0


@dataclass(slots=True)
class LoadSoFar:
    """The load of the server in this attempt until now."""

    admission: str
    limit_least: int
    limit_most: int
    limit: int
    metrics: bool = False
    peak_in_flight: int = 0
    peak_running: int = 0
    peak_waiting: int = 0
    preemptions: int = 0
    highest_cache_use: float = 0.0
    refusals: int = 0
    absences: int = 0
    queued_seconds: float = 0.0
    away_seconds: float = 0.0

    def add(self, limit: int, load: Load | None) -> None:
        """Add a sample."""
        self.limit = limit
        self.limit_least, self.limit_most = min(self.limit_least, limit), max(self.limit_most, limit)
        if load is not None:
            self.metrics = True
            self.peak_running = max(self.peak_running, load.running)
            self.peak_waiting = max(self.peak_waiting, load.waiting)
            self.highest_cache_use = round(max(self.highest_cache_use, load.cache_use), 4)

    def now(self) -> ServerLoad:
        """The load as `evalctl status` reads it."""
        return ServerLoad(**{name: getattr(self, name) for name in self.__slots__})


class Watch:
    """The admission of a job: fixed, or adapted to the server's load."""

    def __init__(
        self, limiter: Limiter, upstream: Upstream, address: Address, fixed: int | None, path: Path, most: int = MOST
    ) -> None:
        """`fixed` is a constant limit, else it is adapted, to `most` at the highest; the load is written to `path`."""
        self._limiter, self._upstream, self._address, self._path = limiter, upstream, address, path
        self._limit, self._most = None if fixed else Limit(limiter.limit), most
        self._before = LoadSample()
        self._refusals_before = self._replies_before = 0
        self.load_so_far = LoadSoFar("fixed" if fixed else "auto", limiter.limit, limiter.limit, limiter.limit)

    async def run(self) -> None:
        """Take samples until cancelled."""
        last = time.monotonic()
        while True:
            self.write()
            await asyncio.sleep(LOOK_SECONDS)
            text = await self._upstream.load()
            elapsed, last = time.monotonic() - last, time.monotonic()
            self.look(read_load(text) if text else None, elapsed)

    def look(self, load: Load | None, elapsed: float) -> None:
        """Take a sample of so many seconds, and set the limit."""
        now = self._sample(load)
        silent = self._address.base is None or (self.load_so_far.metrics and load is None)
        if self._limit is not None and not silent:
            self._limit = adapted(self._limit, self._before, now, self._most)
            self._limiter.limit = self._limit.choices
        self._note(now, elapsed)
        self._before = now

    def write(self) -> None:
        """Bring the file on disk up to date. A full disk is no reason to end."""
        so_far, limiter = self.load_so_far, self._limiter
        so_far.peak_in_flight, so_far.refusals, so_far.absences = (
            limiter.peak,
            limiter.refusals,
            self._address.absences,
        )
        try:
            write_json(self._path, so_far.now().as_json())
        except OSError as problem:
            complain(self._path.name, problem)

    def _sample(self, load: Load | None) -> LoadSample:
        limiter = self._limiter
        replies, refusals = limiter.replies - self._replies_before, limiter.refusals - self._refusals_before
        self._replies_before, self._refusals_before = limiter.replies, limiter.refusals
        return LoadSample(limiter.in_flight, limiter.queued, replies, refusals, load)

    def _note(self, now: LoadSample, elapsed: float) -> None:
        so_far = self.load_so_far
        so_far.add(self._limiter.limit, now.load)
        if now.load and self._before.load:  # a server that was started again counts from zero
            so_far.preemptions += max(0, now.load.preemptions - self._before.load.preemptions)
        if self._address.base is None:
            so_far.away_seconds = round(so_far.away_seconds + elapsed, 1)
        elif now.queued:
            so_far.queued_seconds = round(so_far.queued_seconds + elapsed, 1)
