"""Samples the server's load once a second, sets the limiter's limit, and writes the load for `evalctl status`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl_job.address import Address
from evalctl_job.admission import Limit, Load, LoadSample, adapted, read_load
from evalctl_job.files import complain, write_json
from evalctl_job.forward import Upstream
from evalctl_job.limiter import Limiter

LOOK_SECONDS = 1.0


@dataclass(slots=True)
class ServerLoad:
    """The load of the server in this attempt, as written to `server.json`."""

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

    def as_json(self) -> dict[str, Any]:
        """Every value by its name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Watch:
    """The admission of a job: fixed, or adapted to the server's load."""

    def __init__(self, limiter: Limiter, upstream: Upstream, address: Address, fixed: int | None, path: Path) -> None:
        """`fixed` is a constant limit; the load is written to `path`."""
        self._limiter, self._upstream, self._address, self._path = limiter, upstream, address, path
        self._limit = None if fixed else Limit(limiter.limit)
        self._before = LoadSample()
        self._refusals_before = self._replies_before = 0
        self.server_load = ServerLoad("fixed" if fixed else "auto", limiter.limit, limiter.limit, limiter.limit)

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
        silent = self._address.base is None or (self.server_load.metrics and load is None)
        if self._limit is not None and not silent:
            self._limit = adapted(self._limit, self._before, now)
            self._limiter.limit = self._limit.choices
        self._note(now, elapsed)
        self._before = now

    def write(self) -> None:
        """Bring the file on disk up to date. A full disk is no reason to end."""
        server_load, limiter = self.server_load, self._limiter
        server_load.peak_in_flight, server_load.refusals, server_load.absences = (
            limiter.peak,
            limiter.refusals,
            self._address.absences,
        )
        try:
            write_json(self._path, server_load.as_json())
        except OSError as problem:
            complain(self._path.name, problem)

    def _sample(self, load: Load | None) -> LoadSample:
        limiter = self._limiter
        replies, refusals = limiter.replies - self._replies_before, limiter.refusals - self._refusals_before
        self._replies_before, self._refusals_before = limiter.replies, limiter.refusals
        return LoadSample(limiter.in_flight, limiter.queued, replies, refusals, load)

    def _note(self, now: LoadSample, elapsed: float) -> None:
        server_load = self.server_load
        server_load.add(self._limiter.limit, now.load)
        if now.load and self._before.load:  # a server that was started again counts from zero
            server_load.preemptions += max(0, now.load.preemptions - self._before.load.preemptions)
        if self._address.base is None:
            server_load.away_seconds = round(server_load.away_seconds + elapsed, 1)
        elif now.queued:
            server_load.queued_seconds = round(server_load.queued_seconds + elapsed, 1)
