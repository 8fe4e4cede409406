"""The walltime to request from a scheduler, and the format of durations and times."""

from __future__ import annotations

from datetime import datetime, timezone

_LONGEST = 100 * 366 * 86400  # seconds; a record that says more than a century is not about a task


def rounded(wanted_s: int, step_s: int, longest_s: int) -> int:
    """Seconds: `wanted_s` up to the next multiple of the site's step, at most `longest_s`."""
    return min(-(-wanted_s // step_s) * step_s, longest_s)


def clock(seconds: float, hour_digits: int = 1) -> str:
    """H:MM:SS with as many hours as it takes, as all schedulers read it; at least `hour_digits` digits of hours."""
    whole = round(seconds)
    return f"{whole // 3600:0{hour_digits}d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def duration(seconds: float | None) -> str:
    """A measured duration for people: as `clock`, or `–` where there is none or no task can have taken it."""
    return clock(seconds) if seconds and 0 < seconds < _LONGEST else "–"


def moment(seconds: float) -> str:
    """A time for people, in UTC; "" for none."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if seconds else ""
