"""Which remote claims and results go to, what it says, and what is never sent to it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.git.remote import fetch, printable, push_commit, remote_of, remote_words, seen_ref
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.shell import EnvironmentProblem
from evalctl.sync.sync import SyncReport, sync

from .test_sync import told
from .world import Clone, World, git, make_eval, make_job, plan

New = Callable[..., Clone]
MAIN = "refs/heads/main"


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job known to everybody."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


def measure(clone: Clone, *jobs: Job) -> SyncReport:
    """From nothing to committed results."""
    go(clone, *jobs)
    clone.world.run_all()
    return go(clone, *jobs)


def hook(remote: Path, name: str, text: str) -> None:
    """A hook of the server."""
    (remote / "hooks" / name).write_text(f"#!/bin/sh\n{text}\n")
    (remote / "hooks" / name).chmod(0o755)


# ---- which remote -----------------------------------------------------------------------------------------------


def test_the_only_remote_is_used_whatever_its_name_is(clone: Clone, remote: Path, job: Job) -> None:
    """A remote called github that the branch does not follow: claims and results go there."""
    git(clone.root, "remote", "rename", "origin", "github")
    git(clone.root, "branch", "--unset-upstream")
    assert measure(clone, job).exit_code == 0
    assert git(remote, "rev-parse", "main") == git(clone.root, "rev-parse", "HEAD")
    assert git(remote, "rev-parse", "evalctl-state") == git(clone.root, "rev-parse", "evalctl-state")


def test_several_remotes_and_none_that_is_meant_is_a_question(clone: Clone, world: World, job: Job) -> None:
    """Never silently local: what to type is said, nothing is claimed."""
    git(clone.root, "remote", "rename", "origin", "github")
    git(clone.root, "remote", "add", "mirror", "/nonexistent")
    git(clone.root, "branch", "--unset-upstream")
    with pytest.raises(EnvironmentProblem, match="none of the remotes github, mirror") as problem:
        go(clone, job)
    assert problem.value.help == "git config remote.pushDefault github (or another of them)"
    assert (world.state()["jobs"], git(clone.root, "branch", "--list", "evalctl-state")) == ({}, "")
    git(clone.root, "config", "remote.pushDefault", "github")
    assert go(clone, job).exit_code == 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("origin", MAIN)),
        ({"remote.pushDefault": "fork"}, ("fork", MAIN)),
        ({"branch.main.pushRemote": "fork", "remote.pushDefault": "origin"}, ("fork", MAIN)),
        ({"branch.main.remote": "fork"}, ("fork", MAIN)),
        ({"branch.main.merge": "refs/heads/other"}, ("origin", "refs/heads/other")),
        ({"branch.main.remote": "."}, ("origin", MAIN)),
        ({"remote.pushDefault": "ssh://host/x.git"}, ("ssh://host/x.git", MAIN)),
    ],
)
def test_gits_own_order_says_where_a_branch_is_pushed_to(
    clone: Clone, settings: dict[str, str], expected: tuple[str, str]
) -> None:
    """branch.NAME.pushRemote, remote.pushDefault, branch.NAME.remote, origin."""
    git(clone.root, "remote", "add", "fork", "/nonexistent")
    for name, value in settings.items():
        git(clone.root, "config", name, value)
    assert remote_of(open_repository(clone.root), MAIN) == expected


def test_a_remote_that_does_not_exist_is_named(clone: Clone) -> None:
    """As the configuration has it, with those that there are."""
    git(clone.root, "config", "remote.pushDefault", "gone")
    with pytest.raises(EnvironmentProblem, match="`gone`, which does not exist") as problem:
        remote_of(open_repository(clone.root), MAIN)
    assert problem.value.help == "the remotes are: origin"


def test_results_go_to_the_remote_that_pushes_go_to(clone: Clone, remote: Path, job: Job, tmp_path: Path) -> None:
    """remote.pushDefault names a fork; the other remote stays as it is."""
    git(tmp_path, "clone", "-q", "--bare", str(remote), "fork.git")
    git(clone.root, "remote", "add", "fork", str(tmp_path / "fork.git"))
    git(clone.root, "config", "remote.pushDefault", "fork")
    main = git(remote, "rev-parse", "main")
    assert measure(clone, job).exit_code == 0
    assert git(tmp_path / "fork.git", "rev-parse", "main") == git(clone.root, "rev-parse", "HEAD") != main
    assert (git(remote, "rev-parse", "main"), git(remote, "branch", "--list", "evalctl-state")) == (main, "")


# ---- private refs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [("exp", "exp/two"), ("exp/two", "exp")])
def test_branches_whose_names_contain_each_other_do_not_clash(clone: Clone, job: Job, first: str, second: str) -> None:
    """A branch that is gone on the remote leaves nothing that a later one could clash with."""
    for branch in (first, second):
        git(clone.root, "switch", "-q", "-c", branch, "main")
        git(clone.root, "push", "-q", "-u", "origin", branch)
        repo = open_repository(clone.root)
        assert fetch(repo, "origin", f"refs/heads/{branch}") == repo.resolve("HEAD")
        git(clone.root, "push", "-q", "origin", "--delete", branch)
        git(clone.root, "switch", "-q", "main")
        git(clone.root, "branch", "-q", "-D", branch)
    assert measure(clone, job).exit_code == 0


def test_private_refs_of_earlier_versions_are_removed(clone: Clone, job: Job) -> None:
    """They had the branches' names."""
    git(clone.root, "update-ref", "refs/evalctl/remote/exp", "HEAD")
    assert go(clone, job).exit_code == 0
    assert git(clone.root, "for-each-ref", "refs/evalctl/remote") == ""


