"""The site test: submits a one-minute job that only writes marks, follows it to its end, and records the scheduler's replies."""

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

# Set in the environment of the submission; a job that sees this variable gets the submitter's whole environment.
CANARY = "EVALCTL_PROBE_CANARY"
_NAME_LENGTH = 64
_DRAIN_S = 20  # Slurm sends its warning so many seconds before the end
_QUERY_S, _SOON_S = 20.0, 5.0  # seconds between two queries: usually, and when the job writes nothing any more


@dataclass(frozen=True, slots=True)
class SiteTest:
    """One site test: its name at the scheduler, its folder, and what it requests."""

    name: str
    folder: Path
    kind_name: str
    kind: NodeKind
    walltime_seconds: int
    endpoints: tuple[str, ...]

    @property
    def token(self) -> str:
        """A unique word, by which the job's output is found."""
        return self.name.rpartition("-")[2]


@dataclass(slots=True)
class SiteTestObservation:
    """What was observed of a site test. `sightings` are all those with its name or its id, in order."""

    submission: Reply
    native_id: str = ""
    answers: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    queued_seconds: float = 0.0

    def other_names(self, name: str) -> list[str]:
        """Names under which the job was listed that are not its own."""
        return [one.name for one in self.sightings if one.name != name]


def cheapest(service: Service) -> str:
    """The node kind that costs least: the one for API models, else the one with the fewest GPUs."""
    if service.api is not None:
        return service.api
    return min(
        service.node_kinds, key=lambda name: (service.node_kinds[name].gpus, service.node_kinds[name].coefficient or 0)
    )


def new_site_test(context: Context, kind_name: str, walltime_seconds: int, endpoints: Sequence[str]) -> SiteTest:
    """A site test with the longest name that a job can have, and a folder of its own under EVALCTL_HOME."""
    token = uuid.uuid4().hex[:8]
    name = "ev-probe-".ljust(_NAME_LENGTH - 1 - len(token), "x") + f"-{token}"
    kind = context.service.node_kinds[kind_name]
    return SiteTest(name, context.home_folder.probes / name, kind_name, kind, walltime_seconds, tuple(endpoints))


def run_site_test(
    context: Context, site_test: SiteTest, *, pause: Callable[[], None] = lambda: time.sleep(1)
) -> SiteTestObservation:
    """Submits the job and follows it; cancels the job if interrupted."""
    command = _submission(context, site_test, _write(context, site_test))
    observed = SiteTestObservation(Reply(-1, "", "", timed_out=True))
    try:
        observed.submission = context.run(command)
        observed.native_id = context.scheduler.native_id(observed.submission, site_test.name)
        if refused(context, observed) is None:
            _follow(context, site_test, observed, pause)
    except BaseException:
        _end(context, site_test, observed)
        raise
    return observed


def refused(context: Context, observed: SiteTestObservation) -> str | None:
    """Why the scheduler refused the job, for good or for now; None if it accepted."""
    return context.scheduler.refusal(observed.submission) or context.scheduler.postponed(observed.submission)


def facts(site_test: SiteTest, mark: str) -> Iterator[tuple[str, str]]:
    """The (name, value) lines of a mark; none where the mark does not exist."""
    path = RunFolder(site_test.folder).probe_mark(mark)
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            yield name, value


def last_beat(site_test: SiteTest) -> int | None:
    """The last second, from its start, in which the job was alive."""
    beats = [int(name) for name, _ in facts(site_test, BEATS) if name.isdigit()]
    return beats[-1] if beats else None


def _write(context: Context, site_test: SiteTest) -> Path:
    path = RunFolder(site_test.folder).script
    write_atomically(path, script(context, site_test), mode=0o755)
    return path


def script(context: Context, site_test: SiteTest) -> str:
    """The script: directives as in a job, quoted assignments, and the constant program."""
    site = context.service
    directives = (*site.directives, *site_test.kind.directives)
    batch = Batch(
        site_test.name, site_test.walltime_seconds, site_test.kind.gpus, site.default_priority, directives, _DRAIN_S
    )
    lines = [
        "#!/bin/bash", *context.scheduler.directives(batch), "# shellcheck disable=SC2034,SC2016 # data",
        assignment("TOKEN", site_test.token), f"WALLTIME_SECONDS={site_test.walltime_seconds}",
        assignment("ENVIRONMENTS", str(context.environments)), assignment("ENV_FILE", str(context.env_file)),
        assignment("MODULES_INIT", site.modules_init or ""), assignment("MODULES", site.modules),
        assignment("SCRATCH", site.scratch), assignment("ENDPOINTS", site_test.endpoints),
    ]  # fmt: skip
    return "\n".join([*lines, Path(__file__).with_name("site_test.sh").read_text(encoding="utf-8")])


