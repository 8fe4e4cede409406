"""Stands in for OpenPBS: qsub, qstat, qdel, and qalter, qrls, qrerun that administrators type.

Jobs are kept in a folder, their scripts really run (`mom.py`), and the answers are those of OpenPBS 23.06.06
(`tests/schedulers/replies/pbs`). The program pbs_server only sleeps: where it is gone or stopped, nothing answers.
"""

import contextlib
import getopt
import getpass
import os
import signal
import subprocess
import sys

from store import HOST, JOBS, PREFIX, Refused, change, load, locked, numbers, wait_for_server
from submission import qsub

_UNCONNECTED = {
    "qstat": (255, f"qstat: cannot connect to server {HOST} (errno=15010)"),
    "qsub": (162, "qsub: cannot connect to server evalctl (errno=15010)"),
}
_OVER = "Job has finished, use -x or -H to obtain historical job information"


def main(program, words):
    """The exit status of one program."""
    if program == "pbs_server":
        return _serve()
    if program == "qstat" and words == ["--version"]:
        return _say("pbs_version = 23.06.06\n")
    try:
        wait_for_server(*_UNCONNECTED.get(program, (162, f"Couldn't connect to cluster: {HOST}")))
        with locked():
            return _PROGRAMS[program](words)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return refused.status


def _serve():
    """Returns when the server is there; that is a process of its own."""
    JOBS.mkdir(exist_ok=True)
    server = subprocess.Popen(
        [sys.executable, "-IS", "-c", "import signal; signal.pause()"], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    (PREFIX / "server.pid").write_text(f"{server.pid}\n")
    return 0


def _say(text):
    sys.stdout.write(text)
    return 0


def _submit(words):
    number, ready = qsub(words)
    if ready:
        _start(number)
    return _say(f"{number}.{HOST}\n")


def _start(number):
    subprocess.Popen(
        [str(PREFIX / "bin/pbs_mom"), number], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _qstat(words):
    pairs, ids = getopt.getopt(words, "fwxu:")
    options = dict(pairs)
    if not {"-f", "-w"} <= set(options):
        raise Refused(2, "qstat: the stand-in knows `-f -w` only")
    for number in [_number("qstat", word, over="-x" in options) for word in ids] or numbers():
        job = load(number)
        ours = options.get("-u") in (None, job["Job_Owner"].partition("@")[0])
        if ours and (ids or "-x" in options or job["job_state"] != "F"):
            _say(_listed(number, job))
    return 0


def _listed(number, job):
    lines = (f"    {key} = {_shown(value)}\n" for key, value in job.items() if value and not key.startswith("_"))
    return f"Job Id: {number}.{HOST}\n{''.join(lines)}\n"


def _shown(value):
    """A line feed as two characters, other control characters as `^` and a letter."""
    return "".join(r"\n" if sign == "\n" else f"^{chr(ord(sign) + 64)}" if sign < " " else sign for sign in value)


def _qdel(words):
    for word in words:
        number = _number("qdel", word)
        job = load(number)
        if job["job_state"] == "R":
            change(number, comment=f"{job['comment']} and terminated by {getpass.getuser()}@{HOST}")
            _tell_mom(job, signal.SIGTERM)
        else:
            change(number, job_state="F", substate="91")
    return 0


def _qalter(words):
    pairs, (word,) = getopt.getopt(words, "r:l:")
    options = dict(pairs)
    if "-r" in options:
        change(_number("qalter", word), Rerunable="True" if options["-r"] == "y" else "False")
    if "-l" in options:
        name, _, value = options["-l"].partition("=")
        change(_number("qalter", word), **{f"Resource_List.{name}": value})
    return 0


def _qrls(words):
    number = _number("qrls", words[-1])
    if load(number)["job_state"] == "R":
        raise Refused(168, f"qrls: Request invalid for state of job {words[-1]}")
    change(number, job_state="Q", substate="10", Hold_Types="n")
    _start(number)
    return 0


def _qrerun(words):
    job = load(_number("qrerun", words[-1]))
    if job["Rerunable"] != "True":
        raise Refused(190, f"qrerun: job is not rerunnable {words[-1]}")
    _tell_mom(job, signal.SIGUSR1)
    return 0


def _number(program, word, *, over=False):
    """The number of a job, of one that is not over unless `over`."""
    number = word.partition(".")[0]
    if number not in numbers():
        raise Refused(153, f"{program}: Unknown Job Id {word}")
    if not over and load(number)["job_state"] == "F":
        raise Refused(35, f"qstat: {word} {_OVER}" if program == "qstat" else f"{program}: Job has finished {word}")
    return number


def _tell_mom(job, sign):
    with contextlib.suppress(ProcessLookupError):
        os.kill(job["_mom"], sign)


_PROGRAMS = {"qsub": _submit, "qstat": _qstat, "qdel": _qdel, "qalter": _qalter, "qrls": _qrls, "qrerun": _qrerun}
