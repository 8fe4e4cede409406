"""The same stories on each real scheduler, end to end: requests in git, `evalctl sync` as a user types it, the generated
script with stand-in server and framework, results on the remote.

`tests/clusters/NAME_up.sh` starts a scheduler; without one its stories skip. All jobs are submitted in one pass and run
side by side; each story then looks after its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lab import PARAMETERS, Lab, lab_at, labs_where

LONG = "a-request-whose-name-is-as-long-as-people-make-them-in-a-hurry-2026"
REQUESTS: dict[str, dict[str, Any]] = {
    "runs": {"task": "quick"},
    "fails": {"task": "crashes", "retries": 0},
    "drains": {"task": "slow_once_drains"},
    "overruns": {"task": "slow_once_overruns"},
    "cancelled": {"task": "slow_once_cancelled"},
    "behind": {"task": "slow_once_behind"},
    "held": {"task": "quick_held"},
    "refused": {"task": "quick_refused", "node_kind": "nowhere"},
    "no-folder": {"task": "quick_no_folder"},
    "twice": {"task": "slow_once_twice"},
    "requeued": {"task": "slow_once_requeued"},
    "invisible": {"task": "slow_once_invisible", "service": "patient"},
    "forgotten": {"task": "quick_forgotten", "service": "patient"},
    LONG: {"task": "quick_long"},
}


@pytest.fixture(scope="module")
def labs(request: pytest.FixtureRequest) -> Iterator[dict[str, Lab]]:
    """A clone for each scheduler that is asked for and answers, in which the first pass has been made."""
    with labs_where(request, lambda site: Lab(site, REQUESTS)) as made:
        for lab in made.values():
            lab.sync()
            lab.sync("patient")
        for lab in made.values():  # before all stories: Slurm looks at such a limit twice a minute
            lab.wait(lambda lab=lab: lab.working("overruns"), why=lambda lab=lab: lab.story("overruns"))
            if lab.site.overrun:
                lab.administrator(lab.site.overrun, lab.number("overruns"))
        yield made


@pytest.fixture(params=PARAMETERS)
def lab(request: pytest.FixtureRequest, labs: dict[str, Lab]) -> Lab:
    """The clone at one scheduler."""
    return lab_at(request.param, labs)


def test_one_pass_submits_everything_with_one_query(lab: Lab) -> None:
    """N submissions and one query; the names are no longer than 64 characters and whole in the ledger."""
    submit, query, _ = lab.site.programs
    here = [name for name, request in REQUESTS.items() if request.get("service") != "patient"]
    first = lab.passes[0]
    assert sorted(one["job"] for one in first["steps"] if one["action"] == "submit") == sorted(
        lab.job(name) for name in here if name != "refused"
    )
    calls = lab.calls()[: len(here) + 1]
    assert (calls.count(submit), calls.count(query)) == (len(here), 1)


def test_a_job_runs_and_its_result_reaches_the_remote(lab: Lab) -> None:
    """Submitted, seen, collected, committed and pushed, once."""
    assert lab.until("runs", "done result-current")[0] == "submit never-submitted"
    assert len(lab.results("runs")) == 1


def test_a_long_name_is_seen_whole(lab: Lab) -> None:
    """59 characters or more; a cut name would be no sighting, and the job lost at once."""
    name = f"{lab.job(LONG)}-a1".replace("ev-", "ev-0000-", 1)
    assert 59 <= len(name) <= 64
    assert "submit retry" not in lab.until(LONG, "done result-current")


def test_a_failed_job_is_told_with_its_reason(lab: Lab) -> None:
    """No result, no second try where none is asked for, and a person is called."""
    steps = lab.until("fails", "stop framework-failed")
    assert "submit retry" not in steps
    assert lab.results("fails") == []
    assert lab.passes[-1]["exit"] == 1


def test_a_refused_job_is_not_submitted_again(lab: Lab) -> None:
    """What the scheduler said for certain is final until a person says otherwise."""
    assert lab.steps("refused") == ["stop submit-refused"]
    lab.sync()
    assert not lab.run_dir("refused", 2).exists()
    assert lab.evalctl("retry", "refused").returncode == 0
    assert lab.sync()["exit"] == 1
    assert lab.run_dir("refused", 2).exists()


def test_a_held_job_needs_a_person_and_then_runs(lab: Lab) -> None:
    """Held is not queued: nothing happens by itself. Released, it runs to its result in the same attempt."""
    lab.until("held", "stop held")
    lab.administrator(lab.site.release, lab.number("held"))
    assert "submit retry" not in lab.until("held", "done result-current")


def test_a_missing_output_folder_is_not_waited_for(lab: Lab) -> None:
    """Accepted, and it can never start: a person is told, and what waits for ever can be cancelled."""
    lab.until("no-folder", lab.site.no_folder)
    if lab.site.no_folder != "stop attempts-exhausted":
        assert lab.evalctl("cancel", "no-folder").returncode == 0
        lab.until("no-folder", "stop cancelled")


def test_cancelled_by_the_user(lab: Lab) -> None:
    """The job ends with all that it started, and stays ended until `retry`."""
    lab.wait(lambda: lab.working("cancelled"), why=lambda: lab.story("cancelled"))
    assert lab.evalctl("cancel", "cancelled").returncode == 0
    lab.until("cancelled", "stop cancelled")
    folder = str(lab.run_dir("cancelled"))
    lab.wait(lambda: not [one for one in lab.processes() if folder in one], why=lambda: str(lab.processes()))
    assert lab.evalctl("retry", "cancelled").returncode == 0
    lab.until("cancelled", "done result-current")
    assert len(lab.results("cancelled")) == 1


def test_cancelled_behind_our_back(lab: Lab) -> None:
    """With the scheduler's own command: no result is made up, and it converges."""
    lab.wait(lambda: lab.working("behind"), why=lambda: lab.story("behind"))
    lab.administrator((lab.site.programs[2], "{id}"), lab.number("behind"))
    assert lab.site.killed in lab.until("behind", lab.site.killed, "done result-current")
    if lab.site.killed.startswith("stop"):
        assert lab.evalctl("retry", "behind").returncode == 0
    lab.until("behind", "done result-current")
    assert len(lab.results("behind")) == 1


