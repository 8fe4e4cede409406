"""Three clones of one repository and what must hold of them at every moment, whatever goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sync.world import Clone, git, make_eval, make_job, plan

from evalctl.git.push import OURS
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Job, RequestPlan
from evalctl.model.run import Action
from evalctl.sync.context import Context
from evalctl.sync.control import cancel, retry
from evalctl.sync.ledger import Ledger, Records
from evalctl.sync.sync import SyncReport, sync

from .site import GRACE_S, Site

PEOPLE = {"alice": "alice", "bob": "bob", "desk": "alice"}  # clone to user: Alice has two
VERSIONS = (1, 2, 3)


def request(name: str, version: int) -> Job:
    """The job of a request as edited to `version`; `one` and `two` share an eval under two paths."""
    evals = {
        "one": [make_eval("arithmetic"), make_eval("capitals", version=str(version))],
        "two": [make_eval("arithmetic", settings="twin"), make_eval("subjects", version=str(version))],
    }[name]
    return make_job(*evals, request=f"manifests/requests/{name}.yaml", stem=name)


class Person(Clone):
    """A clone in which somebody is in the middle of something: a file edited, one staged, one new."""

    def __init__(self, root: Path, site: Site, user: str) -> None:
        super().__init__(root, site, user)
        self.site = site
        self.wants = {"one": 1, "two": 1}

    def context(self, **more: Any) -> Context:
        """Its own jobs only are shown by the scheduler."""
        return super().context(**{"run": self.site.run_as(self.user), **more})

    @property
    def plans(self) -> list[RequestPlan]:
        """What the requests of this clone ask for."""
        return plan(*self.jobs)

    @property
    def jobs(self) -> list[Job]:
        """One job per request."""
        return [request(name, version) for name, version in sorted(self.wants.items())]

    def sync(self, *, pruning: bool = False, **more: Any) -> SyncReport:
        """One pass."""
        return sync(self.context(**more), self.plans, pruning=pruning)

    def pull(self) -> None:
        """As a person does; what has diverged is left to sync."""
        git(self.root, "fetch", "-q", "origin")
        done = open_repository(self.root).run("merge", "--ff-only", "--quiet", "origin/main")
        assert done.status == 0 or "fast-forward" in done.stderr, done.stderr

    def results(self) -> dict[str, str]:
        """Path to digest of the results in its commit."""
        names = git(self.root, "ls-tree", "-r", "--name-only", "HEAD", "results").splitlines()
        paths = [name for name in names if name.endswith("/result.json")]
        return {path: json.loads(git(self.root, "show", f"HEAD:{path}"))["digest"] for path in paths}

    def ledger(self) -> Records:
        """What it knows of all attempts."""
        return Ledger(open_repository(self.root)).read()


class Team:
    """The bare remote, the clones and the site; built anew by copying a template."""

    def __init__(self, folder: Path, template: Path) -> None:
        shutil.copytree(template, folder, symlinks=True)
        self.remote = folder / "remote.git"
        self.site = Site(folder / "scheduler.json")
        self.people = {name: Person(folder / name, self.site, user) for name, user in PEOPLE.items()}
        self.refused: set[str] = set()  # attempts that were cancelled before they started

    def locks_are_gone(self) -> None:
        """A limit of file sizes kills git in the middle, which a full disk does not: git then takes its locks away."""
        for clone in [
            *(person.root / ".git" for person in self.people.values()),
            *self.site.file.parent.glob("remote.*"),
        ]:
            for lock in clone.rglob("*.lock"):
                lock.unlink()

    def remote_is(self, up: bool) -> None:
        """Somebody pulls the plug, or puts it back."""
        here, away = self.remote, self.remote.with_suffix(".away")
        if up is away.exists():
            (away if up else here).rename(here if up else away)

    def refuse_pushes(self, pattern: str) -> None:
        """A rule of the remote: no push to refs that match; the empty pattern takes it away."""
        hook = next(path for path in (self.remote, self.remote.with_suffix(".away")) if path.exists()) / "hooks/update"
        hook.parent.mkdir(exist_ok=True)
        hook.unlink(missing_ok=True)
        if pattern:
            hook.write_text(f"#!/bin/sh\ncase $1 in {pattern}) echo protected >&2; exit 1;; esac\n")
            hook.chmod(0o755)

    def cancel(self, person: Person, name: str, **more: Any) -> None:
        """`evalctl cancel` of one request; from then on what had not started must not start."""
        waiting = {job["name"] for job in self.site.alive()} - self.site.state()["starts"].keys()
        told = cancel(
            person.context(**more), person.plans, [job for job in person.jobs if job.request.endswith(f"/{name}.yaml")]
        )
        ended = {one.job for one in told if one.done}
        self.refused |= {attempt for attempt in waiting if f"ev-{_job_and_attempt(attempt)[0]}" in ended}

    def retry(self, person: Person, **more: Any) -> None:
        """`evalctl retry` of all that the person asks for."""
        retry(person.context(**more), person.plans, person.jobs)

    def holds(self) -> None:
        """P1 to P3, and the user's own work; after every step."""
        self.attempts_start_once()
        self.what_is_cancelled_does_not_start()
        self.one_live_job_each()
        for person in self.people.values():
            self.results_are_accepted_and_committed_once(person)
            leaves_alone_what_is_the_users(person)

    def attempts_start_once(self) -> None:
        """Whatever the scheduler does with a job."""
        starts = Counter(map(_job_and_attempt, Counter(self.site.state()["starts"]).elements()))
        assert set(starts.values()) <= {1}, f"started more than once: {starts}"

    def what_is_cancelled_does_not_start(self) -> None:
        """Whatever the scheduler showed of it when it was cancelled."""
        started = self.refused & self.site.state()["starts"].keys()
        assert not started, f"cancelled, and started all the same: {started}"

    def one_live_job_each(self) -> None:
        """No two submissions of one job at once, of one attempt or of two."""
        live = Counter(_job_and_attempt(job["name"])[0] for job in self.site.alive())
        assert set(live.values()) <= {1}, f"two live jobs: {live}"

    def results_are_accepted_and_committed_once(self, person: Person) -> None:
        """Every result that was ever committed came of an accepted task, in one commit."""
        lines = git(
            person.root, "log", "--format=", "--raw", "--no-abbrev", "--no-renames", f"--grep=^{OURS}: ", "HEAD"
        )
        rows = [line.split() for line in lines.splitlines() if line.endswith("/result.json")]
        texts = open_repository(person.root).blobs(row[3] for row in rows)
        committed = [(row[5], *_measured(texts[row[3]])) for row in rows]
        assert {(name, digest) for _, name, digest in committed} <= self.site.accepted, "a result nobody accepted"
        twice = [one for one, number in Counter(committed).items() if number > 1]
        assert not twice, f"committed twice: {twice}"

    def converges(self) -> None:
        """Left alone, with everything in order again: every wanted eval is measured, or stopped with a reason."""
        self.calm_down()
        for _ in range(12):
            before = _branches(self.remote)
            reports = [(person, self.left_alone(person)) for person in self.people.values()]
            if all(report.settled for _, report in reports) and _branches(self.remote) == before:
                break
            self.site.calm_down()
            self.site.pass_time(GRACE_S + 1)
        self.holds()
        for person, report in reports:
            self.nothing_is_left(person, report)

    def calm_down(self) -> None:
        """The remote is back without rules, and all clones ask for what Alice asks for."""
        self.refuse_pushes("")
        self.remote_is(True)
        self.site.calm_down()
        for person in self.people.values():
            person.wants = dict(self.people["alice"].wants)

    def left_alone(self, person: Person) -> SyncReport:
        """Pull and sync, as cron does."""
        person.pull()
        return person.sync()

    def nothing_is_left(self, person: Person, report: SyncReport) -> None:
        """Measured or stopped with a reason, as the last pass tells; nothing open, nothing unpublished."""
        assert report.settled, f"it does not converge: {report.steps} {report.warnings}"
        steps, results = {step.job: step for step in report.steps}, set(person.results().items())
        for job in person.jobs:
            wanted = {(task.evaluation.result_path, task.evaluation.digest) for task in job.tasks}
            assert wanted <= results or steps[job.name].action is Action.STOP, f"{steps[job.name]} without its results"
            assert steps[job.name].reason in STOPPED or steps[job.name].action is Action.DONE, steps[job.name]
        assert person.status().splitlines() == THEIRS, "a half moved commit is left behind"
        assert [name for name, record in person.ledger().by_job.items() if record.open] == []
        assert _branches(person.root) == _branches(self.remote), "something is not published"


