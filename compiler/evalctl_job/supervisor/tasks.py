"""One framework process for each task, from its configuration to its mark.

Each task has a thread, which mostly waits: while one task generates, the next one loads and another scores.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from evalctl_job import framework_client, relay_key
from evalctl_job.fence import words as fence
from evalctl_job.marks import ANSWERED, DONE, FAILED, RUNNING, Acceptance, TaskMark
from evalctl_job.run_folder import INSIDE, kept_answers
from evalctl_job.shards import ENDS, ShardNote
from evalctl_job.supervisor import shards
from evalctl_job.supervisor.asking import QUIET_SECONDS, Asking
from evalctl_job.supervisor.document import Task
from evalctl_job.supervisor.http_get import get
from evalctl_job.supervisor.local_folders import remove_all_but
from evalctl_job.supervisor.marks import now
from evalctl_job.supervisor.place import Place, say
from evalctl_job.supervisor.processes import Child
from evalctl_job.supervisor.relay import RelayProcess
from evalctl_job.supervisor.secrets import HUB_TOKENS, without_addresses
from evalctl_job.typed import read

_LOOK_SECONDS = 0.2
_END_SECONDS, _WORKERS_SECONDS = 4.0, 2.0
_READ_SECONDS = 120.0  # for the relay to read a task's answers again
_VERDICT_SECONDS = 4.0  # for acceptance to end by itself
_REASON_SECONDS = 8.0  # for the job to say why it ends, after a signal
LOST, STOPPED, STALLED = "task-lost", "job-killed", "framework-stalled"
MOST_RESTARTS = 2  # of a framework that asks no more


class TaskRun:
    """A running task."""

    def __init__(self, place: Place, task: Task, relay: RelayProcess, weights_changed: Callable[[], str]) -> None:
        """Starts it. `weights_changed` returns what is wrong with the checkpoint, or ""."""
        self.task, self.done = task, False
        self._place, self._relay, self._weights_changed = place, relay, weights_changed
        self._folder = place.folder.task(task.key)
        self._started_at, self._stop = now(), threading.Event()
        self._why, self._closed = (STOPPED, ""), False
        self._restarts = 0
        self._asking: Asking | None = Asking(place.folder.relay.counts(task.key))  # None once its framework has ended
        self._thread = threading.Thread(target=self._run, name=task.key, daemon=True)
        self._thread.start()

    def ended(self) -> bool:
        """Whether its last mark is written."""
        return self._closed or not self._thread.is_alive()

    def quiet_seconds(self) -> float:
        """For how long it has asked nothing after it had all its answers; without end once its framework has ended."""
        asking = self._asking  # its thread may set it to None meanwhile
        return inf if asking is None else asking.quiet_seconds()

    def asks(self) -> bool:
        """Whether it has not asked its last question, as far as anyone knows."""
        return self.quiet_seconds() < QUIET_SECONDS

    def stop(self, reason: str, detail: str) -> None:
        """Ends it soon, for this reason."""
        self._why = (reason, detail)
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Waits for its end, after `stop`; a task that has not ended by then gets its mark nevertheless."""
        self._thread.join(max(seconds, 0.0))
        if self._thread.is_alive():
            self._mark(FAILED, *self._why)
            self._closed = True

    def _run(self) -> None:
        try:
            status = self._framework_status()
            if self._is_stopped():
                self._mark(FAILED, *self._why)
            else:
                self._accept(status)
        except Exception as error:  # any error: the other tasks continue, and the mark reports it
            why = self._why if self._is_stopped() else (LOST, f"{type(error).__name__}: {error}")
            self._mark(FAILED, *why)

    def _is_stopped(self) -> bool:
        """Whether the job ends. The scheduler may signal all processes at once; the job's loop then sets the reason."""
        return self._stop.is_set() or (self._place.signals.came and self._stop.wait(_REASON_SECONDS))

    # ---- the framework -----------------------------------------------------------------------------------------------

    def _framework_status(self) -> int:
        self._folder.path.mkdir(parents=True, exist_ok=True)
        self._folder.config.write_bytes(self.task.config.encode())
        self._place.folder.relay.options(self.task.key).write_text(
            f"{shards.options_of(self.task)}\n", encoding="utf-8"
        )
        self._keep_answers()
        self._mark(RUNNING)
        status = self._status_of_one()
        while self._begins_again(status):
            status = self._status_of_one()
        self._asking = None
        return status

    def _status_of_one(self) -> int:
        """The exit status of one process of the framework."""
        begin = _size(self._folder.log)
        framework = self._place.launch(
            self.task.command,
            self._folder.log,
            self._variables(),
            folder=self._folder.path,
            umask=self._place.cache_umask,
        )
        try:
            return self._watched(framework, begin)
        finally:
            framework.end(_WORKERS_SECONDS)  # workers that it left

    def _begins_again(self, status: int) -> bool:
        """Whether the framework is to be started again, since it asked no more. It gets the answers so far from the relay."""
        path, folder = f"/task/{self.task.key}/again", self._folder
        if not status or not _has_text(self._stalled) or self._restarts == MOST_RESTARTS or self._is_stopped():
            return False
        if get(self._relay.port, path, self._relay.key, "POST", _READ_SECONDS) is None:
            return False
        self._restarts += 1
        why = self._stalled.read_text(encoding="utf-8").strip()
        say(f"{self.task.key}: {why}; it is started again ({self._restarts} of {MOST_RESTARTS})")
        self._mark(RUNNING, STALLED, why)
        self._stalled.unlink()
        remove_all_but(folder.path, (folder.config, folder.log))
        return True

    @property
    def _stalled(self) -> Path:
        return self._place.folder.relay.stalled(self.task.key)

    def _keep_answers(self) -> None:
        """Links the answers into a folder that outlives the attempt, so that the next attempt does not ask again."""
        kept, link = self._kept_answers, self._place.folder.relay.answers(self.task.key)
        if kept is None:
            return
        kept.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(kept)

    @property
    def _kept_answers(self) -> Path | None:
        """The file of answers that outlives the attempt; None where the attempt names no folder."""
        folder = self._place.attempt.answers
        return kept_answers(Path(folder), shards.answers_name(self.task)) if folder else None

    def _variables(self) -> dict[str, str]:
        task = f"http://127.0.0.1:{self._relay.port}/task/{self.task.key}"
        # a judge's key is passed on; the model's own key only the relay has
        variables = without_addresses(self._place.without_secrets((*HUB_TOKENS, *self.task.secrets)))
        server = self._place.job.server
        prefix = server.litellm_prefix if server else ""
        local = {name: ",".join(filter(None, (variables.get(name), "127.0.0.1"))) for name in ("NO_PROXY", "no_proxy")}
        return variables | local | {
            f"{prefix}_API_BASE": f"{task}/v1", f"{prefix}_BASE_URL": f"{task}/v1", f"{prefix}_API_KEY": self._relay.key,
            **({ENDS: "yes"} if self.task.part else {}),
            framework_client.ADDRESS: task, relay_key.VARIABLE: self._relay.key,
            fence.POLICY_VARIABLE: self.task.code_execution or fence.FENCED, fence.RECORD_VARIABLE: str(self._folder.fence),
            "PATH": self._place.path_of(self.task.environment, variables), "PYTHONUTF8": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else each start requests a file from the Internet (seen: 6 s without one)
        } | dict(self.task.variables)  # fmt: skip

    def _launched_stall_watch(self, framework: Child, begin: int) -> Child:
        """A client may wait without end for a lost answer (seen: litellm 1.101 with more than 64 questions)."""
        relay = f"http://127.0.0.1:{self._relay.port}/task/{self.task.key}"
        options = ["--pid", str(framework.pid), "--log", self._folder.log.name, "--relay", relay]
        options += ["--seconds", str(self._place.attempt.stall_seconds), "--state", str(self._place.folder.relay.path)]
        options += ["--task-key", self.task.key, "--log-begin", str(begin)]
        argv = self._place.program("stall", *options, environment=self.task.environment)
        variables = self._place.without_secrets() | {relay_key.VARIABLE: self._relay.key}
        return self._place.launch(argv, self._place.folder.job_log, variables, folder=self._folder.path)

    def _watched(self, framework: Child, begin: int) -> int:
        """Its exit status; its log has `begin` bytes of an earlier process. Ends it when this task is to stop, or has stalled."""
        stall_watch: Child | None = None
        while framework.alive():
            if stall_watch is None and self._relay.takes_requests():  # which it asks
                stall_watch = self._launched_stall_watch(framework, begin)
            if self._stop.is_set() or _has_text(self._stalled):
                framework.end(_END_SECONDS)
            self._stop.wait(_LOOK_SECONDS)
        return framework.status()

    # ---- its verdict -------------------------------------------------------------------------------------------------

    def _accept(self, status: int) -> None:
        """A program of the framework's environment judges its run: the exit status alone proves almost nothing."""
        if wrong := self._weights_changed():
            self._forget_answers()
            self._mark(FAILED, "weights-changed", wrong, status)
            return
        get(self._relay.port, f"/task/{self.task.key}/counts", self._relay.key)  # brings the file up to date
        verdict = self._folder.shard if self.task.part else self._folder.acceptance
        judge = self._place.launch(
            self._acceptance(status, verdict), self._folder.log, self._place.variables, folder=self._folder.path
        )
        while judge.alive() and not self._stop.wait(_LOOK_SECONDS):
            pass
        ended = self._in_time(judge)
        accepted, found = judge.status() == 0, _verdict(verdict)
        if not ended or (found is None and self._is_stopped()):
            self._mark(FAILED, *self._why, status)
        elif found is None:
            why = f"the acceptance check itself failed; see {INSIDE.task(self.task.key).log}"
            self._mark(FAILED, "acceptance-failed", why, status)
        elif accepted and self.task.part:  # nothing of a shard is a score
            shards.leave_note(self._place, self.task, self.task.part, self._started_at)
            self._mark(ANSWERED, exit=status)
        else:
            self._conclude(accepted, status, found)

    def _conclude(self, accepted: bool, status: int, found: Acceptance) -> None:
        merged = shards.notes_of(self._place, self.task)
        if not accepted:
            shards.withdraw_notes(self._place, self.task)
        self._mark(DONE if accepted else FAILED, exit=status, acceptance=found, merged=merged)

    def _in_time(self, judge: Child) -> bool:
        """Whether it ends by itself soon: a finished measurement is not discarded."""
        until = time.monotonic() + _VERDICT_SECONDS
        while judge.alive():
            if time.monotonic() >= until:
                judge.end(0)
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _acceptance(self, status: int, verdict: Path) -> list[str]:
        options = ["--framework", self.task.framework, "--task-key", self.task.key]
        options += ["--output", self._folder.output.name, "--log", self._folder.log.name]
        options += ["--state", str(self._place.folder.relay.path), "--exit-code", str(status), "--into", str(verdict)]
        options += ["--shard"] if self.task.part else []
        if self.task.max_samples is not None:
            options += ["--expected-max-samples", str(self.task.max_samples)]
        if self.task.subsets:
            options += ["--expected-subsets", str(self.task.subsets)]
        for name in self.task.empty:
            options += ["--empty-subset", name]
        return self._place.program("accept", *options, environment=self.task.environment)

    def _forget_answers(self) -> None:
        """Deletes the answers: those of other weights are never used again."""
        if self._kept_answers is not None:
            self._kept_answers.unlink(missing_ok=True)

    def _mark(
        self,
        state: str,
        reason: str = "",
        detail: str = "",
        exit: int | None = None,
        acceptance: Acceptance | None = None,
        merged: tuple[ShardNote, ...] = (),
    ) -> None:
        if self._closed:
            return
        self.done = state in (DONE, ANSWERED)
        self._place.marks.write_task(TaskMark(
            key=self.task.key, state=state, reason=reason, detail=detail, digest=self.task.digest,
            started_at=self._started_at, ended_at=None if state == RUNNING else now(), exit=exit, acceptance=acceptance,
            restarts=self._restarts, shards=merged,
        ))  # fmt: skip


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _has_text(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _verdict(path: Path) -> Acceptance | None:
    """The verdict that acceptance wrote, or None."""
    try:
        return read(Acceptance, json.loads(path.read_text(encoding="utf-8")), extra=True)
    except (OSError, ValueError):
        return None
