"""The same stories on a real OpenPBS and on the stand-in for it: what evalctl relies on, and what it was told wrong once.

Debian has no OpenPBS: CONTRIBUTING.md says how to build one, `tests/clusters/pbs_up.sh` starts it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pbs_site import DIRECTIVES, GROUP, INSTALLED, Pbs, StandIn
from standin_place import Place, job_task, make_job

from evalctl.model.evaluation import Job
from evalctl.schedulers import Unreadable, pbs


@pytest.fixture(params=["stand-in", pytest.param("openpbs", marks=pytest.mark.pbs)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pbs]:
    """A site that answers; this test's jobs are cancelled afterwards."""
    here = StandIn(tmp_path / "pbs") if request.param == "stand-in" else real_site()
    yield here
    here.close()


def real_site() -> Pbs:
    """OpenPBS, which root looks after and where somebody else submits."""
    user = os.environ.get("EVALCTL_TEST_USER", "")
    if os.getuid() or not user:
        pytest.skip("a real OpenPBS wants root, and somebody else to submit for: EVALCTL_TEST_USER")
    if not INSTALLED.is_dir():
        pytest.skip(f"no OpenPBS in {INSTALLED}: CONTRIBUTING.md says how to build one")
    here = Pbs(INSTALLED / "bin", user)
    try:
        here.listed()
    except Unreadable:
        shutil.rmtree(here.top)
        pytest.skip("OpenPBS does not answer; tests/clusters/pbs_up.sh starts it")
    return here


def test_a_job_is_seen_under_its_whole_name_until_it_is_over(site: Pbs) -> None:
    """Queued or running, then no longer listed; history keeps it, and is not asked for."""
    name = site.attempt_name()
    number = site.submit(site.script("sleep 4"), name)
    assert [(one.name, one.native_id) for one in site.listed()] == [(name, number)]
    site.wait(lambda: site.seen().get(name) in (None, "running"))
    site.wait(lambda: site.over(number))
    assert site.seen() == {}
    assert "Exit_status = 0\n" in site.history(number)


def test_two_jobs_of_one_name_are_two(site: Pbs) -> None:
    """So that a second submission is noticed."""
    numbers = [site.submit(site.script("true"), site.attempt_name(), "-h") for _ in range(2)]
    assert [one.native_id for one in site.listed()] == numbers


@pytest.mark.parametrize("length", [59, 64])
def test_a_name_is_not_cut(site: Pbs, length: int) -> None:
    """Sixty-four characters are the most that evalctl gives."""
    name = site.attempt_name().ljust(length, "y")[-length:]
    site.submit(site.script("true"), name, "-h")
    assert list(site.seen()) == [name]


def test_a_job_gets_its_folder_and_nothing_of_the_submitting_shell(site: Pbs) -> None:
    """EVALCTL_RUN_DIR alone is passed; a key in the shell of who submits stays there."""
    number = site.submit(site.script('echo "$EVALCTL_RUN_DIR ${OPENAI_API_KEY:-none} $PBS_JOBID"'), site.attempt_name())
    site.wait(lambda: site.over(number))
    assert (site.top / f"{number}.OU").read_text() == f"{site.top} none {number}\n"


def test_the_log_is_written_while_the_job_runs(site: Pbs) -> None:
    """`-j oe -k oed`: both streams in ID.OU of the output folder, at once, readable by its owner alone."""
    number = site.submit(site.script("echo one; echo two >&2; sleep 300"), site.attempt_name())
    log = site.top / f"{number}.OU"
    site.wait(lambda: log.exists() and log.read_text() == "one\ntwo\n")
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_script_that_fails_leaves_its_status_in_the_history(site: Pbs) -> None:
    """A help for people; evalctl reads its own marks."""
    number = site.submit(site.script("exit 7"), site.attempt_name())
    site.wait(lambda: site.over(number))
    assert "Exit_status = 7\n" in site.history(number)


def test_at_its_walltime_a_job_is_told_and_then_killed(site: Pbs) -> None:
    """TERM reaches the script, KILL comes about ten seconds later to who goes on."""
    body = "trap 'echo told' TERM\nwhile :; do sleep 1; done"
    number = site.submit(site.script(body), site.attempt_name(), seconds=3)
    site.wait(lambda: site.over(number))
    log = (site.top / f"{number}.OU").read_text()
    assert "=>> PBS: job killed: walltime" in log
    assert "told" in log
    assert "exceeded resource walltime" in site.history(number)
    assert "Exit_status = -29\n" in site.history(number)


