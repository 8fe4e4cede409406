"""Reads and creates git objects and refs; touches neither index nor work tree. The only user of gitpython.

`git/calls.py` defines the environment and configuration of each call.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evalctl.git import calls
from evalctl.git.drafts import Draft, stream
from evalctl.shell import EnvironmentProblem

if TYPE_CHECKING:
    from git.cmd import Git

_NEXT = "refs/evalctl/next/"  # fast-import requires a ref; nothing reads these
_EARLIER = "refs/evalctl/remote/"  # until 2026-11; named after branches, so `exp` prevented `exp/two`
_LEFT_LOCK = re.compile(r"Unable to create '(.+\.lock)': File exists")  # seen: git 2.39
_CLASH = re.compile(r"'(refs/[^']+)' exists; cannot create '(refs/[^']+)'")  # seen: git 2.39, locally and from a remote


@dataclass(frozen=True, slots=True)
class GitReply:
    """Exit status and output of one git command."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output without its last newline."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")


class TreeEntry(NamedTuple):
    """A file in a tree: its mode, and the id of its blob."""

    mode: str
    blob: str


class Repository:
    """One clone. Methods read, or create objects and refs; none touches the index or the work tree."""

    def __init__(self, git: Git, root: Path, git_dir: Path) -> None:
        self._git = git
        self.root = root
        self.git_dir = git_dir

    def run(
        self,
        *words: str,
        data: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        umask: int = -1,
    ) -> GitReply:
        """Runs `git WORDS` with `data` on its standard input; returns the reply, whatever the status."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(data or b"")
            stdin.seek(0)
            status, stdout, stderr = self._git.execute(
                _argv(words), istream=stdin, env={**calls.environment(), **(environment or {})},
                with_extended_output=True, with_exceptions=False, stdout_as_string=False,
                strip_newline_in_stdout=False, kill_after_timeout=timeout_s, umask=umask,
            )  # fmt: skip
        return GitReply(int(status), _bytes(stdout), _bytes(stderr).decode("utf-8", "replace"))

    def run_or_raise(self, *words: str, data: bytes | None = None) -> GitReply:
        """As `run`, but a failure is an EnvironmentProblem with git's own message."""
        reply = self.run(*words, data=data)
        if reply.status != 0:
            require_unlocked(f"`git {words[0]}` cannot go on", reply)
            raise EnvironmentProblem(f"`git {words[0]}` failed: {reply.stderr.strip()}")
        return reply

    def head_ref(self) -> str | None:
        """The ref of the current branch (it may have no commit yet), or None when HEAD is detached."""
        reply = self.run("symbolic-ref", "--quiet", "HEAD")
        return reply.text if reply.status == 0 else None

    def resolve(self, revision: str) -> str | None:
        """The commit that `revision` names, or None."""
        reply = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return calls.one_commit(reply.text) if reply.status == 0 else None

    def entries(self, revision: str | None, folder: str = "") -> dict[str, TreeEntry]:
        """All files of a tree below `folder`: path to entry; an empty dict for a revision of None."""
        if revision is None:
            return {}
        limit = ["--", folder] if folder else []
        listing = self.run_or_raise("ls-tree", "-r", "-z", "--full-tree", revision, *limit).stdout
        return dict(_tree_entry(line) for line in os.fsdecode(listing).split("\0") if line)

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Contents by blob id, in one git process."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        return _batch(
            self.run_or_raise("cat-file", "--batch", data="".join(f"{id_}\n" for id_ in wanted).encode()).stdout
        )

    def read(self, revision: str | None, paths: Iterable[str], folder: str = "") -> dict[str, bytes]:
        """Path to content, for those `paths` that the tree of `revision` has."""
        found = self.entries(revision, folder)
        wanted = {path: found[path].blob for path in paths if path in found}
        contents = self.blobs(wanted.values())
        return {path: contents[blob] for path, blob in wanted.items()}

    def identity(self) -> tuple[str, str]:
        """(author, committer) as git writes them; an EnvironmentProblem with the two commands when git does not know them."""
        replies = [
            self.run("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT") for role in ("AUTHOR", "COMMITTER")
        ]
        if any(reply.status != 0 for reply in replies):
            raise EnvironmentProblem(
                "git does not know who you are, so nothing can be committed",
                'git config user.name "Your Name" && git config user.email you@example.org',
            )
        return replies[0].text, replies[1].text

    def create_commits(self, parent: str | None, drafts: Sequence[Draft]) -> str:
        """Writes a chain of commits on `parent` into the object store, and returns the last; no branch moves."""
        author, committer = self.identity()
        ref = f"{_NEXT}{uuid.uuid4().hex}"  # unique: another process of this clone may create commits at the same time
        data = stream(ref, parent, drafts, author, committer)
        commit = self.run_or_raise("fast-import", "--quiet", "--force", "--done", data=data).text
        self.run_or_raise("update-ref", "-d", ref)
        return commit

    def sweep(self) -> None:
        """Removes refs left behind by a killed `create_commits` or by an earlier version."""
        left = self.run_or_raise("for-each-ref", "--format=delete %(refname)", _NEXT, _EARLIER).stdout
        if left:
            self.run_or_raise("update-ref", "--stdin", data=left)

    def move_ref(self, ref: str, old: str | None, new: str, reason: str) -> bool:
        """Compare and swap: `ref` becomes `new` if it still is `old` (None: absent)."""
        expected = old or "0" * len(new)
        reply = self.run("update-ref", "-m", "evalctl: " + reason.replace("\0", ""), ref, new, expected)
        require_unlocked(f"{ref} cannot move", reply)
        if found := clash(reply.stderr):
            raise _excluded(ref, found)
        return reply.status == 0

    def require_possible(self, ref: str) -> None:
        """Raises where the name of another branch excludes `ref` (git allows one of `x` and `x/y`)."""
        if others := self.run_or_raise("for-each-ref", "--count=1", "--format=%(refname)", f"{ref}/").text:
            raise _excluded(ref, others)

    def commits(self, span: str) -> list[str]:
        """The commits of a range, oldest first."""
        return self.run_or_raise("rev-list", "--reverse", "--topo-order", span).text.split()

    def message(self, commit: str) -> str:
        """A commit's whole message."""
        return self.run_or_raise("log", "-1", "--format=%B", commit).text

    def configured(self, key: str) -> str | None:
        """A value of git's configuration, or None."""
        reply = self.run("config", "--get", key)
        return reply.text if reply.status == 0 else None

    def configuration(self) -> dict[str, str]:
        """Git's whole configuration; of each key the last value, which is the one in effect. Keys as git lists them: all but
        the middle part in lower case."""
        reply = self.run("config", "--null", "--list")
        listing = os.fsdecode(reply.stdout) if reply.status == 0 else ""
        lines = (line.partition("\n") for line in listing.split("\0") if line)
        return {key: value for key, _, value in lines}


