"""What a person's environment and configuration say changes neither what is committed and pushed nor what is reported."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.git import calls
from evalctl.git.remote import fetch
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync.context import Context
from evalctl.sync.sync import SyncReport, sync

from .test_sync import told
from .world import Clone, World, git, make_eval, make_job, plan

PATH = "results/hosted_vllm/team/tiny/default/en/arithmetic/result.json"
New = Callable[..., Clone]


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job known to everybody."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def measure(clone: Clone, *jobs: Job, context: Context | None = None) -> SyncReport:
    """From nothing to committed results; `context` was made before the surroundings became hostile."""
    context = context or clone.context()
    sync(context, plan(*jobs))
    clone.world.run_all()
    return sync(context, plan(*jobs))


def hostile_variables(folder: Path) -> dict[str, str]:
    """Everything that git reads about a repository, set as if evalctl ran in a hook of another one."""
    names = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True).stdout
    listed = {name: str(folder / "elsewhere") for name in names.split()}
    listed |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "true"}
    return listed | {
        "GIT_CONFIG_PARAMETERS": "'core.bare=true'", "GIT_NAMESPACE": "other", "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1", "GIT_EXTERNAL_DIFF": "false", "GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "1",
        "GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_DEFAULT_HASH": "sha256", "GIT_QUARANTINE_PATH": "/nonexistent",
        "GIT_REFLOG_ACTION": "x", "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
        "GIT_OPTIONAL_LOCKS": "1", "GIT_ATTR_SOURCE": "nothing", "LANGUAGE": "ja", "LC_ALL": "ja_JP.UTF-8",
    }  # fmt: skip


@pytest.mark.parametrize("only", [None, "GIT_INDEX_FILE", "GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS"])
def test_a_pass_in_a_hook_works_on_this_clone(
    clone: Clone, remote: Path, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only: str | None
) -> None:
    """git gives hooks, aliases and editors variables of their own repository; none reaches the calls of a pass."""
    context = clone.context()
    with monkeypatch.context() as patch:
        for name, value in hostile_variables(tmp_path).items():
            if only in (None, name):
                patch.setenv(name, value)
        assert measure(clone, job, context=context).exit_code == 0
    assert clone.status() == ""
    assert git(clone.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(clone.root, "log", "-1", "--format=%cs") != "2001-01-01"
    git(clone.root, "commit", "-q", "--allow-empty", "-m", "mine")
    assert git(clone.root, "show", f"HEAD:{PATH}")


def test_a_hook_of_git_can_call_sync(clone: Clone, remote: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit` in a linked work tree sets GIT_DIR and GIT_INDEX_FILE to its own: here they are read from a real hook."""
    seen = clone.root.parent / "seen"
    hook = clone.root / ".git/hooks/pre-commit"
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > {seen}\n")
    hook.chmod(0o755)
    git(clone.root, "worktree", "add", "-q", "-b", "side", str(clone.root.parent / "side"))
    git(clone.root.parent / "side", "commit", "-q", "--allow-empty", "-m", "side")
    context = clone.context()
    with monkeypatch.context() as patch:
        for line in seen.read_text().splitlines():
            name, _, value = line.partition("=")
            patch.setenv(name, value)
        assert measure(clone, job, context=context).exit_code == 0
    assert (clone.status(), git(clone.root.parent / "side", "status", "--porcelain")) == ("", "")


HOSTILE = """
[core]
    hooksPath = {hooks}
    fsmonitor = {hooks}/fsmonitor
    quotePath = true
    safecrlf = true
    pager = false
    abbrev = 4
[color]
    ui = always
[commit]
    gpgSign = true
[gpg]
    program = false
[tag]
    gpgSign = true
[log]
    showSignature = true
    follow = true
    date = relative
[format]
    pretty = oneline
[i18n]
    commitEncoding = EUC-JP
    logOutputEncoding = EUC-JP
[grep]
    patternType = fixed
[status]
    showUntrackedFiles = no
    short = true
    branch = true
    relativePaths = true
[diff]
    external = false
    renames = copies
    relative = true
    noprefix = true
    orderFile = /nonexistent
    ignoreSubmodules = all
[push]
    followTags = true
    recurseSubmodules = check
    gpgSign = true
    pushOption = ci.skip
    default = nothing
[submodule]
    recurse = true
[fetch]
    prune = true
    pruneTags = true
    recurseSubmodules = true
[remote "origin"]
    mirror = true
    tagOpt = --tags
    prune = true
    pruneTags = true
[rebase]
    autoStash = true
[merge]
    ff = only
[feature]
    manyFiles = true
[trace2]
    normalTarget = 1
[init]
    templateDir = {hooks}
[gc]
    auto = 1
[help]
    autoCorrect = immediate
"""


