"""Moves the current branch to a commit, and updates index and work tree where the user has changed nothing.

The order is: write the journal, index, branch, work tree, delete the journal. After a kill between any two of them the next
`finish_move` completes or undoes the move. The index changes before the branch, so that a commit which the user makes at that
moment contains our files instead of reverting them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalctl.git import workfiles
from evalctl.git.repository import GitReply, Repository, TreeEntry, require_unlocked
from evalctl.git.sparse import index_words, skipped
from evalctl.shell import EnvironmentProblem, json_text, write_atomically

RESULTS = "results/"


class BranchMoved(EnvironmentProblem):
    """Another process moved the branch meanwhile: the caller reads it and decides again."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"{ref} moved while results were committed", "evalctl sync")


class ConflictsWithUser(EnvironmentProblem):
    """An uncommitted change of the user, outside `results/`, conflicts with commits of other people."""


@dataclass(frozen=True, slots=True)
class Move:
    """One file of the move: its old and new tree entry (None: absent), and whether evalctl may change its work file.

    `skip`: its index entry has the skip-worktree bit.
    """

    path: str
    old: TreeEntry | None
    new: TreeEntry | None
    work_file: bool
    skip: bool = False


def advance(repo: Repository, ref: str, old: str | None, new: str, reason: str) -> None:
    """Moves `ref` (the current branch) from `old` to `new`; what the user changed or staged stays as it is."""
    finish_move(repo)
    moves = _moves(repo, old, new)
    _journal_write(repo, moves)
    _set_index(repo, [(move, move.new) for move in moves])
    moved = repo.move_ref(ref, old, new, reason)
    finish_move(repo)
    if not moved:
        raise BranchMoved(ref)


def finish_move(repo: Repository) -> None:
    """Completes a move that was interrupted if the branch had moved, undoes it if not; does nothing without a journal."""
    path = _journal(repo)
    if not path.exists():
        return
    moves = _journal_read(path)
    _finish_index(repo, moves)
    _finish_work_tree(repo, [move for move in moves if move.work_file])
    path.unlink(missing_ok=True)


def _moves(repo: Repository, old: str | None, new: str) -> list[Move]:
    """The files that differ between the commits, without those for which the user has staged another content."""
    before, after = repo.entries(old), repo.entries(new)
    changed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    staged, edited = _touched_by_user(repo)
    _refuse_conflicts(path for path in changed if path in staged or path in edited)
    skip = skipped(repo, changed)
    free_paths = workfiles.FreePaths(
        repo.root, {path for path in changed if path not in after and path not in staged | edited}
    )
    moves = []
    for path in changed:
        if path in staged:
            continue
        there = os.path.lexists(repo.root / path)
        untouched = path not in edited and (path in before or free_paths.is_free(path))
        _refuse_conflicts([] if untouched else [path])
        ours = untouched and (there or path not in skip)
        moves.append(Move(path, before.get(path), after.get(path), ours, path in skip))
    return moves


def _refuse_conflicts(paths: Iterable[str]) -> None:
    """Refuses to change a file that the user has edited. Results are exempt: evalctl writes them."""
    others = [path for path in paths if not path.startswith(RESULTS)]
    if others:
        raise ConflictsWithUser(
            f"your change of {', '.join(others[:3])} conflicts with commits from the remote",
            "commit it (or git stash), then: git pull --rebase && evalctl sync",
        )


