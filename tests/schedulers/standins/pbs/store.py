"""What the programs of the stand-in share: the jobs, a file each, and whether the server answers."""

import contextlib
import fcntl
import json
import sys
import time
from pathlib import Path

PREFIX = Path(sys.argv[0]).absolute().parent.parent
JOBS = PREFIX / "jobs"
HOST = "evalctl-pbs"


class Refused(Exception):
    """What a program says to stderr, and its exit status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def server_state():
    """The kernel's letter for the server's process; X when there is none."""
    with contextlib.suppress(OSError):
        pid = int((PREFIX / "server.pid").read_text())
        return _status_fields(pid)[0]
    return "X"


def session_of(pid):
    """The session of a process."""
    return int(_status_fields(pid)[3])


def _status_fields(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def wait_for_server(status, complaint):
    """Until it is no longer stopped; refuses when there is none."""
    while (state := server_state()) == "T":
        time.sleep(0.1)
    if state not in "RSD":
        raise Refused(status, f"Connection refused\n{complaint}")


@contextlib.contextmanager
def locked():
    """One program at a time reads and changes jobs."""
    with (JOBS / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def numbers():
    """The numbers of all jobs, oldest first."""
    return sorted((path.stem for path in JOBS.glob("*.json")), key=int)


def load(number):
    """A job's attributes."""
    return json.loads(_path(number).read_text())


def save(number, job):
    """All of a job's attributes, or those from before."""
    temporary = _path(number).with_suffix(".new")
    temporary.write_text(json.dumps(job))
    temporary.replace(_path(number))


def change(number, **attributes):
    """Some of a job's attributes."""
    save(number, {**load(number), **attributes})


def script_of(number):
    """The copy of a job's script."""
    return JOBS / f"{number}.sh"


def _path(number):
    return JOBS / f"{number}.json"


def seconds(clock):
    """`1:00:00` and `3600` are the same."""
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total