def test_no_setting_of_the_person_changes_what_is_sent(
    clone: Clone, new_clone: New, remote: Path, job: Job, tmp_path: Path
) -> None:
    """A ~/.gitconfig with all that changes plumbing: two clones meet, tags and side branches stay here, no hook runs."""
    other = make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    git(clone.root, "push", "-q")
    bob = new_clone("bob", "bob")
    git(clone.root, "tag", "-a", "-m", "mine", "mine")
    git(clone.root, "branch", "private")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-push", "fsmonitor", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-$(basename $0)\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(remote, "config", "core.hooksPath", str(remote / "hooks"))  # the server has a home of its own
    config = Path.home() / ".gitconfig"
    before = config.read_text()
    config.write_text(before + HOSTILE.format(hooks=hooks))
    try:
        assert measure(clone, job).exit_code == 0
        assert measure(bob, other).exit_code == 0
    finally:
        config.write_text(before)
    assert list(tmp_path.glob("ran-*")) == []
    assert (clone.status(), bob.status()) == ("", "")
    assert git(bob.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(remote, "tag") == "" and git(remote, "branch", "--list", "private") == ""
    assert git(clone.root, "tag") == "mine"
    heads = {"main", "evalctl-state"}
    assert set(git(remote, "for-each-ref", "--format=%(refname:lstrip=2)").splitlines()) == heads


def test_the_persons_line_ends_are_kept(clone: Clone, job: Job) -> None:
    """core.autocrlf says what work files look like: git has nothing to say about them afterwards."""
    (clone.root / ".gitattributes").write_text("* text=auto\n")
    git(clone.root, "commit", "-qam", "attributes")
    git(clone.root, "push", "-q")
    git(clone.root, "config", "core.autocrlf", "true")
    assert measure(clone, job).exit_code == 0
    assert clone.status() == "" and b"\r\n" in (clone.root / PATH).read_bytes()
    assert "\r" not in git(clone.root, "cat-file", "-p", f"HEAD:{PATH}")


def test_every_setting_has_its_reason() -> None:
    """The list of what is overridden is closed and says why."""
    assert all(why and name.count(".") >= 1 for name, (_, why) in calls.CONFIGURATION.items())
    assert calls.argv("status")[0] == "git" and calls.argv("status")[-1] == "status"


def test_the_remotes_own_hooks_run(clone: Clone, world: World, remote: Path, job: Job) -> None:
    """What is set for our calls does not reach the other side of a push, also where it is a folder of this machine."""
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'no, says the remote' >&2\nexit 1\n")
    hook.chmod(0o755)
    report = sync(clone.context(), plan(job))
    assert told(report) == [(Action.STOP, "ledger-refused")] and world.state()["jobs"] == {}


def test_a_mirrors_refspec_takes_no_record_of_this_clone_back(clone: Clone, job: Job) -> None:
    """`+refs/*:refs/*` would force the ledger here to what the remote has, with every fetch."""
    sync(clone.context(), plan(job))
    there = git(clone.root, "rev-parse", "evalctl-state")
    here = git(clone.root, "commit-tree", "-p", there, "-m", "not sent yet", f"{there}^{{tree}}")
    git(clone.root, "update-ref", "refs/heads/evalctl-state", here)
    git(clone.root, "config", "remote.origin.fetch", "+refs/*:refs/*")
    assert fetch(open_repository(clone.root), "origin", "refs/heads/evalctl-state") == there
    assert git(clone.root, "rev-parse", "evalctl-state") == here


def test_what_is_read_is_what_would_be_pushed(clone: Clone) -> None:
    """`git replace` is a view of this clone alone."""
    repo = open_repository(clone.root)
    true = repo.read("HEAD", ["README.md"])
    (clone.root / "other").write_text("another text\n")
    other = git(clone.root, "hash-object", "-w", "other")
    git(clone.root, "replace", git(clone.root, "rev-parse", "HEAD:README.md"), other)
    assert repo.read("HEAD", ["README.md"]) == true
