"""How many choices the model's server can handle at once: computes the next limit from the load of each second."""

from __future__ import annotations

import re
from dataclasses import dataclass

LEAST = 4
START = 128
MOST = 4096  # vLLM computes no more at once on any GPU of today
ROOM = 0.8  # of the cache; sequences that are under way still grow
HEADROOM = 8  # waiting in the server, so that it never idles between two samples
STEPS = 16
LARGEST = 1e15  # nothing that is counted there is more


@dataclass(frozen=True, slots=True)
class Limit:
    """The number of choices in flight; `careful` after the first sign of overload, when it grows only by small steps."""

    choices: int = START
    careful: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """The load that vLLM reports, summed over its engines."""

    running: int = 0
    waiting: int = 0
    cache_use: float = 0.0
    preemptions: int = 0


@dataclass(frozen=True, slots=True)
class LoadSample:
    """One sample: choices in flight and queued here, replies and refusals (429, 503) since the last sample."""

    in_flight: int = 0
    queued: int = 0
    replies: int = 0
    refusals: int = 0
    load: Load | None = None


def adapted(limit: Limit, before: LoadSample, now: LoadSample, most: int = MOST) -> Limit:
    """The limit for the next second, from the last two samples; never above `most`."""
    share = too_much(before, now)
    if share is not None and now.in_flight > limit.choices:
        return limit  # lowered before, and what was under way then has not ended yet
    if share is not None:
        return Limit(min(most, max(LEAST, min(limit.choices, int(now.in_flight * share)))), careful=True)
    if now.queued and has_room(limit, now):
        return Limit(min(raised(limit), most), limit.careful)
    return limit


def too_much(before: LoadSample, now: LoadSample) -> float | None:
    """The share of the choices in flight that the server can handle; None without a sign of overload."""
    if now.refusals:
        return 0.5
    if now.load is None or before.load is None:
        return None
    if now.load.preemptions > before.load.preemptions:
        return 0.8  # the cache is full: some answers are being computed again from the start
    if now.load.waiting >= before.load.waiting > HEADROOM:
        return (now.load.running + HEADROOM) / (now.load.running + now.load.waiting)
    return None


def has_room(limit: Limit, now: LoadSample) -> bool:
    """Whether the server could handle more: it has the memory, or has refused nothing yet, or answers."""
    if now.load is None:
        return not limit.careful or now.replies > 0
    growth = raised(limit) / limit.choices
    return now.load.waiting == 0 and now.load.cache_use * growth <= ROOM


def raised(limit: Limit) -> int:
    """The next higher limit: twice as many at first, a sixteenth more after the first sign of overload."""
    return limit.choices + (max(1, limit.choices // STEPS) if limit.careful else limit.choices)


# Names as vLLM 0.6–0.32 and its Prometheus client write them: counters with `_total` or without; the cache as
# `gpu_cache_usage_perc` before 0.10. The values of several engines differ by a label.
METRIC = re.compile(
    r"^vllm:(num_requests_running|num_requests_waiting|num_preemptions|(?:gpu|kv)_cache_usage_perc)(?:_total)?"
    r"(?:\{[^}]*\})? +([0-9.eE+-]+)",
    re.MULTILINE,
)


def read_load(text: str) -> Load | None:
    """The load in a /metrics page; None when it is not vLLM's."""
    found: dict[str, list[float]] = {}
    for name, written in METRIC.findall(text):
        if (value := _number(written)) is None:
            return None
        found.setdefault(name.removeprefix("gpu_").removeprefix("kv_"), []).append(value)
    if "num_requests_running" not in found:
        return None
    return Load(
        int(sum(found["num_requests_running"])),
        int(sum(found.get("num_requests_waiting", ()))),
        max(found.get("cache_usage_perc", (0.0,))),
        int(sum(found.get("num_preemptions", ()))),
    )


def _number(written: str) -> float | None:
    """The value; None where a server reports no number."""
    try:
        number = float(written)
    except ValueError:
        return None
    return number if 0 <= number < LARGEST else None
