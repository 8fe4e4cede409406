"""Fetches from and pushes to a remote; never forces a push, never asks for a password."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from enum import Enum

from evalctl.git import calls
from evalctl.git.repository import GitReply, Repository, clash
from evalctl.shell import EnvironmentProblem, Unreachable

_TIMEOUT_S = 120.0
# One name per remote and branch, all of one length: `exp` and `exp/two` cannot both be paths, `Exp` is `exp` on a Mac.
_SEEN = "refs/evalctl/seen/"
# "cannot lock ref" and "incorrect old value": two pushes met on the server (seen: git 2.39 with file and http remotes)
_MOVED = (
    "fetch first", "non-fast-forward", "stale info", "cannot lock ref", "incorrect old value", "failed to update ref",
)  # fmt: skip
# A rule of the server; every other rejection ("unpacker error", "unable to migrate objects to permanent storage") is a fault
# of its machine. git prints the same text for a ref that cannot be written as for a lost race.
_RULES = re.compile(
    "declined|prohibited|protected|permission|not allowed|den(y|ied)|checked out|hidden|rule", re.IGNORECASE
)
_DISK = re.compile(
    "Permission denied|No space left|Disk quota|Read-only file system|insufficient permission|unable to "
)
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")
_MOST_LINES, _LONGEST_LINE = 20, 300


class Pushed(Enum):
    """The outcome of a push."""

    DONE = "done"
    BEHIND = "behind"  # the remote has commits that we lack
    REFUSED = "refused"  # a rule of the remote (protected branch, hook) forbids it
    CLASHES = "a branch of the remote has a name that excludes this one"
    BROKEN = "the remote could not store the commits"
    UNREACHABLE = "unreachable"


def remote_of(repo: Repository, branch: str) -> tuple[str, str] | None:
    """Where `branch` is pushed to: (name of the remote, full ref there); None where there is no remote at all.

    In git's own order: branch.NAME.pushRemote, remote.pushDefault, the remote that the branch follows, origin; then the
    only remote there is.
    """
    short = branch.removeprefix("refs/heads/")
    message = repo.configuration()
    followed, merge = message.get(f"branch.{short}.remote"), message.get(f"branch.{short}.merge")
    asked = (message.get(f"branch.{short}.pushremote"), message.get("remote.pushdefault"), followed)
    remotes = _with_address(message)
    name = next((one for one in asked if one and one != "."), None) or _only(short, remotes)
    if name is None:
        return None
    if name not in remotes and not re.search("[:/]", name):
        help = f"the remotes are: {', '.join(remotes)}" if remotes else f"git remote add {name} URL"
        raise EnvironmentProblem(f"{short} is pushed to the remote `{name}`, which does not exist", help)
    return name, (merge if name == followed and merge else branch)


def remotes_of(repo: Repository) -> list[str]:
    """The names of the remotes that have an address."""
    return _with_address(repo.configuration())


def _with_address(configuration: Mapping[str, str]) -> list[str]:
    found = (re.fullmatch(r"remote\.(.*)\.(?:url|pushurl)", key, re.DOTALL) for key in configuration)
    return list(dict.fromkeys(match[1] for match in found if match))


def _only(branch: str, remotes: list[str]) -> str | None:
    if "origin" in remotes or len(remotes) < 2:
        return "origin" if "origin" in remotes else next(iter(remotes), None)
    raise EnvironmentProblem(
        f"{branch} follows none of the remotes {', '.join(remotes)}: evalctl cannot decide where to push claims and results",
        f"git config remote.pushDefault {remotes[0]} (or another of them)",
    )


def seen_ref(remote: str, ref: str) -> str:
    """The private ref that records `ref` of `remote` as of the last fetch or push."""
    return _SEEN + hashlib.sha256(f"{remote}\0{ref}".encode("utf-8", "surrogateescape")).hexdigest()[:40]


def fetch(repo: Repository, remote: str, ref: str) -> str | None:
    """Fetches `ref` and returns its commit; None if the remote has no such branch."""
    # --refmap=: no other ref moves, whatever remote.NAME.fetch says (a mirror's would move branches of this clone)
    words = (
        "fetch", "--quiet", "--no-tags", "--no-prune", "--no-prune-tags", "--no-write-fetch-head",
        "--no-auto-maintenance", "--refmap=", "--",
    )  # fmt: skip
    copy = seen_ref(remote, ref)
    reply = _network(repo, *words, _source(repo, remote), f"+{ref}:{copy}")
    if reply.status == 0:
        return repo.resolve(copy)
    if "couldn't find remote ref" in reply.stderr:
        return None
    raise Unreachable(f"git remote `{remote}` does not answer: {_reason(reply)}", f"git fetch {remote}")


def _source(repo: Repository, remote: str) -> str:
    """The address to fetch from: that of pushes (remote.NAME.pushurl, pushInsteadOf), since claims are read where they were published."""
    settings = repo.run("config", "--name-only", "--get-regexp", r"^(remote\..*\.pushurl|url\..*\.pushinsteadof)$")
    if settings.status != 0 or remote not in remotes_of(repo):
        return remote
    reply = repo.run("remote", "get-url", "--push", "--", remote)
    return reply.text.partition("\n")[0] if reply.status == 0 else remote


def push_commit(repo: Repository, remote: str, commit: str, ref: str) -> tuple[Pushed, str]:
    """Pushes `commit` to `ref` of the remote; the text is the remote's message when the push was refused."""
    own = ("-c", f"remote.{remote}.mirror=false") if remote in remotes_of(repo) else ()
    reply = _network(repo, *own, "push", "--porcelain", "--no-verify", "--", remote, f"{commit}:{ref}")
    if reply.status == 0:
        repo.run("update-ref", seen_ref(remote, ref), commit)
        return Pushed.DONE, ""
    refusals = [line for line in reply.text.splitlines() if line.startswith("!")]
    if not refusals:
        return Pushed.UNREACHABLE, _reason(reply)
    summary = printable(refusals[0].rpartition("\t")[2])
    words = remote_words(reply.stderr)
    message = f"{summary}; the remote says: {' / '.join(words)}" if words else summary
    return _kind(summary, "\n".join(words)), message


