"""`python -m tests.bench framework_load [--peers FOLDER]`: questions a second and CPU time of the way from a framework to the model's server.

The real lighteval and the relay, as in a job, ask a stand-in server (`standin.py`) on this machine. With --peers, other harnesses ask the
same server: each is installed in a virtual environment FOLDER/NAME (names: `peer_load.HARNESSES`). CPU seconds are those of the
harness with its relay: of a whole run, and of each further 1,000 questions, from a second run with three times as many.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.peer_load import HARNESSES
from tests.bench.relay import ROOT, SOURCES, python

HERE = Path(__file__).parent
TASKS = ROOT / "compiler/evalctl_environments/packages/evalctl-tasks"
MORE = 3
LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Measured:
    """One run of one harness."""

    per_second: float
    filled: float
    cpu: float
    server_cpu: float
    seconds: float
    megabytes: float
    lost: int


Measure = Callable[[int], Measured]


def main(words: Sequence[str] | None = None) -> int:
    """Measures and prints a table; exit code 1 where an answer was lost."""
    asked = argparse.ArgumentParser(
        prog="python -m tests.bench framework_load", description=(__doc__ or "").splitlines()[0]
    )
    asked.add_argument("--milliseconds", type=int, default=200, help="of an answer")
    asked.add_argument("--concurrent", type=int, default=256)
    asked.add_argument("--questions", type=int, default=2000)
    asked.add_argument("--runs", type=int, default=1)
    asked.add_argument("--peers", type=Path, help="a folder of virtual environments with other harnesses")
    options = asked.parse_args(sys.argv[2:] if words is None else words)
    wait, concurrent = options.milliseconds, options.concurrent
    ways: dict[str, Measure] = {"evalctl (lighteval, relay)": lambda questions: ours(wait, concurrent, questions)}
    for name in HARNESSES:
        if options.peers and (program := options.peers.resolve() / name / "bin/python").exists():
            ways[name] = lambda questions, name=name, program=program: theirs(
                name, program, wait, concurrent, questions
            )
    sys.stdout.write(
        f"{options.questions:,} questions, {wait / 1000:g} s an answer, {concurrent} at a time: at best {1000 * concurrent / max(wait, 1):,.0f} a second; "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n\n"
        "| harness | answers/s | filled | CPU s per 1,000 | each further 1,000 | the server's | whole run | memory | lost |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    return 1 if sum([_row(name, way, options.questions, options.runs) for name, way in ways.items()]) else 0


def _row(name: str, measure: Measure, questions: int, runs: int) -> int:
    """Prints the medians; how many answers were lost."""
    found, more = [measure(questions) for _ in range(runs)], [measure(MORE * questions) for _ in range(runs)]

    def middle(field: str, of: Sequence[Measured] = found) -> float:
        return statistics.median(getattr(one, field) for one in of)

    further = 1000 * (middle("cpu", more) - middle("cpu")) / ((MORE - 1) * questions)
    lost = sum(one.lost for one in (*found, *more))
    sys.stdout.write(
        f"| {name} | {middle('per_second'):,.0f} | {middle('filled'):.2f} | {1000 * middle('cpu') / questions:.1f} | {further:.2f} | "
        f"{1000 * middle('server_cpu') / questions:.2f} | {middle('seconds'):.1f} s | {middle('megabytes'):.0f} MB | {lost} |\n"
    )
    sys.stdout.flush()
    return lost


def ours(wait: int, concurrent: int, questions: int) -> Measured:
    """lighteval as a job runs it (`framework_load_run.py`)."""
    command = [str(python()), str(HERE / "framework_load_run.py"), *map(str, (wait, concurrent, questions))]
    places = {**os.environ, "PYTHONPATH": f"{SOURCES}:{TASKS}"}
    found = json.loads(subprocess.run(command, env=places, stdout=subprocess.PIPE, check=True).stdout)
    cpu = found["framework_cpu"] + found["relay_cpu"]
    return Measured(
        found["answers_per_second"], found["filled"], cpu, found["server_cpu"], found["whole"], found["megabytes"], int(found["lost"])
    )  # fmt: skip


def theirs(name: str, program: Path, wait: int, concurrent: int, questions: int) -> Measured:
    """Another harness, straight at the server."""
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as place:
        port = Path(place, "server.port")
        server = subprocess.Popen([str(python()), str(HERE / "standin.py"), str(port), str(wait)])
        try:
            while not port.exists():
                time.sleep(0.02)
            address = f"http://127.0.0.1:{port.read_text().strip()}"
            cpu, seconds, megabytes = _asked(name, program, Path(place), address, questions, concurrent)
            with urllib.request.urlopen(f"{address}/load", timeout=30) as reply:
                load: dict[str, Any] = json.load(reply)
            server_cpu = _cpu_seconds(server.pid)
        finally:
            server.terminate()
            server.wait()
    span = (load["last"] - load["first"]) or 1.0
    filled = load["busy_seconds"] / span / concurrent
    return Measured(load["requests"] / span, filled, cpu, server_cpu, seconds, megabytes, questions - load["requests"])


def _asked(
    name: str, program: Path, place: Path, address: str, questions: int, concurrent: int
) -> tuple[float, float, float]:
    """CPU seconds, seconds and megabytes of one run."""
    command = [str(program), str(HERE / "peer_load.py"), name, address, str(questions), str(concurrent)]
    places = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(place / "hf"),
        "no_proxy": "127.0.0.1",
        "OPENAI_API_KEY": "none",
    }
    places.pop("PYTHONPATH", None)
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=place, env=places, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        sys.stderr.write((place / "log").read_text()[-2000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - begin, used.ru_maxrss / 1024


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
