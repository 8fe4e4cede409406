"""Moves the current branch to a commit and takes index and work tree along where the user left them alone.

The order is: journal, index, branch, work tree, journal away. A kill between any two of them is put right by the next
`settle`. The index goes before the branch so that a commit of the user in that instant carries our files instead of
taking them back.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl.git import workfiles
from evalctl.git.repository import Entry, GitReply, Repository, require_unlocked
from evalctl.git.sparse import index_words, skipped
from evalctl.shell import EnvironmentProblem, write_atomically

RESULTS = "results/"


class BranchMoved(EnvironmentProblem):
    """Someone else moved the branch meanwhile; read again, decide again."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"{ref} moved while results were committed", "evalctl sync")


class InTheWay(EnvironmentProblem):
    """A change of the user, outside `results/`, stands where other people's commits want to go."""


@dataclass(frozen=True, slots=True)
class Move:
    """One file of the move: what it was, what it becomes (None: absent), whether its work file is ours to change.

    `skip`: the index keeps it with its skip-worktree bit.
    """

    path: str
    old: Entry | None
    new: Entry | None
    work_file: bool
    skip: bool = False


def advance(repo: Repository, ref: str, old: str | None, new: str, reason: str) -> None:
    """`ref` (the current branch) goes from `old` to `new`; what the user changed or staged stays as it is."""
    settle(repo)
    moves = _moves(repo, old, new)
    _journal_write(repo, moves)
    _set_index(repo, [(move, move.new) for move in moves])
    moved = repo.move_ref(ref, old, new, reason)
    settle(repo)
    if not moved:
        raise BranchMoved(ref)


def settle(repo: Repository) -> None:
    """Finishes a move that was cut off, forwards if the branch had moved and backwards if not; mostly does nothing."""
    path = _journal(repo)
    if not path.exists():
        return
    moves = _journal_read(path)
    _settle_index(repo, moves)
    _settle_work_tree(repo, [move for move in moves if move.work_file])
    path.unlink(missing_ok=True)


def _moves(repo: Repository, old: str | None, new: str) -> list[Move]:
    """The files that differ between the commits, without those that the user has staged otherwise."""
    before, after = repo.entries(old), repo.entries(new)
    changed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    staged, edited = _touched_by_user(repo)
    _refuse_in_the_way(path for path in changed if path in staged or path in edited)
    skip = skipped(repo, changed)
    ground = workfiles.Ground(
        repo.root, {path for path in changed if path not in after and path not in staged | edited}
    )
    moves = []
    for path in changed:
        if path in staged:
            continue
        there = os.path.lexists(repo.root / path)
        untouched = path not in edited and (path in before or ground.is_free(path))
        _refuse_in_the_way([] if untouched else [path])
        ours = untouched and (there or path not in skip)
        moves.append(Move(path, before.get(path), after.get(path), ours, path in skip))
    return moves


def _refuse_in_the_way(paths: Iterable[str]) -> None:
    """Results are ours and may differ from the user's copy; other people's files may not slide under an edit."""
    others = [path for path in paths if not path.startswith(RESULTS)]
    if others:
        raise InTheWay(
            f"your change of {', '.join(others[:3])} conflicts with commits from the remote",
            "commit it (or git stash), then: git pull --rebase && evalctl sync",
        )


def _touched_by_user(repo: Repository) -> tuple[set[str], set[str]]:
    """Paths whose index differs from HEAD, and paths whose work file differs from the index."""
    listing = repo.tell(
        "--no-optional-locks", "status", "--porcelain=v2", "-z", "--untracked-files=no", "--no-renames",
        "--ignore-submodules=all",
    ).stdout  # fmt: skip
    staged, edited = set(), set()
    for record in listing.split(b"\0"):
        kind, _, rest = record.partition(b" ")
        if kind == b"u":
            raise EnvironmentProblem("the index holds unmerged files", "resolve them first: git status")
        if kind != b"1":
            continue
        path = os.fsdecode(rest.split(b" ", 7)[7])
        if rest[0:1] != b".":
            staged.add(path)
        if rest[1:2] != b".":
            edited.add(path)
    return staged, edited


def _set_index(repo: Repository, changes: Sequence[tuple[Move, Entry | None]]) -> None:
    """Puts entries into the real index."""
    absent = "0 " + "0" * _digits(repo)
    lines = [
        (f"{entry.mode} {entry.blob}\t" if entry else f"{absent}\t").encode() + os.fsencode(move.path) + b"\0"
        for move, entry in sorted(changes, key=lambda change: change[1] is not None)  # git refuses `f` beside `f/x`
        if not (move.skip and entry)
    ]  # fmt: skip
    calls = [["update-index", "-z", "--index-info"]] if lines else []
    calls.extend(index_words((move.path, entry) for move, entry in changes if move.skip and entry))
    for words in calls:
        if (reply := _ask_index(repo, *words, data=b"".join(lines))).status != 0:
            raise _unwritable(reply)


