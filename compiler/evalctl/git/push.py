"""Pushes local commits; when the remote has newer commits, puts our results on top of them and derives the aggregates again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evalctl.git.advance import RESULTS, BranchMoved, advance
from evalctl.git.branch import current_branch
from evalctl.git.commit import changed_only
from evalctl.git.drafts import Draft
from evalctl.git.remote import Pushed, fetch, push_commit, remote_of, remotes_of, seen_ref
from evalctl.git.repository import Repository
from evalctl.shell import EnvironmentProblem, TryLater, Unreachable

_TRIES = 5
OURS = "Eval-Digest"  # the trailer that every results commit has

# (base commit, result.json texts to put on top of it, how to read other files of the commit that had them)
# -> all files of the new commit, aggregates included.
Regenerate = Callable[
    [str, Mapping[str, str], Callable[[Sequence[str]], Mapping[str, bytes]]], Mapping[str, str | None]
]


@dataclass(frozen=True, slots=True)
class PushReport:
    """The outcome of a push. `pushed` False: the commits are safe in this clone; the next sync pushes them, or a person must act."""

    pushed: bool
    warning: str = ""
    needs_person: bool = False


def push_results(repo: Repository, regenerate: Regenerate) -> PushReport:
    """Pushes the current branch when it is ahead of its remote; rebases our own commits if the remote has newer ones.

    Never pushes commits of the user: their hooks would not run, and the user has not decided to publish them.
    """
    ref = current_branch(repo)
    target = remote_of(repo, ref)
    if target is None or not _ahead(repo, ref, *target):
        return PushReport(True)
    for _ in range(_TRIES):
        try:
            report = _push(repo, ref, target, regenerate)
        except BranchMoved:
            continue
        except EnvironmentProblem as problem:
            return _unpushed(f": {problem.message} ({problem.help})", needs_person=not isinstance(problem, TryLater))
        if report is not None:
            return report
    return PushReport(False, "the remote had newer commits at each of five tries; the next sync pushes again")


def _push(repo: Repository, ref: str, target: tuple[str, str], regenerate: Regenerate) -> PushReport | None:
    """One try; None when the remote had newer commits: our commits are then rebased on them."""
    tip = str(repo.resolve(ref))
    _refuse_foreign(repo, tip, target)
    state, message = push_commit(repo, target[0], tip, target[1])
    if state is Pushed.BEHIND:
        _rebase(repo, ref, target, regenerate)
        return None
    if state is not Pushed.DONE:
        return _unpushed(f" ({state.value}: {message})", needs_person=state is not Pushed.UNREACHABLE)
    _remember(repo, tip, *target)
    return PushReport(True)


def _unpushed(why: str, *, needs_person: bool) -> PushReport:
    return PushReport(False, f"results are committed here but not pushed{why}", needs_person=needs_person)


def _tracking(remote: str, ref: str) -> str:
    return f"refs/remotes/{remote}/{ref.removeprefix('refs/heads/')}"


def _ahead(repo: Repository, ref: str, remote: str, remote_ref: str) -> bool:
    """Whether a commit of evalctl is not known to be on the remote; the user pushes their own commits."""
    here = repo.resolve(ref)
    known = [repo.resolve(one) for one in (_tracking(remote, remote_ref), seen_ref(remote, remote_ref))]
    if here is None or here in known:
        return False
    there = [f"^{commit}" for commit in known if commit]
    return bool(_ours(repo, [here, *(there or _published(repo, remote, remote_ref))], "-1"))


def _published(repo: Repository, remote: str, remote_ref: str) -> list[str]:
    """The commits known to be on the remote, on any branch, as revisions to exclude."""
    seen = repo.resolve(seen_ref(remote, remote_ref))
    tracked = ["--not", f"--remotes={remote}"] if remote in remotes_of(repo) else []
    return [*([f"^{seen}"] if seen else []), *tracked]


def _ours(repo: Repository, span: Sequence[str], *limit: str) -> list[str]:
    return repo.run_or_raise("log", *limit, "--format=%H", f"--grep=^{OURS}: ", *span).text.split()


def _foreign(repo: Repository, span: Sequence[str]) -> list[str]:
    """The commits of `span` that evalctl did not make: without its trailer, or with a change outside of results/."""
    outside = repo.run_or_raise("rev-list", "--full-history", *span, "--", ".", f":(exclude){RESULTS}").text.split()
    ours = set(_ours(repo, span)) - set(outside)
    return [commit for commit in repo.run_or_raise("rev-list", *span).text.split() if commit not in ours]


def _refuse_foreign(repo: Repository, tip: str, target: tuple[str, str]) -> None:
    """Raises where a push would publish commits of the user; fetches first, as the remote may have them already."""
    if not _foreign(repo, [tip, *_published(repo, *target)]):
        return
    base = fetch(repo, *target)
    foreign = _foreign(repo, [tip, *_published(repo, *target)])
    if foreign:
        diverged = base is not None and repo.run("merge-base", "--is-ancestor", base, tip).status != 0
        raise EnvironmentProblem(
            f"{len(foreign)} commit(s) below them are your own and not on `{target[0]}`, such as {foreign[-1][:12]}",
            _own_push(target, known=base is not None, diverged=diverged),
        )


def _own_push(target: tuple[str, str], *, known: bool, diverged: bool) -> str:
    branch = target[1].removeprefix("refs/heads/")
    push = "git push" if known else f"git push -u {target[0]} {branch}"
    return f"git pull --rebase && {push}, which sends the results too" if diverged else f"{push}, which sends both"


def _remember(repo: Repository, pushed: str, remote: str, remote_ref: str) -> None:
    """Records the pushed commit in the private ref and the tracking branch, whatever the remote's fetch setting is."""
    if remote in remotes_of(repo):
        repo.run("update-ref", _tracking(remote, remote_ref), pushed)


