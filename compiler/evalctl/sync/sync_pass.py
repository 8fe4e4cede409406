"""One pass over clone, ledger and plans: the observation, the evidence, and the step of each job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from evalctl.git.advance import RESULTS, finish_move
from evalctl.git.branch import require_free
from evalctl.git.commit import refuse_filtered, refuse_occupied, refuse_unreachable
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Download, Eval, Job, RequestPlan, Work
from evalctl.model.run import Action, Step
from evalctl.results.leaderboard import PATH
from evalctl.results.question_values import path_of, set_path
from evalctl.shell import Unreachable
from evalctl.sync.budget import within_budget
from evalctl.sync.context import Context
from evalctl.sync.decide import decide
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.ledger import REF, Ledger, Records
from evalctl.sync.observe import Observation, ask_scheduler, missing_tasks, needs_scheduler, observe, observe_downloads
from evalctl.sync.publish import committed_results
from evalctl.sync.records import JobRecord
from evalctl.sync.settled import SettledJob
from evalctl.sync.weights import AWAITED


class SyncPass:
    """Clone, ledger and plans of one pass, with the warnings that came up; `settled` are jobs that need no plan."""

    def __init__(self, context: Context, plans: Sequence[RequestPlan], settled: Sequence[SettledJob] = ()) -> None:
        self.context = context
        self.plans = plans
        self.settled = settled
        self.repo = open_repository(context.root)
        self.ledger = Ledger(self.repo)
        self.jobs: dict[str, Job] = {job.name: job for plan in plans for job in plan.jobs}
        self.downloads: dict[str, Download] = {
            one.name: one for plan in plans for one in plan.downloads if one.service == context.service_name
        }
        self.warnings: list[str] = []
        self.remote_answers = True

    def ready(self) -> None:
        """Raises for results that could not be committed later, and completes a move that an earlier pass left unfinished."""
        self.repo.identity()
        require_free(self.repo, REF)
        evals = [task.evaluation for job in self.jobs.values() for task in job.tasks]
        awaited = [path for one in evals for path in _files_of(one)]
        if awaited:  # paths of settled jobs have their results already
            refuse_occupied(awaited, self.repo.entries(self.repo.resolve("HEAD"), RESULTS.rstrip("/")))
            refuse_unreachable(self.repo, awaited)
        refuse_filtered(self.repo, [PATH, *awaited])
        finish_move(self.repo)
        self.repo.sweep()

    def observe(self, *, ask: bool = False) -> Observation:
        """The state now; the scheduler is asked at most once, and unless `ask` only if anything is unfinished."""
        try:
            self.ledger.refresh()
        except Unreachable as problem:
            self.remote_answers = False
            self.warnings.append(f"{problem.message}; nothing is submitted until it does")
        observed = Observation(
            committed_results(self.context, self.repo), self.ledger.read(), (), "", self.context.clock()
        )
        if not (ask or needs_scheduler(self.plans, observed, self.context) or self._under_way(observed.records)):
            return observed
        sightings, silence = ask_scheduler(self.context)
        if silence:
            self.warnings.append(f"the scheduler did not answer: {silence}")
        return replace(observed, sightings=sightings, silence=silence)

    def observe_again(self, observed: Observation) -> Observation:
        """The observation with results and ledger read again; the scheduler's answer is kept."""
        return replace(observed, results=committed_results(self.context, self.repo), records=self.ledger.read())

    def _under_way(self, records: Records) -> bool:
        """Whether an attempt is open apart from those of unfinished jobs."""
        return bool(self.left_over(records)) or any(records.of(name).open for name in self.downloads)

    def left_over(self, records: Records) -> list[JobRecord]:
        """Open attempts of ours whose job no request asks for any more (it was edited or withdrawn)."""
        return [
            record for name, record in sorted(records.by_job.items())
            if name not in self.jobs and name not in self.downloads and record.open
            and record.open.service == self.context.service_name and record.open.by == self.context.me
        ]  # fmt: skip

    def downloads_for(self, requests: Collection[str], observed: Observation) -> list[str]:
        """The downloads under way that only these requests wait for."""
        return [
            name for name, one in self.downloads.items()
            if observed.records.of(name).open and self._waiting(one, observed).issubset(requests)
        ]  # fmt: skip

    def _waiting(self, download: Download, observed: Observation) -> set[str]:
        jobs = (job for job in self.jobs.values() if job.weights == download.weights)
        return {job.request for job in jobs if missing_tasks(job, observed.results)} or {download.request}

    @property
    def work(self) -> dict[str, Work]:
        """The jobs and downloads that may be submitted."""
        return {**self.jobs, **self.downloads}

    def evidence(self, observed: Observation) -> dict[str, JobEvidence]:
        """The evidence for all jobs of this service, and for attempts that no request asks for any more."""
        here = self.context.service_name
        mine = [job for job in self.jobs.values() if job.service == here]
        known = [observed.records.of(job.name) for job in self.settled if job.service == here]
        return {
            **observe_downloads(self.context, list(self.downloads.values()), mine, observed),
            **observe(self.context, mine, [*known, *self.left_over(observed.records)], observed),
        }

    def steps(self, observed: Observation, evidence: Mapping[str, JobEvidence]) -> list[Step]:
        """What to do about every job, those of other services included."""
        decided = {name: decide(one) for name, one in evidence.items()}
        decided = within_budget(self.context, self.repo, observed.records, self.work, evidence, decided)
        return [
            *(self._with_download(step, decided) for step in decided.values()),
            *(_elsewhere(job, observed) for job in self.jobs.values() if job.service != self.context.service_name),
            *(_done(job) for job in self.settled if job.service != self.context.service_name),
        ]

    def _with_download(self, step: Step, decided: Mapping[str, Step]) -> Step:
        """The step; one that waits for a download gets the download's reason in its detail."""
        job = self.jobs.get(step.job)
        if job is None or step.reason not in AWAITED:
            return step
        found = [
            decided[one.name] for one in self.downloads.values() if one.weights == job.weights and one.name in decided
        ]
        detail = "; ".join([step.detail, *(f"{one.job}: {one.reason}" for one in found)])
        return replace(step, detail=detail)

    @property
    def requests(self) -> set[str]:
        """The requests whose evals are known."""
        return {*(plan.request for plan in self.plans), *(job.request for job in self.settled)}

    def places(self) -> dict[str, str]:
        """Path of each result to the digest of its eval."""
        tasks = [task.evaluation for job in self.jobs.values() for task in job.tasks]
        settled = {place: digest for job in self.settled for place, digest in job.results.items()}
        return {**settled, **{evaluation.result_path: evaluation.digest for evaluation in tasks}}


def _files_of(evaluation: Eval) -> tuple[str, str, str]:
    """The files that its result is committed as; the digest of its question set is not known yet."""
    record = evaluation.result_path
    return record, path_of(record), set_path(evaluation.task.key, "0" * 16)


def _elsewhere(job: Job, observed: Observation) -> Step:
    if missing_tasks(job, observed.results):
        return Step(job.name, Action.WAIT, "other-service", f"run evalctl sync on {job.service}")
    return _done(job)


def _done(job: Job | SettledJob) -> Step:
    return Step(job.name, Action.DONE, "result-current")
