"""One pass's view: clone, ledger, plans, and the steps that follow from what is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalctl.model.evaluation import Job, RequestPlan
from evalctl.model.run import Action, Step
from evalctl.shell import Unreachable
from evalctl.sync.context import Context
from evalctl.sync.decide import decide
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.git import open_repository
from evalctl.sync.ledger import Ledger, Records
from evalctl.sync.observe import World, ask_scheduler, missing_tasks, needs_scheduler, observe
from evalctl.sync.publish import committed_results
from evalctl.sync.records import JobRecord
from evalctl.sync.settled import SettledJob


class View:
    """Clone, ledger and plans of one pass, with the warnings that came up; `settled` are jobs that need no plan."""

    def __init__(self, context: Context, plans: Sequence[RequestPlan], settled: Sequence[SettledJob] = ()) -> None:
        self.context = context
        self.plans = plans
        self.settled = settled
        self.repo = open_repository(context.root)
        self.ledger = Ledger(self.repo)
        self.jobs: dict[str, Job] = {job.name: job for plan in plans for job in plan.jobs}
        self.warnings: list[str] = []
        self.remote_answers = True

    def look(self, *, ask: bool = False) -> World:
        """The world as it is now; the scheduler is asked at most once, and unless `ask` only if anything is unfinished."""
        try:
            self.ledger.refresh()
        except Unreachable as problem:
            self.remote_answers = False
            self.warnings.append(f"{problem.message}; nothing is submitted until it does")
        world = World(committed_results(self.context, self.repo), self.ledger.read(), (), "", self.context.clock())
        if not (ask or needs_scheduler(self.plans, world, self.context) or self.left_over(world.records)):
            return world
        sightings, silence = ask_scheduler(self.context)
        if silence:
            self.warnings.append(f"the scheduler did not answer: {silence}")
        return replace(world, sightings=sightings, silence=silence)

    def again(self, world: World) -> World:
        """The same world after results and ledger changed here; what the scheduler said still holds."""
        return replace(world, results=committed_results(self.context, self.repo), records=self.ledger.read())

    def left_over(self, records: Records) -> list[JobRecord]:
        """Open attempts of ours whose job no request asks for any more (it was edited or withdrawn)."""
        return [
            record for name, record in sorted(records.by_job.items())
            if name not in self.jobs and record.open
            and record.open.service == self.context.service_name and record.open.by == self.context.me
        ]  # fmt: skip

    def evidence(self, world: World) -> dict[str, JobEvidence]:
        """The evidence for all jobs of this service, and for attempts that nobody asks for any more."""
        here = self.context.service_name
        mine = [job for job in self.jobs.values() if job.service == here]
        known = [world.records.of(job.name) for job in self.settled if job.service == here]
        return observe(self.context, mine, [*known, *self.left_over(world.records)], world)

    def steps(self, world: World, evidence: Mapping[str, JobEvidence]) -> list[Step]:
        """What to do about every job, those of other services included."""
        return [
            *(decide(one) for one in evidence.values()),
            *(_elsewhere(job, world) for job in self.jobs.values() if job.service != self.context.service_name),
            *(_done(job) for job in self.settled if job.service != self.context.service_name),
        ]

    def places(self) -> dict[str, str]:
        """Where results belong, and the digest of the eval that each place is for."""
        tasks = [task.evaluation for job in self.jobs.values() for task in job.tasks]
        settled = {place: digest for job in self.settled for place, digest in job.results.items()}
        return {**settled, **{evaluation.result_path: evaluation.digest for evaluation in tasks}}


def _elsewhere(job: Job, world: World) -> Step:
    if missing_tasks(job, world.results):
        return Step(job.name, Action.WAIT, "other-service", f"run evalctl sync on {job.service}")
    return _done(job)


def _done(job: Job | SettledJob) -> Step:
    return Step(job.name, Action.DONE, "result-current")
