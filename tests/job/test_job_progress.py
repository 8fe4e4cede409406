"""What a relay and a stall watch leave on disk while a task runs is what `evalctl status` shows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from chat_upstream import answers, serving
from relay_process import StartRelay, wait_for
from test_job_stall import ASKS, started

from evalctl.sync.progress import counted_in, per_minute, shown
from evalctl_job.counts import MOST_POINTS, Counts


def test_the_counts_on_disk_are_what_status_reads(
    environment: Path, variables: dict[str, str], start_relay: StartRelay, tmp_path: Path
) -> None:
    """Four of six questions have their answer: both numbers, and the time of the first question, are in the run folder."""
    folder = tmp_path / "runs" / "ev-one-1a2b3c4d" / "a1"
    state = folder / "relay"
    (work := tmp_path / "framework").mkdir()
    begin = int(time.time())
    with serving(answers) as server:
        relay = start_relay(server.url, kept=state)
        with started(
            [sys.executable, "-c", ASKS, f"{relay.url()}/chat/completions", "4"], work, env=variables
        ) as process:
            watch = watching(environment, variables, process.pid, work, relay.url().removesuffix("/v1"), state)
            try:
                wait_for(lambda: counted_in(folder, "t").answered == 4 and (state / "t.questions.json").exists())
            finally:
                watch.kill()
                watch.wait()
    counted = counted_in(folder, "t")
    assert (counted.requests, counted.asked, counted.fresh, counted.failed) == (4, 4, 4, 0)
    assert shown(folder, "t", counted) == 6
    assert begin <= counted.pace[0][0] <= time.time()
    assert per_minute(counted, 0.0, counted.pace[0][0] + 60.0) == 4.0


def watching(
    environment: Path, variables: Mapping[str, str], pid: int, work: Path, relay: str, state: Path
) -> subprocess.Popen[bytes]:
    """The stall watch of a task, as a job starts it."""
    command: list[str | Path] = [
        environment / "bin" / "python",
        "-m",
        "evalctl_job.stall",
        "--pid",
        str(pid),
        "--log",
        work / "log",
    ]
    return subprocess.Popen(
        [*command, "--relay", relay, "--seconds", "600", "--state", state, "--task-key", "t"], env=variables
    )


def test_the_pace_is_kept_for_half_an_hour() -> None:
    """However many answers come, there is a point a minute, and the last of them."""
    counts = Counts()
    counts.ask({}, 1)
    for _ in range(1000):
        counts.generate(1, {})
    assert len(counts.pace) == 1 and counts.pace[0][1] == 0
    for _ in range(100):
        counts.pace[-1] = (counts.pace[-1][0] - 60, counts.pace[-1][1])  # a minute later
        counts.generate(1, {})
    assert len(counts.pace) == MOST_POINTS
    assert counts.pace[-1][1] == 1100
