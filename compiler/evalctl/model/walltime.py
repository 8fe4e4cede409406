"""How long a job asks its scheduler for."""

from __future__ import annotations


def rounded(wanted_s: int, step_s: int, longest_s: int) -> int:
    """Seconds: `wanted_s` up to the next multiple of the site's step, at most `longest_s`."""
    return min(-(-wanted_s // step_s) * step_s, longest_s)
