"""A record counts when an attempt of the ledger accounts for it, or when a person has said so in git."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evalctl.commands import accept
from evalctl.git.repository import open_repository
from evalctl.results.proof import ACCEPTED, NOT_CHECKED, PROVEN, TAKEN_OVER, UNPROVEN, Proofs
from evalctl.results.record import to_text
from evalctl.results.store import Listed
from evalctl.results.submission import inputs
from evalctl.sync.follow import unproven_warning
from evalctl.sync.ledger import Ledger
from evalctl.sync.proofs import proofs_at
from evalctl.sync.publish import committed_results
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan

FOLDER = "results/hosted_vllm/team/tiny/default"
COPY = "results/hosted_vllm/team/tiny/other"
FORGED = f"{FOLDER}/en/capitals/result.json"


@pytest.fixture
def measured(measured: Clone) -> Clone:
    """One result that an attempt gave, and one beside it that somebody wrote."""
    record = json.loads((measured.root / FOLDER / "en/arithmetic/result.json").read_text())
    forged(measured, record, 0.9)
    return measured


def forged(clone: Clone, record: dict[str, Any], score: float) -> None:
    """A record of another task, which names the attempt that is known."""
    task = {**record["task"], "key": "en_capitals", "script": "capitals", "result_dir": "en/capitals"}
    scores = {"capitals|0": {"em": score}}
    (clone.root / FORGED).parent.mkdir(parents=True, exist_ok=True)
    (clone.root / FORGED).write_text(to_text({**record, "digest": "f" * 64, "task": task, "scores": scores}))
    git(clone.root, "add", FORGED)
    git(clone.root, "commit", "-q", "-m", "by hand")
    git(clone.root, "push", "-q")


def page(clone: Clone) -> str:
    """The committed leaderboard's row."""
    return git(clone.root, "show", "HEAD:results/README.md")


def states(clone: Clone) -> dict[str, str]:
    """What is known of each committed record, by task."""
    proofs = proofs_at(open_repository(clone.root), "HEAD", authoritative=False)
    found = committed_results(clone.context(), open_repository(clone.root)).by_path.values()
    return {one.task: proofs.state(one) for one in found}


def test_a_record_that_no_attempt_accounts_for_is_marked(measured: Clone) -> None:
    """On the leaderboard and in the report; the measured one beside it is not."""
    (warning,) = sync(measured.context(), []).warnings
    assert "unproven" in warning and FORGED in warning
    assert "| 0.5000 ±0.3129 | 0.9000 (unproven) |" in page(measured)
    assert states(measured) == {"en_arithmetic": PROVEN, "en_capitals": UNPROVEN}


def test_marks_follow_the_ledger(measured: Clone) -> None:
    """A pass over the same results with another ledger writes the page anew: what it says of them has changed."""
    sync(measured.context(), [])
    ledger = Ledger(open_repository(measured.root))
    (record,) = ledger.read().by_job.values()
    ledger.record(lambda _: {record.job: replace(record, collected={}, pinned={})}, "forgets what was collected")
    sync(measured.context(), [])
    assert "| 0.5000 ±0.3129 (unproven) | 0.9000 (unproven) |" in page(measured)
    ledger.record(lambda _: {record.job: record}, "knows it again")
    sync(measured.context(), [])
    assert "| 0.5000 ±0.3129 | 0.9000 (unproven) |" in page(measured)


def edit(clone: Clone, *, score: float) -> None:
    """Another score in the record of the attempt that is known."""
    path = f"{FOLDER}/en/arithmetic/result.json"
    record = json.loads((clone.root / path).read_text())
    (clone.root / path).write_text(
        to_text({**record, "scores": {key: {**one, "em": score} for key, one in record["scores"].items()}})
    )
    git(clone.root, "commit", "-q", "-m", "edited", path)
    git(clone.root, "push", "-q")


def test_an_edited_score_of_an_honest_attempt_is_unproven(measured: Clone) -> None:
    """The ledger notes what was collected, and the same digest at the same place with another score is not that."""
    edit(measured, score=0.99)
    assert states(measured)["en_arithmetic"] == UNPROVEN
    sync(measured.context(), [])
    assert "0.9900 (unproven)" in page(measured)
    edit(measured, score=0.5)
    assert states(measured)["en_arithmetic"] == PROVEN


