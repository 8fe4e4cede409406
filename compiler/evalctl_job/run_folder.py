"""Names of all files of a run folder: the only place where the programs of the login node and of the compute node meet.

The folder belongs to one attempt. `evalctl sync` makes it; the job writes its marks, its logs, and a folder for each task.
A job's script (render/job.sh) and that of the site test (doctor/site_test.sh), which are bash, write the names themselves; a test compares.
"""

from __future__ import annotations

from pathlib import Path

STARTED, SERVER_READY, SERVER_RESTARTED, FINISHED = "started", "server_ready", "server_restarted", "finished"
MARK = ".json"  # how the name of a mark's file ends
CONFIG, OUTPUT, LOG = "config.yaml", "output", "log"  # in a task's folder, where its framework runs
ANSWERS = "answers.jsonl"
SCORES = "scores.json"
LOST = ".lost"  # how the name of a file ends that says why code was not run
LOOKED, BEATS, SIGNALS, ENDED = "looked", "beats", "signals", "ended"  # marks of the probe


class Folder:
    """Computes paths; no file needs to exist."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        """The folder at `path`."""
        self.path = path


class Named:
    """A file or a folder with a fixed name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: Folder, _: object) -> Path:
        return folder.path / self.name


class TaskFolder(Folder):
    """The working folder of a task's framework, and its output."""

    __slots__ = ()
    config = Named(CONFIG)
    output = Named(OUTPUT)
    log = Named(LOG)
    fence = Named("fence.json")  # what stood around code that the model wrote; only of a task that runs code
    fence_lost = Named(f"fence{LOST}")  # why code was not run, where that is so
    acceptance = Named("acceptance.json")  # the verdict, as its program writes it
    shard = Named("shard.json")  # in its place for a shard, which has no scores
    questions = Named("questions.tsv")  # the digests of its questions, once it is done
    scores = Named(SCORES)  # what each of them is worth


class ServerFolder(Folder):
    """Where the model's server runs."""

    __slots__ = ()
    empty = Named("empty")  # its working folder
    files = Named("files")  # texts of a manifest that it reads


class RelayFolder(Folder):
    """The relay's state: addresses, the server's load, and for each task options, answers and counts."""

    __slots__ = ()
    port = Named("port")  # it listens there
    upstream = Named("upstream")  # the address of the job's own server, while there is one
    server = Named("server.json")  # load of that server
    refused = Named("refused")  # why no task will get an answer
    aborted = Named("aborted")  # made by the job: everything in flight fails at once

    def options(self, key: str) -> Path:
        """The changes to the requests of a task."""
        return self.path / f"{key}.options.json"

    def answers(self, key: str) -> Path:
        """A line for each reply of the model: a link to `kept_answers`, where the attempt has a place for them."""
        return self.path / f"{key}.{ANSWERS}"

    def counts(self, key: str) -> Path:
        """The counts of a task's requests and answers."""
        return self.path / f"{key}.counts.json"

    def stalled(self, key: str) -> Path:
        """Why the framework of a task was ended."""
        return self.path / f"{key}.stalled"

    def questions(self, key: str) -> Path:
        """How many questions the framework has in all."""
        return self.path / f"{key}.questions.json"


class RunFolder(Folder):
    """The folder of an attempt."""

    __slots__ = ()

    # evalctl sync writes:
    script = Named("script.sh")  # as it was submitted
    environments = Named("environments")  # where the job environments are; the script reads it
    attempt = Named("attempt.json")  # the values of this attempt that the script cannot contain
    submission = Named("submission.json")  # the inputs that each result records
    scheduler = Named("scheduler.json")  # the variables that chose the scheduler
    submit_log = Named("submit.log")
    absent_since = Named("absent-since")  # when the scheduler's list lacked the job for the first time

    # the job writes:
    started_lock = Named("started.lock")  # a folder, since mkdir is atomic on local disks, NFS and Lustre
    job_log = Named("job.log")
    server_log = Named("server.log")
    relay_log = Named("relay.log")
    download_log = Named("download.log")
    server_pid = Named("server.pid")
    marks = Named("marks")
    tasks = Named("tasks")

    # only the probe has it:
    stop = Named("stop")  # made by doctor: the probe ends

    def mark(self, name: str) -> Path:
        """A mark of the job."""
        return self.marks / f"{name}{MARK}"

    def task_mark(self, key: str) -> Path:
        """The mark of a task."""
        return self.task_marks / f"{key}{MARK}"

    @property
    def task_marks(self) -> Path:
        """The folder of the tasks' marks."""
        return self.marks / "task"

    @property
    def spare(self) -> Path:
        """A file that is deleted to make room for the last marks when the disk is full."""
        return self.marks / ".spare"

    def probe_mark(self, name: str) -> Path:
        """A mark of the probe: lines, no JSON."""
        return self.marks / name

    def task(self, key: str) -> TaskFolder:
        """The folder of a task."""
        return TaskFolder(self.tasks / key)

    @property
    def server(self) -> ServerFolder:
        """The folder of the model's server."""
        return ServerFolder(self.path / "server")

    @property
    def relay(self) -> RelayFolder:
        """The relay's state."""
        return RelayFolder(self.path / "relay")


INSIDE = RunFolder(Path())  # its paths are names within a run folder


def kept_answers(folder: Path, name: str) -> Path:
    """The answers of an unfinished eval, in a folder that outlives the attempts."""
    return folder / f"{name}.jsonl"
