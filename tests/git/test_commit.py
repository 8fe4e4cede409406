"""Committing results leaves everything of the user's as it was, to the letter of `git status --porcelain`."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from sync.world import Clone, git

from evalctl.git.advance import finish_move
from evalctl.git.commit import commit_files
from evalctl.git.drafts import Draft
from evalctl.git.repository import Repository, open_repository
from evalctl.shell import EnvironmentProblem

PAGE, RECORD = "results/README.md", "results/hosted_vllm/team/tiny/en/arithmetic/result.json"
OLD, NEW = (
    {PAGE: "old page\n", RECORD: "{}\n"},
    {PAGE: "new page\n", RECORD: '{"a": 1}\n', "results/new/result.json": "日本\n"},
)


@pytest.fixture
def repo(clone: Clone) -> Repository:
    """A clone that has results already."""
    for path, text in OLD.items():
        write(clone.root, path, text)
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "-m", "old results")
    return open_repository(clone.root)


def write(root: Path, path: str, text: str) -> None:
    """A work file."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def status(repo: Repository) -> str:
    """Everything git has to say."""
    return git(repo.root, "status", "--porcelain", "-uall")


def head(repo: Repository, path: str) -> str:
    """A file as committed."""
    return git(repo.root, "show", f"HEAD:{path}") + "\n"


def work(repo: Repository, path: str) -> str:
    """A file as it lies there."""
    return (repo.root / path).read_text()


def staged(root: Path) -> None:
    """A changed file that will not be committed by us."""
    write(root, "README.md", "staged\n")
    git(root, "add", "README.md")


def unstaged(root: Path) -> None:
    """A changed file that was not added."""
    write(root, "README.md", "unstaged\n")


def partially_staged(root: Path) -> None:
    """One change added, one more on top."""
    staged(root)
    write(root, "README.md", "staged and more\n")


def untracked(root: Path) -> None:
    """New files, one of them among the results."""
    write(root, "notes.txt", "mine\n")
    write(root, "results/hosted_vllm/team/tiny/en/notes.txt", "mine\n")


def renamed(root: Path) -> None:
    """A rename that is staged."""
    git(root, "mv", "README.md", "LIESMICH.md")


def deleted(root: Path) -> None:
    """Gone from the work tree."""
    (root / "README.md").unlink()


def staged_new(root: Path) -> None:
    """A new file in the index, and one that is only meant to be added."""
    write(root, "a.txt", "a\n")
    write(root, "b.txt", "b\n")
    git(root, "add", "a.txt")
    git(root, "add", "-N", "b.txt")


def edited_page(root: Path) -> None:
    """The very file that we write, edited."""
    write(root, PAGE, "my page\n")


def staged_page(root: Path) -> None:
    """The very file that we write, edited and added."""
    edited_page(root)
    git(root, "add", PAGE)


def half_staged_page(root: Path) -> None:
    """The very file that we write, added and edited again."""
    staged_page(root)
    write(root, PAGE, "my page and more\n")


def deleted_record(root: Path) -> None:
    """A record removed by hand."""
    (root / RECORD).unlink()


def executable_page(root: Path) -> None:
    """Only the mode differs."""
    (root / PAGE).chmod(0o755)


