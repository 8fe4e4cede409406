"""The remote side: fetch and push with one honest answer each; never forced, never asking for a password."""

from __future__ import annotations

from enum import Enum

from evalctl.shell import Unreachable
from evalctl.sync.git import GitReply, Repository

_TIMEOUT_S = 120.0
# "cannot lock ref" and "incorrect old value": two pushes met on the server (seen: git 2.39 with file and http remotes)
_MOVED = (
    "fetch first", "non-fast-forward", "stale info", "cannot lock ref", "incorrect old value", "failed to update ref",
)  # fmt: skip


class Pushed(Enum):
    """What became of a push."""

    DONE = "done"
    BEHIND = "behind"  # the remote has commits that we lack
    REFUSED = "refused"  # a rule of the remote (protected branch, hook) forbids it
    UNREACHABLE = "unreachable"


def remote_of(repo: Repository, branch: str) -> tuple[str, str] | None:
    """The remote's name and the full ref there that `branch` follows; `origin` and the same name if none is set."""
    short = branch.removeprefix("refs/heads/")
    name, merge = repo.configured(f"branch.{short}.remote"), repo.configured(f"branch.{short}.merge")
    if name and name != "." and merge:
        return name, merge
    return ("origin", branch) if repo.configured("remote.origin.url") else None


def fetch(repo: Repository, remote: str, ref: str) -> str | None:
    """The commit that `ref` has on the remote, now present here too; None if the remote has no such branch."""
    words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", remote]
    copy = f"refs/evalctl/remote/{ref.removeprefix('refs/heads/')}"
    reply = _network(repo, *words, f"+{ref}:{copy}")
    if reply.status == 0:
        return repo.resolve(copy)
    if "couldn't find remote ref" in reply.stderr:
        return None
    raise Unreachable(f"git remote `{remote}` does not answer: {_last_line(reply.stderr)}", f"git fetch {remote}")


def push_commit(repo: Repository, remote: str, commit: str, ref: str) -> tuple[Pushed, str]:
    """Offers `commit` as `ref` of the remote; the text says what the remote said when it was not taken."""
    reply = _network(repo, "push", "--porcelain", "--no-verify", remote, f"{commit}:{ref}")
    if reply.status == 0:
        return Pushed.DONE, ""
    refusals = [line for line in reply.text.splitlines() if line.startswith("!")]
    if not refusals:
        return Pushed.UNREACHABLE, _last_line(reply.stderr)
    summary = refusals[0].rpartition("\t")[2]
    return (Pushed.BEHIND if any(word in summary for word in _MOVED) else Pushed.REFUSED), summary


def _network(repo: Repository, *words: str) -> GitReply:
    environment = {"GIT_TERMINAL_PROMPT": "0"}  # nobody sits there to type a password when cron calls
    return repo.ask(*words, environment=environment, timeout_s=_TIMEOUT_S)


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