@pytest.mark.parametrize(("others", "state"), [("", PROVEN), ("commit", PROVEN), ("accept", ACCEPTED)])
def test_an_open_attempt_accounts_for_nothing_that_it_has_not_given(
    clone: Clone, world: World, new_clone: Callable[..., Clone], others: str, state: str
) -> None:
    """A record planted while the job runs is unproven, and what was measured takes its place; also on top of a commit that
    another clone pushed meanwhile, unless it accepts what was planted."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    git(clone.root, "push", "-q")
    sync(clone.context(), plan(job))
    (ledger,) = Ledger(open_repository(clone.root)).read().by_job.values()
    ran = {"job": ledger.job, "attempt": 1, "name": ledger.attempts[0].name}
    (evaluation,) = (task.evaluation for task in job.tasks)
    fake = {
        **inputs(evaluation).as_json(),
        "scores": {"arithmetic|0": {"em": 0.99}},
        "weights": {},
        "ran": ran,
        "measured_at": 1,
    }
    (clone.root / ORIGINAL).parent.mkdir(parents=True)
    (clone.root / ORIGINAL).write_text(to_text(fake))
    git(clone.root, "add", "results")
    git(clone.root, "commit", "-q", "-m", "by hand")
    git(clone.root, "push", "-q")
    assert states(clone) == {"en_arithmetic": UNPROVEN}
    sync(clone.context(), plan(job))
    world.run_all()
    if others:
        bob = new_clone("bob", "bob")
        bob.add_script(make_job(make_eval("capitals"), stem="two"))
        if others == "accept":
            _accept(bob, ORIGINAL)
        git(bob.root, "push", "-q")
    sync(clone.context(), plan(job))
    assert git(clone.root, "rev-parse", "HEAD") == git(clone.root, "rev-parse", "origin/main")
    assert states(clone) == {"en_arithmetic": state}
    assert ("| 0.9900 |" if state == ACCEPTED else "| 0.5000 ±0.3129 |") in page(clone)


def _accept(clone: Clone, path: str) -> None:
    """As a person does, without the push."""
    assert accept.run(argparse.Namespace(paths=[path], why="seen"), clone.root) == 0
    git(clone.root, "add", "results/accepted.json")
    git(clone.root, "commit", "-q", "-m", "accepted")


def test_a_copy_is_made_of_the_proven_record_where_there_is_one(measured: Clone) -> None:
    """A forged record of the same digest, first by its path, is not the one that another request gets."""
    subject = {**json.loads((measured.root / ORIGINAL).read_text())["subject"], "custom_settings": {"name": "aaa"}}
    place = ORIGINAL.replace("/default/", "/aaa/")
    assert planted(measured, place, subject=subject, scores={"arithmetic|0": {"em": 0.99}}) == UNPROVEN
    other = make_job(make_eval("arithmetic", settings="other"), request="manifests/requests/two.yaml", stem="two")
    measured.add_script(other)
    git(measured.root, "push", "-q")
    sync(measured.context(), plan(other))
    record = json.loads((measured.root / COPY / "en/arithmetic/result.json").read_text())
    assert (record["scores"], record["reused_from"]) == ({"arithmetic|0": {"em": 0.5, "em_stderr": 0.1}}, ORIGINAL)


ORIGINAL = f"{FOLDER}/en/arithmetic/result.json"


def planted(clone: Clone, path: str, **changes: Any) -> str:
    """What is known of a copy of the honest record at `path` with other values."""
    record = json.loads((clone.root / ORIGINAL).read_text())
    (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
    (clone.root / path).write_text(to_text({**record, **changes}))
    git(clone.root, "add", path)
    git(clone.root, "commit", "-q", "-m", "by hand")
    git(clone.root, "push", "-q")
    proofs = proofs_at(open_repository(clone.root), "HEAD", authoritative=False)
    found = committed_results(clone.context(), open_repository(clone.root)).by_path
    return proofs.state(found[path]) if path in found else "unreadable"


def test_an_honest_record_proves_nothing_at_another_models_place(measured: Clone) -> None:
    """As it is, or with the name of the other model: the score is the first model's, and is marked on the leaderboard."""
    assert planted(measured, "results/hosted_vllm/team/other/default/en/arithmetic/result.json") == UNPROVEN
    subject = json.loads((measured.root / ORIGINAL).read_text())["subject"]
    third = {**subject, "model": "team/third"}
    path = "results/hosted_vllm/team/third/default/en/arithmetic/result.json"
    assert planted(measured, path, subject=third) == UNPROVEN
    sync(measured.context(), [])
    rows = [line for line in page(measured).splitlines() if "team/other" in line or "team/third" in line]
    assert len(rows) == 2 and all("0.5000 (unproven)" in row for row in rows)


