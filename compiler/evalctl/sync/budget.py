"""Jobs that the policy's budgets do not hold now: the oldest request is submitted first, what is left over waits."""

from __future__ import annotations

from collections.abc import Mapping

from evalctl.git.repository import Repository
from evalctl.model.evaluation import Job, Work
from evalctl.model.policy import Policy
from evalctl.model.run import Action, Step
from evalctl.policy.budgets import NEVER, BudgetState, refused
from evalctl.policy.spent import Expense, ledger, month_of
from evalctl.sync import charges
from evalctl.sync.act import walltime
from evalctl.sync.context import Context
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.ledger import Records

OVER_BUDGET, UNREADABLE = "over-budget", "policy-unreadable"


def within_budget(
    context: Context, repo: Repository, records: Records, work: Mapping[str, Work],
    evidence: Mapping[str, JobEvidence], steps: Mapping[str, Step],
) -> dict[str, Step]:  # fmt: skip
    """The steps, in which jobs that no budget holds are not submitted; a claim without a submission is in the sums already."""
    policy = context.policy
    wanted = [name for name, step in steps.items() if step.action is Action.SUBMIT and evidence[name].attempt is None]
    if policy is None or not wanted or (isinstance(policy, Policy) and not policy.budgets):
        return dict(steps)
    if isinstance(policy, str):
        return {**steps, **{name: Step(name, Action.STOP, UNREADABLE, policy) for name in wanted}}
    ages = _added(repo)
    ordered = sorted(wanted, key=lambda name: (ages.get(work[name].request, context.clock()), work[name].request, name))
    month = month_of(context.clock())
    asked = [_asked(context, records, work[name], evidence[name], month) for name in ordered]
    known = ledger(charges.recorded(records), (), context.clock())
    held = refused(policy, known, month, asked)
    return {**steps, **{ordered[index]: _waiting(ordered[index], state) for index, state in held.items()}}


def _asked(context: Context, records: Records, work: Work, evidence: JobEvidence, month: str) -> Expense:
    keys = evidence.missing if isinstance(work, Job) else ()
    longest = walltime(context, work, keys, records.of(work.name).timeouts)
    charge = charges.claimed(context.service, work, keys, longest, context.me)
    per_unit = charge.currency_per_unit
    return Expense(
        service=work.service, month=month, person=charge.person, model=charge.model, request=work.request, hours=longest / 3600,
        unit=charge.unit, value=charge.worst, currency=charge.currency, money=None if per_unit is None else charge.worst * per_unit,
    )  # fmt: skip


def _waiting(job: str, state: BudgetState) -> Step:
    unit = f"{state.unit}" if state.unit != "units" else "points"
    detail = f"the budget {state.name} has {max(0.0, state.left):,.4f} {unit} left, {state.asked:,.4f} may be needed; it fits {state.when}"
    action = Action.STOP if state.when == NEVER else Action.WAIT
    return Step(job, action, OVER_BUDGET, detail.replace("fits never", "never fits"))


def _added(repo: Repository) -> dict[str, int]:
    """When each request came into this history first; a clone without history knows none."""
    listing = repo.run("log", "--diff-filter=A", "--format=@%ct", "--name-only", "-z", "--", "manifests/requests").text
    moment, found = 0, dict[str, int]()
    for word in listing.replace("\n", "\0").split("\0"):
        if word.startswith("@") and word[1:].isdigit():
            moment = int(word[1:])
        elif word:
            found[word] = moment  # the log begins with the newest commit
    return found
