"""Submits a one-minute job that only writes marks, follows it to its end, and keeps what the scheduler said meanwhile."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalctl.model.evaluation import Batch
from evalctl.model.run import Sighting, State
from evalctl.model.service import NodeKind, Service
from evalctl.render.quoting import assignment
from evalctl.shell import Command, EnvironmentProblem, Reply, write_atomically
from evalctl.sync.context import Context
from evalctl.sync.observe import ask_scheduler
from evalctl_job.run_folder import BEATS, RunFolder

# Set where the job is submitted; a job that sees it sees the whole shell of its submitter.
CANARY = "EVALCTL_PROBE_CANARY"
_NAME_LENGTH = 64
_DRAIN_S = 20  # before the end of the minute; Slurm is told to warn so early
_QUERY_S, _SOON_S = 20.0, 5.0  # between two queries; and when the job has gone quiet


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe: its name at the scheduler, its folder, and what it asks for."""

    name: str
    folder: Path
    kind_name: str
    kind: NodeKind
    walltime_seconds: int
    endpoints: tuple[str, ...]

    @property
    def token(self) -> str:
        """A word that is nowhere else."""
        return self.name.rpartition("-")[2]


@dataclass(slots=True)
class Story:
    """What was seen of a probe. `sightings` are all that bore its name or its id, in order."""

    submission: Reply
    native_id: str = ""
    answers: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    queued_seconds: float = 0.0

    def others(self, name: str) -> list[str]:
        """Names under which the job was listed that are not its own."""
        return [one.name for one in self.sightings if one.name != name]


def cheapest(service: Service) -> str:
    """The node kind that costs least: the one for API models, else the one with the fewest GPUs."""
    if service.api is not None:
        return service.api
    return min(
        service.node_kinds, key=lambda name: (service.node_kinds[name].gpus, service.node_kinds[name].coefficient or 0)
    )


def new_probe(context: Context, kind_name: str, walltime_seconds: int, endpoints: Sequence[str]) -> Probe:
    """A probe with a name as long as a job's can get, and a folder of its own under EVALCTL_HOME."""
    token = uuid.uuid4().hex[:8]
    name = "ev-probe-".ljust(_NAME_LENGTH - 1 - len(token), "x") + f"-{token}"
    kind = context.service.node_kinds[kind_name]
    return Probe(name, context.home / "probes" / name, kind_name, kind, walltime_seconds, tuple(endpoints))


def run_probe(context: Context, probe: Probe, *, pause: Callable[[], None] = lambda: time.sleep(1)) -> Story:
    """Submits and follows; whatever interrupts it leaves no job behind."""
    command = _submission(context, probe, _write(context, probe))
    story = Story(Reply(-1, "", "", timed_out=True))
    try:
        story.submission = context.run(command)
        story.native_id = context.scheduler.native_id(story.submission, probe.name)
        if refused(context, story) is None:
            _follow(context, probe, story, pause)
    except BaseException:
        _end(context, probe, story)
        raise
    return story


def refused(context: Context, story: Story) -> str | None:
    """Why the scheduler did not take the probe, for good or for now."""
    return context.scheduler.refusal(story.submission) or context.scheduler.postponed(story.submission)


def facts(probe: Probe, mark: str) -> Iterator[tuple[str, str]]:
    """The (name, value) lines of a mark; none where it is not there."""
    path = RunFolder(probe.folder).probe_mark(mark)
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            yield name, value


def last_beat(probe: Probe) -> int | None:
    """The second in which the job was last alive."""
    beats = [int(name) for name, _ in facts(probe, BEATS) if name.isdigit()]
    return beats[-1] if beats else None


def _write(context: Context, probe: Probe) -> Path:
    path = RunFolder(probe.folder).script
    write_atomically(path, script(context, probe), mode=0o755)
    return path


def script(context: Context, probe: Probe) -> str:
    """Directives as a job has them, quoted assignments, and the constant program."""
    site = context.service
    directives = (*site.directives, *probe.kind.directives)
    batch = Batch(probe.name, probe.walltime_seconds, probe.kind.gpus, site.default_priority, directives, _DRAIN_S)
    lines = [
        "#!/bin/bash", *context.scheduler.directives(batch), "# shellcheck disable=SC2034,SC2016 # data",
        assignment("TOKEN", probe.token), f"WALLTIME_SECONDS={probe.walltime_seconds}",
        assignment("ENVIRONMENTS", str(context.environments)), assignment("ENV_FILE", str(context.env_file)),
        assignment("MODULES_INIT", site.modules_init or ""), assignment("MODULES", site.modules),
        assignment("SCRATCH", site.scratch), assignment("ENDPOINTS", probe.endpoints),
    ]  # fmt: skip
    return "\n".join([*lines, Path(__file__).with_name("probe.sh").read_text(encoding="utf-8")])