THEIRS = [" M README.md", "A  staged.txt", "?? new.txt"]  # what git status says of somebody's unfinished work

# What may be left for a person when everything works again.
STOPPED = {"attempts-exhausted", "cancelled", "secret-missing", "submit-refused"}


def leaves_alone_what_is_the_users(person: Person) -> None:
    """The edited, the staged and the new file are as they were; what is ours may be half moved after a kill."""
    theirs = [line for line in person.status().splitlines() if "results/" not in line]
    assert theirs == THEIRS, person.status()
    assert (person.root / "README.md").read_text() == "edited\n"
    assert git(person.root, "show", ":staged.txt") == "staged"


def template(folder: Path) -> Path:
    """The remote and the clones before anything has run; all scripts of all versions are committed."""
    folder.mkdir()
    git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    for name, user in PEOPLE.items():
        git(folder, "clone", "-q", "remote.git", name)
        git(folder / name, "config", "remote.origin.url", "../remote.git")
        if not (folder / name / "README.md").exists():
            _first_commit(Person(folder / name, Site(folder / "none.json"), user))
        _in_the_middle_of_something(folder / name)
    return folder


def _first_commit(person: Person) -> None:
    root = person.root
    git(root, "switch", "-q", "-C", "main")
    (root / ".gitignore").write_text("/.evalctl/\n/results/**/logs/\n/results/**/details/\n")
    (root / "README.md").write_text("A repository.\n")
    git(root, "add", ".gitignore", "README.md")
    for name in ("one", "two"):
        for version in VERSIONS:
            person.add_script(request(name, version))
    git(root, "push", "-q", "-u", "origin", "main")


