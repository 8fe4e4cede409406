"""Pushing results: others may be first, the remote may be down, the user may be in the middle of something."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync.control import retry
from evalctl.sync.sync import SyncReport, sync

from .test_sync import git_input, write_ledger
from .world import Clone, World, git, make_eval, make_job, plan

New = Callable[..., Clone]


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


@pytest.fixture
def jobs(clone: Clone) -> tuple[Job, Job]:
    """Two requests of one model, known to everybody."""
    made = (
        make_job(make_eval("arithmetic")),
        make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two"),
    )
    for job in made:
        clone.add_script(job)
    git(clone.root, "push", "-q")
    return made


def measure(clone: Clone, *jobs: Job) -> SyncReport:
    """From nothing to committed results, as far as this clone can."""
    go(clone, *jobs)
    clone.world.run_all()
    return go(clone, *jobs)


def at_remote(remote: Path, path: str) -> str:
    """A file on the remote's main."""
    return git(remote, "show", f"main:{path}")


def test_results_of_two_clones_meet(clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]) -> None:
    """The second push is rejected, rebased and told anew: the aggregate has both."""
    bob = new_clone("bob", "bob")
    measure(clone, jobs[0])
    report = measure(bob, jobs[1])
    assert report.exit_code == 0
    aggregate = json.loads(at_remote(remote, "results/hosted_vllm/team/tiny/default/aggregated_results.json"))
    assert aggregate["results"] == {"arithmetic": 0.5, "capitals": 0.5, "subjects": -1}
    assert git(bob.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert (bob.status(), clone.status()) == ("", "")
    subjects = git(remote, "log", "--format=%s", "main").splitlines()
    assert sum(subject.startswith("results:") for subject in subjects) == 2
    assert json.loads((bob.root / "results/hosted_vllm/team/tiny/default/en/arithmetic/result.json").read_text())


def test_a_rebase_brings_the_work_tree_along_and_leaves_edits_alone(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """Others' new files appear; what the user changed, staged or made stays, status included."""
    bob = new_clone("bob", "bob")
    (bob.root / "README.md").write_text("bob's\n")
    (bob.root / "new.txt").write_text("new\n")
    git(bob.root, "add", "new.txt")
    (bob.root / "untracked.txt").write_text("untracked\n")
    before = bob.status()
    (clone.root / "docs.md").write_text("docs\n")
    git(clone.root, "add", "docs.md")
    git(clone.root, "commit", "-q", "-m", "docs")
    git(clone.root, "push", "-q")
    measure(clone, jobs[0])
    assert measure(bob, jobs[1]).exit_code == 0
    assert (bob.status(), (bob.root / "docs.md").read_text()) == (before, "docs\n")
    assert (bob.root / "README.md").read_text() == "bob's\n"


def test_an_edit_that_stands_in_the_way_is_not_slid_over(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """The same file changed by others: results stay committed here, exit 1, the file is named."""
    bob = new_clone("bob", "bob")
    (bob.root / "README.md").write_text("bob's\n")
    (clone.root / "README.md").write_text("alice's\n")
    git(clone.root, "commit", "-qam", "alice's")
    git(clone.root, "push", "-q")
    measure(clone, jobs[0])
    before = bob.status()
    report = measure(bob, jobs[1])
    assert (report.exit_code, bob.status()) == (1, before)
    assert "README.md" in " ".join(report.warnings)
    git(bob.root, "checkout", "-q", "README.md")
    assert go(bob, jobs[1]).exit_code == 0
    assert git(bob.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")


def test_the_users_own_commits_are_never_rebased(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Diverged with a commit of theirs: told what to type, nothing rewritten."""
    bob = new_clone("bob", "bob")
    (bob.root / "mine.txt").write_text("mine\n")
    git(bob.root, "add", "mine.txt")
    git(bob.root, "commit", "-q", "-m", "mine")
    mine = git(bob.root, "rev-parse", "HEAD")
    measure(clone, jobs[0])
    report = measure(bob, jobs[1])
    assert report.exit_code == 1
    assert "git pull --rebase" in " ".join(report.warnings)
    assert git(bob.root, "merge-base", "--is-ancestor", mine, "HEAD") == ""
    git(bob.root, "pull", "-q", "--rebase", "-X", "theirs")
    git(bob.root, "push", "-q")
    assert go(bob, jobs[1]).exit_code == 0


def test_a_dead_remote_submits_nothing_and_keeps_results(
    clone: Clone, world: World, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """Exit 4; what was running is still collected and committed here, and pushed when the remote is back."""
    go(clone, jobs[0])
    away = remote.rename(remote.with_name("away.git"))
    world.run_all()
    report = go(clone, *jobs)
    assert [(step.action, step.reason) for step in report.steps] == [
        (Action.DONE, "result-current"), (Action.WAIT, "remote-unreachable"),
    ]  # fmt: skip
    assert (report.exit_code, len(world.state()["jobs"])) == (4, 1)
    assert git(clone.root, "log", "-1", "--format=%s").startswith("results:")
    away.rename(remote)
    report = go(clone, *jobs)
    assert (report.exit_code, report.steps[1].action) == (0, Action.SUBMIT)
    assert git(clone.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(clone.root, "rev-parse", "evalctl-state") == git(remote, "rev-parse", "evalctl-state")


def test_without_a_remote_everything_stays_local(clone: Clone, world: World, jobs: tuple[Job, Job]) -> None:
    """A branch evalctl-state here, results on the current branch."""
    git(clone.root, "remote", "remove", "origin")
    assert measure(clone, jobs[0]).exit_code == 0
    assert git(clone.root, "log", "-1", "--format=%s").startswith("results:")
    assert git(clone.root, "ls-tree", "-r", "--name-only", "evalctl-state").splitlines() == [
        f"jobs/{jobs[0].name}.json", "repository.json",
    ]  # fmt: skip


def test_a_protected_branch_keeps_results_here_and_says_so(
    clone: Clone, remote: Path, jobs: tuple[Job, Job], world: World
) -> None:
    """A rule of the remote is no reason to force, nor to try for ever."""
    hook = remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)
    report = measure(clone, jobs[0])
    assert report.exit_code == 1
    assert "not pushed" in " ".join(report.warnings)
    assert clone.status() == ""


def test_the_branch_that_is_checked_out_gets_the_results(clone: Clone, remote: Path, jobs: tuple[Job, Job]) -> None:
    """A branch with an upstream of another name."""
    git(clone.root, "switch", "-q", "-c", "mine")
    git(clone.root, "push", "-q", "-u", "origin", "mine:theirs")
    assert measure(clone, jobs[0]).exit_code == 0
    assert git(clone.root, "rev-parse", "mine") == git(remote, "rev-parse", "theirs")


def test_commits_of_the_user_alone_are_not_pushed(clone: Clone, remote: Path, jobs: tuple[Job, Job]) -> None:
    """Nothing of ours to send: their branch is theirs."""
    measure(clone, *jobs)
    git(clone.root, "switch", "-q", "-c", "private")
    git(clone.root, "commit", "-q", "--allow-empty", "-m", "mine")
    assert go(clone, *jobs).exit_code == 0
    assert git(remote, "branch", "--list", "private") == ""


def test_a_commit_made_during_the_push_is_not_taken_for_pushed(
    clone: Clone, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """The user commits while the remote takes the results: the tracking branch says what the remote has."""
    hook = remote / "hooks" / "post-receive"
    commit = f"git -C {clone.root} commit -q --allow-empty -m mine"
    hook.write_text(f"#!/bin/sh\nunset GIT_DIR GIT_QUARANTINE_PATH\ngrep -q refs/heads/main && {commit}\nexit 0\n")
    hook.chmod(0o755)
    measure(clone, jobs[0])
    assert git(clone.root, "log", "--format=%s", "origin/main..main") == "mine"
    assert git(clone.root, "rev-parse", "origin/main") == git(remote, "rev-parse", "main")


def test_a_commit_made_while_somebody_else_pushes_is_kept(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """The remote takes Bob's commit while ours is on its way, and in that moment the user commits: nothing is put on top of
    Bob's without the user's commit, and it is not sent either.
    """
    bob = new_clone("bob", "bob")
    git(bob.root, "commit", "-q", "--allow-empty", "-m", "bob's")
    git(bob.root, "push", "-q", "origin", "HEAD:bobs")
    hook = remote / "hooks" / "pre-receive"
    work = f"git -C {clone.root} add mine && git -C {clone.root} commit -q -m mine"
    move = "git update-ref refs/heads/main refs/heads/bobs"
    hook.write_text(
        "#!/bin/sh\ngrep -q refs/heads/main || exit 0\nunset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH\nrm -f $0\n"
        f"{move}\n{work}\nexit 0\n"
    )
    hook.chmod(0o755)
    (clone.root / "mine").write_text("mine\n")
    report = measure(clone, jobs[0])
    assert "your own" in " ".join(report.warnings)
    assert git(clone.root, "show", "HEAD:mine") == "mine"
    assert git(remote, "log", "-1", "--format=%s", "main") == "bob's"
    git(clone.root, "pull", "-q", "--rebase")
    git(clone.root, "push", "-q")
    assert git(remote, "ls-tree", "-r", "--name-only", "main", "--", "results").count("result.json") == 1


def test_a_clone_that_is_behind_does_not_measure_again(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """The ledger says that results exist; the clone is told to pull."""
    bob = new_clone("bob", "bob")
    measure(clone, jobs[0])
    report = go(bob, jobs[0])
    assert [(step.action, step.reason) for step in report.steps] == [(Action.STOP, "collected-elsewhere")]
    git(bob.root, "pull", "-q", "--rebase")
    assert [step.reason for step in go(bob, jobs[0]).steps] == ["result-current"]


def test_the_same_eval_in_two_clones_is_submitted_once(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """The claim that was pushed first counts."""
    bob = new_clone("bob", "bob")
    go(clone, jobs[0])
    assert [(step.action, step.reason) for step in go(bob, jobs[0]).steps] == [(Action.WAIT, "claimed-by-other")]
    assert len(clone.world.state()["jobs"]) == 1


def test_a_claim_that_nobody_looks_after_is_taken_over(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Only when it is asked for in words; a job that is still to be seen is waited for, but not collected."""
    bob = new_clone("bob", "bob")
    go(clone, jobs[0])
    (refused,) = retry(bob.context(), plan(jobs[0]), [jobs[0]])
    assert not refused.done and "--take-over" in refused.what
    (taken,) = retry(bob.context(), plan(jobs[0]), [jobs[0]], take_over=True)
    assert taken.done and taken.what.startswith("taken over from alice")
    assert [step.reason for step in go(bob, jobs[0]).steps] == ["ending"]
    clone.world.run_all()
    assert [(step.action, step.reason) for step in go(bob, jobs[0]).steps] == [(Action.SUBMIT, "retry")]
    assert [step.reason for step in go(clone, jobs[0]).steps] == ["claimed-by-other"]
    clone.world.run_all()
    assert [step.reason for step in go(bob, jobs[0]).steps] == ["result-current"]
    git(clone.root, "pull", "-q", "--rebase")
    assert [step.reason for step in go(clone, jobs[0]).steps] == ["result-current"]
    assert len(clone.world.state()["jobs"]) == 2


def test_what_its_owner_has_collected_meanwhile_stays(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Alice collects while Bob takes over: her result counts, and nothing runs again."""
    bob = new_clone("bob", "bob")
    go(clone, jobs[0])

    def alice_first(point: str) -> None:
        if point == "before-retry":
            clone.world.run_all()
            go(clone, jobs[0])

    retry(bob.context(checkpoint=alice_first), plan(jobs[0]), [jobs[0]], take_over=True)
    git(bob.root, "pull", "-q", "--rebase")
    assert [step.reason for step in go(bob, jobs[0]).steps] == ["result-current"]
    assert len(clone.world.state()["jobs"]) == 1


def test_of_two_measurements_of_one_eval_the_one_that_was_sent_first_counts(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """Alice's result could not be sent, so Bob measured the eval again; when hers can be sent, his stays."""
    hook = remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)
    measure(clone, jobs[0])
    hook.unlink()
    bob = new_clone("bob", "bob")
    assert [step.reason for step in go(bob, jobs[0]).steps] == ["collected-elsewhere"]
    retry(bob.context(), plan(jobs[0]), [jobs[0]])
    measure(bob, jobs[0])
    assert go(clone, jobs[0]).exit_code == 0
    tree = git(remote, "ls-tree", "-r", "--name-only", "main", "--", "results").splitlines()
    (path,) = [path for path in tree if path.endswith("/result.json")]
    assert json.loads(at_remote(remote, path))["ran"]["attempt"] == 2
    assert git(clone.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main") and clone.status() == ""


def test_a_claim_that_was_second_is_decided_again(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Bob looks, Alice claims, Bob's push is rejected: Bob submits nothing."""
    bob = new_clone("bob", "bob")

    def alice_first(point: str) -> None:
        if point == "before-claim":
            go(clone, jobs[0])

    bob.checkpoint = alice_first
    report = go(bob, jobs[0])
    assert [(step.action, step.reason) for step in report.steps] == [(Action.WAIT, "claimed-elsewhere")]
    assert len(clone.world.state()["jobs"]) == 1
    assert git(bob.root, "rev-parse", "evalctl-state") == git(clone.root, "rev-parse", "evalctl-state")


def test_a_claim_that_was_second_keeps_its_other_jobs(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Only what was taken is left out."""
    bob = new_clone("bob", "bob")
    bob.checkpoint = lambda point: go(clone, jobs[0]) if point == "before-claim" else None
    report = go(bob, *jobs)
    assert [step.action for step in report.steps] == [Action.WAIT, Action.SUBMIT]
    assert len(clone.world.state()["jobs"]) == 2


class Killed(BaseException):
    """A process that ends at a checkpoint."""


def test_a_forgotten_claim_that_is_taken_over_meanwhile_is_left_alone(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job]
) -> None:
    """Alice was killed after her claim. While she claims it once more, Bob takes it over and submits: she does not."""

    def kill(point: str) -> None:
        if point == "after-claim":
            raise Killed

    clone.checkpoint = kill
    with pytest.raises(Killed):
        go(clone, jobs[0])
    bob = new_clone("bob", "bob")
    clone.world.now += 10_000

    def bob_first(point: str) -> None:
        if point == "before-claim":
            clone.checkpoint = lambda _: None
            retry(bob.context(), plan(jobs[0]), [jobs[0]], take_over=True)
            assert [step.action for step in go(bob, jobs[0]).steps] == [Action.SUBMIT]

    clone.checkpoint = bob_first
    assert [(step.action, step.reason) for step in go(clone, jobs[0]).steps] == [(Action.WAIT, "claimed-elsewhere")]
    assert [job["name"][-3:] for job in clone.world.state()["jobs"].values()] == ["-a2"]


def test_a_job_that_failed_meanwhile_is_decided_anew(clone: Clone, new_clone: New, jobs: tuple[Job, Job]) -> None:
    """Between Bob's look and his claim Alice's attempt came and failed for good: it uses up a try, and is not repeated."""
    bob = new_clone("bob", "bob")

    def alice_first(point: str) -> None:
        if point == "before-claim":
            go(clone, jobs[0])
            clone.world.run_all(
                {task.evaluation.task.key: "gated-model" for task in jobs[0].tasks}, reason="gated-model"
            )
            go(clone, jobs[0])

    bob.checkpoint = alice_first
    assert [(step.action, step.reason) for step in go(bob, jobs[0]).steps] == [(Action.WAIT, "claimed-elsewhere")]
    assert len(clone.world.state()["jobs"]) == 1


def test_a_record_that_becomes_unreadable_meanwhile_is_not_replaced(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """Between Bob's look and his claim a newer evalctl wrote the job's record: what it says is not known, so nothing is
    submitted and the record stays.
    """
    bob = new_clone("bob", "bob")
    go(clone, jobs[1])
    newer = git_input(clone.root, '{"schema": "evalctl/ledger/2"}')

    def newer_first(point: str) -> None:
        if point == "before-claim":
            write_ledger(clone.root, f"jobs/{jobs[0].name}.json", newer)

    bob.checkpoint = newer_first
    assert [step.action for step in go(bob, jobs[0]).steps] == [Action.WAIT]
    assert git(remote, "show", f"evalctl-state:jobs/{jobs[0].name}.json") == '{"schema": "evalctl/ledger/2"}'
    assert len(clone.world.state()["jobs"]) == 1


def test_what_another_job_measured_meanwhile_is_not_measured_again(
    clone: Clone, new_clone: New, jobs: tuple[Job, Job]
) -> None:
    """The same eval in two requests: between Bob's look and his claim Alice's result came in."""
    bob = new_clone("bob", "bob")
    same = make_job(make_eval("arithmetic"), request="manifests/requests/three.yaml", stem="three")
    bob.add_script(same)
    bob.checkpoint = lambda point: measure(clone, jobs[0]) if point == "before-claim" else None
    assert [(step.action, step.reason) for step in go(bob, same).steps] == [(Action.WAIT, "claimed-elsewhere")]
    assert len(clone.world.state()["jobs"]) == 1


def test_of_two_clones_of_one_person_the_one_that_submitted_collects(
    clone: Clone, new_clone: New, remote: Path, jobs: tuple[Job, Job]
) -> None:
    """Each clone reads the run folders of its own EVALCTL_HOME alone; the other one gets the results by git."""
    second = new_clone("second", "alice")
    go(clone, jobs[0])
    clone.world.run_all()
    assert [step.reason for step in go(second, jobs[0]).steps] == ["other-home"]
    assert [step.reason for step in go(clone, jobs[0]).steps] == ["result-current"]
    assert [step.reason for step in go(second, jobs[0]).steps] == ["collected-elsewhere"]
    git(second.root, "pull", "-q", "--rebase")
    assert go(second, jobs[0]).exit_code == 0
    subjects = git(remote, "log", "--format=%s", "main").splitlines()
    assert sum(subject.startswith("results:") for subject in subjects) == 1


def test_a_remote_that_lost_its_ledger_gets_it_back(clone: Clone, remote: Path, jobs: tuple[Job, Job]) -> None:
    """Someone deleted the branch on the server; this clone still knows."""
    go(clone, jobs[0])
    git(remote, "branch", "-D", "evalctl-state")
    go(clone, jobs[0])
    assert git(clone.root, "rev-parse", "evalctl-state") == git(remote, "rev-parse", "evalctl-state")
