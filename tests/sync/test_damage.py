"""Damaged files, by file and kind of damage: only what depends on one stops, with its name; nothing is deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evalctl.model.evaluation import Job
from evalctl.model.run import Action
from evalctl.shell import Command, EnvironmentProblem, Reply
from evalctl.sync.control import cancel, retry
from evalctl.sync.sync import SyncReport, sync

from .test_sync import git_input, told, write_ledger
from .world import Clone, World, git, make_eval, make_job, plan

PATH = "results/hosted_vllm/team/tiny/default/en/arithmetic/result.json"
NO_SETTINGS = {"path": "", "name": "", "version": ""}


def version_2(content: bytes) -> bytes:
    """The same by a newer evalctl."""
    document = json.loads(content)
    document["schema"] = document.get("schema", "evalctl/mark/1").replace("/1", "/2")
    return json.dumps(document).encode()


def wrong_types(content: bytes) -> bytes:
    """Every value of the first level is a list."""
    return json.dumps(
        {key: value if key == "schema" else [value] for key, value in json.loads(content).items()}
    ).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "binary": lambda content: b"\xff\xfe\x00garbage",
    "no object": lambda content: b"[1, 2]",
    "a number": lambda content: b"17",
    "wrong types": wrong_types,
    "newer version": version_2,
    "deep": lambda content: b"[" * 100_000,
}


@dataclass(frozen=True)
class File:
    """A file of the attempt's folder, the step that its damage leads to, and whether results come in all the same."""

    path: str
    step: tuple[Action, str]
    others_collected: bool = True


FILES = (
    File("marks/finished.json", (Action.STOP, "unreadable-marks"), others_collected=False),
    File("marks/task/en_arithmetic.json", (Action.STOP, "unreadable-marks")),
    File("submission.json", (Action.STOP, "unreadable-submission"), others_collected=False),
)


@pytest.fixture
def jobs(clone: Clone, world: World) -> tuple[Job, Job]:
    """Two jobs that have ended, of two tasks and of one."""
    made = (
        make_job(make_eval("arithmetic"), make_eval("capitals")),
        make_job(make_eval("subjects"), request="manifests/requests/two.yaml", stem="two"),
    )
    for job in made:
        clone.add_script(job)
    git(clone.root, "push", "-q")
    go(clone, *made)
    world.run_all()
    return made


def go(clone: Clone, *jobs: Job) -> SyncReport:
    """One pass."""
    return sync(clone.context(), plan(*jobs))


def run_dir(clone: Clone, job: Job) -> Path:
    """The folder of its first attempt."""
    return clone.root / ".evalctl/runs" / job.name / "a1"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_a_damaged_file_of_an_attempt_stops_only_its_job(
    clone: Clone, jobs: tuple[Job, Job], file: File, damage: str
) -> None:
    """File and reason are told, the file stays as it is, the other job and the other task go on."""
    path = run_dir(clone, jobs[0]) / file.path
    damaged = DAMAGES[damage](path.read_bytes())
    path.write_bytes(damaged)
    report = go(clone, *jobs)
    assert told(report)[:2] == [file.step, (Action.DONE, "result-current")]
    assert str(path) in f"{report.steps[0].detail} {report.warnings}"
    assert report.exit_code == 1
    assert path.read_bytes() == damaged
    assert ("en/capitals/result.json" in results(clone)) == file.others_collected
    assert "en/subjects/result.json" in results(clone) and "en/arithmetic/result.json" not in results(clone)
    assert len(clone.world.state()["jobs"]) == 2, "nothing is run again by itself"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_cancel_and_retry_lead_out_of_it(clone: Clone, world: World, jobs: tuple[Job, Job], file: File) -> None:
    """What the message says works: the attempt is given up, and another one measures what is missing."""
    (run_dir(clone, jobs[0]) / file.path).write_text("{")
    go(clone, *jobs)
    cancel(clone.context(), plan(*jobs), [jobs[0]])
    world.now += 601
    go(clone, *jobs)
    retry(clone.context(), plan(*jobs), [jobs[0]])
    go(clone, *jobs)
    world.run_all()
    assert told(go(clone, *jobs))[0] == (Action.DONE, "result-current")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["started", "server_ready"])