@pytest.mark.parametrize(
    "changes",
    [
        {"warnings": ["none"]},
        {"answered_by": {"x": 1}},
        {"generation": {"temperature": 0.7}},
        {"server": {}},
        {"more": 1},
    ],
)
def test_whatever_a_record_says_of_its_measurement_is_what_was_collected(
    measured: Clone, changes: dict[str, Any]
) -> None:
    """Warnings, settings and what else is there are noted with the scores."""
    assert planted(measured, ORIGINAL, **changes) == UNPROVEN


@pytest.mark.parametrize(
    "changes",
    [{"entries": {"capitals": 0.9}}, {"digest": "imported-1"}, {"imported": {"on": "today"}}, {"imported": None}],
)
def test_a_record_is_imported_or_measured_and_says_which(measured: Clone, changes: dict[str, Any]) -> None:
    """Entries of the lab's tables, which nothing recomputes, are in imported records only; those are marked as such."""
    assert planted(measured, ORIGINAL, **changes) == "unreadable"


def test_an_unproven_score_is_marked_whatever_task_it_says_to_be_of(measured: Clone) -> None:
    """The leaderboard finds scores by their own names, and so do its marks."""
    record = json.loads((measured.root / ORIGINAL).read_text())
    task = {**record["task"], "key": "en_zzz", "script": "zzz", "result_dir": "en/zzz"}
    scores = {"arithmetic|0": {"em": 0.99}}
    changes = {"digest": "e" * 64, "task": task, "scores": scores, "measured_at": record["measured_at"] + 1}
    assert planted(measured, f"{FOLDER}/en/zzz/result.json", **changes) == UNPROVEN
    sync(measured.context(), [])
    assert "0.9900 (unproven)" in page(measured)


def test_an_attempt_that_an_older_evalctl_closed_accounts_for_its_results(measured: Clone) -> None:
    """It noted no fingerprints: nothing is said against its results."""
    ledger = Ledger(open_repository(measured.root))
    older = {name: replace(record, pinned={}) for name, record in ledger.read().by_job.items()}
    assert all(record.pinned for record in ledger.read().by_job.values())
    assert ledger.record(lambda _: older, "as before") == ""
    edit(measured, score=0.99)
    assert states(measured)["en_arithmetic"] == PROVEN


