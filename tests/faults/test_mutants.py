"""The suite is tested, too: with a promise broken on purpose, the story about it must fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalctl.model.run import Marks
from evalctl.sync import act, batches, collect, observe, sync
from evalctl.sync.ledger import REF, Ledger, Records
from evalctl.sync.records import COLLECTED, JobRecord
from evalctl_job.marks import Acceptance, TaskMark

from . import site, stories
from .stories import STORIES, Story
from .team import Team, template
from .test_machine import DEEP, run_machine

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The team before anything has run."""
    return template(tmp_path_factory.mktemp("faults") / "template")


def silence_is_absence(patch: Patch) -> None:
    """No answer is taken for `no jobs`."""
    patch.setattr("evalctl.sync.sync_pass.ask_scheduler", lambda context: (observe.ask_scheduler(context)[0] or [], ""))


def no_grace(patch: Patch) -> None:
    """A job that cannot be seen at once is taken for lost."""
    whole = observe._of_attempt
    patch.setattr(observe, "_of_attempt", lambda *all_: replace(whole(*all_), grace_seconds=0.0))


def seen_later_than_grace(patch: Patch) -> None:
    """The site breaks its side: jobs can be seen only long after the grace period."""
    whole = site.Site.submit

    def late(self: site.Site, *words: str) -> Any:
        reply = whole(self, *words)
        newest = self.jobs()[-1]
        self.change(newest["id"], visible_at=newest["visible_at"] + 3 * site.GRACE_S)
        return reply

    patch.setattr(site.Site, "submit", late)


def no_intent(patch: Patch) -> None:
    """Claims are not written down before the submission."""
    patch.setattr(Ledger, "claim", lambda self, change, message: change(self.read()))


def claims_stay_here(patch: Patch) -> None:
    """Claims are written down, but nobody else gets to see them in time."""

    def here(self: Ledger, records: Records, commit: str) -> bool:
        return self._repo.move_ref(REF, records.commit, commit, "claim")

    patch.setattr(Ledger, "_publish", here)


def others_are_ignored(patch: Patch) -> None:
    """Somebody else's claim counts for nothing."""
    whole = act._new_claims

    def careless(context: Any, records: Records, *rest: Any) -> Mapping[str, JobRecord]:
        mine = {
            name: replace(record, attempts=tuple(one for one in record.attempts if one.by == context.me))
            for name, record in records.by_job.items()
        }
        return whole(context, replace(records, by_job=mine), *rest)

    patch.setattr(act, "_new_claims", careless)


def lost_is_a_success(patch: Patch) -> None:
    """A job that is gone without a word has surely done its tasks, with a score of 0."""
    whole = collect.read_marks

    def hopeful(run_dir: Path) -> Marks:
        marks = whole(run_dir)
        told = Acceptance(verdict="done", scores={"t|0": {"em": 0.0}})
        return (
            marks
            if marks.finished
            else replace(marks, tasks={key: TaskMark(key=key, state="done", acceptance=told) for key in TASKS})
        )

    patch.setattr(collect, "read_marks", hopeful)


def lost_costs_nothing(patch: Patch) -> None:
    """An attempt that is gone without a word does not use up a try."""
    whole = collect._outcome
    patch.setattr(collect, "_outcome", lambda *all_: COLLECTED if whole(*all_) == "failed:lost" else whole(*all_))


def no_verdict_needed(patch: Patch) -> None:
    """A mark with numbers will do, whatever the acceptance check said."""
    patch.setattr(collect, "_accepted", lambda marks, key: key in marks.tasks)


def no_guard(patch: Patch) -> None:
    """The job does not look whether it has started before."""
    patch.setattr(site, "GUARD", "true")


def closed_before_committed(patch: Patch) -> None:
    """An attempt is closed before its results are safe."""
    whole = sync._publish

    def early(view: Any, world: Any, collected: Any) -> Any:
        view.ledger.record(lambda records: batches.closed(view, records, collected), "too early")
        return whole(view, world, collected)

    patch.setattr(sync, "_publish", early)


def committed_again(patch: Patch) -> None:
    """What is committed already is told anew."""
    patch.setattr(
        batches,
        "_new",
        lambda view, world, files: {path: text + "\n" * len(world.results.by_path) for path, text in files.items()},
    )


def cancel_only_asks(patch: Patch) -> None:
    """A cancelled attempt may still start later."""
    patch.setattr("evalctl.sync.control._poison", lambda run_dir: not (run_dir / "started.lock").exists())


def cancelled_is_closed_at_once(patch: Patch) -> None:
    """A cancelled attempt is closed though the scheduler has not shown it."""
    patch.setattr("evalctl.sync.control._UNSEEN", "ended before it started")


TASKS = ("en_arithmetic", "en_capitals", "en_subjects")
MUTANTS: dict[Callable[[Patch], None], Story] = {
    silence_is_absence: stories.the_scheduler_says_nothing,
    no_grace: stories.a_job_is_out_of_sight,
    seen_later_than_grace: stories.a_job_is_seen_late,
    no_intent: stories.two_claim_at_once,
    claims_stay_here: stories.two_claim_at_once,
    others_are_ignored: stories.two_claim_at_once,
    lost_is_a_success: stories.a_job_is_lost,
    lost_costs_nothing: stories.a_job_is_lost_again,
    no_verdict_needed: stories.a_task_fails,
    no_guard: stories.a_job_is_put_back_into_the_queue,
    closed_before_committed: stories.killed_before_a_commit,
    committed_again: stories.killed_after_a_commit,
    cancelled_is_closed_at_once: stories.cancelled_unseen_and_tried_again,
    cancel_only_asks: stories.cancelled_before_it_can_be_seen,
}


# What the state machine cannot be expected to find, and why; each has its story.
FOR_A_STORY = {
    lost_costs_nothing: "a third attempt breaks no promise of a single moment: only a count of tries tells",
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_story_ends_well(story: Story, made: Path, tmp_path: Path) -> None:
    """Unchanged, evalctl keeps its promises in every story."""
    story(Team(tmp_path / "team", made))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_noticed(mutant: Callable[[Patch], None], made: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    """By an invariant that fails, not by an accident on the way."""
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        MUTANTS[mutant](Team(tmp_path / "team", made))


if DEEP:  # half a minute to a minute of CPU for each

    @pytest.mark.parametrize("mutant", [one for one in MUTANTS if one not in FOR_A_STORY], ids=lambda one: one.__name__)
    def test_the_machine_notices_a_mutant(mutant: Callable[[Patch], None], made: Path, monkeypatch: Patch) -> None:
        """`EVALCTL_FAULTS=16x14 pytest tests/faults/test_mutants.py`: the default size, with other draws every time."""
        mutant(monkeypatch)
        with pytest.raises(AssertionError):
            run_machine(made)
