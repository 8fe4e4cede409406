"""The steps of gates.yml, run as they stand when results have reached main."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from questions import record

from .remote import MODEL, Remote
from .workflow import Run, jobs, load, run_job

LEDGER, DECIDE, SUMMARY = "Fetch the ledger", "Decide all gates", "Write the outcome into the summary"
GATE = (
    f"baseline: {{model: {MODEL}, custom_settings: plain}}\ncandidates: [{MODEL}]\n"
    "required: [{entry: gpqa_diamond, margin: 0.05}]\n"
)
Landed = Callable[..., Run]


def measured(share: float, settings: str = "") -> dict[str, str]:
    """400 questions, the first of which are right."""
    right = round(400 * share)
    return record(MODEL, "en_gpqa_diamond", [1] * right + [0] * (400 - right), settings=settings)


@pytest.fixture
def landed(remote: Remote, tmp_path: Path) -> Landed:
    """Results on main, and the workflow that the push starts."""

    def run(*files: Mapping[str, str], gate: str = GATE) -> Run:
        every = {path: text for one in files for path, text in one.items()}
        remote.commit({**every, **({"manifests/gates/release.yaml": gate} if gate else {})}, compiled=False)
        remote.evalctl("results", "rebuild")
        remote.git("add", "-A")
        remote.git("commit", "-q", "--allow-empty", "-m", "results")
        remote.git("push", "-q", "origin", "main")
        clone = tmp_path / "clone"
        remote.git("clone", "-q", f"file://{tmp_path}/remote.git", str(clone), cwd=tmp_path)
        (job,) = jobs(load("gates.yml"))
        return run_job(job, clone, tmp_path, leave_out="install")

    return run


def test_results_and_gates_that_reach_main_start_it() -> None:
    """Nothing else does."""
    assert load("gates.yml")["on"]["push"] == {
        "branches": ["main"], "paths": ["results/**", "manifests/gates/**", "manifests/tasks/**"],
    }  # fmt: skip


def test_a_gate_that_passes_is_in_the_summary(landed: Landed) -> None:
    """With the interval and its method."""
    run = landed(measured(0.7, "plain"), measured(0.6975))
    assert {name: ran.status for name, ran in run.steps.items()} == {LEDGER: 0, DECIDE: 0, SUMMARY: 0}
    assert run.annotations(DECIDE)[0].startswith("::notice file=manifests/gates/release.yaml,")
    assert "## gate release: PASS" in run.summary and "non-inferiority by the interval" in run.summary
    assert "not checked against the ledger" in run.summary


def test_a_gate_that_fails_fails_the_workflow(landed: Landed) -> None:
    """The summary is written all the same."""
    run = landed(measured(0.9, "plain"), measured(0.1))
    assert run.steps[DECIDE].status == 1 and run.steps[SUMMARY].status == 0
    assert run.annotations(DECIDE)[0].startswith("::error file=manifests/gates/release.yaml,")
    assert "## gate release: FAIL" in run.summary


def test_what_is_not_decided_is_a_notice_and_what_cannot_be_a_warning(landed: Landed) -> None:
    """Neither fails the workflow: the next results may decide."""
    run = landed(measured(0.7, "plain"), measured(0.6975), gate=GATE.replace("0.05", "0.000001"))
    assert run.steps[DECIDE].status == 0 and "INCONCLUSIVE" in run.annotations(DECIDE)[0]
    assert run.annotations(DECIDE)[0].startswith("::notice ")


def test_a_model_that_is_not_measured_yet_is_a_warning(landed: Landed) -> None:
    """INVALID, with the reason."""
    run = landed(measured(0.7, "plain"))
    assert run.steps[DECIDE].status == 0
    assert run.annotations(DECIDE)[0].startswith("::warning ") and "was not measured" in run.annotations(DECIDE)[0]
    assert "## gate release: INVALID" in run.summary


def test_without_gates_it_passes(landed: Landed) -> None:
    """The summary says that there are none."""
    run = landed(measured(0.7), gate="")
    assert all(ran.status == 0 for ran in run.steps.values())
    assert "there are no gates" in run.summary