def test_ended_by_the_site_before_its_time(lab: Lab) -> None:
    """A limit that the script does not know of: never taken for an end, and another attempt gives the result."""
    assert lab.site.killed in lab.until("overruns", lab.site.killed, "done result-current")
    (lab.top / "more/overruns").unlink(missing_ok=True)
    if lab.site.killed.startswith("stop"):
        assert lab.evalctl("retry", "overruns").returncode == 0
    lab.until("overruns", "done result-current")
    assert len(lab.results("overruns")) == 1


def test_a_forced_requeue_is_no_second_job(lab: Lab) -> None:
    """We ask for no requeue. Who forces one has one job all the same: nothing is submitted while it is to be seen.

    On PBS the second start may have come and gone before the pass.
    """
    lab.wait(lambda: lab.working("requeued"), why=lambda: lab.story("requeued"))
    for words in lab.site.requeue:
        lab.administrator(words, lab.number("requeued"))
    lab.sync()
    gone = lab.number("requeued") not in lab.live()
    assert lab.steps("requeued")[-1].startswith(("wait", "stop")) or (gone and lab.site.scheduler == "pbs")


def test_two_jobs_of_one_name(lab: Lab) -> None:
    """Somebody submits the script again by hand: it is said, nothing is decided, and the second start does nothing."""
    lab.wait(lambda: lab.working("twice"), why=lambda: lab.story("twice"))
    with lab.thinks("more/twice", lab.site.more["held"]):
        second = lab.submit_again("twice")
    lab.until("twice", "stop duplicate-job")
    lab.administrator(lab.site.release, second)
    lab.until("twice", "wait running")
    assert lab.evalctl("cancel", "twice").returncode == 0
    lab.until("twice", "stop cancelled")


def test_a_job_that_is_invisible_for_a_while_is_not_lost(lab: Lab) -> None:
    """Within the service's grace an absent job is settling; when it is seen again all is as before."""
    lab.wait(lambda: lab.working("invisible"), why=lambda: lab.story("invisible"))
    lab.until("invisible", "wait running", service="patient")
    with lab.thinks("hidden", lab.site.empty):
        lab.until("invisible", "wait settling", service="patient")
    lab.until("invisible", "wait running", service="patient")
    assert lab.evalctl("cancel", "--service", "patient", "invisible").returncode == 0


