"""The local queue, run for real: turns, devices, ends of every kind, and the truth after a kill -9."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evalctl_queue
from evalctl.model.run import State
from evalctl.schedulers import Unreadable, local
from evalctl.shell import Command, EnvironmentProblem, Reply, run
from evalctl_queue import commands, dispatch, keeper, tickets
from evalctl_queue.records import as_json

PROGRAM = Path(evalctl_queue.__file__).with_name("__main__.py")


class Queue:
    """A queue in a folder of its own, asked as sync asks it."""

    def __init__(self, top: Path) -> None:
        """Empty."""
        self.top, self.site_args = top, ("--queue", str(top / "queue"))

    def submit(self, name: str, script: str, *, gpus: str = "", **more: Any) -> str:
        """The id of a new job."""
        reply = self.try_submit(name, script, gpus=gpus, **more)
        assert reply.status == 0, reply.stderr
        return local.native_id(reply, "")

    def try_submit(self, name: str, script: str, *, gpus: str = "", **more: Any) -> Reply:
        """What the queue says to a submission."""
        path = self.top / f"{name}.sh"
        path.write_text(f"#!/bin/bash\n{script}\n")
        devices = tuple(gpus.split(",")) if gpus else ()
        return run(local.submit(
            str(path), name=name, output_dir=str(self.top), run_dir=str(self.top), gpus=devices,
            **{"site_args": self.site_args, **more},
        ))  # fmt: skip

    def states(self) -> dict[str, State]:
        """What sync would see."""
        return {one.name: one.state for one in local.sightings(run(local.query("me", self.site_args)))}

    def jobs(self) -> dict[str, dict[str, Any]]:
        """All that the queue tells of each job."""
        return {job["name"]: job for job in json.loads(run(local.query("me", self.site_args)).stdout)["jobs"]}

    def cancel(self, number: str) -> Reply:
        """End a job."""
        return run(local.cancel(number, self.site_args))

    def wait(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Until something holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.jobs()
            time.sleep(0.05)

    def until(self, word: str) -> str:
        """A script's line that goes on when `release` says that word."""
        return f"until [[ -e {self.top}/{word} ]]; do sleep 0.05; done"

    def release(self, word: str) -> None:
        """Scripts that wait for this word go on."""
        (self.top / word).touch()

    def wait_ended(self, *names: str) -> None:
        """Until all these jobs have ended."""
        self.wait(lambda: all(self.states()[name] is State.ENDED for name in names))

    def processes(self) -> list[str]:
        """Living processes of this queue's jobs and keepers."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if str(self.top / "queue").encode() in told and folder.name != str(os.getpid()):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        return found


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """A queue of which no process may be left after a test."""
    here = Queue(tmp_path)
    yield here
    for name, job in here.jobs().items():
        if job["state"] in ("queued", "running"):
            here.cancel(str(job["id"]))
            here.wait_ended(name)
    here.wait(lambda: not here.processes())


def test_a_job_runs_with_its_devices_and_its_folder(queue: Queue) -> None:
    """It gets its GPUs and EVALCTL_RUN_DIR, its output is kept, its exit status is on record."""
    os.environ["SECRET_OF_THE_SHELL"] = "x"
    queue.submit(
        "one", 'echo "$CUDA_VISIBLE_DEVICES $EVALCTL_RUN_DIR ${SECRET_OF_THE_SHELL:-none} $HOME"; exit 3', gpus="0,2"
    )
    queue.wait_ended("one")
    job = queue.jobs()["one"]
    assert (job["state"], job["exit_status"]) == ("failed", 3)
    assert (queue.top / "one.1.out").read_text() == f"0,2 {queue.top} none {os.environ['HOME']}\n"


def test_jobs_on_one_gpu_take_turns_and_others_do_not_wait(queue: Queue) -> None:
    """First come first served per GPU; nobody overtakes a job that waits for two."""
    queue.submit("a", queue.until("first"), gpus="0")
    queue.submit("b", "true", gpus="0,1")
    queue.submit("c", "true", gpus="1")
    queue.submit("d", queue.until("last"), gpus="2")
    first = queue.states()
    assert first == {"a": State.RUNNING, "b": State.QUEUED, "c": State.QUEUED, "d": State.RUNNING}
    queue.release("first")
    queue.wait_ended("a", "b", "c")
    assert queue.states()["d"] is State.RUNNING
    queue.release("last")
    jobs = queue.jobs()
    assert jobs["a"]["ended_at"] <= jobs["b"]["started_at"]
    assert jobs["b"]["ended_at"] <= jobs["c"]["started_at"]


def test_jobs_without_gpu_use_slots(queue: Queue) -> None:
    """At most so many at once; one by default."""
    slots = (*queue.site_args, "--slots", "2")
    for name in ("a", "b", "c"):
        queue.submit(name, queue.until("go"), site_args=slots)
    assert list(queue.states().values()) == [State.RUNNING, State.RUNNING, State.QUEUED]
    queue.release("go")
    queue.wait_ended("a", "b", "c")


def test_a_waiting_job_starts_without_anybody_looking(queue: Queue) -> None:
    """The job before it starts it."""
    queue.submit("a", queue.until("go"))
    queue.submit("b", f"touch {queue.top}/b-ran")
    queue.release("go")
    queue.wait((queue.top / "b-ran").exists)


def test_a_cancelled_job_ends_with_all_its_processes(queue: Queue) -> None:
    """Children in sessions of their own too, also those that ignore TERM or whose parent is gone."""
    child = "setsid bash -c 'trap \"\" TERM; touch child; sleep 611' & (setsid sleep 612 &) ; wait"
    number = queue.submit("tree", f"cd {queue.top}; {child}")
    queue.wait((queue.top / "child").exists)
    assert local.cancelled(queue.cancel(number))
    queue.wait_ended("tree")
    assert queue.jobs()["tree"]["state"] == "cancelled"
    assert not queue.processes()


def test_a_cancelled_job_may_say_goodbye(queue: Queue) -> None:
    """TERM comes first."""
    number = queue.submit(
        "polite", f"trap 'echo bye > {queue.top}/bye; exit 76' TERM; touch {queue.top}/on; sleep 60 & wait"
    )
    queue.wait((queue.top / "on").exists)
    queue.cancel(number)
    queue.wait_ended("polite")
    job = queue.jobs()["polite"]
    assert (job["state"], job["exit_status"], (queue.top / "bye").read_text()) == ("cancelled", 76, "bye\n")


def test_a_waiting_job_can_be_cancelled(queue: Queue) -> None:
    """It never starts, and the next one is not held up."""
    queue.submit("a", queue.until("go"))
    number = queue.submit("b", f"touch {queue.top}/b-ran")
    queue.submit("c", "true")
    assert local.cancelled(queue.cancel(number))
    queue.release("go")
    queue.wait_ended("a", "b", "c")
    assert queue.jobs()["b"]["state"] == "cancelled"
    assert not (queue.top / "b-ran").exists()


def test_cancelling_what_is_over_is_fine(queue: Queue) -> None:
    """A job that ended, or that nobody knows."""
    number = queue.submit("a", "true")
    queue.wait_ended("a")
    assert local.cancelled(queue.cancel(number))
    assert local.cancelled(queue.cancel("4711"))
    assert queue.jobs()["a"]["state"] == "done"


def test_the_walltime_ends_a_job(queue: Queue) -> None:
    """Even if it does not look at the clock itself."""
    queue.submit("long", "sleep 60", walltime_seconds=1)
    queue.wait_ended("long")
    assert queue.jobs()["long"]["state"] == "timeout"


def test_a_job_killed_with_its_keeper_is_lost(queue: Queue) -> None:
    """kill -9 is seen at once: it is not running, not done, and is never started again."""
    queue.submit("victim", f"echo >> {queue.top}/starts; sleep 60")
    queue.submit("next", "true")
    queue.wait((queue.top / "starts").exists)
    job = queue.jobs()["victim"]
    os.kill(job["keeper"], signal.SIGKILL)
    os.killpg(job["pid"], signal.SIGKILL)
    queue.wait(lambda: queue.jobs()["victim"]["state"] == "lost")
    queue.wait_ended("next")
    assert (queue.top / "starts").read_text() == "\n"


def test_a_job_outlives_its_keeper(queue: Queue) -> None:
    """With the keeper killed the job goes on and still holds its GPU; cancelling it still works."""
    number = queue.submit("alone", f"touch {queue.top}/on; sleep 60", gpus="0")
    queue.wait((queue.top / "on").exists)
    os.kill(queue.jobs()["alone"]["keeper"], signal.SIGKILL)
    queue.submit("next", "true", gpus="0")
    assert queue.states() == {"alone": State.RUNNING, "next": State.QUEUED}
    assert local.cancelled(queue.cancel(number))
    queue.wait_ended("alone", "next")
    assert {name: job["state"] for name, job in queue.jobs().items()} == {"alone": "lost", "next": "done"}


def test_a_keepers_number_that_another_process_has_by_now_is_left_alone(queue: Queue) -> None:
    """After the keeper was killed its number may be given again: cancelling ends the job, and nobody else."""
    number = queue.submit("alone", f"touch {queue.top}/on; sleep 60")
    queue.wait((queue.top / "on").exists)
    os.kill(queue.jobs()["alone"]["keeper"], signal.SIGKILL)
    with subprocess.Popen(["sleep", "600"]) as other:
        note = queue.top / "queue/jobs" / number / "started.json"
        note.write_text(json.dumps({**json.loads(note.read_text()), "keeper": other.pid}))
        assert local.cancelled(queue.cancel(number))
        queue.wait_ended("alone")
        assert other.poll() is None
        other.kill()


def test_a_job_of_another_machine_is_not_started_here(queue: Queue) -> None:
    """Several machines may share a home folder: the one that took the job starts it."""
    first = queue.submit("first", queue.until("go"))
    queue.submit("theirs", "true")
    ticket = queue.top / "queue/jobs/2/ticket.json"
    ticket.write_text(json.dumps({**json.loads(ticket.read_text()), "host": "elsewhere"}))
    queue.release("go")
    queue.wait_ended("first")
    queue.submit("third", "true")
    queue.wait_ended("third")
    assert (first, queue.states()["theirs"]) == ("1", State.QUEUED)
    queue.cancel("2")


def test_a_name_is_in_the_queue_once(queue: Queue) -> None:
    """Two syncs cannot start one attempt twice."""
    queue.submit("a", queue.until("go"))
    reply = queue.try_submit("a", "true")
    assert local.refusal(reply) == "local queue: a is in the queue already, as 1"
    assert len(queue.jobs()) == 1
    queue.release("go")


def test_many_submissions_at_once_keep_their_order(queue: Queue) -> None:
    """Numbers are given once, and no two jobs run at the same time in one slot."""
    script = queue.top / "s.sh"
    script.write_text(f"mkdir {queue.top}/busy || touch {queue.top}/clash; sleep 0.05; rmdir {queue.top}/busy\n")
    words = [sys.executable, "-I", str(PROGRAM), "submit", *queue.site_args, "--cpu", "--output-dir", str(queue.top)]
    all_at_once = [
        subprocess.Popen([*words, "--name", f"n{n}", str(script)], stdout=subprocess.PIPE) for n in range(12)
    ]
    assert sorted(int(one.communicate()[0]) for one in all_at_once) == list(range(1, 13))
    queue.wait_ended(*(f"n{n}" for n in range(12)))
    assert {job["state"] for job in queue.jobs().values()} == {"done"}
    assert not (queue.top / "clash").exists()


@pytest.mark.parametrize("missing", ["script", "output_dir"])
def test_what_cannot_run_is_refused(queue: Queue, missing: str) -> None:
    """A script or folder that is not there is said at the submission, and nothing is queued."""
    words = {"script": str(PROGRAM), "output_dir": str(queue.top)}
    words[missing] = str(queue.top / "nowhere")
    reply = run(
        local.submit(words["script"], name="x", output_dir=words["output_dir"], run_dir="/", site_args=queue.site_args)
    )
    assert "nowhere" in (local.refusal(reply) or "")
    assert queue.states() == {}


def test_a_job_in_the_queue_is_not_refused(queue: Queue) -> None:
    """What cannot be started now, as on a full disk, holds up the queue; but a job that waits in it was taken."""
    folder = queue.top / "queue" / "jobs"
    queue.submit("a", queue.until("go"), gpus="0")
    in_the_way = folder / queue.submit("b", "true", gpus="0") / "lock"
    in_the_way.mkdir()
    queue.release("go")
    queue.wait((folder / "1" / "ended.json").exists)
    assert local.refusal(queue.try_submit("c", "true", gpus="1")) is None
    in_the_way.rmdir()
    queue.wait_ended("b", "c")


def in_a_child(work: Callable[[], object]) -> None:
    """Work that may change or end its process."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_a_keeper_that_cannot_write_keeps_its_job(queue: Queue) -> None:
    """On a full disk, the walltime still ends it."""
    folder, script = queue.top / "queue" / "jobs" / "1", queue.top / "a.sh"
    folder.mkdir(parents=True)
    script.write_text("sleep 60\n")
    words = ["--cpu", "--output-dir", str(queue.top), "--walltime", "0.5", str(script)]
    submission = commands.submission_of(commands.parser().parse_args(["submit", "--name", "a", *words]))
    tickets.write(folder / "ticket.json", as_json(submission))
    tickets.write(folder / "started.json", {"started_at": 1.0})

    def keep() -> None:
        (folder / f".started.json.{os.getpid()}").mkdir()  # where the keeper would put its number
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        keeper.Keeper(tickets.Ticket(folder, submission), lock).run()

    in_a_child(keep)
    assert queue.jobs()["a"]["state"] == "timeout"