def test_private_refs_are_one_per_remote_and_branch() -> None:
    """All of one length and in one folder, so none can be a folder of another, nor the same where case does not count."""
    pairs = [
        ("a", "refs/heads/b"),
        ("a", "refs/heads/B"),
        ("b", "refs/heads/b"),
        ("a", "refs/heads/b/c"),
        ("a\0b", "c"),
    ]
    names = [seen_ref(*pair) for pair in pairs]
    assert len({name.lower() for name in names}) == len(pairs) and {len(name) for name in names} == {len(names[0])}
    assert {name.rpartition("/")[0] for name in names} == {"refs/evalctl/seen"}


def test_a_tracking_branch_that_cannot_be_is_no_reason_to_push_again(clone: Clone, remote: Path, job: Job) -> None:
    """refs/remotes/origin/exp is left, the branch is exp/two: what was pushed is known all the same."""
    git(clone.root, "update-ref", "refs/remotes/origin/exp", "HEAD")
    git(clone.root, "switch", "-q", "-c", "exp/two")
    assert measure(clone, job).exit_code == 0
    hook(remote, "pre-receive", "cat; exit 1")
    assert go(clone, job).warnings == ()


def test_what_was_sent_counts_as_sent_whatever_is_fetched(clone: Clone, job: Job) -> None:
    """`git status` says that the branch is up to date where remote.NAME.fetch is about other branches alone."""
    git(clone.root, "config", "remote.origin.fetch", "+refs/heads/other:refs/remotes/origin/other")
    measure(clone, job)
    assert git(clone.root, "rev-parse", "origin/main") == git(clone.root, "rev-parse", "main")


# ---- the remote's words -----------------------------------------------------------------------------------------


def test_the_remotes_own_words_are_shown(clone: Clone, remote: Path, job: Job) -> None:
    """A protected branch, a quota or a size limit is explained by the server alone; control characters are not."""
    go(clone, job)
    clone.world.run_all()
    lines = (
        r"printf 'GH006: Protected branch \033[31mupdate\033[0m failed\n\033]0;title\007Ask \342\200\256ops\rX\n' >&2"
    )
    hook(remote, "pre-receive", f"grep -q refs/heads/main || exit 0; {lines}; exit 1")
    report = go(clone, job)
    assert report.exit_code == 1
    (warning,) = report.warnings
    assert "pre-receive hook declined" in warning
    assert "the remote says: GH006: Protected branch update failed" in warning
    assert all(one.isprintable() for one in warning) and "\u202e" not in warning


@pytest.mark.parametrize("words", ["You exceeded your quota", "file is 120 MB; this exceeds the limit of 100 MB"])
def test_a_refused_ledger_shows_the_remotes_words(
    clone: Clone, world: World, remote: Path, job: Job, words: str
) -> None:
    """With what to do; nothing is submitted."""
    hook(remote, "pre-receive", f"echo '{words}' >&2; exit 1")
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "ledger-refused")] and world.state()["jobs"] == {}
    assert words in report.steps[0].detail


