"""The same stories on a real Grid Engine and a real Slurm: submitted, seen by name, cancelled, run to the end.

`tests/clusters/gridengine_up.sh` and `slurm_up.sh` install and start them; without one its tests skip.
"""

from __future__ import annotations

import getpass
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pbs_site import INSTALLED
from standin_place import Place, job_task, make_job

from evalctl.model.run import Sighting, State
from evalctl.render.quoting import assignment
from evalctl.schedulers import SCHEDULERS, Unreadable
from evalctl.shell import EnvironmentProblem, Reply, run


class Cluster:
    """One real scheduler, asked as sync asks it."""

    def __init__(self, name: str, top: Path) -> None:
        """`mark` keeps this test's jobs apart from all others."""
        self.scheduler, self.name, self.top, self.mark = SCHEDULERS[name], name, top, uuid.uuid4().hex[:8]

    def attempt_name(self, stem: str = "t") -> str:
        """Sixty characters, as long as they get."""
        return f"ev-ab12-{stem}-".ljust(48, "x") + f"-{self.mark}-a1"

    def submit(self, script: Path, name: str, **more: object) -> str:
        """The new job's id."""
        reply = self.submit_reply(script, name, **more)
        assert self.scheduler.refusal(reply) is None, reply
        number = self.scheduler.native_id(reply, name)
        assert number, reply
        return number

    def submit_reply(self, script: Path, name: str, **more: object) -> Reply:
        """What the scheduler says to a submission."""
        folder = more.pop("output_dir", str(self.top))
        run_dir = str(more.pop("run_dir", self.top))
        return run(self.scheduler.submit(str(script), name=name, output_dir=str(folder), run_dir=run_dir, **more))  # type: ignore[arg-type]

    def seen(self) -> dict[str, Sighting]:
        """This test's jobs by name."""
        found = self.scheduler.sightings(run(self.scheduler.query(getpass.getuser())))
        return {one.name: one for one in found if self.mark in one.name}

    def wait(self, condition: Callable[[], object], seconds: float = 240) -> None:
        """Until something holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.seen()
            time.sleep(0.3)

    def over(self, name: str) -> bool:
        """Ended, or no longer listed."""
        one = self.seen().get(name)
        return one is None or one.state is State.ENDED

    def script(self, body: str, *directives: str) -> Path:
        """A little script with the directives of a real one."""
        batch = replace(make_job().batch, directives=directives, walltime_seconds=300)
        path = self.top / f"{uuid.uuid4().hex}.sh"
        path.write_text("\n".join(["#!/bin/bash", *self.scheduler.directives(batch), body, ""]))
        return path


REAL = {"gridengine": Path("/usr/bin"), "slurm": Path("/usr/bin"), "pbs": INSTALLED / "bin"}


@pytest.mark.parametrize("name", REAL)
def test_real_programs_are_recognised_by_their_scheduler_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they say of themselves needs no server."""
    programs = {one: SCHEDULERS[one].VERSION.argv[0] for one in REAL}
    if not (REAL[name] / programs[name]).exists():
        pytest.skip(f"{name} is not installed here")
    monkeypatch.setenv("PATH", f"{REAL[name]}:{os.environ['PATH']}")
    for one in (one for one in REAL if programs[one] == programs[name]):
        assert SCHEDULERS[one].recognises(run(SCHEDULERS[one].VERSION)) is (one == name)


def answers(name: str) -> bool:
    """Whether this scheduler runs here."""
    try:
        SCHEDULERS[name].sightings(run(SCHEDULERS[name].query(getpass.getuser())))
    except (Unreadable, EnvironmentProblem):
        return False
    return True


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("gridengine", "slurm")])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A running cluster; this test's jobs are cancelled afterwards."""
    if not answers(request.param):
        pytest.skip(f"no {request.param} answers here; tests/clusters/{request.param}_up.sh starts one")
    here = Cluster(request.param, tmp_path)
    yield here
    for one in here.seen().values():
        if one.state is not State.ENDED:
            run(here.scheduler.cancel(one.native_id))


def test_a_job_is_seen_under_its_whole_name(cluster: Cluster) -> None:
    """From queued or running to ended, by the name of sixty characters."""
    name = cluster.attempt_name()
    number = cluster.submit(cluster.script("sleep 4"), name)
    assert len(name) >= 59
    first = cluster.seen()[name]
    assert first.native_id == number
    assert first.state in (State.QUEUED, State.RUNNING)
    cluster.wait(lambda: cluster.over(name) or cluster.seen()[name].state is State.RUNNING)
    cluster.wait(lambda: cluster.over(name))


