"""A model's server that a test writes down, as `evalctl_job.forward` asks it: no socket, and the seconds of `skipping_clock`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from evalctl_job.outcomes import Refused

Outcome: TypeAlias = dict[str, Any] | Refused
BASE, HEALTH = "http://127.0.0.1:1/v1", "http://127.0.0.1:1/health"


def now() -> float:
    """The clock of the story."""
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Gives its outcomes in turn, the last one again and again; `ill` says until when it does not answer for its health."""

    outcomes: list[Outcome]
    ill: Callable[[], bool] = lambda: False
    pages: Mapping[str, str] = field(default_factory=dict)
    asked: list[tuple[float, str, str, Any]] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    under_way: int = 0

    async def send(
        self, method: str, base: str, path: str, body: Mapping[str, Any] | None, seconds: float | None = None
    ) -> Outcome:
        """One try."""
        self.asked.append((now(), method, base + path, body))
        self.under_way += 1
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    async def page(self, address: str) -> str | None:
        """What it says of itself."""
        self.looks.append(address)
        await asyncio.sleep(0)
        return None if self.ill() else self.pages.get(address, "")
