"""Every fault in every order: a machine draws what happens next, and P1 to P3 hold after each step."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sync.world import checkpoints

from evalctl.git import advance, push
from evalctl.git.repository import Repository
from evalctl.shell import EnvironmentProblem
from evalctl.sync import ledger

from .team import GRACE_S, PEOPLE, VERSIONS, Team, dies_at, in_child, template

# How many runs, and how many steps each: `EVALCTL_FAULTS=500x40 pytest tests/faults/test_machine.py` looks deeper,
# with other draws every time. The default takes about a minute on two cores and always draws the same.
DEEP = os.environ.get("EVALCTL_FAULTS", "")
RUNS, STEPS = (int(number) for number in (DEEP or "16x14").split("x"))

IN_A_WISH = checkpoints("control.py")  # of `cancel` and `retry`
WHILE_SUBMITTING = checkpoints("act.py")
WHILE_COLLECTING = checkpoints("sync.py")
INSIDE = [
    (advance, "_set_index"), (advance, "_finish_work_tree"), (Repository, "move_ref"), (Repository, "create_commits"),
    (ledger, "push_commit"), (push, "push_commit"),
]  # fmt: skip

people = st.sampled_from(sorted(PEOPLE))
# Two clones of one person are told apart by nothing but the ledger, so they meet as often as two people do.
pairs = st.sampled_from([("alice", "desk"), ("desk", "alice"), ("alice", "bob"), ("bob", "desk")])
requests = st.sampled_from(["one", "two"])
numbers = st.integers(0, 3)
endings = st.sampled_from(["done", "timeout", "killed", "lost", "failed:rate-limit", "failed:secret-missing"])
lateness = st.sampled_from([0.0, GRACE_S / 2 - 10])
whiles = st.sampled_from([0.0, 60.0, GRACE_S + 1, GRACE_S + 1])
# Where a pass is met, and what became of all jobs before: it has something to collect, or something to submit.
moments = st.one_of(
    st.tuples(st.sampled_from(WHILE_SUBMITTING), st.just("")),
    st.tuples(st.sampled_from(WHILE_COLLECTING), st.sampled_from(["done", "done", "killed", "failed:rate-limit"])),
)


class Faults(RuleBasedStateMachine):
    """One team, and everything that may happen to it."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.team = Team(Path(self.folder.name) / "team", template)
        self.site = self.team.site

    # -- syncs, undisturbed and disturbed

    @initialize(pair=pairs, point=st.sampled_from(WHILE_SUBMITTING), slow=whiles, late=lateness)
    def the_first_pass(self, pair: tuple[str, str], point: str, slow: float, late: float) -> None:
        """Something is under way from the start, and somebody comes by meanwhile."""
        self.site.late = late
        self.two_sync_at_once(pair, (point, ""), slow)

    @rule(
        who=people, fault=st.sampled_from(["", "", "silent", "refuse", "lose_reply"]), late=lateness,
        passes=st.sampled_from([1, 3]), pause=whiles, how=st.one_of(st.just(""), endings),
    )  # fmt: skip
    def cron_syncs(self, who: str, fault: str, late: float, passes: int, pause: float, how: str) -> None:
        """Once or for a while, and the scheduler answers or not, all the time; what is submitted may be seen late."""
        self.all_jobs_end(how)
        self.site.late, self.site.silent = late, fault == "silent"
        self.site.refuse, self.site.lose_reply = "Invalid account" * (fault == "refuse"), fault == "lose_reply"
        for _ in range(passes):
            self.attempt(self.team.people[who].sync)
            self.team.holds()
            self.site.pass_time(pause)
        self.site.late, self.site.silent, self.site.refuse, self.site.lose_reply = 0.0, False, "", False

    @rule(who=people)
    def somebody_prunes(self, who: str) -> None:
        """What an open attempt accounts for lives on, unless it was cancelled before."""
        person, before = self.team.people[who], {job["name"] for job in self.site.alive()}
        self.attempt(lambda: person.sync(pruning=True))
        ended = before - {job["name"] for job in self.site.alive()}
        open_ = [(record, attempt) for record in person.ledger().by_job.values() if (attempt := record.open)]
        assert not [one.name for record, one in open_ if one.name in ended and not record.cancelled(one.number)]

    @rule(who=people, moment=moments, count=st.sampled_from([1, 1, 2]))
    def a_sync_is_killed(self, who: str, moment: tuple[str, str], count: int) -> None:
        """SIGKILL before or after an effect."""
        point, how = moment
        self.all_jobs_end(how)
        in_child(lambda: self.team.people[who].sync(checkpoint=dies_at(point, count)))

    @rule(who=people, place=st.sampled_from(INSIDE), count=st.sampled_from([1, 2, 3]), after=st.booleans())
    def a_sync_is_killed_inside_of_git(self, who: str, place: tuple[object, str], count: int, after: bool) -> None:
        """SIGKILL between two of git's own steps."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*place, dying(getattr(*place), count, after))
            in_child(lambda: self.team.people[who].sync())

    @rule(who=people, size=st.sampled_from([0, 200, 700, 2000]))
    def the_disk_is_full(self, who: str, size: int) -> None:
        """No file grows beyond `size`: neither ours nor git's."""
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

        def work() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            self.team.people[who].sync()

        in_child(work)
        self.team.locks_are_gone()

    @rule(pair=pairs, moment=moments, slow=whiles)
    def two_sync_at_once(self, pair: tuple[str, str], moment: tuple[str, str], slow: float) -> None:
        """One is between two effects, perhaps for long, while another does a whole pass."""
        who, other = (self.team.people[name] for name in pair)
        point, how = moment
        seen: list[str] = []
        self.all_jobs_end(how)

        def checkpoint(name: str) -> None:
            if name == point and not seen:
                seen.append(name)
                self.site.pass_time(slow)
                self.attempt(other.sync)

        self.attempt(lambda: who.sync(checkpoint=checkpoint))

    # -- the remote

    @rule(state=st.sampled_from(["fine", "fine", "away", "protected", "closed"]))
    def something_happens_to_the_remote(self, state: str) -> None:
        """Down, or with a rule that protects the results' branch or everything, or as it should be."""
        self.team.remote_is(state != "away")
        self.team.refuse_pushes({"protected": "refs/heads/main", "closed": "*"}.get(state, ""))

    @rule(who=people)
    def somebody_pulls(self, who: str) -> None:
        """As far as the remote answers and nothing has diverged."""
        if self.team.remote.exists():
            self.team.people[who].pull()

    # -- jobs

    @precondition(lambda self: self.site.jobs("queued"))
    @rule(which=numbers, again=st.booleans())
    def a_job_starts(self, which: int, again: bool) -> None:
        """Perhaps on a node that fails at once, and the scheduler starts it again."""
        job = one_of(self.site.jobs("queued"), which)
        for _ in range(2 if again else 1):
            self.site.change(job["id"], state="queued")
            self.site.start(job)

    @precondition(lambda self: self.site.jobs("running"))
    @rule(which=numbers, how=endings)
    def a_job_ends(self, which: int, how: str) -> None:
        """Well, badly, out of time, or without a last word."""
        self.site.end(one_of(self.site.jobs("running"), which), how)

    @precondition(lambda self: self.site.alive())
    @rule(which=numbers, state=st.sampled_from(["queued", "queued", "held", "ended", "stuck", "hidden", "shown"]))
    def something_happens_to_a_job(self, which: int, state: str) -> None:
        """Put back into the queue, held, cancelled behind our back, out of sight for a while."""
        job = one_of(self.site.alive(), which)["id"]
        if state in ("hidden", "shown"):
            self.site.change(job, hidden=self.site.now if state == "hidden" else False)
        else:
            self.site.change(job, state=state)

    @rule(seconds=st.sampled_from([60.0, GRACE_S / 2, GRACE_S + 1]), history=st.booleans())
    def time_passes(self, seconds: float, history: bool) -> None:
        """A while, or longer than the grace period; some schedulers then show jobs that have ended."""
        self.site.pass_time(seconds)
        self.site.history = history

    # -- people

    @rule(who=people, name=requests, version=st.sampled_from([*VERSIONS, None]))
    def a_request_changes(self, who: str, name: str, version: int | None) -> None:
        """Edited or deleted in one clone: the others have not pulled, and its job may be running."""
        wants = self.team.people[who].wants
        wants.pop(name, None)
        wants.update({} if version is None else {name: version})

    @rule(who=people, name=requests, silent=st.sampled_from([False, False, True]), again=st.booleans())
    def somebody_cancels(self, who: str, name: str, silent: bool, again: bool) -> None:
        """While the scheduler answers, or not; and perhaps thinks better of it at once."""
        person = self.team.people[who]
        self.site.silent = silent
        self.attempt(lambda: self.team.cancel(person, name))
        self.site.silent = False
        if again:
            self.attempt(lambda: self.team.retry(person))
            self.attempt(person.sync)

    @rule(who=people)
    def somebody_says_retry(self, who: str) -> None:
        """Of all that they ask for."""
        self.attempt(lambda: self.team.retry(self.team.people[who]))

    @rule(who=people, name=requests, point=st.sampled_from(IN_A_WISH))
    def a_wish_is_killed(self, who: str, name: str, point: str) -> None:
        """`cancel` and `retry`, before or after an effect."""
        person, at = self.team.people[who], dies_at(point)

        def both() -> None:
            self.team.cancel(person, name, checkpoint=at)
            self.team.retry(person, checkpoint=at)

        in_child(both)

    @invariant()
    def it_holds(self) -> None:
        """At every moment."""
        self.team.holds()

    def teardown(self) -> None:
        """And in the end everything is done."""
        try:
            self.team.converges()
        finally:
            self.folder.cleanup()

    def all_jobs_end(self, how: str) -> None:
        """Those that wait are started first; nothing happens without a word how."""
        if how:
            for job in self.site.jobs("queued"):
                self.site.start(job)
            for job in self.site.jobs("running"):
                self.site.end(job, how)

    def attempt(self, work: Callable[[], object]) -> None:
        """What cannot be done is said in words and done later."""
        with contextlib.suppress(EnvironmentProblem):
            work()


def one_of(jobs: list[dict[str, Any]], which: int) -> dict[str, Any]:
    """One of the jobs there are."""
    return jobs[which % len(jobs)]


def dying(whole: Callable[..., object], count: int, after: bool) -> Callable[..., object]:
    """`whole`, but this process is killed before or after its n-th call."""
    calls: list[str] = []

    def cut(*arguments: object, **named: object) -> object:
        calls.append("call")
        if len(calls) == count and not after:
            dies_at("now")("now")
        value = whole(*arguments, **named)
        if len(calls) == count:
            dies_at("now")("now")
        return value

    return cut


def test_faults_in_any_order_break_no_promise(tmp_path: Path) -> None:
    """Nothing starts twice, nothing is committed twice or without a verdict, and left alone everything is done."""
    run_machine(template(tmp_path / "template"))


def run_machine(made: Path) -> None:
    """As often and as long as `EVALCTL_FAULTS` says."""
    run_state_machine_as_test(
        cast(Any, lambda: Faults(made)),  # it calls what it gets, a class or a function
        settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, derandomize=not DEEP, database=None, deadline=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate,),  # a shorter story costs minutes: every step is real git
            print_blob=False,
        ),
    )  # fmt: skip
