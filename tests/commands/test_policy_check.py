"""`evalctl check --base`: the policy of the base decides what is refused and what needs an approval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.test_check_command import GOOD, evalctl
from spec.literate import EXAMPLE, repository
from sync.world import git

POLICY = "manifests/policy.yaml"
STRICT = (
    "approvals:\n  - {what: priority, by: '@org/leads'}\nbudgets:\n  - {per: request, service: tsubame, units: 100}\n"
)
URGENT = GOOD + "priority: -3\n"


def changed(tmp_path: Path, policy: str, request: str, then: str | None = None) -> Path:
    """A repository whose base has this policy, with a request (and another policy) on top."""
    root = repository(tmp_path, {})
    (root / ".gitignore").write_text("/.evalctl/\n")
    (root / POLICY).write_text(policy)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "base")
    (root / EXAMPLE).parent.mkdir(parents=True, exist_ok=True)
    (root / EXAMPLE).write_text(request)
    if then is not None:
        (root / POLICY).write_text(then)
    return root


def test_a_request_that_the_policy_does_not_mind(tmp_path: Path) -> None:
    """Default priority, few points."""
    said = evalctl("check", "--base", "main", cwd=changed(tmp_path, STRICT, GOOD))
    assert said.returncode == 0, said.stdout


def test_what_needs_an_approval_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    """7: no mistake, but a person must look."""
    said = evalctl("check", "--base", "main", cwd=changed(tmp_path, STRICT, URGENT))
    assert said.returncode == 7 and "needs approval by @org/leads: priority -3 is above the default (-5)" in said.stdout


def test_a_change_cannot_relax_the_policy_that_applies_to_it(tmp_path: Path) -> None:
    """The policy of the base counts, and the change of it is named."""
    said = evalctl("check", "--base", "main", cwd=changed(tmp_path, STRICT, URGENT, then="approvals: []\n"))
    assert said.returncode == 7 and "needs approval by @org/leads" in said.stdout and "policy: " in said.stdout


def test_what_the_policy_refuses_is_an_error(tmp_path: Path) -> None:
    """More than any request may cost."""
    policy = STRICT.replace("units: 100", "units: 0.01")
    said = evalctl("check", "--base", "main", cwd=changed(tmp_path, policy, GOOD))
    assert said.returncode == 1 and "error[policy-refused]" in said.stdout and "0.01" in said.stdout


@pytest.mark.parametrize(
    "text", ["approvals: {\n", "aprovals: []\n", "budgets: [{per: month}]\n", "\tx\n", "- 1\n", "x: \x00\n"]
)
def test_a_base_whose_policy_cannot_be_read_needs_a_person(tmp_path: Path, text: str) -> None:
    """Never: allowed. The change may repair it."""
    said = evalctl("check", "--base", "main", cwd=changed(tmp_path, text, GOOD, then="approvals: []\n"))
    assert said.returncode == 7 and "everything needs a person" in said.stdout, said.stdout + said.stderr


def test_mistakes_of_a_policy_are_named(tmp_path: Path) -> None:
    """With the name that was meant."""
    root = changed(tmp_path, STRICT, GOOD, then=STRICT.replace("tsubame", "tsubane"))
    said = evalctl("check", cwd=root)
    assert said.returncode == 1 and "did you mean `tsubame`" in said.stdout


def test_the_plan_has_each_budget_before_and_after(tmp_path: Path) -> None:
    """In text, Markdown and JSON."""
    root = changed(tmp_path, STRICT, GOOD)
    git(root, "add", "-A")
    git(root, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "a request")
    text = evalctl("plan", cwd=root).stdout
    line = next(line for line in text.splitlines() if "budget per request on tsubame" in line)
    assert "100 of 100 units left" in line and "after this at its worst" in line
    assert "budget per request on tsubame" in evalctl("plan", "--format", "markdown", cwd=root).stdout
    (budget,) = json.loads(evalctl("plan", "--json", cwd=root).stdout)["budgets"]
    assert budget["left"] == 100 and 0 < budget["left_after"] < 100 and budget["holds"] is True


def test_status_says_what_is_left_of_the_month(tmp_path: Path) -> None:
    """Below the table."""
    root = changed(tmp_path, "budgets:\n  - {per: month, service: tsubame, units: 100}\n", GOOD)
    said = evalctl("status", "--service", "tsubame", cwd=root)
    assert "budget of the month on tsubame: 100 of 100 units left" in said.stdout, said.stderr