def test_the_time_of_a_running_job_can_be_cut(site: Pbs) -> None:
    """By who runs the site: then it ends as at its walltime, which its script knows nothing of."""
    name = site.attempt_name()
    number = site.submit(site.script("trap 'exit 0' TERM\nwhile :; do sleep 0.2; done"), name)
    site.wait(lambda: site.seen()[name] == "running")
    assert site.administrator("qalter", "-l", "walltime=0:00:01", number).status == 0
    site.wait(lambda: site.over(number))
    assert "exceeded resource walltime" in site.history(number)


def test_a_running_job_can_be_cancelled(site: Pbs) -> None:
    """It stays in the list until it has ended, and cancelling again is fine at any time."""
    name = site.attempt_name()
    number = site.submit(site.script("trap 'exit 0' TERM\nwhile :; do sleep 0.2; done"), name)
    site.wait(lambda: site.seen()[name] == "running")
    assert pbs.cancelled(site.run(pbs.cancel(number)))
    assert pbs.cancelled(site.run(pbs.cancel(number)))
    site.wait(lambda: name not in site.seen())
    assert pbs.cancelled(site.run(pbs.cancel(number)))
    assert "and terminated by" in site.history(number)


def test_a_waiting_job_can_be_cancelled_and_an_unknown_one_is_gone(site: Pbs) -> None:
    """Whatever is not there any more counts as cancelled."""
    number = site.submit(site.script("true"), site.attempt_name(), "-h")
    assert pbs.cancelled(site.run(pbs.cancel(number)))
    site.wait(lambda: site.seen() == {})
    assert pbs.cancelled(site.run(pbs.cancel("9999999.evalctl-pbs")))


def test_held_waiting_and_impossible_jobs_are_told_apart(site: Pbs) -> None:
    """A hold and an impossible request need a person, a queue does not."""
    names = {state: site.attempt_name(state) for state in ("held", "queued", "stuck")}
    words = {"held": ("-h",), "queued": ("-a", "12312359"), "stuck": ("-l", "select=1:ncpus=99")}
    for state, name in names.items():
        site.submit(site.script("true"), name, *words[state])
    site.wait(lambda: site.seen() == {name: state for state, name in names.items()})


def test_a_released_job_runs(site: Pbs) -> None:
    """In the same job: nothing is submitted for it."""
    number = site.submit(site.script("true"), site.attempt_name(), "-h")
    assert site.administrator("qrls", "-h", "u", number).status == 0
    site.wait(lambda: site.over(number))
    assert "Exit_status = 0\n" in site.history(number)


def test_a_job_that_cannot_write_its_log_is_stuck(site: Pbs) -> None:
    """A missing output folder is accepted; the server tries 21 times and then holds the job."""
    name = site.attempt_name()
    site.submit(site.script("true"), name, folder=Path("/nowhere/at/all"))
    site.wait(lambda: site.seen()[name] == "stuck")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (32, ()), (170, (*GROUP, "-q", "nowhere")), (187, (*GROUP, "-l", "nothing=1")), (188, (*GROUP, "-l", "walltime=200:00:00")),
        (166, (*GROUP, "-l", "walltime=soon")), (2, (*GROUP, "--no-such-option")), (2, (*GROUP, "-N", "a/b")),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_for_certain(site: Pbs, status: int, words: tuple[str, ...]) -> None:
    """Nothing is in the queue then, and the scheduler's words are kept; a site's own hook (no group) is 32."""
    # What is asked comes after evalctl's own words, or they would win.
    command = pbs.submit(
        str(site.script("true")), name=site.attempt_name(), output_dir=str(site.top), run_dir=str(site.top)
    )
    reply = site.run(replace(command, argv=(*command.argv[:-1], *words, command.argv[-1])))
    assert reply.status == status
    assert (pbs.refusal(reply) or "").startswith("qsub: ")
    assert site.seen() == {}


def test_an_odd_variable_of_a_job_changes_nothing(site: Pbs) -> None:
    """Text in a variable is not another job, and not the state of its own."""
    name = site.attempt_name()
    odd = "A=nan,B=\x1b[31m,C=one\n    job_state = F\n\nJob Id: 7.other\n    Job_Name = fake"
    site.submit(site.script("true"), name, "-h", "-v", odd)
    command = pbs.submit(str(site.script("true")), name=name, output_dir=str(site.top), run_dir=str(site.top))
    words = (*command.argv[:-1], *GROUP, "-h", "-v", odd, command.argv[-1])
    assert site.run(replace(command, argv=words)).status == 0
    assert [one.state.value for one in site.listed()] == ["held", "held"]


