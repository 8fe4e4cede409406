"""The scheduler of a machine that has none: a first-come queue per GPU, and one for jobs without a GPU.

    python -I local_queue.py submit --queue DIR --name N (--gpus 0,1 | --cpu [--slots K]) --output-dir D -- SCRIPT
    python -I local_queue.py list --queue DIR          python -I local_queue.py cancel --queue DIR ID

A stand-alone program that imports the standard library only. There is no daemon: a waiting job is a folder DIR/jobs/ID, a
running job has a keeper process, and each call (a submission, a list) and each ending job starts the jobs that can start.

The kernel decides whether a job is alive: a started job holds a lock on its folder's `lock` file, through its keeper and
through the job's own shell. A job that was started, is not locked and has no recorded end was killed, or the machine went
down; it is reported as lost and never started again.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = 200  # ended jobs
TERM_SECONDS, SWEEP_SECONDS = 30, 5  # from TERM to KILL: for a job, for processes that it left behind
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_DAMAGED = {"state": "lost", "damaged": True}
# As with other schedulers, a job does not get the submitting shell's variables, only those of a login.
PASSED = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "MODULEPATH",
        "CUDA_HOME", "CUDA_PATH", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
        "all_proxy", "no_proxy",
    )
)  # fmt: skip


class Refused(Exception):
    """The queue refuses a command; the text says why."""


@dataclass(frozen=True)
class Ticket:
    """One job in the queue: its folder, and what its submission said."""

    folder: Path
    submission: dict[str, Any]

    @property
    def number(self) -> int:
        """The id: later jobs have larger ones."""
        return int(self.folder.name)

    @property
    def on_this_machine(self) -> bool:
        """Whether this machine runs the job: several machines may share a home folder."""
        return bool(self.submission["host"] == socket.gethostname())

    def state(self) -> dict[str, Any]:
        """The job's `state`, and other recorded facts."""
        ended, started = read(self.folder / "ended.json"), read(self.folder / "started.json")
        if ended or not started:
            return ended or {"state": "queued"}
        if self.held():
            return {**started, "state": "ending" if (self.folder / "ending").exists() else "running"}
        # The job may have recorded its end between the two checks.
        return read(self.folder / "ended.json") or {**started, "state": "lost"}

    def held(self) -> bool:
        """Whether the keeper or the job is alive."""
        with (self.folder / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def end(self, state: str, exit_status: int | None) -> None:
        """Records the end of the job."""
        started = read(self.folder / "started.json") or {}
        write(
            self.folder / "ended.json", {**started, "state": state, "exit_status": exit_status, "ended_at": time.time()}
        )


# --- the queue --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(queue: Path) -> Iterator[None]:
    """Holds the queue's lock: one process at a time changes the queue."""
    (queue / "jobs").mkdir(parents=True, exist_ok=True, mode=0o700)
    with (queue / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a keeper forked meanwhile shares the lock


def tickets(queue: Path) -> list[Ticket]:
    """All jobs, oldest first; a folder without a ticket is an unfinished submission."""
    folders = sorted(
        (path for path in (queue / "jobs").glob("*") if path.name.isdigit()), key=lambda path: int(path.name)
    )
    found = [Ticket(folder, asked) for folder in folders if (asked := read(folder / "ticket.json"))]
    for ticket in found:
        if "name" not in ticket.submission:  # a list without the job would mean that it has ended
            raise Refused(f"{ticket.folder}/ticket.json is damaged; when its job has ended: rm -r {ticket.folder}")
    return found


def submit(arguments: argparse.Namespace) -> str:
    """Queues a script and starts the jobs that can start; returns the job's number."""
    queue = arguments.queue
    with locked(queue):
        for ticket in tickets(queue):
            if ticket.submission["name"] == arguments.name and ticket.state()["state"] in (
                "queued",
                "running",
                "ending",
            ):
                raise Refused(f"{arguments.name} is in the queue already, as {ticket.number}")
        folder = new_folder(queue)
        write(folder / "ticket.json", submission_of(arguments))
        with contextlib.suppress(OSError):  # the job is in the queue, so it is not refused: the next call starts it
            dispatch(queue)
    return folder.name


def submission_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The content of a job's ticket, from the command line."""
    gpus = [] if arguments.cpu else arguments.gpus.split(",")
    if not Path(arguments.script).is_file():
        raise Refused(f"there is no script {arguments.script}")
    if not Path(arguments.output_dir).is_dir():
        raise Refused(f"there is no folder {arguments.output_dir}")
    return {
        "name": arguments.name, "gpus": gpus, "slots": arguments.slots, "walltime": arguments.walltime,
        "script": str(Path(arguments.script).absolute()), "output_dir": str(Path(arguments.output_dir).absolute()),
        "run_dir": os.environ.get("EVALCTL_RUN_DIR", ""), "cwd": str(Path.cwd()), "host": socket.gethostname(),
        "submitted_at": time.time(),
    }  # fmt: skip


def new_folder(queue: Path) -> Path:
    """The folder of the next number; numbers of removed jobs are not used again, even if the counter file is damaged."""
    counter = queue / "last"
    known = counter.read_text(errors="replace").strip() if counter.exists() else ""
    there = (int(path.name) for path in (queue / "jobs").iterdir() if path.name.isdecimal())
    number = max(int(known) if known.isdecimal() else 0, *there, 0) + 1
    write(counter, number)
    folder = queue / "jobs" / str(number)
    folder.mkdir(mode=0o700)
    return folder


def dispatch(queue: Path) -> None:
    """Starts every waiting job that need not wait for an earlier one; the caller holds the queue's lock."""
    mine = [(ticket, ticket.state()["state"]) for ticket in tickets(queue) if ticket.on_this_machine]
    running = [ticket for ticket, state in mine if state in ("running", "ending")]
    taken = {gpu for ticket in running for gpu in ticket.submission["gpus"]}
    without_gpu, blocked = sum(not ticket.submission["gpus"] for ticket in running), False
    for ticket in (ticket for ticket, state in mine if state == "queued"):
        gpus = set(ticket.submission["gpus"])
        if gpus:
            free = not gpus & taken
            taken |= gpus  # of running and of waiting jobs: later jobs do not overtake
        else:
            free = not blocked and without_gpu < ticket.submission["slots"]
            without_gpu, blocked = without_gpu + free, not free
        if free:
            start(ticket, queue)
    prune([ticket for ticket, state in mine if state not in ("queued", "running", "ending")])


def prune(ended: Sequence[Ticket]) -> None:
    """Removes the folders of all but the last KEPT ended jobs."""
    for ticket in ended[:-KEPT]:
        with contextlib.suppress(OSError):
            (ticket.folder / "ticket.json").unlink()  # first: a ticket without a recorded end would be queued again
            shutil.rmtree(ticket.folder, ignore_errors=True)


def start(ticket: Ticket, queue: Path) -> None:
    """Forks the job's keeper, which holds the ticket's lock before the start is recorded."""
    lock = os.open(ticket.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # does not block for long: others hold it briefly, or under the queue's lock
    write(ticket.folder / "started.json", {"started_at": time.time()})
    if os.fork() == 0:
        status = 1
        try:
            detach(ticket, lock)
            Keeper(ticket, lock).run()
            os.close(lock)
            with locked(queue):
                dispatch(queue)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(lock)


def detach(ticket: Ticket, lock: int) -> None:
    """Leaves the caller's session, terminal and open files, including its lock on the queue."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(ticket.folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in enumerate((null, null, log)):
        os.dup2(file, number)
    os.closerange(3, lock)
    os.closerange(lock + 1, os.sysconf("SC_OPEN_MAX"))


# --- one running job --------------------------------------------------------------------------------------------------


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
            write(
                self.ticket.folder / "started.json", {"started_at": time.time(), "pid": job.pid, "keeper": os.getpid()}
            )
        if self.ticket.submission["walltime"]:
            self.deadline = time.monotonic() + self.ticket.submission["walltime"]
        status = self.watch(job.pid)
        self.sweep()
        self.ticket.end(self.why or ("done" if status == 0 else "failed"), status)

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the script in a session of its own, with its devices and a log."""
        asked = self.ticket.submission
        log = Path(asked["output_dir"], f"{asked['name']}.{self.ticket.number}.out")
        with log.open("ab") as output:
            return subprocess.Popen(
                ["/bin/bash", asked["script"]], cwd=asked["cwd"], env=environment(self.ticket), start_new_session=True,
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
    own = {"EVALCTL_RUN_DIR": ticket.submission["run_dir"], "EVALCTL_QUEUE_ID": str(ticket.number)}
    devices = ",".join(ticket.submission["gpus"])  # set to "" for a job without GPUs, or it would see all of them
    return {**passed, **own, "EVALCTL_TICKET": str(ticket.folder), "CUDA_VISIBLE_DEVICES": devices}


def reaped() -> Iterator[tuple[int, int]]:
    """(pid, exit status) of children that have ended: the job or its orphans."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        yield pid, code if code >= 0 else 128 - code


def descendants(root: int) -> list[int]:
    """The living processes below `root`."""
    children: dict[int, list[int]] = {}
    for pid, parent in processes():
        children.setdefault(parent, []).append(pid)
    found, heads = [], [root]
    while heads:
        heads = [child for head in heads for child in children.get(head, ())]
        found += heads
    return found


def processes() -> Iterator[tuple[int, int]]:
    """Every process that is not a zombie, and its parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if state != "Z":
                    yield int(folder.name), int(parent)


def signal_all(pids: Sequence[int], sign: signal.Signals) -> None:
    """Sends `sign` to each process that is still alive."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sign)


# --- commands -----------------------------------------------------------------------------------------------------------


def listed(arguments: argparse.Namespace) -> str:
    """All jobs as JSON, after starting the jobs that can start."""
    with locked(arguments.queue):
        dispatch(arguments.queue)
        jobs = [{"id": ticket.number, **ticket.submission, **ticket.state()} for ticket in tickets(arguments.queue)]
    return json.dumps({"jobs": jobs}, ensure_ascii=False, indent=1)


def cancel(arguments: argparse.Namespace) -> str:
    """Ends a job, waiting or running; a job that has ended or is unknown is not an error."""
    with locked(arguments.queue):
        ticket = next((one for one in tickets(arguments.queue) if one.number == arguments.id), None)
        state = ticket.state() if ticket else {"state": "gone"}
        if ticket and state["state"] == "queued":
            ticket.end("cancelled", None)
            return f"{arguments.id} was waiting and is removed from the queue"
        if not ticket or state["state"] not in ("running", "ending"):
            return f"{arguments.id} has ended already"
        if not ticket.on_this_machine:
            raise Refused(f"{arguments.id} runs on {ticket.submission['host']}: cancel it there")
        (ticket.folder / "ending").touch()
    if not wake_keeper(ticket, state):
        end_orphan(ticket)
    return f"{arguments.id} is being ended"


def wake_keeper(ticket: Ticket, state: dict[str, Any]) -> bool:
    """Wakes the keeper so that it sees the cancellation; False when the keeper was killed and the job still runs."""
    keeper = state.get("keeper")
    if keeper is None:
        return True  # the keeper is just starting and will check
    if not is_open(keeper, ticket.folder / "lock"):
        return False  # its pid may belong to another process by now
    os.kill(keeper, signal.SIGTERM)
    return True


def end_orphan(ticket: Ticket) -> None:
    """Sends TERM, then KILL, to all processes that have this ticket in their environment."""
    for sign, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, SWEEP_SECONDS)):
        limit = time.monotonic() + seconds
        while (left := carriers(ticket)) and time.monotonic() < limit:
            signal_all(left, sign)
            time.sleep(0.5)


def carriers(ticket: Ticket) -> list[int]:
    """The pids of the job's processes, found by the variable that the job was started with."""
    mark = f"EVALCTL_TICKET={ticket.folder}".encode()
    found = []
    for pid, _ in processes():
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def is_open(pid: int, path: Path) -> bool:
    """Whether a process has `path` open."""
    with contextlib.suppress(OSError):
        target = path.stat()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(link.stat(), target):
                    return True
    return False


# --- files and command line ---------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any] | None:
    """A JSON file; None when it does not exist, {} when it is damaged, so that a started job is not started again."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) or _DAMAGED
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        return _DAMAGED


def write(path: Path, value: Any) -> None:
    """Writes a JSON file completely or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(value, ensure_ascii=False))
        file.flush()
        os.fsync(file.fileno())  # after a power cut the rename could be on disk without the text
    temporary.replace(path)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="local_queue.py", description=(__doc__ or "").splitlines()[0])
    verbs = made.add_subparsers(required=True)
    for name, call in (("submit", submit), ("list", listed), ("cancel", cancel)):
        verb = verbs.add_parser(name, help=call.__doc__)
        verb.set_defaults(call=call)
        verb.add_argument("--queue", type=Path, default=default_queue(), help="folder of the queue (EVALCTL_QUEUE)")
        if call is cancel:
            verb.add_argument("id", type=int)
        if call is submit:
            add_submit_options(verb)
    return made


def default_queue() -> Path:
    """One queue per person and machine, because the GPUs are the machine's."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return Path(os.environ.get("EVALCTL_QUEUE") or state / "evalctl/queue")


def add_submit_options(verb: argparse.ArgumentParser) -> None:
    """The options of `submit`."""
    verb.add_argument("--name", required=True)
    devices = verb.add_mutually_exclusive_group(required=True)
    devices.add_argument("--gpus", help="device numbers, comma between them")
    devices.add_argument("--cpu", action="store_true", help="needs no GPU")
    verb.add_argument("--slots", type=int, default=1, help="how many jobs without a GPU may run at once")
    verb.add_argument("--output-dir", required=True, help="folder of what the script prints")
    verb.add_argument("--walltime", type=float, help="seconds")
    verb.add_argument("script")


def main(argv: Sequence[str] | None = None) -> int:
    """Status 0 with an answer, 1 when refused, 2 for a wrong command line."""
    arguments = parser().parse_args(argv)
    call: Callable[[argparse.Namespace], str] = arguments.call
    try:
        sys.stdout.write(f"{call(arguments)}\n")
    except (Refused, OSError) as problem:
        sys.stderr.write(f"local queue: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
