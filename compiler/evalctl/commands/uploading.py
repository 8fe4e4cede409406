"""Uploads as the person sees them: what goes where, and what did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalctl.sync.context import Context
from evalctl.sync.uploads import Told, send, wanted


def upload(context: Context, summaries: Sequence[Mapping[str, Any]]) -> list[Told]:
    """Sends what requests want on the Hub and is not there yet."""
    told = []
    for one in wanted(context, summaries):
        context.progress(f"uploading {len(one.evals)} eval(s) to {one.repo}")
        told.append(send(context, one))
        if not told[-1].reason:
            context.progress(f"uploaded: {told[-1].detail}")
    return told
