"""`python -m tests.bench losses [--runs N]`: is an answer lost, does a run hang, at any concurrency and with a server that fails now and then?

lighteval's own client asks through the relay, N runs for each concurrency and time of an answer, as many questions as three, two or one and a quarter
times the concurrency. One request in 25 meets a fault: a late answer, status 503, half an answer, a closed connection (`standin.py`).
Exit code 1 where an answer was lost or a run did not end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.relay import SOURCES, python

CONCURRENT = (32, 128, 256, 512, 1024)
# Milliseconds of an answer: questions for each place, and how many runs are side by side.
SCALES = {0: (3.0, 4), 200: (3.0, 4), 1000: (2.0, 4), 20_000: (1.25, 10)}
FAULTS = 0.04


def main(words: Sequence[str] | None = None) -> int:
    """Runs and prints a row for each concurrency and time of an answer."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench losses", description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--runs", type=int, default=1, help="of each concurrency and time of an answer")
    asked.add_argument("--concurrent", type=int, nargs="*", default=CONCURRENT)
    asked.add_argument("--milliseconds", type=int, nargs="*", default=[*SCALES], choices=[*SCALES])
    options = asked.parse_args(sys.argv[2:] if words is None else words)
    sys.stdout.write(
        "| answer | under way | runs | questions each | lost | hung | faults met | longest run |\n|---|---|---|---|---|---|---|---|\n"
    )
    begin, bad = time.monotonic(), 0
    for wait in options.milliseconds:
        for concurrent in options.concurrent:
            bad += _row(wait, concurrent, options.runs)
    sys.stdout.write(f"\n{time.monotonic() - begin:.0f} s, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    return 1 if bad else 0


def _row(wait: int, concurrent: int, runs: int) -> int:
    """Prints it; how many answers or runs were lost."""
    share, at_once = SCALES[wait]
    questions = int(share * concurrent)
    found = list(ran(wait, concurrent, questions, runs, at_once))
    lost, hung = sum(one["lost"] for one in found), sum(one["hung"] for one in found) + runs - len(found)
    faults, longest = sum(one["faults"] for one in found), max((one["seconds"] for one in found), default=0)
    sys.stdout.write(
        f"| {wait / 1000:g} s | {concurrent} | {runs} | {questions} | {lost} | {hung} | {faults} | {longest:.0f} s |\n"
    )
    sys.stdout.flush()
    return int(lost + hung)


def ran(wait: int, concurrent: int, questions: int, runs: int, at_once: int) -> Iterator[dict[str, Any]]:
    """What became of each run (`losses_run.py`)."""
    program = Path(__file__).with_name("losses_run.py")
    numbers = map(str, (wait, concurrent, questions, runs, at_once, FAULTS))
    places = {
        "PYTHONPATH": str(SOURCES), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    command = [str(python()), str(program), *numbers]
    with subprocess.Popen(command, env={**os.environ, **places}, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None, "it is a pipe"
        yield from map(json.loads, running.stdout)