def open_repository(root: Path) -> Repository:
    """The clone whose work tree is `root`; an EnvironmentProblem where there is none, or git refuses to use it."""
    Git = _gitpython()
    if not root.is_dir():  # gitpython would run git in the current folder
        raise EnvironmentProblem(f"{root} is not a folder", "run it inside a clone")
    repo = Repository(Git(str(root)), root, root)
    reply = repo.run("rev-parse", "--absolute-git-dir", "--is-bare-repository", "--show-toplevel")
    git_dir, bare, top = (*reply.text.split("\n"), "", "", "")[:3]
    if reply.status != 0 and bare == "true":
        raise EnvironmentProblem(f"{root} is a bare repository; a work tree is needed", "git clone it first")
    if reply.status != 0:
        words = f"git cannot use {root}: {calls.fatal(reply.stderr)}"
        raise calls.unusable(root, reply.stderr) or EnvironmentProblem(words, "git status says the same")
    if not root.samefile(top):
        message = f"{root} is a folder of the clone {top}: requests and results need a clone of their own"
        raise EnvironmentProblem(message, "move manifests/ and what is beside it to the top of a clone")
    return Repository(Git(top), Path(top), Path(git_dir))


def _gitpython() -> type[Git]:
    """gitpython's class that starts git. Its import (seen: 3.1) runs git in this process's environment and fails when git
    fails, so the variables that git must not have are removed during the import.
    """
    if shutil.which("git") is None:
        raise EnvironmentProblem("`git` is not on this machine", "install git")
    removed = {name: os.environ.pop(name) for name in calls.dropped()}
    try:
        from git.cmd import Git
    finally:
        os.environ.update(removed)
    return Git


def require_unlocked(what: str, reply: GitReply) -> None:
    """Raises where git found a lock file: `what` cannot be done while that exists."""
    if lock := _LEFT_LOCK.search(reply.stderr):
        raise EnvironmentProblem(
            f"{what}: {lock[1]} exists, from a git command that is running or was killed",
            f"if no git command is running in this clone: rm {lock[1]}",
        )


def _excluded(ref: str, other: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{ref} cannot be created, because {other} exists: git allows only one of the two names",
        f"git branch -m {other.removeprefix('refs/heads/')} NEW",
    )


def clash(output: str) -> str | None:
    """The ref whose name excludes the wanted one (`x/y` and `x`), read from git's error output."""
    found = _CLASH.search(output)
    return found[1] if found else None


def blob_id(content: bytes, like: str) -> str:
    """The id that git gives to `content`, in the hash of the id `like` (40 digits: SHA-1, 64: SHA-256)."""
    digest = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return digest(b"blob %d\0" % len(content) + content).hexdigest()


def trailer(message: str, key: str) -> list[str]:
    """All values of a trailer of a commit message."""
    return re.findall(rf"^{re.escape(key)}: (.*)$", message, re.MULTILINE)


def _argv(words: Sequence[str]) -> list[str]:
    """The command line; gitpython passes this process's variables to git, so `env -u` removes those that git must not have."""
    dropped = calls.dropped()
    before = ["env", *(word for name in dropped for word in ("-u", name))] if dropped else []
    return [*before, *calls.argv(*words)]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else os.fsencode(value)


def _tree_entry(line: str) -> tuple[str, TreeEntry]:
    facts, path = line.split("\t", 1)
    mode, _, blob = facts.split(" ")
    return path, TreeEntry(mode, blob)


def _batch(stream: bytes) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    position = 0
    while position < len(stream):
        end = stream.index(b"\n", position)
        words = stream[position:end].decode().split(" ")
        if len(words) != 3:
            raise EnvironmentProblem(f"the repository lacks an object: {' '.join(words)}", "git fsck")
        size = int(words[2])
        contents[words[0]] = stream[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return contents