def silence(repo: Repository, remote: str) -> str | None:
    """Why the remote does not answer; None when it does."""
    reply = _network(repo, "ls-remote", "--quiet", "--", _source(repo, remote), "HEAD")
    return None if reply.status == 0 else _reason(reply)


def _kind(summary: str, words: str) -> Pushed:
    if clash(words):
        return Pushed.CLASHES
    if any(word in summary for word in _MOVED) and not _DISK.search(words):
        return Pushed.BEHIND
    return Pushed.REFUSED if _RULES.search(summary) and not _DISK.search(summary) else Pushed.BROKEN


def _network(repo: Repository, *words: str) -> GitReply:
    return repo.run(*words, timeout_s=_TIMEOUT_S)


def remote_words(stderr: str) -> list[str]:
    """The lines that the remote itself wrote, without its progress and without terminal control characters."""
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in stderr.split("\n")]
    lines = [printable(line.removeprefix("remote:")) for line in shown if line.startswith("remote:")]
    found = [line for line in lines if line]
    return found[:_MOST_LINES] + (["…"] if len(found) > _MOST_LINES else [])


def printable(text: str) -> str:
    """`text` without escape sequences, control characters and characters that change the direction of writing."""
    plain = _ESCAPES.sub("", text)
    kept = "".join(
        " " if one.isspace() else one for one in plain if one.isspace() or unicodedata.category(one)[0] != "C"
    )
    return " ".join(kept.split())[:_LONGEST_LINE]


def _reason(reply: GitReply) -> str:
    """Why git did not reach the remote: the remote's message, if any, and git's."""
    if "Timeout: the command" in reply.stderr:
        return f"no answer within {_TIMEOUT_S:.0f} s"
    return "; ".join(dict.fromkeys((*remote_words(reply.stderr), printable(calls.fatal(reply.stderr)))))