def _in_the_middle_of_something(root: Path) -> None:
    (root / "README.md").write_text("edited\n")
    (root / "staged.txt").write_text("staged\n")
    git(root, "add", "staged.txt")
    (root / "new.txt").write_text("new\n")


def _branches(repository: Path) -> list[str]:
    return git(repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/").splitlines()


def _job_and_attempt(name: str) -> tuple[str, str]:
    """`ev-<mark>-<job>-a<number>` without the mark: two clones that know no ledger yet make a mark each."""
    job, _, number = name.split("-", 2)[2].rpartition("-a")
    return job, number


def _measured(content: bytes) -> tuple[str, str]:
    document = json.loads(content)
    return document["ran"]["name"], document["digest"]


def in_child(work: Callable[[], object]) -> bool:
    """Runs `work` in a forked process; whether SIGKILL ended it. What it raises must be a problem in words."""
    pid = os.fork()
    if pid == 0:
        os._exit(_status(work))
    _, status = os.waitpid(pid, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "a bug, not a problem in words"
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _status(work: Callable[[], object]) -> int:
    import traceback

    from evalctl.shell import EnvironmentProblem, problem_of

    try:
        work()
    except Exception as error:
        if isinstance(error, EnvironmentProblem) or (isinstance(error, OSError) and problem_of(error)):
            return 0
        traceback.print_exc()
        return 1
    return 0


def dies_at(point: str, count: int = 1) -> Callable[[str], None]:
    """A checkpoint function that kills this process at the n-th time it comes to `point`."""
    seen: list[str] = []

    def checkpoint(name: str) -> None:
        seen.extend([name] if name == point else [])
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint
