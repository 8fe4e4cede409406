"""How the last attempt of an eval failed, for as long as that attempt counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalctl.model.run import Action
from evalctl.sync.context import run_dir
from evalctl.sync.eval_status import EvalStatus
from evalctl.sync.marks import read_marks
from evalctl.sync.reasons import advice, is_transient
from evalctl.sync.records import JobRecord
from evalctl_job.marks import FAILED

_BETWEEN = (Action.STOP.value, Action.SUBMIT.value)  # no attempt is open
_EXHAUSTED, _RETRY = "attempts-exhausted", "retry"


def with_last_words(lines: Sequence[EvalStatus], root: Path) -> list[EvalStatus]:
    """The lines; where the last attempt failed, `detail` has its reason and detail, also if it is tried again."""
    return [_with_words(line, root) if line.run_dir and line.state in _BETWEEN else line for line in lines]


def _with_words(line: EvalStatus, root: Path) -> EvalStatus:
    mark = read_marks(root / line.run_dir).tasks.get(line.task)
    if mark is None or mark.state != FAILED or not mark.detail or mark.detail in line.detail:
        return line
    if line.reason == mark.reason:
        return replace(line, detail=_joined(mark.detail, line.detail))
    if line.reason not in (_EXHAUSTED, _RETRY):
        return line
    rest = "" if line.detail == mark.reason else line.detail.removeprefix(f"{mark.reason}: ")
    return replace(line, detail=_joined(f"{mark.reason}: {mark.detail}", rest))


def last_attempt(record: JobRecord, retries: int, home: Path, key: str) -> str:
    """How the last attempt of an eval failed, and whether it is tried again; "" where none counts or the next one runs."""
    attempt = next((one for one in reversed(record.attempts) if key in one.evals), None)
    if attempt is None or record.open is not None or not record.last_outcome.startswith("failed:"):
        return ""
    reason = record.last_outcome.partition(":")[2]
    mark = read_marks(run_dir(home, attempt.job, attempt.number)).tasks.get(key)
    text = f"{mark.reason}: {mark.detail}" if mark and mark.state == FAILED and mark.detail else reason
    if is_transient(reason) and record.used <= retries:
        return f"{text} (it is tried again)"
    stopped = f"{_EXHAUSTED}: {text} ({record.used} attempts)" if is_transient(reason) else text
    return _joined(stopped, advice(reason))


def _joined(*parts: str) -> str:
    return ": ".join(filter(None, parts))
