"""Jobs of this repository that nobody waits for: reported always, ended only with --prune, and only ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.shell import Command
from evalctl.sync.sync import SyncReport, sync

from .test_crash import dying_at, in_child
from .test_sync import git_input, write_ledger
from .world import Clone, World, git, make_eval, make_job, plan


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job that is submitted, so that the repository has its mark."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    go(clone, made)
    return made


def go(clone: Clone, *jobs: Job, pruning: bool = False, dry_run: bool = False) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs), pruning=pruning, dry_run=dry_run)


def places(clone: Clone) -> dict[str, str]:
    """How an attempt names the clone and the home that submitted it."""
    context = clone.context()
    return {"env_file": str(context.env_file), "caches": str(context.home / "caches")}


def stray(clone: Clone, job: str = "gone-12345678", number: int = 1, *, here: bool = True) -> str:
    """A live job with this repository's mark; its name."""
    mark = json.loads(git(clone.root, "show", "evalctl-state:repository.json"))["mark"]
    name = f"ev-{mark}-{job}-a{number}"
    clone.world.run(Command(("fake-submit", name, str(clone.root))))
    if here:
        folder = clone.context().run_dir(f"ev-{job}", number)
        folder.mkdir(parents=True)
        (folder / "attempt.json").write_text(json.dumps({"number": number, "name": name, **places(clone)}))
    return name


def told(report: SyncReport) -> list[tuple[str, Action, str]]:
    """What became of orphans."""
    return [(step.job, step.action, step.reason) for step in report.steps if step.reason == "orphan"]


def test_orphans_are_only_reported(clone: Clone, world: World, job: Job) -> None:
    """With the command that ends them; exit 0, and nothing is touched, in a dry run with --prune neither."""
    name = stray(clone)
    for report in (go(clone, job), go(clone, job, pruning=True, dry_run=True)):
        assert (told(report), report.exit_code) == ([(name, Action.REPORT, "orphan")], 0)
        assert "evalctl sync --prune" in report.steps[-1].detail
    assert len(world.live()) == 2


def test_prune_ends_orphans_and_tells_which(clone: Clone, world: World, job: Job) -> None:
    """And neither the job that is wanted, nor one with another repository's mark, nor a stranger's."""
    name = stray(clone)
    others = ["ev-zzzz-other-12345678-a1", "my-training", world.live()[0]]
    for other in others[:2]:
        world.run(Command(("fake-submit", other, str(clone.root))))
    report = go(clone, job, pruning=True)
    assert told(report) == [(name, Action.CANCEL, "orphan")]
    assert report.steps[-1].detail == "2"
    assert sorted(world.live()) == sorted(others)


def test_prune_ends_what_an_earlier_evalctl_submitted(clone: Clone, world: World, job: Job) -> None:
    """Until 2026-11-27 the attempt's facts were a file for the shell, and such a job may still run."""
    name = stray(clone, here=False)
    folder = clone.context().run_dir("ev-gone-12345678", 1)
    folder.mkdir(parents=True)
    where = "".join(f"{key.upper()}={path}\n" for key, path in places(clone).items())
    (folder / "attempt.sh").write_text(f"ATTEMPT=1\nATTEMPT_NAME={name}\n{where}")
    assert told(go(clone, job, pruning=True)) == [(name, Action.CANCEL, "orphan")]


FOREIGN = [
    ("attempt.json", ""), ("attempt.json", "[]"), ("attempt.json", '{{"note": "{name}"}}'), ("attempt.json", "[" * 100_000),
    ("attempt.json", '{{"name": "ev-zzzz-gone-12345678-a1"}}'),
    ("attempt.json", '{{"name": "{name}"}}'), ("attempt.json", '{{"name": "{name}", "env_file": 1, "caches": []}}'),
    ("attempt.sh", "ATTEMPT_NAME={name}\n"), ("attempt.sh", ""), ("attempt.sh", "ATTEMPT_NAME=ev-zzzz-gone-12345678-a1\n"), ("attempt.sh", "# ATTEMPT_NAME={name}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text"), [("", ""), *FOREIGN])
def test_prune_ends_only_what_was_submitted_with_this_home(
    clone: Clone, world: World, job: Job, file: str, text: str
) -> None:
    """A mark is text in a branch: with that of another repository, its jobs would be ended."""
    name = stray(clone, here=False)
    if file:
        folder = clone.context().run_dir("ev-gone-12345678", 1)
        folder.mkdir(parents=True)
        (folder / file).write_text(text.format(name=name))
    report = go(clone, job, pruning=True)
    assert (told(report), len(world.live())) == ([(name, Action.REPORT, "orphan")], 2)
    assert "not submitted by this clone with this EVALCTL_HOME" in report.steps[-1].detail