def _submission(context: Context, site_test: SiteTest, path: Path) -> Command:
    gpus = tuple(map(str, range(site_test.kind.gpus))) if context.service.scheduler == "local" else ()
    command = context.scheduler.submit(
        str(path), name=site_test.name, output_dir=str(site_test.folder), run_dir=str(site_test.folder),
        walltime_seconds=site_test.walltime_seconds, site_args=context.site_args(), gpus=gpus,
    )  # fmt: skip
    canary: Mapping[str, str] = {CANARY: "seen"}
    return replace(command, env={**(command.env or {}), **canary})


def _follow(context: Context, site_test: SiteTest, observed: SiteTestObservation, pause: Callable[[], None]) -> None:
    """Follows the job until the scheduler no longer lists it: reads marks every second, queries the scheduler every 20 s."""
    begin, asked, printed = time.monotonic(), -_QUERY_S, ""
    absent_since: float | None = None
    while True:
        now = time.monotonic() - begin
        beat = last_beat(site_test)
        observed.queued_seconds = now if beat is None else observed.queued_seconds
        if now - asked >= (_SOON_S if _quiet(site_test) else _QUERY_S):
            asked, live = now, _is_listed(context, site_test, observed)
            absent_since = None if live is not False else absent_since if absent_since is not None else now
            if absent_since is not None and (
                beat is not None or now - absent_since >= context.service.grace_minutes * 60
            ):
                return
        printed = _print_state(context, site_test, observed, beat, printed)
        pause()


def _quiet(site_test: SiteTest) -> bool:
    """Whether the job has written nothing for a while: it has just ended, or the shared disk is delayed."""
    beats = RunFolder(site_test.folder).probe_mark(BEATS)
    return beats.is_file() and time.time() - beats.stat().st_mtime > 3


def _is_listed(context: Context, site_test: SiteTest, observed: SiteTestObservation) -> bool | None:
    """Whether the scheduler lists the job; None when it did not answer."""
    seen, _ = ask_scheduler(context)
    if seen is None:
        return None
    observed.answers += 1
    ours = [
        one
        for one in seen
        if one.name == site_test.name or (observed.native_id and one.native_id == observed.native_id)
    ]
    observed.sightings.extend(ours)
    return any(one.state is not State.ENDED for one in ours)


def _print_state(
    context: Context, site_test: SiteTest, observed: SiteTestObservation, beat: int | None, printed: str
) -> str:
    """Prints the state of the job when it has changed; returns the printed text."""
    state = observed.sightings[-1].state.value if observed.sightings else "submitted"
    text = state if beat is None else f"runs; it waits for the end of its {site_test.walltime_seconds} s"
    if text != printed:
        context.progress(f"{site_test.name} {observed.native_id}: {text} (Ctrl-C cancels it)")
    return text


def _end(context: Context, site_test: SiteTest, observed: SiteTestObservation) -> None:
    """Cancels the job as the scheduler lists it under the site test's whole name; never by a number of a reply alone."""
    RunFolder(site_test.folder).stop.touch()  # ends it at once where it is not listed
    try:
        _is_listed(context, site_test, observed)
        numbers = {one.native_id for one in observed.sightings if one.name == site_test.name}
        args = context.scheduler_args()
        replies = [context.run(context.scheduler.cancel(number, args)) for number in sorted(numbers)]
    except EnvironmentProblem:
        replies, numbers = [], set()
    if numbers and all(map(context.scheduler.cancelled, replies)):
        context.progress(f"{site_test.name} {' '.join(sorted(numbers))} is cancelled")
    else:
        context.progress(f"{site_test.name}: check with the scheduler's own command that the job has ended")


def clear(site_test: SiteTest) -> None:
    """Deletes the folder, whose content is in the report."""
    shutil.rmtree(site_test.folder, ignore_errors=True)


def output_of(site_test: SiteTest) -> list[str]:
    """Files of the run folder that contain the job's standard output."""
    probe_line = f"evalctl probe {site_test.token}\n"
    files = sorted(
        path for path in site_test.folder.iterdir() if path.is_file() and path != RunFolder(site_test.folder).script
    )
    return [path.name for path in files if probe_line in path.read_text(encoding="utf-8", errors="replace")]