def test_a_damaged_note_beside_the_verdict_is_told_and_costs_no_result(
    clone: Clone, jobs: tuple[Job, Job], name: str, damage: str
) -> None:
    """Host and server version are missing in the record then; the scores are not."""
    path = run_dir(clone, jobs[0]) / f"marks/{name}.json"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    report = go(clone, *jobs)
    assert told(report) == [(Action.DONE, "result-current")] * 2
    assert str(path) in str(report.warnings)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_stops_only_its_job(clone: Clone, jobs: tuple[Job, Job], damage: str) -> None:
    """Committed as it is: neither measured again nor averaged in, and the leaderboard goes on with the rest."""
    go(clone, jobs[0])
    path = clone.root / PATH
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    git(clone.root, "commit", "-qam", "damaged")
    report = go(clone, *jobs)
    assert told(report) == [(Action.STOP, "unreadable-result"), (Action.DONE, "result-current")]
    assert PATH in report.steps[0].detail
    assert "en/subjects/result.json" in results(clone)


@pytest.mark.parametrize("damage", [*sorted(DAMAGES.keys() - {"newer version"}), "no settings", "no evals"])
def test_a_damaged_aggregate_costs_its_row_of_the_leaderboard_alone(
    clone: Clone, jobs: tuple[Job, Job], damage: str
) -> None:
    """The other models' results come in, and the file stays as it is until there is a new result beside it."""
    path = clone.root / "results/hosted_vllm/other/model/aggregated_results.json"
    whole = {
        "model": "hosted_vllm/other/model",
        "results": {},
        "overall": "",
        "custom_settings": NO_SETTINGS,
        "evals": {},
    }
    emptied = {"no settings": {**whole, "custom_settings": {}}, "no evals": {**whole, "evals": {"en_arithmetic": {}}}}
    content = json.dumps(emptied.get(damage, whole)).encode()
    path.parent.mkdir(parents=True)
    path.write_bytes(DAMAGES[damage](content) if damage in DAMAGES else content)
    git(clone.root, "add", "results")
    git(clone.root, "commit", "-qm", "damaged")
    assert told(go(clone, *jobs)) == [(Action.DONE, "result-current")] * 2
    assert "other/model" not in git(clone.root, "show", "HEAD:results/README.md")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_file_stops_only_its_job(clone: Clone, jobs: tuple[Job, Job], damage: str) -> None:
    """What was attempted is not known, so nothing is attempted."""
    name = f"jobs/{jobs[0].name}.json"
    whole = git(clone.root, "show", f"evalctl-state:{name}").encode()
    write_ledger(clone.root, name, git_input(clone.root, DAMAGES[damage](whole)))
    report = go(clone, *jobs)
    assert told(report) == [(Action.STOP, "unreadable-ledger"), (Action.DONE, "result-current")]
    assert name in report.steps[0].detail


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_the_repositorys_mark_nothing_is_done(clone: Clone, jobs: tuple[Job, Job], damage: str) -> None:
    """It is in the name of every job; the file is named."""
    whole = git(clone.root, "show", "evalctl-state:repository.json").encode()
    write_ledger(clone.root, "repository.json", git_input(clone.root, DAMAGES[damage](whole)))
    with pytest.raises(EnvironmentProblem, match=r"evalctl-state:repository\.json cannot be read"):
        go(clone, *jobs)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_named(clone: Clone, jobs: tuple[Job, Job], damage: str) -> None:
    """A power failure may leave an empty one; whether a commit was half moved is then a person's to say."""
    journal = clone.root / ".git/evalctl/move.json"
    journal.parent.mkdir(exist_ok=True)
    journal.write_bytes(DAMAGES[damage](b'{"a": [], "b": 1}'))
    with pytest.raises(EnvironmentProblem, match=r"move\.json") as problem:
        go(clone, *jobs)
    assert f"rm {journal}" in problem.value.help