def test_a_server_that_cannot_store_is_not_a_missing_right(clone: Clone, world: World, remote: Path, job: Job) -> None:
    """Its disk or its permissions, and whom to ask; not who may push."""
    shutil.rmtree(remote / "objects/pack", ignore_errors=True)
    (remote / "objects/pack").write_text("no folder")
    git(remote, "config", "receive.unpackLimit", "1")
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "ledger-refused")] and world.state()["jobs"] == {}
    assert "cannot store the ledger" in report.steps[0].detail
    assert "must let" not in report.steps[0].detail


def test_words_of_a_remote_are_plain_text() -> None:
    """Progress is left out, escape sequences, bidirectional marks and C1 are removed, lines and their number are limited."""
    said = "remote: Resolving deltas: 50%\rremote: \x1b[1mno\x1b[0m\x9b31m \u202eevil\u2066\nfatal: x\nremote: \n"
    assert remote_words(said) == ["no31m evil"]
    assert printable("a\tb\x00c\x1b]0;t\x07d" + "x" * 1000)[:6] == "a bcdx"
    assert len(remote_words("remote: x\n" * 100)) == 21


def test_an_address_cannot_be_an_option(clone: Clone, tmp_path: Path) -> None:
    """A remote is never read as one of git's options."""
    git(clone.root, "config", "remote.pushDefault", f"--receive-pack=touch {tmp_path}/ran;/x")
    repo = open_repository(clone.root)
    target = remote_of(repo, MAIN)
    assert target is not None
    push_commit(repo, target[0], str(repo.resolve("HEAD")), MAIN)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("setting", ["pushurl", "pushInsteadOf"])
def test_claims_are_read_where_they_are_published(
    clone: Clone, new_clone: New, remote: Path, job: Job, tmp_path: Path, setting: str
) -> None:
    """Two people who push to another address than they fetch from see each other's claims and results."""
    other = tmp_path / "other.git"
    git(tmp_path, "clone", "-q", "--bare", str(remote), str(other))
    bob = new_clone("bob", "bob")
    name = "remote.origin.pushurl" if setting == "pushurl" else f"url.{other}.pushInsteadOf"
    for one in (clone, bob):
        git(one.root, "config", name, str(other if setting == "pushurl" else remote))
    assert measure(clone, job).exit_code == 0
    assert told(go(bob, job)) == [(Action.STOP, "collected-elsewhere")]
    second = make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two")
    bob.add_script(second)
    git(bob.root, "push", "-q", "--force")
    assert go(bob, second).exit_code == 0
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_branch_whose_name_excludes_the_ledgers_is_named(
    clone: Clone, world: World, remote: Path, job: Job, where: str
) -> None:
    """`evalctl-state/old` beside `evalctl-state`: a person renames it; it is no race that passes."""
    git(clone.root if where == "here" else remote, "branch", "evalctl-state/old", "main")
    if where == "here":
        with pytest.raises(EnvironmentProblem, match="refs/heads/evalctl-state/old exists") as problem:
            go(clone, job)
        git(clone.root, *problem.value.help.replace("NEW", "old").split()[1:])
        assert world.state()["jobs"] == {}
    else:
        report = go(clone, job)
        assert (told(report), report.exit_code) == ([(Action.STOP, "ledger-refused")], 1)
        assert "'refs/heads/evalctl-state/old' exists" in report.steps[0].detail
        git(remote, "branch", "-m", "evalctl-state/old", "old")
    assert measure(clone, job).exit_code == 0
    assert len(world.state()["jobs"]) == 1


@pytest.mark.parametrize("lock", ["index.lock", "packed-refs.lock", "HEAD.lock", "refs/heads/evalctl-state.lock"])
def test_a_lock_that_a_killed_git_left_is_named_and_costs_nothing(
    clone: Clone, world: World, job: Job, lock: str
) -> None:
    """What to type is a command; after it the results are there, of one job."""
    go(clone, job)
    world.run_all()
    (clone.root / ".git" / lock).touch()
    with pytest.raises(EnvironmentProblem, match=lock) as problem:
        go(clone, job)
    assert problem.value.help == f"if no git command is running in this clone: rm {clone.root / '.git' / lock}"
    subprocess.run(["sh", "-c", problem.value.help.partition(": ")[2]], check=True)
    assert go(clone, job).exit_code == 0
    assert (clone.status(), len(world.state()["jobs"])) == ("", 1)