@pytest.mark.parametrize("key", ["env_file", "caches"])
@pytest.mark.parametrize("form", ["json", "shell"])
def test_prune_ends_nothing_of_another_clone_whose_folders_are_here(
    clone: Clone, world: World, job: Job, tmp_path: Path, key: str, form: str
) -> None:
    """A planted mark and a home that clones share, or a copied home: the attempt names the clone and the home it is of."""
    name = stray(clone, here=False)
    folder = clone.context().run_dir("ev-gone-12345678", 1)
    folder.mkdir(parents=True)
    (tmp_path / "theirs").mkdir()
    facts = {**places(clone), key: str(tmp_path / "theirs/file")}
    if form == "json":
        (folder / "attempt.json").write_text(json.dumps({"name": name, **facts}))
    else:
        where = "".join(f"{word.upper()}={path}\n" for word, path in facts.items())
        (folder / "attempt.sh").write_text(f"ATTEMPT_NAME={name}\n{where}")
    report = go(clone, job, pruning=True)
    assert (told(report), len(world.live())) == ([(name, Action.REPORT, "orphan")], 2)


def test_prune_ends_what_a_home_that_was_moved_has_submitted(
    clone: Clone, world: World, job: Job, tmp_path: Path
) -> None:
    """Nothing is left where it was: nobody else can end the job."""
    name = stray(clone)
    folder = clone.context().run_dir("ev-gone-12345678", 1)
    gone = {key: str(tmp_path / "gone" / key) for key in ("env_file", "caches")}
    (folder / "attempt.json").write_text(json.dumps({"name": name, **gone}))
    assert told(go(clone, job, pruning=True)) == [(name, Action.CANCEL, "orphan")]


def test_prune_asks_the_scheduler_even_if_all_is_done(clone: Clone, world: World, job: Job) -> None:
    """Otherwise it would find nothing to prune."""
    world.run_all()
    go(clone, job)
    name = stray(clone)
    assert told(go(clone, job)) == []
    assert told(go(clone, job, pruning=True)) == [(name, Action.CANCEL, "orphan")]


def test_prune_ends_an_attempt_that_was_closed_as_lost_and_lives_after_all(
    clone: Clone, world: World, job: Job
) -> None:
    """It came back after the grace period: the newer attempt stays."""
    first, world.visible = world.live()[0], False
    go(clone, job)
    world.now += 601
    go(clone, job)
    world.visible = True
    assert [step.reason for step in go(clone, job).steps] == ["duplicate-job"]
    assert told(go(clone, job, pruning=True)) == [(first, Action.CANCEL, "orphan")]
    assert [name[-3:] for name in world.live()] == ["-a2"]
    assert [step.reason for step in go(clone, job).steps] == ["queued"]


def test_a_job_whose_ledger_file_cannot_be_read_is_no_orphan(clone: Clone, world: World, job: Job) -> None:
    """Unknown is not unwanted."""
    write_ledger(clone.root, f"jobs/{job.name}.json", git_input(clone.root, "{"))
    report = go(clone, pruning=True)
    assert (told(report), len(world.live())) == ([], 1)


def test_a_job_that_another_clone_has_just_submitted_is_no_orphan(
    new_clone: Callable[..., Clone], clone: Clone, world: World, job: Job
) -> None:
    """Its claim was published after this clone had read the ledger, and its request is not here yet."""
    desk = new_clone("desk", "alice")
    other = make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two")
    desk.add_script(other)
    whole = world.run

    def run(command: Command) -> object:
        if command.argv[0] == "fake-list" and len(world.live()) == 1:
            sync(desk.context(run=whole), plan(other))
        return whole(command)

    report = sync(clone.context(run=run), plan(job), pruning=True)
    assert (told(report), len(world.live())) == ([], 2)


def test_without_remote_or_scheduler_nothing_is_pruned(clone: Clone, world: World, remote: Path, job: Job) -> None:
    """Who claimed what is not known then."""
    stray(clone)
    away = remote.rename(remote.with_name("away.git"))
    assert "nothing is pruned" in " ".join(go(clone, job, pruning=True).warnings)
    away.rename(remote)
    world.silent = True
    assert "nothing is pruned" in " ".join(go(clone, job, pruning=True).warnings)
    assert len(world.live()) == 2


@pytest.mark.parametrize("point", ["before-cancel", "after-cancel"])
def test_a_kill_while_pruning(clone: Clone, world: World, job: Job, point: str) -> None:
    """The next --prune ends what is left."""
    stray(clone)
    stray(clone, "lost-12345678")
    context = clone.context(checkpoint=dying_at(point))
    assert in_child(lambda: sync(context, plan(job), pruning=True))
    go(clone, job, pruning=True)
    assert len(world.live()) == 1