def test_a_job_gets_its_folder_and_nothing_of_the_submitting_shell(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EVALCTL_RUN_DIR alone is passed; a key in the shell of who submits does not reach the scheduler."""
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    name = cluster.attempt_name()
    cluster.submit(cluster.script('echo "$EVALCTL_RUN_DIR ${OPENAI_API_KEY:-none}" > "$EVALCTL_RUN_DIR/said"'), name)
    cluster.wait((cluster.top / "said").exists)
    cluster.wait(lambda: cluster.over(name))
    assert (cluster.top / "said").read_text() == f"{cluster.top} none\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"SQUEUE_PARTITION": "none", "SQUEUE_NAMES": "none", "SQUEUE_FORMAT": "%i"}, {"SQUEUE_LICENSES": "none"},
        {"SQUEUE_STATES": "COMPLETED", "SQUEUE_USERS": "nobody"}, {"SBATCH_HOLD": "1", "SBATCH_ARRAY_INX": "1-3"},
        {"SGE_LONG_QNAMES": "1", "LC_ALL": "xx_XX.UTF-8", "LANGUAGE": "ja"},
    ],
)  # fmt: skip
def test_variables_of_the_persons_shell_change_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """A submission is what evalctl says, and a listing is whole, whatever the shell has set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    name = cluster.attempt_name()
    number = cluster.submit(cluster.script("sleep 2"), name)
    assert cluster.seen()[name].native_id == number
    cluster.wait(lambda: cluster.over(name))


def test_a_running_job_can_be_cancelled(cluster: Cluster) -> None:
    """It leaves the list, and cancelling again is fine."""
    name = cluster.attempt_name()
    number = cluster.submit(cluster.script("sleep 300"), name)
    cluster.wait(lambda: cluster.seen()[name].state is State.RUNNING)
    assert cluster.scheduler.cancelled(run(cluster.scheduler.cancel(number)))
    cluster.wait(lambda: cluster.over(name))
    assert cluster.scheduler.cancelled(run(cluster.scheduler.cancel(number)))


def test_a_held_job_is_told_from_a_waiting_one(cluster: Cluster) -> None:
    """A hold needs a person, a queue does not."""
    hold = {"gridengine": "-h", "slurm": "--hold"}[cluster.name]
    wait = {"gridengine": ("-l", "node_q=99"), "slurm": ("--begin=now+1hour",)}[cluster.name]
    held, waiting = cluster.attempt_name("held"), cluster.attempt_name("waiting")
    cluster.submit(cluster.script("true"), held, site_args=(hold,))
    cluster.submit(cluster.script("true"), waiting, site_args=wait)
    time.sleep(2)
    assert {name: one.state for name, one in cluster.seen().items()} == {held: State.HELD, waiting: State.QUEUED}


def test_a_job_that_cannot_start_is_told(cluster: Cluster) -> None:
    """A missing output folder is accepted at the submission; then Grid Engine waits for a person, and Slurm gives up."""
    name = cluster.attempt_name()
    cluster.submit(cluster.script("true"), name, output_dir="/nowhere/at/all")
    expected = {"gridengine": State.STUCK, "slurm": State.ENDED}[cluster.name]
    cluster.wait(lambda: cluster.seen()[name].state is expected)


def test_a_bad_option_is_refused_for_certain(cluster: Cluster) -> None:
    """Nothing is in the queue then, and the scheduler's words are kept."""
    name = cluster.attempt_name()
    reply = cluster.submit_reply(cluster.script("true"), name, site_args=("--no-such-option",))
    assert cluster.scheduler.refusal(reply)
    assert cluster.seen() == {}


def test_a_rendered_script_runs_to_its_marks(cluster: Cluster) -> None:
    """The very script of a job, submitted with its own directives, a longer time and the attempt's name."""
    top = cluster.top / "place"
    top.mkdir()
    place = Place(top, run_dir="a1")
    job = make_job(job_task("ja_one"), job_task("en_two"))
    directives = {"gridengine": ("-l node_q=1",), "slurm": ("--partition=main",)}[cluster.name]
    job = replace(job, batch=replace(job.batch, directives=directives), site=replace(job.site, scheduler=cluster.name))
    name = cluster.attempt_name()
    number = cluster.submit(place.write(job), name, run_dir=place.run_dir, walltime_seconds=600)
    cluster.wait((place.run_dir / "marks/finished.json").exists)
    cluster.wait(lambda: cluster.over(name))
    finished = json.loads((place.run_dir / "marks/finished.json").read_text())
    started = json.loads((place.run_dir / "marks/started.json").read_text())
    assert (finished["exit"], sorted(finished["tasks_done"])) == (0, ["en_two", "ja_one"]), place.job_log()
    assert started["native_id"] == number
    assert place.processes() == []


def test_cancelling_a_rendered_script_leaves_marks_and_no_process(cluster: Cluster) -> None:
    """Slurm warns with TERM; Grid Engine kills the job's shell at once, and what it started notices."""
    top = cluster.top / "place"
    top.mkdir()
    place = Place(top, run_dir="a1")
    job = make_job(job_task("ja_one", says="slow"))
    job = replace(job, site=replace(job.site, scheduler=cluster.name))
    name = cluster.attempt_name()
    number = cluster.submit(place.write(job), name, run_dir=place.run_dir)
    cluster.wait((place.run_dir / "tasks/ja_one/call.json").exists)
    run(cluster.scheduler.cancel(number))
    cluster.wait(lambda: cluster.over(name))
    cluster.wait(lambda: place.processes() == [], 20)


def test_a_line_of_data_is_no_directive(cluster: Cluster) -> None:
    """Grid Engine reads `#$` in the middle of a quoted text: the quoting hides it (a wrong option would be refused)."""
    text = assignment("TEXT", "first\n#$ --no-such-option\n#SBATCH --no-such-option\n")
    name = cluster.attempt_name()
    cluster.submit(cluster.script(text), name)
    cluster.wait(lambda: cluster.over(name))
