"""The ledger: claims and submissions, one JSON file per job on the branch `evalctl-state`.

Commits are made without index and work tree. With a remote, a claim counts only once it is pushed: a push that is not
a fast-forward means that another clone was first, so the ledger is read again and the change is decided again.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalctl.git.drafts import Draft
from evalctl.git.remote import Pushed, fetch, push_commit, remote_of
from evalctl.git.repository import Repository, TreeEntry
from evalctl.shell import EnvironmentProblem, Unreachable, json_text
from evalctl.sync.record_text import LARGEST, from_text, to_text
from evalctl.sync.records import JobRecord, merged

BRANCH = "evalctl-state"
REF = f"refs/heads/{BRANCH}"
_FOLDER, _REPOSITORY = "jobs/", "repository.json"
_REPOSITORY_SCHEMA = "evalctl/repository/1"
_TRIES = 8
_PERSON = {
    Pushed.REFUSED: (
        "refuses the ledger", f"the administrator of the remote must let all who run evalctl sync push the branch {BRANCH}"
    ),
    Pushed.CLASHES: (
        f"cannot have the ledger's branch {BRANCH}", "another branch there has a name that excludes it: rename or delete that one"
    ),
    Pushed.BROKEN: ("cannot store the ledger", "ask who manages the remote: its disk, quota or permissions"),
}  # fmt: skip
_TOO_LARGE = b" " * (LARGEST + 1)  # from_text refuses it by its length


class LedgerRefused(EnvironmentProblem):
    """A rule of the remote forbids the ledger's branch: no claim can be published until a person changes that."""


@dataclass(frozen=True, slots=True)
class Records:
    """The whole ledger at one commit. `mark` is in the name of every job of this repository."""

    by_job: Mapping[str, JobRecord]
    unreadable: Mapping[str, str]
    mark: str
    commit: str | None

    def of(self, job: str) -> JobRecord:
        """A job's record; an empty one for a job that was never attempted."""
        return self.by_job.get(job) or JobRecord(job)


Change = Callable[[Records], Mapping[str, JobRecord]]


