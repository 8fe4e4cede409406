"""Runs one job of the stand-in to its end, as pbs_mom would: TERM and then KILL at its walltime and after qdel.

Whoever has left the job's session with setsid is not found: so it is with OpenPBS without its cgroup hook.
"""

import contextlib
import getpass
import os
import signal
import subprocess
import time
from pathlib import Path

from store import HOST, change, load, locked, save, script_of, seconds, session_of

KILL_DELAY = 10
_HELD = {
    "job_state": "H", "substate": "20", "Hold_Types": "s", "comment": "job held, too many failed attempts to run",
}  # fmt: skip
_TOLD: list = []


def main(number):
    """Until the job is over, or held because it cannot start."""
    signal.signal(signal.SIGTERM, lambda *_: _TOLD.append("qdel"))
    signal.signal(signal.SIGUSR1, lambda *_: _TOLD.append("qrerun"))
    why = "qrerun"
    while why == "qrerun":
        _TOLD.clear()
        why = _run(number)


def _run(number):
    """Runs the script once; why it ended."""
    with locked():
        job = load(number)
        output = _output(number, job)
        if output is None:
            change(number, **_HELD)
            return "held"
        process = _process(number, job, output)
        save(number, _begun(job, process.pid))
    why = _wait(number, process, output)
    _signal_session(process.pid, signal.SIGKILL)  # what the script has left
    with locked():
        if why != "qrerun":
            change(number, **_ended(why, process.returncode, load(number)["comment"]))
    return why


def _output(number, job):
    """`-o FOLDER` gives ID.OU in it, written while the job runs (`-k oed`) and private; None where there is no folder."""
    path = Path(job["_output"])
    path = path / f"{number}.{HOST}.OU" if path.is_dir() else path
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", buffering=0)
    except OSError:
        return None


def _process(number, job, output):
    return subprocess.Popen(
        [str(script_of(number))], env=_environment(number, job), cwd=Path.home(), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _environment(number, job):
    passed = dict(pair.split("=", 1) for pair in job["_variables"].split(",") if "=" in pair)
    return {
        "HOME": str(Path.home()), "LOGNAME": getpass.getuser(), "USER": getpass.getuser(), "SHELL": "/bin/sh",
        "PATH": "/usr/local/bin:/usr/bin:/bin", "PBS_ENVIRONMENT": "PBS_BATCH", "PBS_JOBID": f"{number}.{HOST}",
        "PBS_JOBNAME": job["Job_Name"], "PBS_QUEUE": job["queue"], "PBS_O_WORKDIR": job["_workdir"], **passed,
    }  # fmt: skip


def _begun(job, pid):
    return {
        **job, "job_state": "R", "substate": "42", "exec_host": f"{HOST}/0", "stime": time.ctime(), "session_id": str(pid),
        "comment": f"Job run at {time.strftime('%a %b %d at %H:%M')} on ({HOST}:ncpus=1)",
        "run_count": str(int(job["run_count"] or 0) + 1), "_mom": os.getpid(),
    }  # fmt: skip


def _wait(number, process, output):
    """Why it ended: "" by itself, "walltime", "qdel" or "qrerun"."""
    begin, why, told_at = time.monotonic(), "", 0.0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            return why
        now, limit = time.monotonic(), seconds(load(number)["Resource_List.walltime"])
        if why and now > told_at + KILL_DELAY:
            _signal_session(process.pid, signal.SIGKILL)
        elif not why and (_TOLD or now > begin + limit):
            why, told_at = (_TOLD[0] if _TOLD else "walltime"), now
            if why == "walltime":
                output.write(b"=>> PBS: job killed: walltime %d exceeded limit %d\n" % (now - begin, limit))
            _signal_session(process.pid, signal.SIGKILL if why == "qrerun" else signal.SIGTERM)


def _signal_session(leader, sign):
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if session_of(folder.name) == leader:
                os.kill(int(folder.name), sign)


def _ended(why, status, comment):
    code = 256 - status if status < 0 else status
    if why == "qdel":
        words, substate = "", "91"
    elif why == "walltime":
        words, substate, code = " and exceeded resource walltime", "93", -29
    else:
        words, substate = (" and failed", "93") if code else (" and finished", "92")
    return {"job_state": "F", "substate": substate, "comment": comment + words, "Exit_status": str(code)}
