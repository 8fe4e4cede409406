"""Brings local commits to the remote; when someone was first, our results go on top of theirs and are told anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evalctl.shell import EnvironmentProblem, TryLater, Unreachable
from evalctl.sync.advance import RESULTS, BranchMoved, advance, current_branch
from evalctl.sync.commit import changed_only
from evalctl.sync.git import Draft, Repository, trailer
from evalctl.sync.remote import Pushed, fetch, push_commit, remote_of

_TRIES = 5
OURS = "Eval-Digest"  # the trailer that every results commit has

# From a base commit and result.json texts that go on top of it, to all files of the commit (aggregates among them).
Regenerate = Callable[[str, Mapping[str, str]], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class PushReport:
    """`pushed` False with a warning: the commits are safe here and go out with the next sync, or after a person's help."""

    pushed: bool
    warning: str = ""
    needs_person: bool = False


def push_results(repo: Repository, regenerate: Regenerate) -> PushReport:
    """Pushes the current branch when it is ahead of its remote; rebases our own commits if the remote moved on."""
    ref = current_branch(repo)
    target = remote_of(repo, ref)
    if target is None or not _ahead(repo, ref, *target):
        return PushReport(True)
    for _ in range(_TRIES):
        tip = str(repo.resolve(ref))
        state, said = push_commit(repo, target[0], tip, target[1])
        if state is Pushed.DONE:
            _remember(repo, tip, *target)
            return PushReport(True)
        if state is not Pushed.BEHIND:
            warning = f"results are committed here but not pushed ({state.value}: {said})"
            return PushReport(False, warning, needs_person=state is Pushed.REFUSED)
        try:
            _rebase(repo, ref, target, regenerate)
        except BranchMoved:
            continue
        except EnvironmentProblem as problem:
            warning = f"results are committed here but not pushed: {problem.message} ({problem.help})"
            return PushReport(False, warning, needs_person=not isinstance(problem, TryLater))
    return PushReport(False, "the remote moved on at every one of five tries; the next sync pushes again")


def _tracking(remote: str, ref: str) -> str:
    return f"refs/remotes/{remote}/{ref.removeprefix('refs/heads/')}"


def _ahead(repo: Repository, ref: str, remote: str, remote_ref: str) -> bool:
    """Whether a commit of ours is not known to be on the remote; commits of the user alone are theirs to push."""
    here, there = repo.resolve(ref), repo.resolve(_tracking(remote, remote_ref))
    if here is None or here == there:
        return False
    span = [here, f"^{there}"] if there else [here, "--not", f"--remotes={remote}"]
    return bool(repo.tell("log", "-1", "--format=%H", f"--grep=^{OURS}: ", *span).text)


def _remember(repo: Repository, pushed: str, remote: str, remote_ref: str) -> None:
    """`git push URL` of a named remote updates the tracking branch by itself; this holds for any fetch setting."""
    repo.ask("update-ref", _tracking(remote, remote_ref), pushed)


def _rebase(repo: Repository, ref: str, target: tuple[str, str], regenerate: Regenerate) -> None:
    base, tip = fetch(repo, *target), repo.resolve(ref)
    if base is None or tip is None:
        raise Unreachable("the remote branch is gone", "git push")
    commits = repo.commits(f"{base}..{tip}")
    foreign = [commit for commit in commits if not trailer(repo.message(commit), OURS)]
    if foreign:
        raise EnvironmentProblem(
            f"this branch and the remote have both moved on, and {len(foreign)} commit(s) here are your own",
            "git pull --rebase && evalctl sync",
        )
    new = _replay(repo, base, commits, regenerate)
    advance(repo, ref, tip, new, "results on top of the remote's commits")


def _replay(repo: Repository, base: str, commits: Sequence[str], regenerate: Regenerate) -> str:
    """Our commits on `base`: their result.json files, with everything that follows from them made anew."""
    for commit in commits:
        files = regenerate(base, _carried(repo, commit, base))
        drafts = changed_only([Draft(files, repo.message(commit))], repo.entries(base), base)
        base = repo.create_commits(base, drafts) if drafts else base
    return base


def _carried(repo: Repository, commit: str, base: str) -> dict[str, str]:
    """The result.json files of a commit, without those of evals that `base` has measured too: the first one counts."""
    before, after = repo.entries(f"{commit}^", RESULTS), repo.entries(commit, RESULTS)
    paths = [path for path, entry in after.items() if before.get(path) != entry and path.endswith("/result.json")]
    ours, theirs = repo.read(commit, paths, RESULTS), repo.read(base, paths, RESULTS)
    return {path: text.decode() for path, text in ours.items() if _digest(theirs.get(path)) != _digest(text)}


def _digest(content: bytes | None) -> str | None:
    try:
        return str(json.loads(content)["digest"]) if content is not None else None
    except (ValueError, KeyError, TypeError):
        return ""