def test_a_frozen_server_is_silent_and_may_have_taken_the_job(site: Pbs) -> None:
    """No answer is none: not an empty queue, not a refusal (seen: OpenPBS had the job when it was back)."""
    name = site.attempt_name()
    script = site.script("sleep 300")
    with site.frozen():
        reply = site.submit_reply(script, name, *GROUP, patience=3)
        asked = site.run(replace(pbs.query(site.user), timeout_s=3))
    assert (reply.timed_out, pbs.refusal(reply), pbs.native_id(reply, "")) == (True, None, "")
    with pytest.raises(Unreadable):
        pbs.sightings(asked)


def test_a_server_that_is_down_decides_nothing(site: Pbs) -> None:
    """No list, no refusal, no cancellation; a job that ran goes on and is seen again."""
    name = site.attempt_name()
    number = site.submit(site.script("sleep 300"), name)
    script = site.script("true")
    site.wait(lambda: "substate = 42\n" in site.history(number))  # before that, OpenPBS would start it again
    with site.down():
        query, submission, cancellation = (
            site.query(),
            site.submit_reply(script, name, *GROUP),
            site.run(pbs.cancel(number)),
        )
    assert (query.status, submission.status, cancellation.status) == (255, 162, 162)
    with pytest.raises(Unreadable):
        pbs.sightings(query)
    assert pbs.refusal(submission) is None
    assert not pbs.cancelled(cancellation)
    site.wait(lambda: site.seen() == {name: "running"})
    assert "run_count = 1\n" in site.history(number)


def test_the_scheduler_does_not_run_a_job_again(site: Pbs) -> None:
    """`-r n`: not even its administrator can, without changing the job first."""
    name = site.attempt_name()
    number = site.submit(site.script("sleep 300"), name)
    site.wait(lambda: site.seen()[name] == "running")
    assert site.administrator("qrerun", number).status != 0
    assert "Rerunable = False\n" in site.history(number)


# ---- the very script of a job ------------------------------------------------------------------------------------------


def rendered(site: Pbs, *says: str) -> tuple[Place, Job]:
    """A job for this site, with stand-ins for server and frameworks."""
    top = site.top / "place"
    top.mkdir()
    job = make_job(*(job_task(f"ja_{word}", says=word) for word in says))
    batch = replace(job.batch, directives=DIRECTIVES)
    return Place(top, run_dir="a1", python=site.python()), replace(
        job, batch=batch, site=replace(job.site, scheduler="pbs")
    )


def start(site: Pbs, place: Place, job: Job, seconds: int = 600) -> str:
    """Submitted as sync does it; the job's id."""
    script = place.write(job)
    site.own()
    return site.submit(script, site.attempt_name(), seconds=seconds, folder=place.run_dir)


def test_a_rendered_script_runs_to_its_marks(site: Pbs) -> None:
    """With its own directives, a longer time and the attempt's name; nothing that it started is left."""
    place, job = rendered(site, "one", "two")
    number = start(site, place, job)
    site.wait(lambda: site.over(number))
    marks = {name: json.loads((place.run_dir / f"marks/{name}.json").read_text()) for name in ("started", "finished")}
    assert (marks["finished"]["exit"], sorted(marks["finished"]["tasks_done"])) == (0, ["ja_one", "ja_two"]), (
        place.job_log()
    )
    assert marks["started"]["native_id"] == number
    assert place.processes() == []


@pytest.mark.parametrize("ends", ["qdel", "walltime"])
def test_what_a_job_started_ends_with_it(site: Pbs, ends: str) -> None:
    """PBS finds no process that has called setsid; the script does, in the seconds between TERM and KILL."""
    place, job = rendered(site, "wanders")
    number = start(site, place, job, seconds=600 if ends == "qdel" else 12)
    site.wait((place.run_dir / "tasks/ja_wanders/call.json").exists)
    assert any("child of" in line for line in place.processes())
    if ends == "qdel":
        site.run(pbs.cancel(number))
    site.wait(lambda: site.over(number))
    site.wait(lambda: place.processes() == [], 20)
    finished = json.loads((place.run_dir / "marks/finished.json").read_text())
    assert finished["exit"] == 76


def test_a_second_start_does_nothing(site: Pbs) -> None:
    """`-r n` is not enough: a server stopped in a job's first seconds starts it again (seen: OpenPBS 23.06.06)."""
    place, job = rendered(site, "slow")
    number = start(site, place, job)
    site.wait((place.run_dir / "tasks/ja_slow/call.json").exists)
    site.wait((place.run_dir / "vllm.json").exists)  # the server's own start takes longer on a loaded machine
    assert site.administrator("qalter", "-r", "y", number).status == 0
    site.wait(lambda: site.administrator("qrerun", number).status == 0)
    site.wait(lambda: site.over(number))
    assert "run_count = 2\n" in site.history(number)
    assert "Exit_status = 75\n" in site.history(number)
    assert len((place.run_dir / "vllm.json").read_text().splitlines()) == 1
