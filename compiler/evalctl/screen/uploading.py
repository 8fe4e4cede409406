"""Shows uploads to the Hub and their failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalctl.model.plan_file import PlanFile
from evalctl.sync.context import Context
from evalctl.sync.uploads import Upload, UploadReport, send, wanted


def upload(
    context: Context, summaries: Sequence[PlanFile], failed: Mapping[Upload, UploadReport]
) -> dict[Upload, UploadReport]:
    """Uploads what requests want on the Hub and is missing there; returns the failed uploads with their reasons.

    Uploads that `failed` before in this command and need a person are not tried again.
    """
    unsent = {}
    for one in wanted(context, summaries):
        told = failed.get(one)
        if told is None or told.reason == "hub-unreachable":
            told = _sent(context, one)
        if told.reason:
            unsent[one] = told
    return unsent


def _sent(context: Context, one: Upload) -> UploadReport:
    context.progress(f"uploading {len(one.evals)} eval(s) to {one.repo}")
    told = send(context, one)
    if not told.reason:
        context.progress(f"uploaded: {told.detail}")
    return told