def test_a_job_that_is_forgotten_by_half_is_not_queued_again(queue: Queue) -> None:
    """Whatever comes in between, its end is taken away only after its ticket."""
    queue.submit("a", "true")
    queue.wait_ended("a")
    (ticket,) = tickets.tickets(queue.top / "queue")

    def refuse(event: str, words: tuple[object, ...]) -> None:
        if event == "os.remove" and str(words[0]).endswith("ticket.json"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def forget() -> None:
        sys.addaudithook(refuse)
        dispatch.prune([ticket] * (dispatch.KEPT + 1))

    in_a_child(forget)
    assert queue.jobs()["a"]["state"] == "done"


DAMAGE = ["", "{", "[]", "{}", "\0\0\0", '"x"', "7", "[" * 100_000]


@pytest.mark.parametrize("text", DAMAGE, ids=range(len(DAMAGE)))
@pytest.mark.parametrize("file", ["started.json", "ended.json"])
def test_a_damaged_note_of_a_job_hides_no_other_and_starts_nothing_again(queue: Queue, file: str, text: str) -> None:
    """A machine that went down left half a file: the job has begun, so it is over or lost, and the others are listed."""
    queue.submit("one", f"echo begun >> {queue.top}/begun")
    queue.wait_ended("one")
    folder = queue.top / "queue/jobs/1"
    (folder / "ended.json").unlink()
    (folder / file).write_text(text)
    queue.submit("two", "true")
    queue.wait_ended("one", "two")
    assert (queue.top / "begun").read_text() == "begun\n"


@pytest.mark.parametrize("text", DAMAGE[:4], ids=range(4))
def test_a_job_whose_ticket_is_damaged_is_named(queue: Queue, text: str) -> None:
    """Its name is not known: a list without it would say that it is gone."""
    queue.submit("one", "true")
    queue.wait_ended("one")
    (queue.top / "queue/jobs/1/ticket.json").write_text(text)
    with pytest.raises(Unreadable, match=r"jobs/1/ticket\.json is damaged; .* rm -r "):
        local.sightings(run(local.query("me", queue.site_args)))
    shutil.rmtree(queue.top / "queue/jobs/1")
    assert queue.states() == {}


@pytest.mark.parametrize("text", ["", "0", "x", "\0", "²", "-7"])
def test_a_number_is_given_once_whatever_the_counter_holds(queue: Queue, text: str) -> None:
    """The folders that are there count as well."""
    assert queue.submit("one", "true") == "1"
    (queue.top / "queue/last").write_text(text)
    assert queue.submit("two", "true") == "2"


def test_submitting_returns_at_once(queue: Queue) -> None:
    """The keeper holds nothing open of the submitting process."""
    queue.submit("a", queue.until("go"))  # it would wait for ever
    assert queue.states() == {"a": State.RUNNING}
    queue.release("go")


def test_a_python_that_is_missing_is_a_broken_environment() -> None:
    """Nothing is concluded about jobs."""
    with pytest.raises(EnvironmentProblem):
        run(Command(("/nowhere/python",)))
