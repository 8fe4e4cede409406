"""Collects what a pull request changes, from git and the work tree, for `evalctl check --base`."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from evalctl.changes import files, manifests, outcomes
from evalctl.changes.listed import EXECUTABLE, LINK, REGULAR, SUBMODULE, Blob, Change
from evalctl.changes.outcomes import Expected
from evalctl.check.catalogue import shared
from evalctl.clone.requests import RESULTS_CACHE
from evalctl.git import calls
from evalctl.git.repository import Repository, open_repository
from evalctl.load.places import METRICS
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.metrics import Metrics
from evalctl.model.names import request_name
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.results import derived
from evalctl.results.proof import ACCEPTED, PROVEN, UNPROVEN
from evalctl.results.question_files import set_of, unlike_values
from evalctl.results.question_values import FOLDER as QUESTIONS
from evalctl.results.reading import parse
from evalctl.results.store import FILE, index_folder
from evalctl.shell import EnvironmentProblem, run
from evalctl.sync.proofs import proofs_at

_ABSENT = "000000"


def compared(root: Path, base: str, project: Project, entries: Mapping[str, KnownRequest]) -> list[Diagnostic]:
    """Findings for every change since this branch left the commit `base` that a reviewer must know, and for every file that
    evalctl would have written differently.
    """
    repo = open_repository(root)
    commit = calls.left_at(root, base, run)
    changes = list(_changes(root, repo, commit))
    texts = project.workspace.texts(list(project.workspace.keys))
    expected = _expected(root, repo, commit, changes, project, entries)
    return [*manifests.findings(changes, texts), *files.findings(changes), *outcomes.findings(changes, expected)]


def _changes(root: Path, repo: Repository, commit: str) -> Iterator[Change]:
    """Files that differ between the commit and the work tree, including untracked ones."""
    words = ("diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--ignore-submodules=none")
    fields = repo.run_or_raise(*words, commit, "--").stdout.split(b"\0")
    rows = [
        (head.decode().lstrip(":").split(" "), os.fsdecode(path))
        for head, path in zip(fields[::2], fields[1::2], strict=False)
    ]
    wanted = [facts[2] for facts, _ in rows if facts[0] not in (_ABSENT, SUBMODULE)]
    contents = repo.blobs(wanted)
    for facts, path in rows:
        old = None if facts[0] == _ABSENT else Blob(facts[0], contents.get(facts[2], facts[2].encode()))
        new = None if facts[1] == _ABSENT else _blob(root, path, facts[1], facts[3])
        if old != new:
            yield Change(path, old, new)
    others = repo.run_or_raise("ls-files", "--others", "--exclude-standard", "-z").stdout
    for path in map(os.fsdecode, filter(None, others.split(b"\0"))):
        yield Change(path, None, _blob(root, path, ""))


def _blob(root: Path, path: str, mode: str, commit: str = "") -> Blob:
    """A file of the work tree; of a link its target, which is not followed. `commit` is that of a submodule."""
    if mode == SUBMODULE:
        return Blob(mode, commit.encode())
    here = root / path
    try:
        facts = here.lstat()
        if stat.S_ISLNK(facts.st_mode):
            return Blob(LINK, os.fsencode(here.readlink()))
        if not stat.S_ISREG(facts.st_mode):
            return Blob(mode or SUBMODULE)
        return Blob(mode or (EXECUTABLE if facts.st_mode & 0o100 else REGULAR), here.read_bytes())
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {error.strerror}") from error


def _expected(
    root: Path,
    repo: Repository,
    commit: str,
    changes: Sequence[Change],
    project: Project,
    entries: Mapping[str, KnownRequest],
) -> Expected:
    """What evalctl would write; aggregates are computed only if the change includes results."""
    texts: dict[str, set[str]] = {}
    base = cache(partial(derived.on_disk, root))
    if any(change.path.startswith("results/") for change in changes):
        for metrics in _tables(repo, commit, project):
            for path, text in derived.everything(base(), metrics)[0].items():
                if text is not None:
                    texts.setdefault(path, set()).add(text)
    artifacts = {path: sha for entry in entries.values() for path, sha in (entry.artifacts or {}).items()}
    broken = tuple(_folder(path) for path, entry in entries.items() if entry.artifacts is None)
    found = {path: frozenset(some) for path, some in texts.items()}
    return Expected(
        found, artifacts, broken, lambda data: hashlib.sha256(data).hexdigest(), _origins(root, repo),
        partial(_values, base), partial(_is_used, base),
    )  # fmt: skip


def _values(on_disk: Callable[[], derived.Base], path: str, content: bytes | None) -> tuple[str, bool]:
    """Why evalctl would not have written the values in this file, and whether the record beside it names them."""
    base = on_disk()
    record = f"{path.rpartition('/')[0]}/{FILE}"
    if record not in base.index.by_path:
        return ("" if content is None else "no result is beside it"), True
    result = parse(record, base.read([record])[record])
    return unlike_values(result, content, base.read), result.names_questions


def _is_used(on_disk: Callable[[], derived.Base], path: str) -> bool:
    base = on_disk()
    task = path.removeprefix(f"{QUESTIONS}/").rpartition("-")[0]
    records = base.read([one.path for one in base.index.by_path.values() if one.task == task])
    return any(set_of(parse(record, text), base.read) == path for record, text in records.items())


def _origins(root: Path, repo: Repository) -> Callable[[str], str]:
    """A function from a record's path to what the ledger of this clone says about it; "" where there is no ledger."""
    index = index_folder(root, root / RESULTS_CACHE)
    proofs = proofs_at(repo, "HEAD", authoritative=False)
    words = {PROVEN: "the ledger's attempt measured it", ACCEPTED: "accepted by a person"}

    def origin(path: str) -> str:
        one = index.by_path.get(path)
        if one is None:
            return ""
        state = proofs.state(one)
        return f"UNPROVEN: {proofs.why_not(one)}" if state == UNPROVEN else words.get(state, "")

    return origin


def _tables(repo: Repository, commit: str, project: Project) -> list[Metrics]:
    """metrics.yaml after and before the change: the next sync updates the aggregates, not the pull request."""
    before = repo.read(commit, [METRICS], METRICS).get(METRICS, b"")
    now = project.shared[0].metrics
    old = shared({METRICS: before.decode("utf-8", "replace")})[0].metrics if before else now
    return [now] if old == now else [now, old]


def _folder(request: str) -> str:
    return f"generated/{request_name(request)}/"