def test_a_pass_that_ends_between_commit_and_ledger_leaves_nothing_unproven(clone: Clone, world: World) -> None:
    """The open attempt accounts for its results, and the next pass notes the fingerprints of the same ones."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    git(clone.root, "push", "-q")
    sync(clone.context(), plan(job))
    world.run_all()
    with pytest.raises(InterruptedError):
        sync(clone.context(checkpoint=_ends_at("before-close")), plan(job))
    assert states(clone) == {"en_arithmetic": PROVEN}
    sync(clone.context(), plan(job))
    (record,) = Ledger(open_repository(clone.root)).read().by_job.values()
    (one,) = committed_results(clone.context(), open_repository(clone.root)).by_path.values()
    assert record.pinned == {1: ((one.digest, one.fingerprint),)} and states(clone) == {"en_arithmetic": PROVEN}


def _ends_at(point: str) -> Callable[[str], None]:
    def end(name: str) -> None:
        if name == point:
            raise InterruptedError

    return end


def test_a_copy_of_an_unproven_result_is_unproven(measured: Clone) -> None:
    """Another request reuses it: nothing is measured, the report says so, and the copy is marked as its source is."""
    edit(measured, score=0.99)
    other = make_job(make_eval("arithmetic", settings="other"), request="manifests/requests/two.yaml", stem="two")
    measured.add_script(other)
    git(measured.root, "push", "-q")
    report = sync(measured.context(), plan(other))
    assert any("unproven result reused" in one and f"{COPY}/en/arithmetic" in one for one in report.warnings)
    proofs = proofs_at(open_repository(measured.root), "HEAD", authoritative=False)
    found = committed_results(measured.context(), open_repository(measured.root)).by_path
    assert proofs.state(found[f"{COPY}/en/arithmetic/result.json"]) == UNPROVEN


def test_many_unproven_records_are_one_warning() -> None:
    """It says how many there are, names the first three, and says what to type."""
    found = [Listed(f"results/{number}/result.json", "d", "t", "r", 0.0) for number in range(2000)]
    (warning,) = unproven_warning(found)
    assert warning.startswith("2000 results unproven") and "and 1997 more" in warning
    assert "evalctl results accept PATH --why TEXT" in warning
    assert unproven_warning([]) == []


def test_the_results_of_one_commit_are_indexed_once(measured: Clone) -> None:
    """A pass asks several times; another commit has another index."""
    context, repo = measured.context(), open_repository(measured.root)
    first = committed_results(context, repo)
    assert committed_results(context, open_repository(measured.root)) is first
    git(measured.root, "rm", "-q", FORGED)
    git(measured.root, "commit", "-q", "-m", "removed")
    assert FORGED in first.by_path and FORGED not in committed_results(context, repo).by_path


def test_a_person_says_in_git_that_it_counts(measured: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    """Who and why are in the file; another score at the same place is unproven again."""
    sync(measured.context(), [])
    accept.run(argparse.Namespace(paths=[FORGED], why="measured on paper"), measured.root)
    assert "results/accepted.json" in capsys.readouterr().out
    git(measured.root, "add", "results")
    git(measured.root, "commit", "-q", "-m", "accepted")
    git(measured.root, "push", "-q")
    assert sync(measured.context(), []).warnings == ()
    assert "unproven" not in page(measured) and states(measured)["en_capitals"] == ACCEPTED
    forged(measured, json.loads((measured.root / FOLDER / "en/arithmetic/result.json").read_text()), 0.99)
    sync(measured.context(), [])
    assert "| 0.9900 (unproven) |" in page(measured)


def test_without_a_ledger_nothing_is_said_to_be_unproven(measured: Clone) -> None:
    """A clone of a pull request has none: that is not checked, which is something else."""
    git(measured.root, "branch", "-q", "-D", "evalctl-state")
    assert set(states(measured).values()) == {NOT_CHECKED}


@pytest.mark.parametrize(
    "text", ["{", "{}", '[{"path": "x"}]', '[{"path": 1, "fingerprint": "f", "by": "b", "why": "w"}]']
)
def test_a_damaged_list_accepts_nothing(measured: Clone, text: str) -> None:
    """And stops no pass."""
    (measured.root / "results/accepted.json").write_text(text)
    git(measured.root, "add", "results")
    git(measured.root, "commit", "-q", "-m", "damaged")
    git(measured.root, "push", "-q")
    assert sync(measured.context(), []).exit_code == 0
    assert states(measured)["en_capitals"] == UNPROVEN


def test_what_the_state_of_a_record_follows_from() -> None:
    """An imported one is imported; one whose job's ledger file cannot be read is not checked."""
    proofs = Proofs({("j", 1): frozenset({"d"})}, frozenset({("p", "f")}), frozenset({"broken"}))

    def state(**more: Any) -> str:
        facts = {
            "path": "x",
            "belongs": "x",
            "digest": "d",
            "task": "t",
            "folder": "r",
            "measured_at": 0.0,
            "job": "j",
            "attempt": 1,
        }
        return proofs.state(Listed(**{**facts, **more}))

    assert state() == PROVEN
    assert [state(attempt=2), state(job=""), state(digest="e")] == [UNPROVEN] * 3
    assert state(belongs="y") == state(belongs="") == UNPROVEN
    assert state(path="p", fingerprint="f", job="") == ACCEPTED
    assert state(digest="imported-d", job="") == TAKEN_OVER
    assert state(job="broken") == NOT_CHECKED