def _touched_by_user(repo: Repository) -> tuple[set[str], set[str]]:
    """Paths whose index differs from HEAD, and paths whose work file differs from the index."""
    listing = repo.run_or_raise(
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


def _set_index(repo: Repository, changes: Sequence[tuple[Move, TreeEntry | None]]) -> None:
    """Writes entries into the index of the clone."""
    absent = "0 " + "0" * _digits(repo)
    lines = [
        (f"{entry.mode} {entry.blob}\t" if entry else f"{absent}\t").encode() + os.fsencode(move.path) + b"\0"
        for move, entry in sorted(changes, key=lambda change: change[1] is not None)  # git refuses `f` beside `f/x`
        if not (move.skip and entry)
    ]  # fmt: skip
    calls = [["update-index", "-z", "--index-info"]] if lines else []
    calls.extend(index_words((move.path, entry) for move, entry in changes if move.skip and entry))
    for words in calls:
        if (reply := _write_index(repo, *words, data=b"".join(lines))).status != 0:
            raise _unwritable(reply)


def _digits(repo: Repository) -> int:
    return 64 if repo.configured("extensions.objectFormat") == "sha256" else 40


def _write_index(repo: Repository, *words: str, data: bytes) -> GitReply:
    """git's reply to a command that writes the index; while another process holds the index lock, tries again for 10 s."""
    for pause in (0.1, 0.3, 1.0, 3.0, 6.0, 0.0):
        reply = repo.run(*words, data=data, umask=_umask(repo))
        if "index.lock" not in reply.stderr:
            return reply
        time.sleep(pause)
    raise _unwritable(reply)


def _umask(repo: Repository) -> int:
    """The umask for work files: git's usual modes; group-writable if the clone's folder is group-writable."""
    return 0o002 if repo.root.stat().st_mode & 0o020 else 0o022


def _unwritable(reply: GitReply) -> EnvironmentProblem:
    require_unlocked("git's index cannot be written", reply)
    return EnvironmentProblem(f"git's index cannot be written: {reply.stderr.strip()}")


def _unwritten(reply: GitReply) -> EnvironmentProblem:
    why = reply.stderr.strip() or "git was ended by a signal"
    message = f"new results are committed, but not all are written to the work tree: {why}"
    return EnvironmentProblem(message, "free disk space, then: git restore results")


def _index(repo: Repository) -> dict[str, TreeEntry]:
    listing = repo.run_or_raise("ls-files", "-s", "-z", "--full-name").stdout
    entries = {}
    for line in listing.split(b"\0"):
        if line:
            facts, path = line.split(b"\t", 1)
            mode, blob, _ = facts.decode().split(" ")
            entries[os.fsdecode(path)] = TreeEntry(mode, blob)
    return entries


def _finish_index(repo: Repository, moves: list[Move]) -> None:
    """Sets each index entry that we wrote, or have yet to write, to what HEAD has.

    HEAD need not have the old or the new file: the user may have switched to another branch meanwhile.
    """
    head, index = repo.entries(repo.resolve("HEAD")), _index(repo)
    changes = []
    for move in moves:
        want = head.get(move.path)
        if index.get(move.path) == (move.old if want == move.new else move.new):
            changes.append((move, want))
    _set_index(repo, changes)


def _finish_work_tree(repo: Repository, moves: list[Move]) -> None:
    """Writes the new files where HEAD and index have them and the work file is still the old one."""
    head, index = repo.entries(repo.resolve("HEAD")), _index(repo)
    due = [move for move in moves if head.get(move.path) == move.new == index.get(move.path)]
    free_paths = workfiles.FreePaths(repo.root)
    old = [move for move in due if move.old and free_paths.is_within(move.path)]
    present = workfiles.blobs(repo, [move.path for move in old], "0" * _digits(repo))
    writable = [move for move in old if _is_old(move, present)]
    for move in writable:
        if move.new is None:  # before others are written: a removed file may become a folder, a removed folder a file
            workfiles.remove(repo.root, move.path)
    free_paths = workfiles.FreePaths(repo.root)
    writable += [move for move in due if move.old is None and free_paths.is_free(move.path)]
    write = b"".join(os.fsencode(move.path) + b"\0" for move in writable if move.new)
    if write:
        # -u: records the new files' times in the index, so that the next `git status` need not read the files
        reply = _write_index(repo, "checkout-index", "-f", "-u", "-z", "--stdin", data=write)
        if reply.status != 0:
            raise _unwritten(reply)


def share_like_parent(folder: Path) -> None:
    """Creates `folder`, group-writable if the folder above it is, whatever the umask is."""
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
    write_atomically(_journal(repo), json_text(rows, indent=None, ascii=True), durable=True)


def _journal_read(path: Path) -> list[Move]:
    try:
        rows = json.loads(path.read_text())
        return [Move(name, _unpair(old), _unpair(new), ours, *skip) for name, old, new, ours, *skip in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{path}, the journal of an interrupted commit, cannot be read: {error}",
            f"run git status, restore the files under results/ that you did not change (git restore), then: rm {path}",
        ) from error


def _pair(entry: TreeEntry | None) -> list[str] | None:
    return [entry.mode, entry.blob] if entry else None


def _unpair(pair: list[str] | None) -> TreeEntry | None:
    return TreeEntry(*pair) if pair else None
