"""`python -m tests.bench start`: how long a job takes from its script's first line to its relay and its first framework.

The job is one of ours: the newest lighteval environment, a server and a framework that only sleep. The environment must
hold this checkout's programs (`evalctl env setup lighteval`). Nothing fails by the clock.

`python -m tests.bench start CHECKOUT` starts jobs of this and of another commit alternately: a work tree with a `.venv` and a
lighteval environment of its own. A relay that opened its port itself (before 27 November 2026) took no connection before it
answered, whatever the first line says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.bench.relay import ROOT, python

RUNS = 10
WHAT = (
    "connections are taken", "the relay answers", "the first framework starts", "CPU seconds of the whole job",
)  # fmt: skip


def main() -> int:
    """Measures and prints."""
    checkouts = [ROOT, *map(Path, sys.argv[2:])]
    rows: dict[Path, list[list[float]]] = {checkout: [] for checkout in checkouts}
    for _ in range(RUNS):
        for checkout in checkouts:
            rows[checkout].append(_one(checkout))
    width = max(map(len, WHAT))
    sys.stdout.write(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {RUNS} starts: median, least\n")
    for checkout, done in rows.items():
        sys.stdout.write(f"\n{checkout}\n")
        for what, found in zip(WHAT, zip(*done, strict=True), strict=True):
            sys.stdout.write(f"{what:<{width}}  {median(found):7.3f} s  {min(found):7.3f} s\n")
    return 0


def _one(checkout: Path) -> list[float]:
    """One start, in a process that knows that checkout alone."""
    runs_job = python() if checkout == ROOT else python(checkout / ".evalctl/environments")
    program = Path(__file__).with_name("start_once.py")
    words = [checkout / ".venv/bin/python", program, checkout / "tests/render", runs_job.parents[1]]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, cwd=checkout)
    found: list[float] = json.loads(done.stdout)
    return found