def _digits(repo: Repository) -> int:
    return 64 if repo.configured("extensions.objectFormat") == "sha256" else 40


def _ask_index(repo: Repository, *words: str, data: bytes) -> GitReply:
    """What git says to a command that writes the index, after waiting a while for another one that holds it."""
    for pause in (0.1, 0.3, 1.0, 3.0, 6.0, 0.0):
        reply = repo.ask(*words, data=data, umask=_umask(repo))
        if "index.lock" not in reply.stderr:
            return reply
        time.sleep(pause)
    raise _unwritable(reply)


def _umask(repo: Repository) -> int:
    """Work files get git's usual modes whatever the umask; a group that may write in the clone may write them as well."""
    return 0o002 if repo.root.stat().st_mode & 0o020 else 0o022


def _unwritable(reply: GitReply) -> EnvironmentProblem:
    require_unlocked("git's index cannot be written", reply)
    return EnvironmentProblem(f"git's index cannot be written: {reply.stderr.strip()}")


def _unwritten(reply: GitReply) -> EnvironmentProblem:
    said = reply.stderr.strip() or "git was ended by a signal"
    message = f"new results are committed, but not all are written to the work tree: {said}"
    return EnvironmentProblem(message, "make room for them, then: git restore results")


def _index(repo: Repository) -> dict[str, Entry]:
    listing = repo.tell("ls-files", "-s", "-z", "--full-name").stdout
    entries = {}
    for line in listing.split(b"\0"):
        if line:
            facts, path = line.split(b"\t", 1)
            mode, blob, _ = facts.decode().split(" ")
            entries[os.fsdecode(path)] = Entry(mode, blob)
    return entries


def _settle_index(repo: Repository, moves: list[Move]) -> None:
    """Where HEAD has the new file the index gets it too; elsewhere our entry goes back to what HEAD has.

    That need not be the old file: the user may have switched to another branch meanwhile.
    """
    head, index = repo.entries(repo.resolve("HEAD")), _index(repo)
    changes = []
    for move in moves:
        want = head.get(move.path)
        if index.get(move.path) == (move.old if want == move.new else move.new):
            changes.append((move, want))
    _set_index(repo, changes)


def _settle_work_tree(repo: Repository, moves: list[Move]) -> None:
    """Writes the new files where HEAD and index have them and the work file still is the old one."""
    head, index = repo.entries(repo.resolve("HEAD")), _index(repo)
    due = [move for move in moves if head.get(move.path) == move.new == index.get(move.path)]
    ground = workfiles.Ground(repo.root)
    old = [move for move in due if move.old and ground.is_within(move.path)]
    present = workfiles.blobs(repo, [move.path for move in old], "0" * _digits(repo))
    writable = [move for move in old if _is_old(move, present)]
    for move in writable:
        if move.new is None:  # before the others are written: a folder may have a file's place, or a file a folder's
            workfiles.remove(repo.root, move.path)
    ground = workfiles.Ground(repo.root)
    writable += [move for move in due if move.old is None and ground.is_free(move.path)]
    write = b"".join(os.fsencode(move.path) + b"\0" for move in writable if move.new)
    if write:
        # -u: the index learns the new files' times, so that the next `git status` need not read them
        reply = _ask_index(repo, "checkout-index", "-f", "-u", "-z", "--stdin", data=write)
        if reply.status != 0:
            raise _unwritten(reply)


def share_like_parent(folder: Path) -> None:
    """Makes `folder`, which the group may write when it may write in the folder above, whatever the umask is."""
    folder.mkdir(parents=True, exist_ok=True)
    above = folder.parent.stat().st_mode & 0o2070
    if above & 0o020 and folder.stat().st_uid == os.geteuid():
        folder.chmod(folder.stat().st_mode & 0o7777 | above)


def _is_old(move: Move, present: Mapping[str, str]) -> bool:
    return move.old is not None and present.get(move.path) == move.old.blob


def _journal(repo: Repository) -> Path:
    return repo.git_dir / "evalctl" / "move.json"


def _journal_write(repo: Repository, moves: list[Move]) -> None:
    rows = [[move.path, _pair(move.old), _pair(move.new), move.work_file, move.skip] for move in moves]
    share_like_parent(_journal(repo).parent)
    write_atomically(_journal(repo), json.dumps(rows))


def _journal_read(path: Path) -> list[Move]:
    try:
        rows = json.loads(path.read_text())
        return [Move(name, _unpair(old), _unpair(new), ours, *skip) for name, old, new, ours, *skip in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{path}, the note of a commit that was cut off, cannot be read: {error}",
            f"look at git status, take back under results/ what you did not change, then: rm {path}",
        ) from error


def _pair(entry: Entry | None) -> list[str] | None:
    return [entry.mode, entry.blob] if entry else None


def _unpair(pair: list[str] | None) -> Entry | None:
    return Entry(*pair) if pair else None
