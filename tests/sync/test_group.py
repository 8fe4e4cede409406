"""A clone that two users of one Unix group share (`core.sharedRepository`): both work in it, and nobody else reads what is private."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from evalctl.git import advance
from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.sync.control import retry
from evalctl.sync.sync import SyncReport, sync
from evalctl_job.run_folder import kept_answers

from .test_sync import told
from .world import Clone, World, git, make_eval, make_job, plan

ALICE, BOB, STRANGER, GROUP = 54_001, 54_002, 54_003, 54_100  # numbers alone: no account is made
T = TypeVar("T")


def as_user(uid: int, home: Path, work: Callable[[], T], umask: int = 0o022) -> T:
    """The value of `work` in a process of that user; what it raises is raised here."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([GROUP] if uid != STRANGER else [])
            os.setgid(GROUP if uid != STRANGER else STRANGER)
            os.setuid(uid)
            os.umask(umask)
            os.environ["HOME"] = str(home / str(uid))
            try:
                said: tuple[bool, Any] = (True, work())
            except BaseException as problem:
                said = (False, f"{type(problem).__name__}: {problem}")
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(said, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    fine, value = pickle.loads(data)
    assert fine, value
    return value  # type: ignore[no-any-return]


class Seen(Clone):
    """The shared clone as one of its users sees it."""

    def build(self, environment: str) -> None:
        """By its first user; the second may not write there."""
        if not (self.root / ".evalctl/environments" / environment).exists():
            super().build(environment)


@dataclass
class Shared:
    """The clone, and what its users do."""

    top: Path
    world: World
    umask: int

    @property
    def root(self) -> Path:
        """The clone."""
        return self.top / "clone"

    def by(self, uid: int, work: Callable[[], T], umask: int | None = None) -> T:
        """What a user's programs do."""
        return as_user(uid, self.top / "homes", work, self.umask if umask is None else umask)

    def git(self, uid: int, *words: str) -> str:
        """A user's call of git; who shares a work tree has umask 002 for it."""
        return self.by(uid, lambda: git(self.root, *words), 0o002)

    def clone(self, uid: int) -> Clone:
        """The clone, for a user's own process."""
        return Seen(self.root, self.world, {ALICE: "alice", BOB: "bob"}[uid])

    def sync(self, uid: int, *jobs: Job) -> SyncReport:
        """A pass of a user."""
        return self.by(uid, lambda: sync(self.clone(uid).context(account_home=self.top), plan(*jobs)))

    def request(self, uid: int, *jobs: Job) -> None:
        """A user commits the scripts of jobs, and publishes them."""

        def commit() -> None:
            for job in jobs:
                self.clone(uid).add_script(job)

        self.by(uid, commit, 0o002)
        self.git(uid, "push", "-q")

    def run(self, uid: int, job: Job) -> None:
        """A user's job runs."""
        self.by(uid, lambda: self.world.run_all(only=job.name.removeprefix("ev-")))


@pytest.fixture(params=[0o022, 0o077], ids=["022", "077"])
def shared(request: pytest.FixtureRequest, clone: Clone, world: World) -> Iterator[Shared]:
    """A clone as `git clone -c core.sharedRepository=group` and `chmod g+ws` make it, and users with that umask."""
    if os.geteuid():
        pytest.skip("two users need root")
    job = make_job(make_eval("warm"))
    clone.add_script(job)
    for _ in range(2):  # all modules are loaded afterwards: the users may not read root's
        sync(clone.context(), plan(job))
        world.run_all()
    top = Path(tempfile.mkdtemp(prefix="evalctl-group-"))
    try:
        top.chmod(0o755)
        made = Shared(top, World(top / "scheduler.json"), request.param)
        made.world._save(made.world.state())
        (top / "scheduler.json").chmod(0o666)
        for uid in (ALICE, BOB, STRANGER):
            (top / "homes" / str(uid)).mkdir(parents=True)
            (top / "homes" / str(uid) / ".gitconfig").write_text(
                f"[user]\n\tname = U{uid}\n\temail = u{uid}@example.org\n[safe]\n\tdirectory = *\n"
            )
        for name in ("remote.git", "clone"):
            (top / name).mkdir()
            os.chown(top / name, ALICE, GROUP)
        as_user(ALICE, top / "homes", lambda: make_shared(top), 0o002)
        yield made
    finally:
        shutil.rmtree(top)


def make_shared(top: Path) -> None:
    """The remote and the clone, by the user to whom they belong."""
    git(top / "remote.git", "init", "-q", "--bare", "--shared=group", "-b", "main")
    root = top / "clone"
    git(root, "init", "-q", "--shared=group", "-b", "main")
    root.chmod(0o2775)
    git(root, "remote", "add", "origin", str(top / "remote.git"))
    (root / ".gitignore").write_text("/.evalctl/\n/.env\n/results/**/logs/\n/results/**/details/\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    git(root, "push", "-q", "-u", "origin", "main")


def test_two_users_of_a_group_work_in_one_clone(shared: Shared) -> None:
    """Each submits and collects own jobs, both commit results to the same folders, and both can go on afterwards."""
    first, second = (
        make_job(make_eval("arithmetic")),
        make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two"),
    )
    shared.request(ALICE, first)
    assert told(shared.sync(ALICE, first)) == [(Action.SUBMIT, "never-submitted")]
    shared.request(BOB, second)
    assert told(shared.sync(BOB, first, second)) == [
        (Action.WAIT, "claimed-by-other"), (Action.SUBMIT, "never-submitted"),
    ]  # fmt: skip
    shared.run(ALICE, first)
    shared.run(BOB, second)
    done = [(Action.DONE, "result-current")] * 2
    assert told(shared.sync(BOB, first, second)) == [(Action.WAIT, "claimed-by-other"), done[0]]
    assert told(shared.sync(ALICE, first, second)) == done
    assert told(shared.sync(BOB, first, second)) == done
    third = make_job(make_eval("subjects"), request="manifests/requests/three.yaml", stem="three")
    shared.request(BOB, third)
    for uid in (ALICE, BOB):
        assert shared.git(uid, "status", "--porcelain", "-uall") == ""
    shared.sync(BOB, first, second, third)
    shared.run(BOB, third)
    assert told(shared.sync(BOB, first, second, third)) == [*done, done[0]]
    assert told(shared.sync(ALICE, first, second, third)) == [*done, done[0]]
    for uid in (ALICE, BOB):
        assert shared.git(uid, "status", "--porcelain", "-uall") == ""
        assert shared.git(uid, "rev-parse", "HEAD") == shared.git(uid, "rev-parse", "origin/main")


def take_over(shared: Shared, uid: int, job: Job) -> list[bool]:
    """`evalctl retry --take-over`, and whether it did so."""

    def taken() -> list[bool]:
        context = shared.clone(uid).context(account_home=shared.top)
        return [one.done for one in retry(context, plan(job), [job], take_over=True)]

    return shared.by(uid, taken)


def answer(shared: Shared, uid: int, job: Job) -> None:
    """A job of that user keeps an answer, as the relay does with the umask that the job has in such a clone."""
    digest = job.tasks[0].evaluation.digest
    path = kept_answers(shared.root / ".evalctl/answers/vllm-cpu-0123456789ab", digest)

    def keep() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o660)
        os.write(descriptor, b"{}\n")
        os.close(descriptor)

    as_user(uid, shared.top / "homes", keep, 0o007)


def test_one_user_continues_what_another_began(shared: Shared) -> None:
    """Its answers, in a further attempt; these and the logs beside the result are the group's to read, and nobody else's."""
    job = make_job(make_eval("arithmetic"))
    shared.request(ALICE, job)
    shared.sync(ALICE, job)
    answer(shared, ALICE, job)
    shared.by(ALICE, shared.world.vanish)
    assert take_over(shared, BOB, job) == [True]
    assert told(shared.sync(BOB, job)) == [(Action.SUBMIT, "retry")]
    answer(shared, BOB, job)
    shared.run(BOB, job)
    report = shared.sync(BOB, job)
    assert (told(report), report.warnings) == ([(Action.DONE, "result-current")], ())
    results = shared.root / "results/hosted_vllm/team/tiny/default/en/arithmetic"
    kept = [path for name in ("logs", "details") for path in (results / name).iterdir()]
    assert len(kept) == 3
    assert shared.by(ALICE, lambda: (results / "details/answers.jsonl").read_text()) == "{}\n{}\n"
    assert list((shared.root / ".evalctl/answers/vllm-cpu-0123456789ab").iterdir()) == []
    for path in kept:
        shared.by(ALICE, path.read_bytes)
        with pytest.raises(AssertionError, match="PermissionError"):
            shared.by(STRANGER, path.read_bytes)


def test_one_user_completes_the_commit_that_another_was_killed_in(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal, the index and the branch are the group's."""
    job = make_job(make_eval("arithmetic"))
    shared.request(ALICE, job)
    shared.sync(ALICE, job)
    shared.run(ALICE, job)
    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="KeyboardInterrupt"):
        patched.setattr(advance, "_finish_work_tree", killed)
        shared.sync(ALICE, job)
    assert (shared.root / ".git/evalctl/move.json").exists()
    assert shared.git(BOB, "status", "--porcelain") != ""
    assert shared.sync(BOB, job).warnings == ()
    assert not (shared.root / ".git/evalctl/move.json").exists()
    assert shared.git(BOB, "status", "--porcelain") == ""
    assert told(shared.sync(ALICE, job)) == told(shared.sync(BOB, job)) == [(Action.DONE, "result-current")]


def killed(*_: object) -> None:
    """In the middle of a commit."""
    raise KeyboardInterrupt


def test_files_of_a_shared_clone_are_the_groups_or_their_owners(shared: Shared) -> None:
    """Run folders are their owner's; all else of EVALCTL_HOME and .git is the group's; a third user reads no private file."""
    job = make_job(make_eval("arithmetic"))
    shared.request(ALICE, job)
    shared.sync(ALICE, job)
    answer(shared, ALICE, job)
    shared.run(ALICE, job)
    home, run = shared.root / ".evalctl", shared.root / ".evalctl/runs" / job.name / "a1"
    private = {path for path in home.rglob("*") if "environments" not in path.relative_to(home).parts}
    of_owner = {path for path in private if path == run or run in path.parents}
    assert shared.by(BOB, lambda: readable(private)) == private - of_owner
    assert shared.by(STRANGER, lambda: readable(private)) == set()
    answer(shared, BOB, job)
    shared.sync(ALICE, job)
    folders = [path for path in (shared.root / ".git").rglob("*") if path.is_dir()]
    assert [path for path in folders if path.stat().st_mode & 0o2070 != 0o2070] == []
    written = [path for path in (shared.root / ".git").rglob("*") if path.is_file() and "objects" not in path.parts]
    assert [path for path in written if path.stat().st_mode & 0o060 != 0o060] == []


def readable(paths: set[Path]) -> set[Path]:
    """The files that this user can read, and the folders that it can list."""
    return {path for path in paths if os.access(path, os.R_OK)}