def _submission(context: Context, probe: Probe, path: Path) -> Command:
    gpus = tuple(map(str, range(probe.kind.gpus))) if context.service.scheduler == "local" else ()
    command = context.scheduler.submit(
        str(path), name=probe.name, output_dir=str(probe.folder), run_dir=str(probe.folder),
        walltime_seconds=probe.walltime_seconds, site_args=context.site_args(), gpus=gpus,
    )  # fmt: skip
    canary: Mapping[str, str] = {CANARY: "seen"}
    return replace(command, env={**(command.env or {}), **canary})


def _follow(context: Context, probe: Probe, story: Story, pause: Callable[[], None]) -> None:
    """Until the scheduler no longer has it. Marks are looked at every second, the scheduler is asked now and then."""
    begin, asked, told = time.monotonic(), -_QUERY_S, ""
    absent_since: float | None = None
    while True:
        now = time.monotonic() - begin
        beat = last_beat(probe)
        story.queued_seconds = now if beat is None else story.queued_seconds
        if now - asked >= (_SOON_S if _quiet(probe) else _QUERY_S):
            asked, live = now, _look(context, probe, story)
            absent_since = None if live is not False else absent_since if absent_since is not None else now
            if absent_since is not None and (
                beat is not None or now - absent_since >= context.service.grace_minutes * 60
            ):
                return
        told = _tell(context, probe, story, beat, told)
        pause()


def _quiet(probe: Probe) -> bool:
    """Whether the job has written nothing for a while: it has just ended, or the disk lags behind."""
    beats = RunFolder(probe.folder).probe_mark(BEATS)
    return beats.is_file() and time.time() - beats.stat().st_mtime > 3


def _look(context: Context, probe: Probe, story: Story) -> bool | None:
    """Whether the scheduler has it; None when it did not answer."""
    seen, _ = ask_scheduler(context)
    if seen is None:
        return None
    story.answers += 1
    ours = [one for one in seen if one.name == probe.name or (story.native_id and one.native_id == story.native_id)]
    story.sightings.extend(ours)
    return any(one.state is not State.ENDED for one in ours)


def _tell(context: Context, probe: Probe, story: Story, beat: int | None, told: str) -> str:
    """Says how far it is, when that has changed."""
    state = story.sightings[-1].state.value if story.sightings else "submitted"
    text = state if beat is None else f"runs; it waits for the end of its {probe.walltime_seconds} s"
    if text != told:
        context.progress(f"{probe.name} {story.native_id}: {text} (Ctrl-C cancels it)")
    return text


def _end(context: Context, probe: Probe, story: Story) -> None:
    """Cancels the job as the scheduler lists it under the probe's whole name; never by a number of a reply alone."""
    RunFolder(probe.folder).stop.touch()  # ends it at once where it is not listed
    try:
        _look(context, probe, story)
        numbers = {one.native_id for one in story.sightings if one.name == probe.name}
        args = context.scheduler_args()
        replies = [context.run(context.scheduler.cancel(number, args)) for number in sorted(numbers)]
    except EnvironmentProblem:
        replies, numbers = [], set()
    if numbers and all(map(context.scheduler.cancelled, replies)):
        context.progress(f"{probe.name} {' '.join(sorted(numbers))} is cancelled")
    else:
        context.progress(f"{probe.name}: see whether it is gone, with the scheduler's own command")


def clear(probe: Probe) -> None:
    """Takes the folder away; it holds nothing that the report does not say."""
    shutil.rmtree(probe.folder, ignore_errors=True)


def output_of(probe: Probe) -> list[str]:
    """Files of the run folder in which the job's standard output is."""
    said = f"evalctl probe {probe.token}\n"
    files = sorted(path for path in probe.folder.iterdir() if path.is_file() and path != RunFolder(probe.folder).script)
    return [path.name for path in files if said in path.read_text(encoding="utf-8", errors="replace")]
