"""The weights that a job needs before it is submitted: whether all are in the Hub's cache, and their download.

The note of a download names the size of every file. So no program and no Hub is needed to check
whether a cache that others clear still has them.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from evalctl.model import plain_json
from evalctl.model.evaluation import RequestPlan
from evalctl.model.run import Step
from evalctl.model.weights import Checkpoint, WeightsToDownload
from evalctl.runfiles import MOST_BYTES
from evalctl.shell import Command, EnvironmentProblem, json_text, stream, write_atomically
from evalctl.stamps import Stamp, stamp
from evalctl.sync.context import Context
from evalctl.sync.hub import hub_home, program
from evalctl.sync.lock import locked
from evalctl_job.download_note import DownloadNote
from evalctl_job.typed import read

AWAITED = ("weights-missing", "hub-unreachable", "download-failed")
Progress = Callable[[Sequence[int]], None]  # files there, files, bytes there, bytes


def lacking(context: Context, weights: WeightsToDownload) -> tuple[str, str]:
    """Why the weights of a job are missing, and which; ("", "") when all are in the cache."""
    note = _read(note_of(context, weights))
    if note.failed:
        reason = "hub-unreachable" if note.failed == "hub-unreachable" else "download-failed"
        return reason, f"{weights.model}: {note.failed}: {note.detail}"
    if Path(note.cache) == hub_cache(context) and _all_there(context, weights, note.files):
        return "", ""
    return "weights-missing", f"{weights.model}, {weights.size / 1e9:.1f} GB"


def changed(checkpoint: Checkpoint) -> tuple[str, str]:
    """Why a checkpoint on disk is not the one of its card; ("", "") where it is."""
    from evalctl.cards.folder import open_folder  # imports pydantic: only where there is a checkpoint

    try:
        folder = open_folder(Path(checkpoint.path))
        known = tuple((name, stamp((folder.path / name).stat())) for name in sorted(folder.sizes))
        found = _revision(checkpoint.path, known)
    except EnvironmentProblem as problem:
        return "weights-unreadable", problem.message
    except OSError as error:
        return "weights-unreadable", f"{error.filename}: {error.strerror}"
    if found != checkpoint.revision:
        return "weights-changed", checkpoint.path
    return "", ""


@lru_cache(maxsize=64)  # `--watch` makes many passes, and many jobs share one checkpoint
def _revision(path: str, _: tuple[tuple[str, Stamp], ...]) -> str:
    from evalctl.cards.folder import folder_revision

    return folder_revision(Path(path))


def is_refused(context: Context, weights: WeightsToDownload) -> bool:
    """Whether the last download failed for a reason that a person must fix."""
    return lacking(context, weights)[0] == "download-failed"


def awaited(plans: Iterable[RequestPlan], steps: Iterable[Step]) -> list[WeightsToDownload]:
    """The weights that jobs wait for and no job of its own downloads, each once."""
    waiting = {step.job for step in steps if step.reason in AWAITED}
    found = [
        job.weights for plan in plans if not plan.downloads for job in plan.jobs
        if job.name in waiting and job.weights is not None
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def fetch(context: Context, weights: WeightsToDownload, progress: Progress) -> None:
    """Downloads them into the cache, continuing an interrupted try; the note has the outcome.

    Raises Held while another evalctl of this home does so: passes that cron starts would otherwise all wait.
    """
    note = note_of(context, weights)
    with locked(note.with_suffix(""), context.host):
        _fetch(context, weights, note, progress)


def _fetch(context: Context, weights: WeightsToDownload, note: Path, progress: Progress) -> None:
    last = ""

    def on_line(line: str) -> None:
        nonlocal last
        if line.startswith("progress\t"):
            progress([int(number) for number in line.split("\t")[1:]])
        elif line.strip():
            last = line

    status = stream(_command(context, weights, note), on_line)
    if status != 0 and not last.startswith("failed\t"):  # it ended without a message of its own
        failed = DownloadNote(failed="download-failed", detail=f"exit status {status}: {last}"[:400])
        write_atomically(note, json_text(failed.as_json(), indent=None, ascii=True))


def hub_cache(context: Context) -> Path:
    """Where huggingface_hub keeps models in a job: what .env names, else a folder of evalctl's (evalctl_job's supervisor/node.py)."""
    named = context.environment.get
    if folder := named("HF_HUB_CACHE") or named("HUGGINGFACE_CACHE") or named("HUGGINGFACE_HUB_CACHE"):
        return Path(folder).expanduser()
    return hub_home(context) / "hub"


def note_of(context: Context, weights: WeightsToDownload) -> Path:
    """The note of the last download of these weights."""
    name = f"{weights.model.replace('/', '--')}@{weights.revision}.json"
    return context.home_folder.caches.downloads / name


def _command(context: Context, weights: WeightsToDownload, note: Path) -> Command:
    words = ("evalctl_job.download", "--model", weights.model, "--revision", weights.revision, "--note", str(note))
    return program(context, weights.environment, *words, HF_HUB_CACHE=str(hub_cache(context)))


def _read(note: Path) -> DownloadNote:
    """The note; empty where it is missing or damaged: a repeated download costs little if the files are in the cache."""
    try:
        return read(DownloadNote, plain_json.parsed(_content(note)), extra=True)
    except (OSError, ValueError):
        return DownloadNote()


def _content(note: Path) -> bytes:
    """A job's program wrote it: a pipe would make sync wait without end. It may be another user's, in a home that a group shares."""
    facts = note.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
        raise ValueError("not what a download writes")
    return note.read_bytes()


def _all_there(context: Context, weights: WeightsToDownload, files: Mapping[str, int]) -> bool:
    if not files:
        return False
    folder = hub_cache(context) / f"models--{weights.model.replace('/', '--')}" / "snapshots" / weights.revision
    try:
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError):  # ValueError: a name that is none (seen: Python 3.11, one with a NUL)
        return False
