"""What a policy says about a change: refused, who must approve, and the budgets before and after."""

from __future__ import annotations

from typing import Any

import pytest

from evalctl.model.policy import Policy
from evalctl.policy.approvals import ChangedRequest, judged, unread
from evalctl.policy.budgets import NEVER, NEXT_MONTH, refused, states
from evalctl.policy.spent import AttemptExpense, Expense, Expenses

MONTH, PATH = "2026-11", "manifests/requests/one.yaml"


def expense(
    value: float, *, month: str = MONTH, person: str = "alice", request: str = PATH, service: str = "tsubame"
) -> Expense:
    """So many points, each of 100 yen."""
    return Expense(
        service=service, month=month, person=person, model="team/tiny", request=request, hours=1, unit="point", value=value,
        currency="JPY", money=value * 100,
    )  # fmt: skip


def request(**more: Any) -> ChangedRequest:
    """A request for ten points."""
    return ChangedRequest(**{"path": PATH, "person": "alice", "service": "tsubame", "costs": (expense(10),), **more})


@pytest.mark.parametrize(
    ("rule", "asked", "why"),
    [
        ({"what": "priority"}, {"priority": "priority -3 is above the default (-5)"}, "priority -3"),
        ({"what": "trust_remote_code"}, {"remote_code": ("team/odd",)}, "code of team/odd"),
        ({"what": "public_upload"}, {"public_upload": "our-org"}, "our-org"),
        ({"what": "provider"}, {"providers": ("openai",)}, "openai"),
        ({"what": "path"}, {"paths": ("/data/other/model",)}, "/data/other/model"),
        ({"what": "path"}, {"paths": ("/gs/models/../../root/x",)}, "outside the named roots"),
        ({"what": "walltime", "walltime": "12:00:00"}, {"walltime": 12 * 3600 + 1}, "12:00:00"),
        ({"what": "cost", "service": "tsubame", "units": 9.5}, {}, "up to 10 units"),
        ({"what": "cost", "money": 999}, {}, "up to 1,000 JPY"),
    ],
)
def test_what_fits_a_rule_needs_the_approval_that_it_names(
    rule: dict[str, Any], asked: dict[str, Any], why: str
) -> None:
    """And of nobody else; `by: nobody` refuses the same."""
    policy = Policy.model_validate({"approvals": [{**rule, "by": "@org/team"}], "roots": ["/gs/models"]})
    found = judged(policy, Expenses(), MONTH, [request(**asked)], [])
    assert [(one.by, one.file) for one in found.approvals] == [("@org/team", PATH)] and why in found.approvals[0].why
    nobody = Policy.model_validate({"approvals": [{**rule, "by": "nobody"}], "roots": ["/gs/models"]})
    found = judged(nobody, Expenses(), MONTH, [request(**asked)], [])
    assert found.approvals == () and len(found.refused) == 1


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        ({"what": "priority"}, {}), ({"what": "path"}, {"paths": ("/gs/models/a",)}), ({"what": "cost", "money": 1000}, {}),
        ({"what": "walltime", "walltime": "12:00:00"}, {"walltime": 12 * 3600}),
        ({"what": "cost", "service": "abci", "units": 1}, {}),
    ],
)  # fmt: skip
def test_what_fits_no_rule_needs_no_approval(rule: dict[str, Any], asked: dict[str, Any]) -> None:
    """At the limit is not above it."""
    policy = Policy.model_validate({"approvals": [{**rule, "by": "@org/team"}], "roots": ["/gs/models"]})
    assert judged(policy, Expenses(), MONTH, [request(**asked)], []).approvals == ()


def test_a_change_of_a_service_needs_approval() -> None:
    """By its file."""
    policy = Policy.model_validate({"approvals": [{"what": "service_change", "by": "@org/sites"}]})
    found = judged(policy, Expenses(), MONTH, [], ["manifests/services/tsubame.yaml", "manifests/providers/x.yaml"])
    assert [(one.by, one.file) for one in found.approvals] == [("@org/sites", "manifests/services/tsubame.yaml")]


def test_a_policy_that_cannot_be_read_allows_nothing() -> None:
    """Everything needs a person."""
    found = unread("line 3: a tab", "manifests/policy.yaml")
    assert found.unreadable and "everything needs a person" in found.approvals[0].why


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        ({"per": "month", "service": "tsubame", "units": 30}, (27, 17)),
        ({"per": "month", "money": 3000}, (2700, 1700)),
        ({"per": "person", "service": "tsubame", "units": 30}, (28, 18)),
        ({"per": "group", "group": "nlp", "service": "tsubame", "units": 30}, (29, 29)),
        ({"per": "request", "service": "tsubame", "units": 30}, (16, 6)),
        ({"per": "month", "service": "abci", "units": 30}, (30, 30)),
    ],
)
def test_each_kind_of_budget_counts_what_concerns_it(budget: dict[str, Any], left: tuple[float, float]) -> None:
    """Spent this month: two points of alice's request; one of bob's in flight; twelve of alice's last month."""
    policy = Policy.model_validate({"budgets": [budget], "groups": {"nlp": ["bob"]}})
    bobs = expense(1, person="bob", request="manifests/requests/two.yaml")
    known = Expenses(
        (AttemptExpense(expense(2), True, True), AttemptExpense(expense(12, month="2026-10"), True, True)), (bobs,)
    )
    (state,) = states(policy, known, MONTH, [expense(10)])
    assert (state.left, state.left_after) == left


def test_what_the_budget_does_not_hold_waits_and_says_when_it_would_fit() -> None:
    """In the order of asking; a smaller one behind may still fit; what is larger than the budget never fits."""
    policy = Policy.model_validate({"budgets": [{"per": "month", "service": "tsubame", "units": 10}]})
    found = refused(policy, Expenses(), MONTH, [expense(6), expense(5), expense(11), expense(4), expense(0)])
    assert {index: state.when for index, state in found.items()} == {1: NEXT_MONTH, 2: NEVER}


def test_a_request_larger_than_a_budget_is_refused() -> None:
    """Its jobs together, though each would fit."""
    policy = Policy.model_validate({"budgets": [{"per": "request", "service": "tsubame", "units": 15}]})
    found = judged(policy, Expenses(), MONTH, [request(costs=(expense(10), expense(10)))], [])
    assert "up to 20 units" in found.refused[0].why


def test_a_request_that_fits_next_month_is_not_refused() -> None:
    """It waits, once it is merged."""
    policy = Policy.model_validate({"budgets": [{"per": "month", "service": "tsubame", "units": 15}]})
    known = Expenses((AttemptExpense(expense(10), True, True),))
    found = judged(policy, known, MONTH, [request()], [])
    assert found.refused == () and not found.budgets[0].holds and found.budgets[0].when == NEXT_MONTH


@pytest.mark.parametrize("what", ["priority", "walltime", "provider", "cost"])
def test_a_rule_of_a_service_leaves_other_services_alone(what: str) -> None:
    """A high priority on another service is not this rule's."""
    rule = {"what": what, "service": "abci", "by": "@org/team"}
    limits: dict[str, dict[str, Any]] = {"walltime": {"walltime": "1:00:00"}, "cost": {"units": 1}}
    more = limits.get(what, {})
    asked = request(priority="priority -3", walltime=9000, providers=("openai",))
    policy = Policy.model_validate({"approvals": [{**rule, **more}]})
    assert judged(policy, Expenses(), MONTH, [asked], []).approvals == ()
    here = Policy.model_validate({"approvals": [{**rule, **more, "service": "tsubame"}]})
    assert len(judged(here, Expenses(), MONTH, [asked], []).approvals) == 1