def test_a_job_that_is_gone_from_history_is_collected_by_its_marks(lab: Lab) -> None:
    """Schedulers forget; what the job wrote itself stays."""
    lab.wait((lab.run_dir("forgotten") / "marks/finished.json").exists, why=lambda: lab.story("forgotten"))
    with lab.thinks("hidden", lab.site.empty):
        lab.until("forgotten", "done result-current", service="patient")
    assert len(lab.results("forgotten")) == 1


def test_a_submission_whose_reply_was_lost_is_found_by_name(lab: Lab) -> None:
    """Accepted, but nobody said so: the next pass finds the job and does not submit it again."""
    lab.ask({"lost-reply": {"task": "quick"}, "lost-reply-2": {"task": "slow_once_overruns", "max_samples": 3}})
    with lab.thinks("lose", lab.site.silence):
        report = lab.sync()
    assert [one["reason"] for one in report["steps"] if one["job"] == lab.job("lost-reply-2")] == ["no-answer"]
    steps = lab.until("lost-reply-2", "wait running")
    assert lab.steps("lost-reply") == ["done result-current"]  # the same eval as `runs`
    assert steps[0] == "wait no-answer"
    assert [step for step in steps if step.startswith("submit")] == []
    assert lab.evalctl("cancel", "lost-reply-2").returncode == 0
    lab.until("lost-reply-2", "stop cancelled")


def test_a_slow_scheduler_is_waited_for(lab: Lab) -> None:
    """An answer after some seconds is an answer."""
    lab.ask({"slowly": {"task": "quick", "max_samples": 5}})
    with lab.frozen(seconds=3):
        report = lab.sync()
    assert [one["action"] for one in report["steps"] if one["job"] == lab.job("slowly")] == ["submit"]
    lab.until("slowly", "done result-current")


def test_a_scheduler_that_is_down_decides_nothing(lab: Lab) -> None:
    """Its server is stopped: jobs that ran are not lost, nothing is submitted, exit 4; afterwards it converges."""
    lab.ask({"later": {"task": "quick", "max_samples": 7}, "runs-on": {"task": "slow_once_behind", "max_samples": 7}})
    lab.until("runs-on", "wait running")
    lab.wait(lambda: lab.settled("runs-on"))
    lab.stop_server()
    try:
        report = lab.sync()
    finally:
        lab.start_server()
    reasons = {one["job"]: one["reason"] for one in report["steps"]}
    assert report["exit"] == 4
    assert reasons[lab.job("runs-on")] == "scheduler-silent"
    lab.until("runs-on", "wait running")
    assert lab.evalctl("cancel", "runs-on").returncode == 0
    lab.until("runs-on", "stop cancelled")
    lab.until("later", "done result-current")


def test_at_the_end_of_its_time_it_stops_by_itself_and_is_tried_again(lab: Lab) -> None:
    """The real end of a real walltime: the script says `timeout` before the kill, and the next attempt does the rest."""
    lab.until("drains", "done result-current", seconds=200)
    assert lab.run_dir("drains", 2).is_dir()
    finished = json.loads((lab.run_dir("drains") / "marks/finished.json").read_text())
    assert (finished["exit"], finished["reason"]) == (76, "timeout")
    assert len(lab.results("drains")) == 1


def test_requeued_by_the_scheduler_it_does_not_start_twice(lab: Lab) -> None:
    """The second start meets the guard in the script. Slurm tells the first run of its end, and lets the second wait for
    as long as a credential lives; PBS kills the first one; Grid Engine, too, or (seen) lets it go on, and then a person
    can end it.
    """
    steps = lab.until("requeued", "done result-current", "stop cancelled", "wait running", seconds=200)
    if steps[-1] == "wait running":
        assert lab.evalctl("cancel", "requeued").returncode == 0
        steps = lab.until("requeued", "stop cancelled")
    if steps[-1] == "stop cancelled":
        assert lab.evalctl("retry", "requeued").returncode == 0
        lab.until("requeued", "done result-current")
    assert len(lab.results("requeued")) == 1


def test_nothing_started_twice_and_nothing_is_left(lab: Lab) -> None:
    """After all these stories: one start of each attempt, no process of a job, a clean work tree, all pushed."""
    lab.wait(lambda: lab.processes() == [], 60, lambda: str(lab.processes()))
    assert set(lab.starts().values()) == {1}
    assert lab.git("status", "--porcelain") == ""
    assert lab.git("rev-parse", "HEAD") == lab.git("rev-parse", "origin/main")
