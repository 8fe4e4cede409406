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
        report = failed.get(one)
        if report is None or report.reason == "hub-unreachable":
            report = _sent(context, one)
        if report.reason:
            unsent[one] = report
    return unsent


def _sent(context: Context, one: Upload) -> UploadReport:
    context.progress(f"uploading {len(one.evals)} eval(s) to {one.repo}")
    report = send(context, one)
    if not report.reason:
        context.progress(f"uploaded: {report.detail}")
    return report
