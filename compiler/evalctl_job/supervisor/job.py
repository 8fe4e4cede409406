"""The course of a job and of a download: begin, loop, end."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from math import inf
from pathlib import Path

from evalctl_job.marks import Finished, Started
from evalctl_job.run_folder import RunFolder
from evalctl_job.supervisor import capacity, node, private
from evalctl_job.supervisor.code_execution import allowed
from evalctl_job.supervisor.document import InvalidAttemptFile, Job, Task, read_attempt
from evalctl_job.supervisor.ending import DONE, ENVIRONMENT, SERVER_DIED, SOME_FAILED, STOPPED, GiveUp
from evalctl_job.supervisor.guard import Guard
from evalctl_job.supervisor.local_folders import remove_abandoned, remove_tree
from evalctl_job.supervisor.marks import MarkWriter, now
from evalctl_job.supervisor.place import Clock, Place, say
from evalctl_job.supervisor.processes import MARKER, Child, KnownProcess, family, new_marker, sweep
from evalctl_job.supervisor.relay import RelayProcess
from evalctl_job.supervisor.secrets import HUB_TOKENS, shown
from evalctl_job.supervisor.server import OurServer
from evalctl_job.supervisor.signals import Signals
from evalctl_job.supervisor.tasks import TaskRun

_NAP_SECONDS = 0.2
_WARNING_SECONDS = 60  # Slurm may send the warning of the limit so many seconds early
_DOWNLOAD_END_SECONDS = 6.0
_STOP_SECONDS = 8.0  # for the tasks to write their marks: a scheduler may kill soon
_NATIVE_IDS = ("JOB_ID", "PBS_JOBID", "SLURM_JOB_ID", "EVALCTL_QUEUE_ID")


class Course:
    """One job from its first mark to its last."""

    def __init__(self, job: Job, folder: RunFolder, caller_umask: int, began_at: float, signals: Signals) -> None:
        """The script began at `began_at`."""
        self._job, self._folder, self._marker = job, folder, new_marker()
        self._guard: Guard | None = None
        self._relay: RelayProcess | None = None
        self._server: OurServer | None = None
        self._download: Child | None = None
        self._scratch: Path | None = None
        self._private: Path | None = None
        self._running: list[TaskRun] = []
        self._done: list[str] = []
        self._failed: list[str] = []
        clock = Clock(job.walltime_seconds, job.drain_seconds, began_at)
        self._place = Place(folder, job, clock, MarkWriter(folder, self._shown), caller_umask, signals)

    def run(self) -> int:
        """The exit code; in every case the last mark is written and all processes are ended."""
        try:
            self._begin()
            self._work()
            ending = GiveUp(SOME_FAILED, "tasks-failed", " ".join(self._failed)) if self._failed else GiveUp(DONE, "")
        except GiveUp as given_up:
            ending = given_up
        except Exception as error:
            ending = GiveUp(1, "script-failed", f"{type(error).__name__}: {error}")
            say(f"{ending}")
        return self._leave(self._wished(ending))

    def _wished(self, ending: GiveUp) -> GiveUp:
        """A scheduler may end all processes at once: what died of that is not the reason."""
        if ending.status not in (DONE, SOME_FAILED, STOPPED) and self._place.signals.came:
            try:
                self._check_time()
            except GiveUp as wish:
                return wish
        return ending

    def _shown(self, text: str) -> str:
        names = (*self._job.secrets, "HF_TOKEN")
        of_relay = [self._relay.key] if self._relay else []
        return shown(text, [*of_relay, *(self._place.variables.get(name, "") for name in names)])

    # ---- beginning ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        place = self._place
        try:
            place.attempt = read_attempt(self._folder.attempt)
        except InvalidAttemptFile as error:
            raise GiveUp(ENVIRONMENT, "environment-missing", str(error)) from error
        os.umask(place.attempt.umask)
        place.clock.walltime_seconds = place.attempt.walltime_seconds
        self._prepare_variables()
        self._mark_started()
        loaded = node.without_python(node.with_modules(place.variables, self._job.node))
        place.variables = loaded | dict(self._job.node.variables)
        remove_abandoned([*node.scratch_bases(place.variables, self._job.node), *private.bases(place.variables)])
        self._scratch = node.made_scratch(place.variables, self._job.node, place.attempt.name)
        if self._scratch is not None:
            place.variables["TMPDIR"] = str(self._scratch)
        place.variables = node.with_gpu_indices(place.variables)
        self._require_environments()
        if self._job.server is not None:
            place.private = self._private = private.made_folder(place.variables, self._scratch)
        self._guard = Guard(self._folder, self._marker, self._made_folders())
        if self._job.server is not None:  # it loads meanwhile
            self._relay = RelayProcess(self._place, self._job)
        node.require_gpus(place.variables, self._job.node.gpus)
        if wrong := self._weights_changed(whole=True):
            raise GiveUp(ENVIRONMENT, "weights-changed", wrong)

    def _prepare_variables(self) -> None:
        place = self._place
        variables = node.with_env_file({**place.variables, MARKER: self._marker}, place.attempt)
        place.variables = node.with_caches(variables, place.attempt.caches) | dict(place.attempt.variables)

    def _mark_started(self) -> None:
        place = self._place
        gpus = node.gpu_lines(place.variables, "name") if self._job.node.gpus else []
        native = next((place.variables[name] for name in _NATIVE_IDS if place.variables.get(name)), "")
        place.marks.write(Started(
            started_at=now(), host=node.hostname(), pid=os.getpid(), native_id=native, job=self._job.name,
            name=place.attempt.name, attempt=place.attempt.number, gpu_name=gpus[0] if gpus else "",
        ))  # fmt: skip

    def _require_environments(self) -> None:
        """GiveUp unless the attempt is valid and environments and variables exist; checked before any process starts."""
        place, job = self._place, self._job
        for name in job.environments:
            if not Path(place.attempt.environments, name, ".complete").exists():
                why = f"{place.attempt.environments}/{name} is missing or incomplete: evalctl env setup"
                raise GiveUp(ENVIRONMENT, "environment-missing", why)
        for name in job.secrets:
            if not place.variables.get(name):
                raise GiveUp(ENVIRONMENT, "secret-missing", f"{name} is not set: put it into {place.attempt.env_file}")
        for key in place.attempt.run_tasks:
            if key not in {task.key for task in job.tasks}:
                raise GiveUp(
                    ENVIRONMENT, "environment-missing", f"{self._folder.attempt.name} asks for {key}, unknown here"
                )

    def _weights_changed(self, *, whole: bool = False) -> str:
        """What is wrong with the folder of a checkpoint, or ""; `whole` reads every byte where the card has that digest.

        Checked before the server reads the weights, after it has read them, and at the end of each task.
        """
        card = self._job.checkpoint
        if card is None:
            return ""
        revision = ["--whole", "--revision", card.whole] if whole and card.whole else ["--revision", card.revision]
        argv = self._place.program("checkpoint", "--path", card.path, *revision)
        return _complaint(argv, self._place)

    # ---- work --------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        self._check_time()  # no process is started for a job that was ended meanwhile
        if self._job.download is not None:
            self._bring_weights()
            return
        server, relay = self._job.server, self._relay
        assert server is not None and relay is not None, "a job that is no download has both"
        wanted = self._place.attempt.run_tasks
        tasks = [task for task in self._job.tasks if not wanted or task.key in wanted]
        waiting, self._failed = allowed(self._place, tasks)
        if waiting and server.command:  # else a provider serves
            self._server = OurServer(self._place, server, self._job.start_seconds, self._weights_changed)
            self._server.start()
        self._run_tasks(relay, waiting)

    def _run_tasks(self, relay: RelayProcess, waiting: list[Task]) -> None:
        slots = capacity.slots(self._job.parallel_tasks, capacity.cores(), capacity.memory())
        while waiting or self._running:
            while self._has_room(slots) and (task := self._next_of(waiting)):
                waiting.remove(task)
                self._running.append(TaskRun(self._place, task, relay, self._weights_changed))
            if not self._running:
                left = "".join(f"{task.key} " for task in waiting)
                raise GiveUp(STOPPED, "timeout", f"no time left for: {left}")
            time.sleep(_NAP_SECONDS)
            self._check_time()  # before the servers: a scheduler may signal them too
            self._collect_tasks()
            relay.check(self._check_time)
            if self._server is not None:
                self._server.tend(asked=bool(waiting) or not self._is_quiet())

    def _is_quiet(self) -> bool:
        """Whether tasks score without a question for long; where all frameworks have ended, the job ends soon."""
        quiet = min((run.quiet_seconds() for run in self._running), default=0.0)
        return self._place.attempt.rest_seconds <= quiet < inf

    def _has_room(self, slots: capacity.Slots) -> bool:
        """A task that has asked its last question, and scores, makes room for the next one."""
        return slots.has_room(sum(run.asks() for run in self._running), len(self._running))

    def _next_of(self, waiting: list[Task]) -> Task | None:
        """The first that is worth starting: near the end of the job a later one may be shorter."""
        return next((task for task in waiting if self._is_worth_starting(task)), None)

    def _is_worth_starting(self, task: Task) -> bool:
        """The times of the table are limits that few tasks use up, so half of one is enough to start. The first task of an
        attempt always starts, else a job shorter than its only task would be submitted again without end.
        """
        first = not (self._running or self._done or self._failed)
        return first or 2 * self._place.clock.left() >= task.seconds

    def _collect_tasks(self) -> None:
        for run in [run for run in self._running if run.ended()]:
            self._running.remove(run)
            (self._done if run.done else self._failed).append(run.task.key)

    def _check_time(self) -> None:
        """A signal near the limit is the scheduler's warning; any other means that a person or the site ends the job."""
        clock = self._place.clock
        left, seconds = clock.left(), int(clock.seconds())
        if left <= 0 or (self._place.signals.came and left <= _WARNING_SECONDS):
            raise GiveUp(STOPPED, "timeout", f"stopped after {seconds} of {clock.walltime_seconds} seconds")
        if self._place.signals.came:
            raise GiveUp(STOPPED, "cancelled", f"ended by a signal after {seconds} seconds")

    def _bring_weights(self) -> None:
        place, wanted = self._place, self._job.download
        assert wanted is not None, "a download"
        options = ("--model", wanted.model, "--revision", wanted.revision, "--note", place.attempt.note)
        argv = place.program("download", *options)
        log = self._folder.download_log
        self._download = place.launch(argv, log, place.without_secrets(HUB_TOKENS), umask=place.cache_umask)
        while self._download.alive():
            time.sleep(_NAP_SECONDS)
            self._check_time()
        if self._download.status():
            _, reason, detail = [*(log.read_text(errors="replace").splitlines() or [""])[-1].split("\t"), "", ""][:3]
            raise GiveUp(SOME_FAILED, reason or "download-failed", detail)

    # ---- end --------------------------------------------------------------------------------------------------------

    def _leave(self, ending: GiveUp) -> int:
        """Write the last mark first (a scheduler may kill within seconds), then end processes and remove folders."""
        Signals.ignore()
        rested = self._server.known if self._server is not None else set()
        known = {one for one in family() | rested if self._guard is None or one.pid != self._guard.pid}
        self._stop_tasks(ending)
        reason, detail = ending.reason, ending.detail
        if ending.status != DONE and not self._folder.spare.exists():
            reason, detail = "disk-full", f"no space is left under {self._folder.path}"
        self._place.marks.write(Finished(
            exit=ending.status, reason=reason, detail=detail, ended_at=now(), seconds=int(self._place.clock.seconds()),
            tasks_done=tuple(self._done), tasks_failed=tuple(self._failed),
        ))  # fmt: skip
        self._end_processes(known)
        for folder in self._made_folders():
            remove_tree(folder)
        self._folder.spare.unlink(missing_ok=True)
        return ending.status

    def _stop_tasks(self, ending: GiveUp) -> None:
        if not self._running:
            return
        with suppress(OSError):
            self._folder.relay.aborted.touch()
        reason = "server-died" if ending.status == SERVER_DIED else ending.reason
        for run in self._running:
            run.stop(reason, ending.detail)
        until = time.monotonic() + _STOP_SECONDS
        for run in self._running:
            run.join(until - time.monotonic())
        self._collect_tasks()

    def _made_folders(self) -> list[Path]:
        return [folder for folder in (self._private, self._scratch) if folder is not None]

    def _end_processes(self, known: set[KnownProcess]) -> None:
        if self._relay is not None:
            self._relay.end()
        if self._server is not None:
            self._server.end()
        if self._download is not None:
            self._download.end(_DOWNLOAD_END_SECONDS)
        sweep(self._marker, known)
        if self._guard is not None:
            self._guard.dismiss()


def _complaint(argv: list[str], place: Place) -> str:
    """The last line of a check that failed; "" where it passed. One that was killed says nothing of what it looked at."""
    ran = subprocess.run(
        argv,
        env=place.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if ran.returncode < 0:
        raise InterruptedError(f"a check was ended by signal {-ran.returncode}")
    lines = ran.stdout.decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else f"the check ended with status {ran.returncode}") if ran.returncode else ""