CHANGES = [
    staged, unstaged, partially_staged, untracked, renamed, deleted, staged_new, edited_page, staged_page, half_staged_page,
    deleted_record, executable_page,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_users_changes_stay_as_they_are(repo: Repository, change: Callable[[Path], None]) -> None:
    """Status, staged content and work files are the same before and after; the commit carries ours."""
    change(repo.root)
    before, index = status(repo), git(repo.root, "diff", "--cached", "--", "README.md", "notes.txt", "a.txt")
    mine = {path: (repo.root / path).read_bytes() for path in ("README.md", PAGE) if (repo.root / path).exists()}
    commit = commit_files(repo, [Draft(NEW, "results: new\n")])
    assert status(repo) == before
    assert git(repo.root, "diff", "--cached", "--", "README.md", "notes.txt", "a.txt") == index
    assert {path: head(repo, path) for path in NEW} == NEW
    assert git(repo.root, "rev-parse", "HEAD") == commit
    touched = [path for path in mine if path in before]
    assert {path: (repo.root / path).read_bytes() for path in touched} == {path: mine[path] for path in touched}


def test_new_files_appear_as_committed(repo: Repository) -> None:
    """A clean clone stays clean."""
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert (status(repo), {path: work(repo, path) for path in NEW}) == ("", NEW)


def test_an_untracked_file_in_the_way_stays(repo: Repository) -> None:
    """The user's file is theirs; the commit carries ours."""
    write(repo.root, "results/new/result.json", "mine\n")
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert work(repo, "results/new/result.json") == "mine\n"
    assert status(repo) == " M results/new/result.json"


def test_nothing_is_written_through_a_symbolic_link(repo: Repository, tmp_path: Path) -> None:
    """A folder of results that points elsewhere does not lead us out of the repository."""
    (tmp_path / "outside").mkdir()
    (repo.root / "results/new").symlink_to(tmp_path / "outside")
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert list((tmp_path / "outside").iterdir()) == []
    assert (repo.root / "results/new").readlink() == tmp_path / "outside", "the link is the user's"


def test_the_same_files_again_make_no_commit(repo: Repository) -> None:
    """Nothing differs, nothing is committed."""
    assert commit_files(repo, [Draft(NEW, "one\n")]) is not None
    assert commit_files(repo, [Draft(NEW, "two\n")]) is None


def test_each_draft_is_a_commit_of_its_own(repo: Repository) -> None:
    """One commit per request, in order, in one move of the branch."""
    commit_files(repo, [Draft({"results/a": "1\n"}, "one\n"), Draft({"results/b": "2\n"}, "two\n")])
    assert git(repo.root, "log", "-2", "--format=%s", "--name-only").split() == ["two", "results/b", "one", "results/a"]


def test_files_can_be_removed(repo: Repository) -> None:
    """None removes, in commit, index and work tree."""
    commit_files(repo, [Draft({RECORD: None}, "remove\n")])
    assert (status(repo), (repo.root / "results/hosted_vllm").exists()) == ("", False)


def test_hooks_do_not_run(repo: Repository) -> None:
    """A hook of the user could refuse, or change files."""
    hook = repo.git_dir / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert commit_files(repo, [Draft(NEW, "results: new\n")])


def test_the_first_commit_of_a_repository_can_be_ours(tmp_path: Path) -> None:
    """An unborn branch."""
    git(tmp_path, "init", "-q", "fresh")
    write(tmp_path / "fresh", "mine.txt", "mine\n")
    git(tmp_path / "fresh", "add", "mine.txt")
    repo = open_repository(tmp_path / "fresh")
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert status(repo) == "A  mine.txt"
    assert {path: work(repo, path) for path in NEW} == NEW


def test_a_repository_with_sha256_is_no_different(tmp_path: Path) -> None:
    """Ids of 64 digits, a file removed among them."""
    git(tmp_path, "init", "-q", "--object-format=sha256", "fresh")
    repo = open_repository(tmp_path / "fresh")
    commit_files(repo, [Draft(NEW, "one\n")])
    assert commit_files(repo, [Draft(NEW, "again\n")]) is None
    commit_files(repo, [Draft({RECORD: None}, "two\n")])
    assert (status(repo), (repo.root / RECORD).exists(), work(repo, PAGE)) == ("", False, NEW[PAGE])


def test_a_linked_work_tree_is_a_clone_like_any_other(repo: Repository, tmp_path: Path) -> None:
    """`git worktree add`: index and journal are its own."""
    git(repo.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = open_repository(tmp_path / "side")
    commit_files(side, [Draft(NEW, "results: new\n")])
    assert (status(side), status(repo), head(repo, PAGE)) == ("", "", OLD[PAGE])


def test_a_folder_of_a_larger_clone_is_refused(repo: Repository) -> None:
    """Results at the top of somebody's clone would lie beside the requests of nobody; it is said that it is a clone."""
    (repo.root / "evaluation").mkdir()
    with pytest.raises(EnvironmentProblem, match=f"a folder of the clone {repo.root}"):
        open_repository(repo.root / "evaluation")


def test_a_detached_head_is_refused(repo: Repository) -> None:
    """There is no branch to commit on."""
    git(repo.root, "switch", "-q", "--detach")
    with pytest.raises(EnvironmentProblem, match="detached"):
        commit_files(repo, [Draft(NEW, "results: new\n")])


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick"])
def test_an_operation_under_way_is_refused(repo: Repository, operation: str) -> None:
    """A conflict that waits for the user is left alone."""
    git(repo.root, "switch", "-q", "-c", "side")
    write(repo.root, "README.md", "side\n")
    git(repo.root, "commit", "-qam", "side")
    git(repo.root, "switch", "-q", "main")
    write(repo.root, "README.md", "main\n")
    git(repo.root, "commit", "-qam", "main")
    repo.run(operation, "side")
    before = status(repo)
    with pytest.raises(EnvironmentProblem, match=f"a {operation} is unfinished"):
        commit_files(repo, [Draft(NEW, "results: new\n")])
    assert status(repo) == before


def test_without_an_identity_the_two_commands_are_told(repo: Repository) -> None:
    """git would guess a name from the host; results carry a person's."""
    (Path.home() / ".gitconfig").write_text("")
    with pytest.raises(EnvironmentProblem) as problem:
        commit_files(repo, [Draft(NEW, "results: new\n")])
    assert problem.value.help.count("git config user.") == 2


def test_a_commit_of_someone_else_meanwhile_is_built_upon(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The branch moved between reading and moving: ours goes on top."""
    whole = Repository.move_ref
    moved: list[str] = []

    def late(self: Repository, ref: str, old: str | None, new: str, reason: str) -> bool:
        if not moved:
            moved.append(git(self.root, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "theirs"))
            git(self.root, "update-ref", ref, moved[0])
        return whole(self, ref, old, new, reason)

    monkeypatch.setattr(Repository, "move_ref", late)
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert git(repo.root, "rev-parse", "HEAD~1") == moved[0]
    assert status(repo) == ""


def test_a_branch_switched_to_meanwhile_stays_as_it_is(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user leaves for a branch with a page of its own while the commit is made: ours is on its branch alone."""
    git(repo.root, "switch", "-q", "-c", "theirs")
    write(repo.root, PAGE, "their page\n")
    git(repo.root, "commit", "-q", "-a", "-m", "theirs")
    git(repo.root, "switch", "-q", "main")
    whole = Repository.create_commits

    def late(self: Repository, parent: str | None, drafts: list[Draft]) -> str:
        git(self.root, "switch", "-q", "theirs")
        return whole(self, parent, drafts)

    monkeypatch.setattr(Repository, "create_commits", late)
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert (status(repo), work(repo, PAGE)) == ("", "their page\n")
    assert git(repo.root, "show", f"main:{PAGE}") == "new page"


@pytest.mark.parametrize("point", ["_set_index", "move_ref", "finish_move", "_finish_index", "_finish_work_tree"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_is_put_right_by_the_next_pass(repo: Repository, point: str, when: str) -> None:
    """Journal, index, branch, work tree: whichever came last, the next commit ends in a clean clone."""
    unstaged(repo.root)
    before = status(repo)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killed_in(patch, point, when, skip=1 if point == "finish_move" else 0)  # the first one finds nothing to do
        commit_files(repo, [Draft(NEW, "results: new\n")])
    finish_move(repo)
    assert status(repo) == before
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert (status(repo), {path: work(repo, path) for path in NEW}) == (before, NEW)
    assert git(repo.root, "log", "--format=%s").splitlines().count("results: new") == 1


@pytest.mark.parametrize(("point", "when"), [("_set_index", "before"), ("_set_index", "after"), ("move_ref", "after")])
def test_what_the_user_staged_after_a_kill_stays_staged(repo: Repository, point: str, when: str) -> None:
    """The next pass finishes the move of the files that are as it left them, and of no other."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killed_in(patch, point, when, skip=0)
        commit_files(repo, [Draft(NEW, "results: new\n")])
    write(repo.root, PAGE, "my page\n")
    git(repo.root, "add", PAGE)
    finish_move(repo)
    assert git(repo.root, "show", f":{PAGE}") == "my page"
    assert work(repo, PAGE) == "my page\n"


class Killed(BaseException):
    """Stands for SIGKILL where nothing catches it: `finish_move` and `commit_files` have no handlers to run."""


def killed_in(monkeypatch: pytest.MonkeyPatch, name: str, when: str, *, skip: int) -> None:
    """The named step dies before or after it does its work."""
    from evalctl.git import advance

    owner = Repository if name == "move_ref" else advance
    whole, calls = getattr(owner, name), []

    def dying(*arguments: object) -> object:
        calls.append(name)
        if len(calls) <= skip:
            return whole(*arguments)
        if when == "after":
            whole(*arguments)
        raise Killed

    monkeypatch.setattr(owner, name, dying)


def test_a_held_index_is_waited_for(repo: Repository) -> None:
    """Another git command at work: a short wait, and no half move."""
    import threading

    lock = repo.git_dir / "index.lock"
    lock.write_text("")
    threading.Timer(0.5, lock.unlink).start()
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert status(repo) == ""


def test_an_index_held_in_the_middle_is_waited_for(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor looks at the status after the branch has moved: the new files appear all the same."""
    import threading

    from evalctl.git import advance

    whole, lock = advance._finish_work_tree, repo.git_dir / "index.lock"

    def late(repo: Repository, moves: list[advance.Move]) -> None:
        lock.write_text("")
        threading.Timer(0.5, lock.unlink).start()
        whole(repo, moves)

    monkeypatch.setattr(advance, "_finish_work_tree", late)
    commit_files(repo, [Draft(NEW, "results: new\n")])
    assert (status(repo), {path: work(repo, path) for path in NEW}) == ("", NEW)


def test_files_that_find_no_room_are_told(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are committed; a work tree that lacks them would look as if somebody had taken them out again."""
    from evalctl.git import advance

    whole, limits = advance._finish_work_tree, resource.getrlimit(resource.RLIMIT_FSIZE)

    def without_room(repo: Repository, moves: list[advance.Move]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, limits[1]))
        try:
            whole(repo, moves)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(advance, "_finish_work_tree", without_room)
    large = {"results/new/result.json": "0\n" * 500_000}
    with pytest.raises(EnvironmentProblem, match="committed, but not all are written") as told:
        commit_files(repo, [Draft({**large}, "results: large\n")])
    assert (told.value.help or "").endswith("git restore results")
    (repo.git_dir / "index.lock").unlink(missing_ok=True)  # of the git that the limit killed; a full disk kills none
    git(repo.root, "restore", "results")
    assert (status(repo), {path: work(repo, path) for path in large}) == ("", large)


def test_thousands_of_files_are_one_commit(repo: Repository) -> None:
    """19 evals of 100 requests: plumbing in bulk."""
    files: dict[str, str | None] = {f"results/m/model{n // 19}/en/t{n % 19}/result.json": f"{n}\n" for n in range(1900)}
    commit_files(repo, [Draft(files, "many\n")])
    assert status(repo) == ""
    assert len(git(repo.root, "ls-files", "results/m").splitlines()) == 1900
