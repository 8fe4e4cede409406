"""Shards are submitted, retried and lost one by one; their merge waits for all of them, and only it gives a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evalctl.model.evaluation import Job, RequestPlan
from evalctl.sync import shards
from evalctl.sync.eval_status import status
from evalctl.sync.sync import SyncReport, sync
from evalctl_job.run_folder import kept_answers
from evalctl_job.shards import Shard

from .world import Clone, World, git, make_eval, make_job, mark, plan

EVAL = make_eval("arithmetic")
RESULT = EVAL.result_path


def part(shard: int, shards: int = 3) -> Job:
    """The job of one shard, or with 0 that of the merge."""
    job = make_job(EVAL)
    name = f"{job.name}{shard}{shards}"
    (task,) = job.tasks
    server = job.server if shard else replace(job.server, argv=())
    return replace(
        job, name=name, batch=replace(job.batch, name=name), tasks=(replace(task, shard=shard, shards=shards),), server=server
    )  # fmt: skip


def divided(clone: Clone, shards: int = 3) -> list[RequestPlan]:
    """A request whose only eval is divided, committed."""
    jobs = [part(number, shards) for number in (*range(1, shards + 1), 0)]
    for job in jobs:
        clone.add_script(job)
    git(clone.root, "push", "-q")
    return plan(*jobs)


def steps(report: SyncReport) -> dict[str, str]:
    """What is done about each job, and why; by the two digits at the end of its name."""
    return {step.job[-2:]: f"{step.action.value}: {step.reason}" for step in report.steps}


def answers(clone: Clone) -> Path:
    """Where answers are kept."""
    return clone.root / ".evalctl/answers/vllm-cpu-0123456789ab"


def test_the_merge_waits_for_all_shards_and_gives_the_result(clone: Clone, world: World) -> None:
    """The shards are done without a result; what is kept for them goes when the result is there."""
    asked = divided(clone)
    report = sync(clone.context(), asked)
    assert steps(report) == {"13": "submit: never-submitted", "23": "submit: never-submitted", "33": "submit: never-submitted",
                             "03": "wait: shards-missing"}  # fmt: skip
    (waiting,) = [step for step in report.steps if step.reason == "shards-missing"]
    assert waiting.detail.startswith("en_arithmetic: shards 1, 2, 3 of 3")
    world.run_all(only="13")
    report = sync(clone.context(), asked)
    assert steps(report) == {
        "13": "done: answered",
        "23": "wait: queued",
        "33": "wait: queued",
        "03": "wait: shards-missing",
    }
    assert not (clone.root / RESULT).exists()
    kept_answers(answers(clone), EVAL.digest).write_text("{}\n")  # which the merge would make
    world.run_all()
    assert steps(sync(clone.context(), asked))["03"] == "submit: never-submitted"
    world.run_all()
    report = sync(clone.context(), asked)
    assert {*steps(report).values()} == {"done: result-current"}
    found = json.loads((clone.root / RESULT).read_text())
    assert found["scores"] == {"arithmetic|0": {"em": 0.5, "em_stderr": 0.1}}
    assert list(answers(clone).iterdir()) == []
    assert (clone.root / RESULT).with_name("details").joinpath("answers.jsonl").exists()
    assert world.state()["starts"].keys() >= {job["name"] for job in world.state()["jobs"].values()}
    assert sync(clone.context(), asked).exit_code == 0 and world.submissions == 4


def test_a_lost_shard_loses_only_itself(clone: Clone, world: World) -> None:
    """It is submitted again alone, and the merge follows."""
    asked = divided(clone)
    sync(clone.context(), asked)
    world.run_all(only="13")
    world.run_all(only="33")
    world.vanish()
    sync(clone.context(), asked)
    world.now += 3600
    report = sync(clone.context(), asked)
    assert steps(report) == {
        "13": "done: answered",
        "23": "submit: retry",
        "33": "done: answered",
        "03": "wait: shards-missing",
    }
    world.run_all()
    assert steps(sync(clone.context(), asked))["03"] == "submit: never-submitted"
    assert world.submissions == 5


def test_a_shard_out_of_time_goes_on_where_it_ended(clone: Clone, world: World) -> None:
    """As a whole task does."""
    asked = divided(clone)
    sync(clone.context(), asked)
    run_dir = clone.context().run_dir(asked[0].jobs[1].name, 1)
    (run_dir / "relay").mkdir()
    (run_dir / "relay/en_arithmetic.2-of-3.counts.json").write_text('{"fresh": 3}')
    world.run_all({"en_arithmetic.2-of-3": "timeout"}, reason="timeout", only="23")
    world.run_all()
    assert steps(sync(clone.context(), asked))["23"] == "submit: resume"


def test_a_shard_that_a_person_must_look_at_stops_alone(clone: Clone, world: World) -> None:
    """The merge waits, and the exit code says that somebody is needed."""
    asked = divided(clone)
    sync(clone.context(), asked)
    world.run_all({"en_arithmetic.2-of-3": "context-length"})
    report = sync(clone.context(), asked)
    assert steps(report) == {
        "13": "done: answered",
        "23": "stop: context-length",
        "33": "done: answered",
        "03": "wait: shards-missing",
    }
    assert report.exit_code == 1


def test_a_merge_that_lacks_answers_has_that_shard_run_again(clone: Clone, world: World) -> None:
    """And only that one; then the merge is tried again."""
    asked = divided(clone)
    for _ in range(2):
        sync(clone.context(), asked)
        if world.submissions < 4:
            world.run_all()
    Shard(2, 3).note(answers(clone), EVAL.digest).unlink()  # the job of the merge does it
    world.run_all({"en_arithmetic": "shard-incomplete"})
    report = sync(clone.context(), asked)
    assert steps(report) == {
        "13": "done: answered",
        "23": "submit: never-submitted",
        "33": "done: answered",
        "03": "wait: shards-missing",
    }
    world.run_all()
    assert steps(sync(clone.context(), asked))["03"] == "submit: retry"
    world.run_all()
    assert {*steps(sync(clone.context(), asked)).values()} == {"done: result-current"}


def test_answers_of_another_server_are_no_shard(clone: Clone, world: World) -> None:
    """After an update of the server all shards run again: no score combines answers of two versions."""
    asked = divided(clone)
    sync(clone.context(), asked)
    world.run_all()
    jobs = [replace(job, server=replace(job.server, environment="vllm-cpu-ffffffffffff")) for job in asked[0].jobs]
    clone.build("vllm-cpu-ffffffffffff")
    found = steps(sync(clone.context(), plan(*jobs)))
    assert found == {**dict.fromkeys(("13", "23", "33"), "submit: never-submitted"), "03": "wait: shards-missing"}


def test_a_shard_whose_answers_are_not_seen_has_failed(clone: Clone, world: World) -> None:
    """Else it would be submitted without end."""
    asked = divided(clone)
    sync(clone.context(), asked)
    world.run_all()
    Shard(2, 3).note(answers(clone), EVAL.digest).unlink()
    assert steps(sync(clone.context(), asked))["23"] == "submit: retry"


def test_two_requests_for_one_eval_measure_it_once(clone: Clone, world: World) -> None:
    """Whoever wants it whole waits while a shard of it runs, and the other way round."""
    asked = divided(clone)
    whole = make_job(
        replace(EVAL, result_path=RESULT.replace("default", "same")), request="manifests/requests/two.yaml", stem="two"
    )
    clone.add_script(whole)
    git(clone.root, "push", "-q")
    sync(clone.context(), asked)
    (step,) = [one for one in sync(clone.context(), [*asked, *plan(whole)]).steps if one.job == whole.name]
    assert (step.action.value, step.reason) == ("wait", "claimed-elsewhere")


def test_shards_wait_while_another_job_runs_the_whole(new_clone: Callable[..., Clone], world: World) -> None:
    """In the order in which they were claimed."""
    clone = new_clone()
    whole = make_job(
        replace(EVAL, result_path=RESULT.replace("default", "same")), request="manifests/requests/two.yaml", stem="two"
    )
    clone.add_script(whole)
    asked = divided(clone)
    sync(clone.context(), plan(whole))
    assert steps(sync(clone.context(), [*plan(whole), *asked]))["13"] == "wait: claimed-elsewhere"


def test_status_names_each_shard(clone: Clone, world: World) -> None:
    """Answered, running, and the merge that waits."""
    asked = divided(clone)
    sync(clone.context(), asked)
    world.run_all(only="13")
    sync(clone.context(), asked)
    world.set_state("running")
    mark(
        clone.context().run_dir(asked[0].jobs[1].name, 1),
        "task/en_arithmetic.2-of-3",
        {"key": "en_arithmetic.2-of-3", "state": "running"},
    )
    lines, _ = status(clone.context(), asked)
    assert [(line.task, line.state, line.reason) for line in lines] == [
        ("en_arithmetic.1-of-3", "done", "answered"), ("en_arithmetic.2-of-3", "running", "running"),
        ("en_arithmetic.3-of-3", "wait", "running"), ("en_arithmetic", "wait", "shards-missing"),
    ]  # fmt: skip


def test_a_record_says_what_answered_each_shard(clone: Clone, world: World) -> None:
    """The GPU and the version of the server where all had the same, which the job of the merge does not have."""
    asked = divided(clone, 2)
    sync(clone.context(), asked)
    world.run_all()
    sync(clone.context(), asked)
    world.run_all()
    path = clone.context().run_dir(asked[0].jobs[2].name, 1) / "marks/task/en_arithmetic.json"
    notes = [json.loads(note.read_text()) for note in sorted(answers(clone).glob("*.json"))]
    path.write_text(json.dumps({**json.loads(path.read_text()), "shards": notes}))
    (path.parents[1] / "server_ready.json").unlink()
    sync(clone.context(), asked)
    found = json.loads((clone.root / RESULT).read_text())
    assert (found["ran"]["gpu"], found["versions"]["server"]) == ("H100", "0.32.0")
    assert [(one["number"], one["answers"]) for one in found["ran"]["shards"]] == [(1, 5), (2, 5)]
    assert {one["name"] for one in found["ran"]["shards"]} == {note["attempt"] for note in notes}


def test_shards_of_an_eval_stay_while_another_one_has_its_answers(tmp_path: Path) -> None:
    """One that allows unanswered questions is named by another digest; its result deleted the answers of the other's shards."""
    for name in ("d.2-of-4.jsonl", "d.2-of-4.json", "d.jsonl", "e.1-of-4.jsonl"):
        (tmp_path / name).touch()
    assert shards.leftovers(tmp_path, "d", "salted") == []
    assert sorted(path.name for path in shards.leftovers(tmp_path, "d", "d")) == ["d.2-of-4.json", "d.2-of-4.jsonl"]
