"""Between the scheduler's start of a script and the job's program, and what comes in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from standin_place import SOURCES, Place, Ran, job_task, make_job

from evalctl.model.run import Action, Attempt, Phase
from evalctl.model.weights import Checkpoint
from evalctl.render.script import RUN, bootstrap, script
from evalctl.sync.decide import decide
from evalctl.sync.evidence import JobEvidence
from evalctl.sync.marks import read_marks
from evalctl_job.supervisor.document import read_job

HOSTILE = 'open(__import__("os").environ["EVALCTL_RUN_DIR"] + "/entered", "w").close()\n'


def test_a_script_that_was_cut_off_runs_nothing(place: Place) -> None:
    """A disk that was full keeps a begin, and a begin of TOML is TOML of fewer tasks."""
    job = make_job(job_task("one"), job_task("two"))
    lines = script(job).data.decode().partition(f"{RUN} 3<<")[2].splitlines(keepends=True)
    document = lines[1 : lines.index("END_OF_JOB\n")]
    assert read_job("".join(document)).name == job.name
    for count in range(len(document)):
        with pytest.raises((ValueError, TypeError)):
            read_job("".join(document[:count]))
    path = place.write(job)
    path.write_text(path.read_text().partition('[[tasks]]\nkey = "two"')[0])
    place.write = lambda *_, **__: path  # type: ignore[method-assign]
    ran = place.run(job)
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "script-failed")
    assert "its end is missing" in ran.mark("finished")["detail"]
    assert not (place.run_dir / "relay.json").exists()


def test_a_program_that_cannot_start_is_named(place: Place) -> None:
    """Also where the environment looks whole: its interpreter may be of a node that is not this one."""
    (place.environments / "lighteval-env/bin/python").write_text("#!/nowhere/python\n")
    ran = place.run(make_job(job_task("one")))
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "environment-missing")
    assert "lighteval-env" in ran.mark("finished")["detail"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit('the license of this library has ended')", "the license of this library has ended"),
        ("", "No module named evalctl_job.run"),
    ],
)
def test_a_program_that_cannot_be_loaded_is_no_lost_job(place: Place, program: str, words: str) -> None:
    """It leaves no mark: sync names the environment, with the last words of the job's log."""
    (site,) = _virtual_environment(place).glob("lib/python*/site-packages")
    (site / "evalctl_job").mkdir()
    if program:
        (site / "evalctl_job/run.py").write_text(program)
    assert place.run(make_job(job_task("one"))).status == 1
    marks = read_marks(place.run_dir)
    assert words in marks.unloaded
    attempt = Attempt(
        "ev-a", 1, "ev-a-a1", Phase.SUBMITTED, "local", "r", {"one": "d"}, str(place.run_dir), 0.0, by="me"
    )
    seen = JobEvidence("ev-a", ("one",), attempt, 0, (), False, marks, 601.0, 600.0, 1)
    step = decide(seen)
    assert (step.action, step.reason, step.detail) == (Action.CLOSE, "environment-missing", marks.unloaded)


def test_a_job_that_its_node_ended_is_lost(place: Place) -> None:
    """A job whose log is empty said nothing of its environment; neither did one that `cancel` kept from starting."""
    place.run_dir.joinpath("started.lock").mkdir()
    assert read_marks(place.run_dir).unloaded == ""
    place.run_dir.joinpath("job.log").write_text("\n \n")
    assert read_marks(place.run_dir).unloaded == ""


def _virtual_environment(place: Place) -> Path:
    environment = place.environments / "lighteval-env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", environment], check=True)
    (environment / ".complete").touch()
    return environment


def test_no_module_of_a_person_is_part_of_the_job(place: Place) -> None:
    """Neither by PYTHONPATH, by PYTHONSTARTUP or PYTHONHOME, from the folder of the job, nor under a locale that is not UTF-8."""
    (site,) = _virtual_environment(place).glob("lib/python*/site-packages")
    (site / "job.pth").write_text(str(SOURCES))
    theirs = place.top / "theirs"
    (theirs / "evalctl_job").mkdir(parents=True)
    for folder in (theirs, place.top):
        for name in ("json.py", "sitecustomize.py", "usercustomize.py", "startup.py", "tomllib.py"):
            (folder / name).write_text(HOSTILE)
    (theirs / "evalctl_job/__init__.py").write_text(HOSTILE)
    variables = {
        "PATH": "/usr/bin:/bin", "EVALCTL_RUN_DIR": str(place.run_dir), "PYTHONPATH": str(theirs), "LC_ALL": "C",
        "PYTHONSTARTUP": str(theirs / "startup.py"), "PYTHONHOME": "/nowhere", "PYTHONINSPECT": "1",
    }  # fmt: skip
    script_of_job = place.write(make_job(job_task("one")), run_tasks=["unknown"])
    done = subprocess.run(["bash", str(script_of_job)], env=variables, cwd=place.top, check=False)
    finished = Ran(done.returncode, place.run_dir).mark("finished")
    assert (done.returncode, finished["detail"]) == (72, "attempt.json asks for unknown, unknown here"), place.job_log()
    assert not (place.run_dir / "entered").exists()


