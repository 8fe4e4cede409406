"""The process that keeps one running job: it starts the job, ends it at its walltime, and ends what the job leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from evalctl_queue.processes import descendants, reaped, signal_all
from evalctl_queue.records import JobState, as_json
from evalctl_queue.tickets import Ticket, write

TERM_SECONDS, SWEEP_SECONDS = 30, 5  # from TERM to KILL: for a job, for processes that it left behind

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

# As with other schedulers, a job does not get the submitting shell's variables, only those of a login.
PASSED = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "MODULEPATH",
        "CUDA_HOME", "CUDA_PATH", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
        "all_proxy", "no_proxy",
    )
)  # fmt: skip


class Keeper:
    """Starts one job, ends it at its walltime or on SIGTERM, and ends all processes that it leaves behind."""

    def __init__(self, ticket: Ticket, lock: int) -> None:
        """`lock` is the open file of the ticket's lock, which is held."""
        self.ticket, self.lock = ticket, lock
        self.why, self.deadline, self.kill_at = "", float("inf"), float("inf")

    def run(self) -> None:
        """Runs the job from its start to its recorded end."""
        # Orphans of the job become children of this process, so that they can be found and ended.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT})
        try:
            job = self.launch()
        except OSError:
            self.ticket.end("failed", None)
            raise
        with contextlib.suppress(OSError):  # a full disk: the job runs, and still needs its keeper
            started = JobState(started_at=time.time(), pid=job.pid, keeper=os.getpid())
            write(self.ticket.folder / "started.json", as_json(started))
        if self.ticket.submission.walltime:
            self.deadline = time.monotonic() + self.ticket.submission.walltime
        status = self.watch(job.pid)
        self.sweep()
        self.ticket.end(self.why or ("done" if status == 0 else "failed"), status)

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the script in a session of its own, with its devices and a log."""
        asked = self.ticket.submission
        log = Path(asked.output_dir, f"{asked.name}.{self.ticket.number}.out")
        with log.open("ab") as output:
            return subprocess.Popen(
                ["/bin/bash", asked.script], cwd=asked.cwd, env=environment(self.ticket), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, pass_fds=[self.lock],
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
            )  # fmt: skip

    def watch(self, job: int) -> int:
        """The job's exit status (128 + n for signal n), once it has one."""
        while True:
            for pid, status in reaped():
                if pid == job:
                    return status
            now = time.monotonic()
            if now >= self.kill_at:
                signal_all(descendants(os.getpid()), signal.SIGKILL)
            elif now >= self.deadline:
                self.begin_end(job, "timeout")
            wait = min(1.0, max(0.05, min(self.deadline, self.kill_at) - now))
            signal.sigtimedwait({signal.SIGTERM, signal.SIGCHLD}, wait)
            if not self.why and (self.ticket.folder / "ending").exists():
                self.begin_end(job, "cancelled")

    def begin_end(self, job: int, why: str) -> None:
        """Sends TERM to the job's process group, which ends its other processes; those still alive later are killed."""
        self.why, self.deadline, self.kill_at = why, float("inf"), time.monotonic() + TERM_SECONDS
        with contextlib.suppress(OSError):  # the job has just ended by itself, or the disk is full
            os.killpg(job, signal.SIGTERM)
            (self.ticket.folder / "ending").touch()

    def sweep(self) -> None:
        """Ends all processes that the job left behind: TERM, later KILL."""
        begin, sign = time.monotonic(), signal.SIGTERM
        while left := descendants(os.getpid()):
            signal_all(left, sign)
            time.sleep(0.1)
            for _ in reaped():
                pass
            if time.monotonic() > begin + SWEEP_SECONDS:
                sign = signal.SIGKILL


def environment(ticket: Ticket) -> dict[str, str]:
    """The job's environment: variables of a login, its run folder, its devices."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("LC_")}
    own = {"EVALCTL_RUN_DIR": ticket.submission.run_dir, "EVALCTL_QUEUE_ID": str(ticket.number)}
    devices = ",".join(ticket.submission.gpus)  # set to "" for a job without GPUs, or it would see all of them
    return {**passed, **own, "EVALCTL_TICKET": str(ticket.folder), "CUDA_VISIBLE_DEVICES": devices}