# ---- where results go in the commit ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["results", "results/hosted_vllm/team"])
@pytest.mark.parametrize("kind", ["file", "link", "submodule"])
def test_what_is_no_folder_is_not_replaced_by_one(
    clone: Clone, world: World, job: Job, tmp_path: Path, place: str, kind: str
) -> None:
    """A file, link or submodule of the person where results would go is named before anything is submitted."""
    (clone.root / place).parent.mkdir(parents=True, exist_ok=True)
    if kind == "submodule":
        git(tmp_path, "init", "-q", "sub")
        git(tmp_path / "sub", "commit", "-q", "--allow-empty", "-m", "first")
        git(clone.root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "sub"), place)
    elif kind == "link":
        (clone.root / place).symlink_to(tmp_path)
    else:
        (clone.root / place).write_text("mine\n")
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "-m", "mine")
    git(clone.root, "push", "-q")
    with pytest.raises(EnvironmentProblem, match=f"`{place}` is committed as a file, link or submodule") as problem:
        go(clone, job)
    assert world.state()["jobs"] == {}
    subprocess.run(["sh", "-c", problem.value.help], check=True, cwd=clone.root, capture_output=True)
    git(clone.root, "push", "-q")
    assert measure(clone, job).exit_code == 0
    assert clone.status() == ""


def test_results_are_not_committed_where_they_cannot_be_written(
    clone: Clone, world: World, job: Job, tmp_path: Path
) -> None:
    """Behind an untracked link they would show as deleted, and the person's next commit would take them away."""
    (clone.root / "results").symlink_to(tmp_path)
    with pytest.raises(EnvironmentProblem, match="results is a link or a file") as problem:
        go(clone, job)
    assert world.state()["jobs"] == {}
    subprocess.run(["sh", "-c", problem.value.help], check=True, cwd=clone.root, capture_output=True)
    assert measure(clone, job).exit_code == 0


# ---- LFS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "results/** filter=lfs -text", "*.json filter=crypt", "*.json working-tree-encoding=UTF-16", "*.tsv filter=lfs",
        "scores.json filter=lfs",
    ],
)  # fmt: skip
def test_results_that_git_would_store_otherwise_are_refused_before_anything_is_submitted(
    clone: Clone, world: World, job: Job, line: str
) -> None:
    """LFS, encryption, another encoding: the attribute is named, and what to type makes the next pass work."""
    (clone.root / ".gitattributes").write_text(f"{line}\n")
    git(clone.root, "add", ".gitattributes")
    git(clone.root, "commit", "-q", "-m", "attributes", "--no-verify")
    git(clone.root, "push", "-q")
    with pytest.raises(EnvironmentProblem, match=r"for results/.*: results must be stored in git unchanged") as problem:
        go(clone, job)
    assert world.state()["jobs"] == {}
    subprocess.run(["sh", "-c", problem.value.help], check=True, cwd=clone.root, capture_output=True)
    git(clone.root, "push", "-q")
    assert measure(clone, job).exit_code == 0
    assert clone.status() == ""


@pytest.mark.parametrize("place", [".git/info/attributes", "results/.gitattributes", "elsewhere"])
def test_the_attribute_that_wins_is_overruled(clone: Clone, job: Job, tmp_path: Path, place: str) -> None:
    """The clone's own file, one nearer to the results, or one of the person's configuration: what to type works there, too."""
    path = tmp_path / "attributes" if place == "elsewhere" else clone.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("*.json filter=lfs\n")
    if place == "elsewhere":
        git(clone.root, "config", "core.attributesFile", str(path))
    with pytest.raises(EnvironmentProblem, match="filter=lfs") as problem:
        go(clone, job)
    subprocess.run(["sh", "-c", problem.value.help], check=True, cwd=clone.root, capture_output=True)
    git(clone.root, "push", "-q")
    assert measure(clone, job).exit_code == 0


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_objects_of_lfs_are_uploaded_by_the_persons_own_push(clone: Clone, remote: Path, job: Job) -> None:
    """Their commit is never sent without the hook that uploads what it points to."""
    git(clone.root, "lfs", "install", "--local")
    (clone.root / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (clone.root / "big.bin").write_text("big\n")
    git(clone.root, "add", "-A")
    git(clone.root, "commit", "-q", "-m", "big")
    report = measure(clone, job)
    assert report.exit_code == 1 and "git push, which sends both" in report.warnings[0]
    assert git(remote, "log", "--format=%s", "main", "--", "big.bin") == ""
    git(clone.root, "push", "-q")
    assert list((remote / "lfs/objects").rglob("*")), "uploaded"
    assert (go(clone, job).exit_code, clone.status()) == (0, "")
