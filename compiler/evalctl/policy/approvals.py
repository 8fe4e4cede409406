"""What a change may do by the policy of its base: refused, in need of an approval, or neither; and the budgets before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from evalctl.model.policy import NOBODY, Approval, Policy
from evalctl.policy.budgets import NEVER, BudgetState, states
from evalctl.policy.spent import Expense, Expenses

POLICY_OWNERS = "the owners of manifests/policy.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRequest:
    """A request that the change adds or edits: what it does that a policy may mind. `priority`: in words, "" for the default or below."""

    path: str
    person: str = ""
    service: str = ""
    priority: str = ""
    remote_code: tuple[str, ...] = ()  # models
    public_upload: str = ""  # the organisation
    providers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    walltime: int = 0  # of the longest job
    costs: tuple[Expense, ...] = ()  # of its jobs that run, at their worst


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """One thing that is refused (`by` is ""), or that these must approve."""

    what: str
    by: str
    why: str
    file: str


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What the policy of the base says about a change. `unreadable`: why everything needs a person."""

    refused: tuple[PolicyFinding, ...] = ()
    approvals: tuple[PolicyFinding, ...] = ()
    budgets: tuple[BudgetState, ...] = ()
    unreadable: str = ""


def unread(why: str, file: str) -> PolicyVerdict:
    """The verdict where the base's policy cannot be read: everything needs a person."""
    text = f"the policy of the base cannot be read, so everything needs a person: {why}"
    return PolicyVerdict(approvals=(PolicyFinding("policy", POLICY_OWNERS, text, file),), unreadable=why)


def judged(
    policy: Policy, known: Expenses, month: str, requests: Sequence[ChangedRequest], files: Sequence[str]
) -> PolicyVerdict:
    """The verdict on these requests and changed files of manifests/."""
    found = [one for rule in policy.approvals for one in _by_rule(policy, rule, requests, files)]
    budgets = states(policy, known, month, [cost for one in requests for cost in one.costs])
    refused = [one for one in found if one.by == NOBODY]
    refused = [PolicyFinding(one.what, "", f"{one.why}, which the policy forbids", one.file) for one in refused]
    refused += [_beyond(one, state) for one in requests for state in _alone(policy, one, known, month)]
    approvals = [one for one in found if one.by != NOBODY]
    return PolicyVerdict(tuple(dict.fromkeys(refused)), tuple(dict.fromkeys(approvals)), tuple(budgets))


def _alone(policy: Policy, request: ChangedRequest, known: Expenses, month: str) -> Iterator[BudgetState]:
    """The budgets that can never hold this request; those that will next month refuse nothing."""
    whole = [_sum(request.path, costs) for costs in _by_unit(request.costs)]
    for state in states(policy, known, month, whole):
        if not state.holds and state.when == NEVER:
            yield state


def _by_unit(costs: Iterable[Expense]) -> list[list[Expense]]:
    groups: dict[tuple[str, str, str], list[Expense]] = {}
    for one in costs:
        groups.setdefault((one.service, one.unit, one.currency), []).append(one)
    return list(groups.values())


def _sum(path: str, costs: Sequence[Expense]) -> Expense:
    first = costs[0]
    money = [one.money for one in costs if one.money is not None]
    return Expense(
        service=first.service, month=first.month, person=first.person, model="", request=path, unit=first.unit,
        hours=sum(one.hours for one in costs), value=sum(one.value for one in costs), currency=first.currency,
        money=sum(money) if money else None,
    )  # fmt: skip


def _beyond(request: ChangedRequest, state: BudgetState) -> PolicyFinding:
    why = f"it costs up to {state.asked:,.10g} {state.unit}, more than the budget {state.name} holds ({state.limit:,.10g})"
    return PolicyFinding("budget", "", why, request.path)


def _by_rule(
    policy: Policy, rule: Approval, requests: Sequence[ChangedRequest], files: Sequence[str]
) -> Iterator[PolicyFinding]:
    prefix = {"service_change": "manifests/services/", "provider": "manifests/providers/"}.get(rule.what)
    for path in files if prefix else ():
        if path.startswith(str(prefix)) and rule.service in (None, PurePosixPath(path).stem):
            yield PolicyFinding(rule.what, rule.by, f"{path} changes", path)
    for one in requests:
        if rule.service not in (None, one.service):
            continue
        if why := _why(policy, rule, one):
            yield PolicyFinding(rule.what, rule.by, why, one.path)


def _why(policy: Policy, rule: Approval, one: ChangedRequest) -> str:
    if rule.what == "priority":
        return one.priority
    if rule.what == "trust_remote_code":
        return f"code of {', '.join(one.remote_code)} runs on the node" if one.remote_code else ""
    if rule.what == "public_upload":
        return (
            f"results and details go to {one.public_upload} on the Hub, where everybody can read them"
            if one.public_upload
            else ""
        )
    if rule.what == "provider":
        return f"questions go to {', '.join(one.providers)}" if one.providers else ""
    if rule.what == "path":
        outside = [path for path in one.paths if not _is_below(path, policy.roots)]
        return f"the model is read from {', '.join(outside)}, outside the named roots" if outside else ""
    return _too_much(rule, one)


def _too_much(rule: Approval, one: ChangedRequest) -> str:
    if rule.what == "walltime":
        hours, minutes, seconds = map(int, (rule.walltime or "0:0:0").split(":"))
        return (
            f"a job asks for more than {rule.walltime}" if one.walltime > hours * 3600 + minutes * 60 + seconds else ""
        )
    if rule.what == "cost":
        costs = [cost for cost in one.costs if rule.service in (None, cost.service)]
        worst = sum(cost.value if rule.units is not None else _money(cost, rule.currency) for cost in costs)
        unit = rule.currency if rule.units is None else "units"
        return f"it costs up to {worst:,.10g} {unit}, more than {rule.amount:,.10g}" if worst > rule.amount else ""
    return ""


def _money(cost: Expense, currency: str) -> float:
    return (cost.money or 0.0) if cost.currency == currency else 0.0


def _is_below(path: str, roots: Iterable[str]) -> bool:
    """By the words of the path: a `..` leads out of every root."""
    parts = PurePosixPath(path).parts
    return ".." not in parts and any(
        parts[: len(PurePosixPath(root).parts)] == PurePosixPath(root).parts for root in roots
    )
