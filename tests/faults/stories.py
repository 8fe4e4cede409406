"""Short stories with one fault each, told with the invariants of `team`: fast, always the same, and each able to fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from evalctl.shell import EnvironmentProblem
from evalctl.sync.control import cancel, retry

from .team import GRACE_S, Team, dies_at, in_child

Story = Callable[[Team], None]


def everything_goes_well(team: Team) -> None:
    """Submit, run, collect, publish."""
    for name in ("alice", "bob"):
        team.people[name].sync()
        team.holds()
    team.converges()


def the_scheduler_says_nothing(team: Team) -> None:
    """While jobs are queued, for longer than the grace period."""
    team.people["alice"].sync()
    team.site.silent = True
    for _ in range(2):
        team.site.pass_time(GRACE_S + 1)
        team.people["alice"].sync()
    team.holds()
    team.converges()


def a_job_is_seen_late(team: Team) -> None:
    """Accepted, and not listed yet when the next pass asks."""
    team.site.late = GRACE_S / 2 - 10
    team.people["alice"].sync()
    for _ in range(7):
        team.site.pass_time(GRACE_S / 4)
        team.people["alice"].sync()
    team.holds()
    team.converges()


def a_job_is_out_of_sight(team: Team) -> None:
    """A scheduler loses sight of a job that changes its state."""
    team.people["alice"].sync()
    team.site.pass_time(GRACE_S * 3)
    for job in team.site.jobs():
        team.site.change(job["id"], hidden=team.site.now)
    team.people["alice"].sync()
    team.site.pass_time(GRACE_S / 2)
    team.people["alice"].sync()
    team.holds()
    team.converges()


def a_reply_is_lost(team: Team) -> None:
    """Submitted, accepted, and nobody heard; the next pass finds it by name."""
    team.site.lose_reply = True
    team.people["alice"].sync()
    team.site.lose_reply = False
    team.site.pass_time(GRACE_S + 1)
    team.people["alice"].sync()
    team.holds()
    team.converges()


def killed_after_a_submission(team: Team) -> None:
    """The second job was never submitted, the first one not recorded."""
    assert in_child(lambda: team.people["alice"].sync(checkpoint=dies_at("after-submit")))
    team.people["alice"].sync()
    team.holds()
    team.converges()


def two_claim_at_once(team: Team) -> None:
    """Bob does a whole pass while Alice is about to publish her claim."""
    _meanwhile(team, "bob", "before-claim")


def two_clones_of_one_person_at_once(team: Team) -> None:
    """Alice's other clone does a whole pass while the first has claimed and not submitted."""
    _meanwhile(team, "desk", "after-claim")


def a_slow_pass_and_another_clone_of_the_same_person(team: Team) -> None:
    """Alice's first clone sleeps between claim and submission, for longer than the grace period."""
    _meanwhile(team, "desk", "after-claim", GRACE_S + 1)


def a_slow_folder_and_another_clone_of_the_same_person(team: Team) -> None:
    """The run folder of a claimed job takes longer than the grace period (a full or distant disk, or Ctrl-Z)."""
    _meanwhile(team, "desk", "before-prepare", GRACE_S + 1)


def two_find_a_forgotten_claim(team: Team) -> None:
    """Alice was killed before she submitted; both her clones find that out at once."""
    assert in_child(lambda: team.people["alice"].sync(checkpoint=dies_at("after-claim")))
    team.site.pass_time(GRACE_S + 1)
    _meanwhile(team, "desk", "before-claim")


def two_replies_are_lost(team: Team) -> None:
    """Neither submission was accepted, or both: each gets its time to come to light."""
    alice = team.people["alice"]
    assert in_child(lambda: alice.sync(checkpoint=dies_at("before-submit")))
    team.site.pass_time(GRACE_S + 1)
    alice.sync()
    team.site.pass_time(GRACE_S + 1)
    team.site.lose_reply, team.site.late = True, GRACE_S / 2 - 10
    for _ in range(3):
        alice.sync()
        team.site.pass_time(60)
    team.holds()
    team.converges()


