"""Formats the progress of running jobs, as text and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from evalctl.model.run import JobProgress, Progress


def answers(progress: Progress) -> str:
    """`120/500`; `120` where the total is unknown."""
    return str(progress.answered) if progress.total is None else f"{progress.answered}/{progress.total}"


def rate(progress: Progress) -> str:
    """Answers per minute; `-` where there are too few measurements."""
    per_minute = progress.per_minute
    return (
        "-"
        if per_minute is None
        else f"{per_minute:.0f}"
        if per_minute >= 10 or not per_minute
        else f"{per_minute:.1f}"
    )


def end(progress: Progress, now: float) -> str:
    """`14:32 JST`: the expected time of the last answer, in local time; with the date if it is another day."""
    if progress.ends_at is None:
        return "-"
    moment = datetime.fromtimestamp(progress.ends_at).astimezone()
    today = datetime.fromtimestamp(now).date() == moment.date()
    return f"{moment:%H:%M %Z}" if today else f"{moment:%m-%d %H:%M %Z}"


def words(progress: Progress, now: float) -> str:
    """`120/500 answers, 40 per minute, estimated end 14:32 JST`; an unknown rate or end is left out."""
    parts = [f"{answers(progress)} answers" + (" (total unknown)" if progress.total is None else "")]
    if progress.per_minute is not None:
        parts.append(f"{rate(progress)} per minute")
    if progress.ends_at is not None:
        parts.append(f"estimated end {end(progress, now)}")
    return ", ".join(parts)


def together(jobs: Mapping[str, JobProgress], now: float) -> list[str]:
    """A line per running job, and with several jobs one more for all of them."""
    lines = [f"{name}: {words(one.whole, now)}" for name, one in jobs.items()]
    if len(jobs) < 2:
        return lines
    return [*lines, f"{len(jobs)} running jobs: {words(summed([one.whole for one in jobs.values()]), now)}"]


def summed(jobs: Sequence[Progress]) -> Progress:
    """The progress of several simultaneous jobs together; the end is that of the last job."""
    totals = [one.total for one in jobs if one.total is not None]
    rates = [one.per_minute for one in jobs if one.per_minute is not None]
    unfinished = [one for one in jobs if one.total is None or one.total > one.answered]
    ends = [one.ends_at for one in unfinished if one.ends_at is not None]
    return Progress(
        sum(one.answered for one in jobs),
        sum(totals) if len(totals) == len(jobs) else None,
        sum(rates) if rates else None,
        max(ends) if ends and len(ends) == len(unfinished) else None,
    )


def document(progress: Progress | None) -> dict[str, Any] | None:
    """The progress for --json; the time has the local offset from UTC."""
    if progress is None:
        return None
    ends_at = progress.ends_at and datetime.fromtimestamp(progress.ends_at).astimezone().isoformat(timespec="seconds")
    per_minute = progress.per_minute if progress.per_minute is None else round(progress.per_minute, 2)
    return {"answered": progress.answered, "total": progress.total, "per_minute": per_minute, "ends_at": ends_at}