def _rebase(repo: Repository, ref: str, target: tuple[str, str], regenerate: Regenerate) -> None:
    base, tip = fetch(repo, *target), repo.resolve(ref)
    if base is None or tip is None:
        raise Unreachable("the remote branch is gone", "git push")
    if _foreign(repo, [tip, f"^{base}"]):  # committed since this push began
        raise BranchMoved(ref)
    new = _replay(repo, base, repo.commits(f"{base}..{tip}"), regenerate)
    advance(repo, ref, tip, new, "results on top of the remote's commits")


def _replay(repo: Repository, base: str, commits: Sequence[str], regenerate: Regenerate) -> str:
    """Our commits on top of `base`: their result.json files, and everything derived from them computed again."""
    for commit in commits:
        files = regenerate(base, _carried(repo, commit, base), partial(_results_in, repo, commit))
        drafts = changed_only([Draft(files, repo.message(commit))], repo.entries(base), base)
        base = repo.create_commits(base, drafts) if drafts else base
    return base


def _carried(repo: Repository, commit: str, base: str) -> dict[str, str]:
    """The result.json files of a commit, without those of evals for which `base` has a result: the first result counts.

    A record that the commit replaced by one of the same eval, since it was unproven, is no such result where `base` still has it.
    """
    before, after, there = (repo.entries(one, RESULTS) for one in (f"{commit}^", commit, base))
    paths = [path for path, entry in after.items() if before.get(path) != entry and path.endswith("/result.json")]
    ours, theirs = repo.read(commit, paths, RESULTS), repo.read(base, paths, RESULTS)
    replaced = {path for path in paths if path in before and path in there and before[path].blob == there[path].blob}
    return {
        path: text.decode() for path, text in ours.items()
        if path in replaced or _digest(theirs.get(path)) != _digest(text)
    }  # fmt: skip


def _results_in(repo: Repository, commit: str, paths: Sequence[str]) -> Mapping[str, bytes]:
    return repo.read(commit, paths, RESULTS)


def _digest(content: bytes | None) -> str | None:
    try:
        return str(json.loads(content)["digest"]) if content is not None else None
    except (ValueError, KeyError, TypeError):
        return ""