def cancelled_unseen_and_tried_again(team: Team) -> None:
    """The cancelled job comes to light after `retry`: nothing else may have been submitted by then."""
    alice = team.people["alice"]
    team.site.late = GRACE_S / 2 - 10
    alice.sync()
    cancel(alice.context(), alice.plans, alice.jobs)
    retry(alice.context(), alice.plans, alice.jobs)
    alice.sync()
    team.holds()
    team.site.pass_time(GRACE_S + 1)
    alice.sync()
    retry(alice.context(), alice.plans, alice.jobs)
    alice.sync()
    team.holds()
    team.converges()


def a_job_is_put_back_into_the_queue(team: Team) -> None:
    """The node failed; the scheduler starts the script again."""
    team.people["alice"].sync()
    job = team.site.jobs()[0]
    team.site.start(job)
    team.site.change(job["id"], state="queued")
    team.site.start(job)
    team.holds()
    team.converges()


def a_job_is_lost(team: Team) -> None:
    """Killed without a last word before any task was done: that is no success, and it is tried again."""
    _a_job_is_lost(team)
    team.holds()
    team.converges()


def a_job_is_lost_again(team: Team) -> None:
    """One retry was asked for, so there is no third attempt."""
    for _ in range(3):
        _a_job_is_lost(team)
    assert len(team.site.state()["starts"]) == 4, "two jobs, two attempts each"
    team.holds()
    team.converges()


def a_task_fails(team: Team) -> None:
    """Its mark holds numbers, but no verdict that accepts them."""
    team.people["alice"].sync()
    for job in team.site.jobs():
        team.site.start(job)
        team.site.end(team.site.state()["jobs"][job["id"]], "failed:rate-limit")
    team.people["alice"].sync()
    team.holds()
    team.converges()


def killed_after_a_commit(team: Team) -> None:
    """Results are committed, their attempt is still open."""
    team.people["alice"].sync()
    team.site.calm_down()
    assert in_child(lambda: team.people["alice"].sync(checkpoint=dies_at("after-commit")))
    team.holds()
    team.converges()


def killed_before_a_commit(team: Team) -> None:
    """Results are read, and not yet committed: their attempt must still be open."""
    team.people["alice"].sync()
    team.site.calm_down()
    assert in_child(lambda: team.people["alice"].sync(checkpoint=dies_at("before-commit")))
    team.holds()
    team.converges()


def cancelled_before_it_can_be_seen(team: Team) -> None:
    """A job that the scheduler does not list yet is cancelled: it must not start later."""
    alice = team.people["alice"]
    team.site.late = 100
    alice.sync()
    cancel(alice.context(), alice.plans, alice.jobs)
    team.site.pass_time(200)
    for job in team.site.jobs("queued"):
        team.site.start(job)
    assert team.site.state()["starts"] == {}, "a cancelled attempt started"
    team.holds()
    team.converges()


STORIES: tuple[Story, ...] = (
    everything_goes_well, the_scheduler_says_nothing, a_job_is_seen_late, a_job_is_out_of_sight, a_reply_is_lost,
    killed_after_a_submission, two_claim_at_once, two_clones_of_one_person_at_once, a_slow_pass_and_another_clone_of_the_same_person,
    a_slow_folder_and_another_clone_of_the_same_person,
    two_find_a_forgotten_claim, two_replies_are_lost, cancelled_unseen_and_tried_again, a_job_is_put_back_into_the_queue,
    a_job_is_lost, a_job_is_lost_again, a_task_fails, killed_after_a_commit, killed_before_a_commit, cancelled_before_it_can_be_seen,
)  # fmt: skip


def _a_job_is_lost(team: Team) -> None:
    team.people["alice"].sync()
    for job in team.site.alive():
        team.site.start(job)
        team.site.change(job["id"], state="ended")
    team.people["alice"].sync()
    team.site.pass_time(GRACE_S + 1)
    team.people["alice"].sync()


def _meanwhile(team: Team, other: str, point: str, slow: float = 0.0) -> None:
    def checkpoint(name: str) -> None:
        if name == point and not seen:
            seen.append(name)
            team.site.pass_time(slow)
            with contextlib.suppress(EnvironmentProblem):
                team.people[other].sync()

    seen: list[str] = []
    team.people["alice"].sync(checkpoint=checkpoint)
    assert seen
    team.holds()
    team.converges()