@pytest.mark.parametrize("content", [b"", b"soon", b"nan", b"inf", b"-inf", b"9e99", b"\xff"])
def test_a_damaged_note_of_absence_starts_the_grace_period_anew(
    clone: Clone, world: World, jobs: tuple[Job, Job], content: bytes
) -> None:
    """Neither lost at once nor waited for until the end of days."""
    (run_dir(clone, jobs[0]) / "marks/finished.json").unlink()
    (run_dir(clone, jobs[0]) / "absent-since").write_bytes(content)
    assert told(go(clone, *jobs))[0] == (Action.WAIT, "settling")
    world.now += 601
    assert told(go(clone, *jobs))[0] == (Action.DONE, "result-current")


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": 1}]', "Segmentation fault", "\x00\xff", '{"jobs": []}'])
def test_an_unreadable_reply_of_the_scheduler_is_silence(
    clone: Clone, world: World, job_in_queue: Job, text: str, status: int
) -> None:
    """Whatever it says that is no list of jobs: nothing is lost, nothing is submitted, exit 4."""

    def run(command: Command) -> Reply:
        return Reply(status, text, "") if command.argv[0] == "fake-list" else world.run(command)

    world.now += 10_000
    report = sync(clone.context(run=run), plan(job_in_queue))
    assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)


@pytest.fixture
def job_in_queue(clone: Clone) -> Job:
    """A job that waits."""
    made = make_job(make_eval("arithmetic"))
    clone.add_script(made)
    go(clone, made)
    return made


@pytest.mark.parametrize("name", ["bob-mine", "", "ev", "ev-0000-one-00000000-a1"])
def test_a_job_with_another_name_is_not_gone(clone: Clone, world: World, job_in_queue: Job, name: str) -> None:
    """`scontrol update`, `qalter -N` and rules of a site change a job's name: while its number is listed it is waited for,
    and not submitted again; when it is no longer listed its absence counts from then on."""
    state = world.state()
    own = state["jobs"]["1"]["name"]
    state["jobs"]["1"]["name"] = name
    world.file.write_text(json.dumps(state))
    for _ in range(3):
        world.now += 10_000
        report = sync(clone.context(), plan(job_in_queue))
        assert (told(report), report.exit_code) == ([(Action.WAIT, "scheduler-silent")], 4)
        assert f"job 1 is listed under another name, `{name}`" in report.steps[0].detail
    world.vanish()
    assert told(sync(clone.context(), plan(job_in_queue))) == [(Action.WAIT, "settling")]
    assert [job["name"] for job in world.state()["jobs"].values()] == [name] != [own]


def test_a_folder_that_is_gone_is_a_lost_attempt(clone: Clone, world: World, job_in_queue: Job) -> None:
    """Somebody cleaned up: after the grace period the job is tried again, not waited for until the end of days."""
    import shutil

    world.vanish()
    shutil.rmtree(run_dir(clone, job_in_queue))
    assert told(go(clone, job_in_queue)) == [(Action.WAIT, "settling")]
    world.now += 601
    assert told(go(clone, job_in_queue)) == [(Action.SUBMIT, "retry")]


def test_something_in_the_place_of_a_run_folder_stops_only_its_job(clone: Clone, world: World) -> None:
    """It is named; once it is out of the way the job runs without a retry."""
    one, two = make_job(make_eval("arithmetic")), make_job(make_eval("capitals"), stem="two")
    for job in (one, two):
        clone.add_script(job)
    in_the_way = clone.root / ".evalctl/runs" / one.name
    in_the_way.parent.mkdir()
    in_the_way.write_text("")
    report = go(clone, one, two)
    assert told(report) == [(Action.STOP, "run-folder"), (Action.SUBMIT, "never-submitted")]
    assert str(in_the_way) in report.steps[0].detail
    in_the_way.unlink()
    assert told(go(clone, one, two)) == [(Action.SUBMIT, "never-submitted"), (Action.WAIT, "queued")]


def results(clone: Clone) -> str:
    """The paths of committed results."""
    return git(clone.root, "ls-tree", "-r", "--name-only", "HEAD", "results")