def test_nothing_that_asks_waits_for_the_relay_to_load(place: Place) -> None:
    """Its socket takes connections from the first moment: the server and the first framework start beside it."""
    (place.run_dir / "relay-loads-until").write_text("tasks/one/call.json")
    ran = place.run(make_job(job_task("one")))
    assert (ran.status, ran.mark("task/one")["state"]) == (0, "done"), place.job_log()


def test_a_relay_that_cannot_load_ends_the_job(place: Place) -> None:
    """Whatever has started meanwhile ends, too."""
    (place.run_dir / "kill-relay").touch()
    ran = place.run(make_job(job_task("one", says="slow")))
    assert (ran.status, ran.mark("finished")["reason"]) == (70, "relay-died")
    place.wait_until_empty()


def test_the_time_of_the_bootstrap_counts(place: Place) -> None:
    """The scheduler counts from the begin of the script, and a slow file system may keep Python from starting for long."""
    python = place.environments / "lighteval-env/bin/python"
    python.rename(python.with_name("later"))
    python.write_text(
        f'#!/bin/bash\n[[ "$*" != *evalctl_job.run* ]] || sleep 3\nexec {str(python.with_name("later"))!r} "$@"\n'
    )
    python.chmod(0o755)
    ran = place.run(make_job(job_task("one")))
    assert (ran.status, ran.mark("finished")["seconds"] >= 2) == (0, True), place.job_log()


def test_what_dies_of_the_schedulers_signal_is_no_failure(place: Place) -> None:
    """PBS signals every process of the job's session: a framework that ends of it was cancelled."""
    process = place.start(make_job(job_task("one", says="slow"), job_task("two", says="slow")))
    for key in ("one", "two"):
        place.wait_for("tasks", key, "call.json")
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        with suppress(ProcessLookupError):
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGTERM)
    ran = Ran(process.wait(timeout=240), place.run_dir)
    assert (ran.status, ran.mark("finished")["reason"]) == (76, "cancelled"), place.job_log()
    marks = [ran.mark(f"task/{key}") for key in ("one", "two")]
    assert [(mark["state"], mark["reason"]) for mark in marks] == [("failed", "cancelled")] * 2


def test_a_check_of_weights_that_was_killed_says_nothing_of_them(place: Place, tmp_path: Path) -> None:
    """The answers stay; the task is tried again."""
    kept = tmp_path / "answers"
    kept.mkdir()
    (kept / "digest-of-one.jsonl").write_text("{}")
    (place.run_dir / "check-killed-at").write_text("3")
    ran = place.run(make_job(job_task("one"), checkpoint=Checkpoint("/gs/a run", "a" * 64)), answers=kept)
    assert (ran.status, ran.mark("task/one")["reason"]) == (3, "task-lost")
    assert (kept / "digest-of-one.jsonl").exists()


def test_a_framework_that_is_not_there_fails_as_in_a_shell(place: Place) -> None:
    """Its log says what could not be started, and acceptance judges status 127."""
    ran = place.run(make_job(job_task("one", argv=("no-such-framework",))))
    assert (ran.status, ran.mark("task/one")["exit"]) == (3, 127), place.job_log()
    assert "no-such-framework: No such file or directory" in (place.run_dir / "tasks/one/log").read_text()


def test_the_bootstrap_has_no_text_of_a_manifest() -> None:
    """What stands between the comments and the document is the same in every script, but for the environment's name."""
    one, other = (script(make_job(job_task(key, says=key))).data for key in ("one", "other"))
    assert bootstrap() in one and bootstrap() in other
    after = [data.decode().partition("END_OF_JOB\n")[2] for data in (one, other)]
    assert after[0] == after[1]
