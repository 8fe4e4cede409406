"""Every fault in every order: a machine draws what happens next, and P1 to P3 hold after each step."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

from evalctl.shell import EnvironmentProblem
from evalctl.sync import advance, ledger, push
from evalctl.sync.control import cancel, retry
from evalctl.sync.git import Repository

from .team import GRACE_S, PEOPLE, VERSIONS, Team, dies_at, in_child, template

# How many runs, and how many steps each: `EVALCTL_FAULTS=500x40 pytest tests/faults/test_machine.py` looks deeper,
# with other draws every time. The default takes about a minute on two cores and always draws the same.
DEEP = os.environ.get("EVALCTL_FAULTS", "")
RUNS, STEPS = (int(number) for number in (DEEP or "16x14").split("x"))

POINTS = checkpoints()
INSIDE = [
    (advance, "_set_index"), (advance, "_settle_work_tree"), (Repository, "move_ref"), (Repository, "create_commits"),
    (ledger, "push_commit"), (push, "push_commit"),
]  # fmt: skip

people = st.sampled_from(sorted(PEOPLE))
requests = st.sampled_from(["one", "two"])
numbers = st.integers(0, 3)
endings = st.sampled_from(["done", "timeout", "killed", "failed:rate-limit", "failed:secret-missing", "cancelled"])


class Faults(RuleBasedStateMachine):
    """One team, and everything that may happen to it."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.team = Team(Path(self.folder.name) / "team", template)
        self.site = self.team.site

    # -- syncs, undisturbed and disturbed

    @initialize(who=people, late=st.sampled_from([0.0, 290.0]))
    def the_first_sync(self, who: str, late: float) -> None:
        """Something is under way from the start."""
        self.somebody_syncs(who, "", late)

    @rule(
        who=people,
        fault=st.sampled_from(["", "", "silent", "refuse", "lose_reply"]),
        late=st.sampled_from([0.0, 290.0]),
    )
    def somebody_syncs(self, who: str, fault: str, late: float) -> None:
        """The scheduler answers, or not; what is submitted may be seen late."""
        self.site.late, self.site.silent = late, fault == "silent"
        self.site.refuse, self.site.lose_reply = "Invalid account" * (fault == "refuse"), fault == "lose_reply"
        self.attempt(lambda: self.team.people[who].sync())
        self.site.late, self.site.silent, self.site.refuse, self.site.lose_reply = 0.0, False, "", False

    @rule(who=people)
    def somebody_prunes(self, who: str) -> None:
        """What an open attempt accounts for lives on, unless it was cancelled before."""
        person, before = self.team.people[who], {job["name"] for job in self.site.alive()}
        self.attempt(lambda: person.sync(pruning=True))
        ended = before - {job["name"] for job in self.site.alive()}
        open_ = [record for record in person.ledger().by_job.values() if record.open]
        assert not [one for one in open_ if one.open.name in ended and not one.cancelled(one.open.number)]

    @rule(who=people, point=st.sampled_from(POINTS), count=st.sampled_from([1, 2]))
    def a_sync_is_killed(self, who: str, point: str, count: int) -> None:
        """SIGKILL before or after an effect."""
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

    @rule(who=people, other=people, point=st.sampled_from(POINTS), slow=st.sampled_from([0.0, 100.0, GRACE_S + 1]))
    def two_sync_at_once(self, who: str, other: str, point: str, slow: float) -> None:
        """One is between two effects, perhaps for long, while another does a whole pass."""
        seen: list[str] = []

        def checkpoint(name: str) -> None:
            if name == point and not seen:
                seen.append(name)
                self.site.pass_time(slow)
                self.attempt(self.team.people[other].sync)

        self.attempt(lambda: self.team.people[who].sync(checkpoint=checkpoint))

    # -- the remote

    @rule(up=st.booleans())
    def the_remote_goes_or_comes(self, up: bool) -> None:
        """Down, or back."""
        self.team.remote_is(up)

    @rule(pattern=st.sampled_from(["", "", "refs/heads/main", "*"]))
    def the_remote_has_a_rule(self, pattern: str) -> None:
        """A protected branch, or none at all may be pushed."""
        self.team.refuse_pushes(pattern)

    @rule(who=people)
    def somebody_pulls(self, who: str) -> None:
        """As far as the remote answers and nothing has diverged."""
        if self.team.remote.exists():
            self.team.people[who].pull()

    # -- jobs

    @precondition(lambda self: self.site.jobs("queued"))
    @rule(which=numbers)
    def a_job_starts(self, which: int) -> None:
        """Perhaps for the second time."""
        self.site.start(one_of(self.site.jobs("queued"), which))

    @precondition(lambda self: self.site.jobs("running"))
    @rule(which=numbers, how=endings)
    def a_job_ends(self, which: int, how: str) -> None:
        """Well, badly, out of time, or without a last word."""
        self.site.end(one_of(self.site.jobs("running"), which), how)

    @precondition(lambda self: self.site.alive())
    @rule(which=numbers, state=st.sampled_from(["queued", "held", "ended", "stuck"]))
    def something_happens_to_a_job(self, which: int, state: str) -> None:
        """Put back into the queue, held, cancelled behind our back."""
        self.site.change(one_of(self.site.alive(), which)["id"], state=state)

    @precondition(lambda self: self.site.alive())
    @rule(which=numbers, hidden=st.booleans())
    def a_job_is_out_of_sight(self, which: int, hidden: bool) -> None:
        """For a while."""
        self.site.change(one_of(self.site.alive(), which)["id"], hidden=self.site.now if hidden else False)

    @rule(history=st.booleans())
    def the_history_is_listed(self, history: bool) -> None:
        """Some schedulers show jobs that have ended, for a time."""
        self.site.history = history

    @rule(seconds=st.sampled_from([60.0, GRACE_S / 2, GRACE_S + 1]))
    def time_passes(self, seconds: float) -> None:
        """A while, or longer than the grace period."""
        self.site.pass_time(seconds)

    # -- people

    @rule(who=people, name=requests, version=st.sampled_from(VERSIONS))
    def a_request_is_edited(self, who: str, name: str, version: int) -> None:
        """In one clone: the others have not pulled."""
        self.team.people[who].wants[name] = version

    @precondition(lambda self: any(person.wants for person in self.team.people.values()))
    @rule(who=people, name=requests)
    def a_request_is_deleted(self, who: str, name: str) -> None:
        """Its job may be running."""
        self.team.people[who].wants.pop(name, None)

    @rule(who=people, name=requests, silent=st.booleans())
    def somebody_cancels(self, who: str, name: str, silent: bool) -> None:
        """While the scheduler answers, or not."""
        person = self.team.people[who]
        self.site.silent = silent
        chosen = [job for job in person.jobs if job.request.endswith(f"/{name}.yaml")]
        self.attempt(lambda: cancel(person.context(), person.plans, chosen))
        self.site.silent = False

    @rule(who=people)
    def somebody_says_retry(self, who: str) -> None:
        """Of all that they ask for."""
        person = self.team.people[who]
        self.attempt(lambda: retry(person.context(), person.plans, person.jobs))

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
    made = template(tmp_path / "template")
    run_state_machine_as_test(
        lambda: Faults(made),
        settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, derandomize=not DEEP, database=None, deadline=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate,),  # a shorter story costs minutes: every step is real git
            print_blob=False,
        ),
    )  # fmt: skip
