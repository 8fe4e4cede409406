"""Results and details that a request wants on the Hub: which are missing there, which must not be sent, and the upload.

Only committed results are sent, with the details beside them on this machine. A note beside them says what was sent;
without it the same files are sent once more, which changes nothing there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl.environments.readiness import is_built
from evalctl.git.repository import open_repository
from evalctl.model.hub import dataset
from evalctl.model.plan_file import PlanFile
from evalctl.model.recorded import Facts
from evalctl.model.result import Result
from evalctl.results.leaderboard import DEBUG
from evalctl.results.names import DETAILS, LOGS, log_names
from evalctl.results.reading import parse
from evalctl.results.record import to_text
from evalctl.results.store import ResultIndex
from evalctl.shell import json_text, stream, write_atomically
from evalctl.sync.context import Context
from evalctl.sync.hub import is_environment, program
from evalctl.sync.publish import committed_results, lying_at, secrets_in
from evalctl.sync.secrets import secret_in
from evalctl_job.upload_plan import UploadPlan

_NOTE = "hub.json"
# As lighteval 0.13 and its fork name them.
_DETAILS = re.compile(r"details_(?P<task>.+)_(?P<stamp>\d{4}-\d\d-\d\dT[^_/]+)\.parquet")


@dataclass(frozen=True, slots=True)
class Sendable:
    """A committed result.json. Its details are beside the result at `source`, another one where the scores were reused."""

    path: str
    digest: str
    source: str


@dataclass(frozen=True, slots=True)
class Upload:
    """Evals of one model for one dataset."""

    repo: str
    private: bool
    model: str
    evals: tuple[Sendable, ...]


@dataclass(frozen=True, slots=True)
class UploadReport:
    """The outcome of an upload: "" and the commit's address, or a reason and a sentence."""

    repo: str
    reason: str
    detail: str


def wanted(context: Context, summaries: Sequence[PlanFile]) -> list[Upload]:
    """The uploads that the requests of these plan.json ask for, as far as results are committed and details are on this machine."""
    if not summaries:
        return []
    results = committed_results(context, open_repository(context.root))
    alike = _by_digest(results)
    found: dict[tuple[str, bool, str], dict[str, Sendable]] = {}
    for summary in summaries:
        upload = summary.push_to_hub
        if upload is None:
            continue
        for job in summary.jobs:
            repo = dataset(upload.org, job.model, private=upload.private)
            for task in (one for one in job.tasks if not one.shard):
                path, digest = task.result, task.digest
                if results.current(path, digest) and _waits(context, path, digest, repo):
                    source = _source(context, path, alike[digest])
                    found.setdefault((repo, upload.private, job.model), {})[path] = Sendable(path, digest, source)
    own = _measured_here(context, [one.source for evals in found.values() for one in evals.values() if one.source])
    uploads = (Upload(*key, tuple(one for one in evals.values() if one.source in own)) for key, evals in found.items())
    return [upload for upload in uploads if upload.evals]


def send(context: Context, upload: Upload) -> UploadReport:
    """One commit on the Hub with all of it, or nothing and why."""
    records = _records(context, [one.path for one in upload.evals])
    environment = _environment(context, records.values())
    if environment is None:
        return UploadReport(upload.repo, "environment-not-built", "evalctl env setup, then: evalctl sync")
    texts, files = _contents(context, {one.source: records[one.path] for one in upload.evals})
    if secret := secrets_in(context, texts) or _secret_in_details(context, environment, files.values()):
        return UploadReport(upload.repo, "secret-in-details", f"{secret}: nothing was sent")
    plan = context.home_folder.caches.uploads / f"{upload.repo.replace('/', '--')}.json"
    write_atomically(plan, json_text(_plan(upload, texts, files).as_json(), indent=None))
    last = _last_line(context, environment, "push", str(plan))
    word, *fields = last.split("\t")
    if word != "done":
        return (
            UploadReport(upload.repo, *fields)
            if word == "failed" and len(fields) == 2
            else UploadReport(upload.repo, "hub-refused", last)
        )
    for one in upload.evals:
        sent = {**_sent(context, one.path), upload.repo: {"digest": one.digest, "commit": fields[0]}}
        write_atomically(_note(context, one.path), json_text(sent, indent=None))
    return UploadReport(upload.repo, "", fields[0])


def _by_digest(results: ResultIndex) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in results.by_path.values():
        found.setdefault(one.digest, []).append(one.path)
    return found