class Ledger:
    """The ledger of one clone and of the remote that the current branch follows."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        target = remote_of(repo, repo.head_ref() or "refs/heads/main")
        self.remote = target[0] if target else None

    def refresh(self) -> None:
        """Fetches others' entries and pushes own ones that are not pushed yet; raises Unreachable if the remote does not answer."""
        if self.remote is None:
            return
        there, here = fetch(self._repo, self.remote, REF), self._repo.resolve(REF)
        if there is not None and there != here:
            self._join(here, there)
        tip = self._repo.resolve(REF)
        if tip is not None and tip != there:
            push_commit(self._repo, self.remote, tip, REF)  # best effort: `claim` pushes what must be published

    def read(self) -> Records:
        """The ledger as this clone knows it."""
        commit = self._repo.resolve(REF)
        entries = self._repo.entries(commit)
        contents = self._contents(entries)
        by_job: dict[str, JobRecord] = {}
        unreadable: dict[str, str] = {}
        for path, entry in entries.items():
            if path.startswith(_FOLDER):
                job = path.removeprefix(_FOLDER).removesuffix(".json")
                try:
                    by_job[job] = from_text(job, contents.get(entry.blob, _TOO_LARGE))
                except ValueError as error:
                    unreadable[job] = f"{BRANCH}:{path}: {error}"
        mark = _mark(contents.get(entries[_REPOSITORY].blob, b"")) if _REPOSITORY in entries else uuid.uuid4().hex[:4]
        return Records(by_job, unreadable, mark, commit)

    def claim(self, change: Change, message: str) -> Mapping[str, JobRecord]:
        """Applies `change` and publishes it; returns what was written only after the remote (if any) has it.

        `change` is called again with the newest ledger whenever another clone was first. Raises Unreachable when the remote
        does not answer and LedgerRefused when it refuses the push; then nothing is written here.
        """
        for _ in range(_TRIES):
            records = self.read()
            changed = change(records)
            if not changed:
                return {}
            commit = self._commit(records, changed, message)
            if self._publish(records, commit):
                return changed
        raise Unreachable("the ledger changed at every try; many people sync at once", "evalctl sync")

    def record(self, change: Change, message: str) -> str:
        """Applies `change` here and sends it if possible; returns a warning when the remote does not have it yet."""
        for _ in range(_TRIES):
            records = self.read()
            changed = change(records)
            if not changed:
                return ""
            if self._repo.move_ref(REF, records.commit, self._commit(records, changed, message), message):
                return self._send()
        raise EnvironmentProblem("the ledger's branch cannot be moved", f"git rev-parse {BRANCH}")

    def _commit(self, records: Records, changed: Mapping[str, JobRecord], message: str) -> str:
        files: dict[str, str | None] = {f"{_FOLDER}{job}.json": to_text(record) for job, record in changed.items()}
        files[_REPOSITORY] = json_text({"schema": _REPOSITORY_SCHEMA, "mark": records.mark})
        return self._repo.create_commits(records.commit, [Draft(files, message + "\n")])

    def _publish(self, records: Records, commit: str) -> bool:
        """False: another clone was first, and its entries are fetched now."""
        if records.commit is None:  # before anything is published that this clone could not hold
            self._repo.require_possible(REF)
        if self.remote is not None:
            state, detail = push_commit(self._repo, self.remote, commit, REF)
            if state is Pushed.BEHIND:
                self.refresh()
                return False
            if state in _PERSON:
                raise LedgerRefused(
                    f"the remote {_PERSON[state][0]}, so nothing is submitted: {detail}", _PERSON[state][1]
                )
            if state is not Pushed.DONE:
                raise Unreachable(f"the ledger cannot be pushed, so nothing is submitted: {detail}", "git fetch")
        if not self._repo.move_ref(REF, records.commit, commit, "claim"):
            if self.remote is None:
                return False
            self._join(self._repo.resolve(REF), commit)  # another process of this clone wrote meanwhile
        return True

    def _send(self) -> str:
        if self.remote is None:
            return ""
        for _ in range(_TRIES):
            state, detail = push_commit(self._repo, self.remote, str(self._repo.resolve(REF)), REF)
            if state is Pushed.DONE:
                return ""
            if state is not Pushed.BEHIND:
                return f"the ledger is written here but not pushed: {detail}"
            try:
                self.refresh()
            except Unreachable as problem:
                return f"the ledger is written here but not pushed: {problem.message}"
        return "the ledger is written here but not pushed: other clones pushed first each time"

    def _join(self, here: str | None, there: str) -> None:
        """Makes the local branch a merge of both; records are merged job by job."""
        if here is None or self._is_ancestor(here, there):
            moved = self._repo.move_ref(REF, here, there, "fetched")
        elif self._is_ancestor(there, here):
            moved = True
        else:
            moved = self._repo.move_ref(REF, here, self._merge(here, there), "merged with the remote's")
        if not moved:
            raise EnvironmentProblem("the ledger's branch moved while it was read", "evalctl sync")

    def _merge(self, here: str, there: str) -> str:
        """A commit on `there` with our records merged in; a file that cannot be read on one side keeps the remote's text."""
        ours, theirs = self._repo.entries(here, _FOLDER), self._repo.entries(there, _FOLDER)
        paths = [path for path, entry in ours.items() if theirs.get(path) != entry]
        contents = self._contents({**{f"ours {path}": ours[path] for path in paths}, **theirs})
        mine = {path: contents.get(ours[path].blob, _TOO_LARGE) for path in paths}
        other = {path: contents.get(theirs[path].blob, _TOO_LARGE) for path in paths if path in theirs}
        files = {path: text for path in paths if (text := _merged_text(path, mine[path], other.get(path))) is not None}
        return self._repo.create_commits(there, [Draft(files, "merge\n")]) if files else there

    def _contents(self, entries: Mapping[str, TreeEntry]) -> dict[str, bytes]:
        """Contents by blob id, without those that are too large to be a record."""
        wanted = "".join(f"{blob}\n" for blob in dict.fromkeys(entry.blob for entry in entries.values()))
        if not wanted:
            return {}
        listing = self._repo.run_or_raise(
            "cat-file", "--batch-check=%(objectname) %(objectsize)", data=wanted.encode()
        ).text
        sizes = dict(line.split(" ", 1) for line in listing.splitlines())
        return self._repo.blobs(blob for blob, size in sizes.items() if not size.isdigit() or int(size) <= LARGEST)

    def _is_ancestor(self, old: str, new: str) -> bool:
        return self._repo.run("merge-base", "--is-ancestor", old, new).status == 0


def _merged_text(path: str, ours: bytes, theirs: bytes | None) -> str | None:
    job = path.removeprefix(_FOLDER).removesuffix(".json")
    try:
        mine = from_text(job, ours)
        return to_text(merged(mine, from_text(job, theirs)) if theirs is not None else mine)
    except ValueError:
        return None


def _mark(content: bytes) -> str:
    try:
        document = json.loads(content)
        mark = document["mark"]
        if document["schema"] != _REPOSITORY_SCHEMA or not re.fullmatch("[0-9a-z]{1,16}", mark):
            raise ValueError(f"it is not {_REPOSITORY_SCHEMA!r} (written by a newer evalctl, or by hand?)")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{BRANCH}:{_REPOSITORY} cannot be read: {error}",
            f"see who changed it: git log -p {BRANCH} -- {_REPOSITORY}",
        ) from error
    return str(mark)