def _waits(context: Context, path: str, digest: str, repo: str) -> bool:
    return not path.startswith(DEBUG) and _sent(context, path).get(repo, {}).get("digest") != digest


def _source(context: Context, path: str, alike: Sequence[str]) -> str:
    """The result that has the details of `path` beside it: itself, else another of its digest; "" for none here."""
    return next((one for one in (path, *alike) if _details(context, one)), "")


def _measured_here(context: Context, paths: Sequence[str]) -> set[str]:
    """The results whose attempts left their logs here; a result that came by git may have details of an older one beside it."""
    records = _records(context, paths) if paths else {}
    names = {path: one.ran.name for path, one in records.items()}
    logs = {path: (context.root / path).parent / LOGS for path in paths}
    return {
        path for path, name in names.items()
        if not name or any((logs[path] / log).exists() for log in log_names(name))
    }  # fmt: skip


def _sent(context: Context, result: str) -> dict[str, dict[str, str]]:
    """By dataset, which digest was sent there and in which commit; nothing where the note is missing or damaged."""
    try:
        note = json.loads(_note(context, result).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {repo: one for repo, one in note.items() if isinstance(one, dict)} if isinstance(note, dict) else {}


def _note(context: Context, result: str) -> Path:
    return (context.root / result).parent / DETAILS / _NOTE


def _details(context: Context, result: str) -> dict[str, Path]:
    """The newest details of each of the framework's tasks, by their place in the dataset."""
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted((context.root / result).parent.glob(f"{DETAILS}/*.parquet")):
        match = _DETAILS.fullmatch(path.name)
        if match and newest.get(match["task"], ("", path))[0] < match["stamp"]:
            newest[match["task"]] = (match["stamp"], path)
    return {f"{stamp}/{path.name}": path for stamp, path in newest.values()}


def _records(context: Context, paths: Sequence[str]) -> dict[str, Result]:
    repo = open_repository(context.root)
    return {path: parse(path, text) for path, text in lying_at(context, repo, repo.resolve("HEAD")).read(paths).items()}


def _environment(context: Context, records: Iterable[Result]) -> str | None:
    """A job environment that measured one of them and is still there."""
    names = (one.environments.get("framework", "") for one in records)
    return next((name for name in names if is_environment(name) and is_built(context.environments / name)), None)


def _contents(context: Context, records: Mapping[str, Result]) -> tuple[dict[str, str], dict[str, Path]]:
    """Texts and files by their place in the dataset; `records` by the folder of the details."""
    texts: dict[str, str] = {}
    files: dict[str, Path] = {}
    for source, record in records.items():
        details = _details(context, source)
        stamp = max(place.partition("/")[0] for place in details)
        texts[f"results_{stamp}.json"] = to_text(_as_lighteval(record))
        files.update(details)
    return texts, files


def _as_lighteval(record: Result) -> Facts:
    """What readers of lighteval's datasets look for, and our record."""
    subject = record.subject
    general = {"model_name": subject.model, "model_sha": subject.revision, "max_samples": record.max_samples}
    return {"config_general": general, "results": record.recorded("scores"), "evalctl": record.as_json()}


def _secret_in_details(context: Context, environment: str, files: Iterable[Path]) -> str | None:
    """The secret scan of commits, over every text of the parquet files."""
    return next((found for path in files if (found := _secret_in(context, environment, path))), None)


def _secret_in(context: Context, environment: str, path: Path) -> str | None:
    kinds: list[str] = []

    def on_line(line: str) -> None:
        if kind := secret_in(line, context.environment):
            kinds.append(kind)

    status = stream(program(context, environment, "evalctl_job.upload", "texts", str(path)), on_line)
    name = path.relative_to(context.root)
    if kinds:
        return f"{name} holds {kinds[0]}"
    return f"{name} cannot be read" if status != 0 else None


def _plan(upload: Upload, texts: Mapping[str, str], files: Mapping[str, Path]) -> UploadPlan:
    return UploadPlan(
        repo=upload.repo, private=upload.private, model=upload.model,
        message=f"results: {upload.model}: {len(upload.evals)} eval(s)",
        texts=dict(texts), files={place: str(path) for place, path in files.items()},
    )  # fmt: skip


def _last_line(context: Context, environment: str, *words: str) -> str:
    lines = [""]

    def on_line(line: str) -> None:
        lines[0] = line if line.strip() else lines[0]

    stream(program(context, environment, "evalctl_job.upload", *words), on_line)
    return lines[0]
