"""`make bench`: the limits of docs/promises.md, "Speed", that can be measured on one machine, as a table.

Each number is the median of several runs of the whole command. CPU seconds stand beside the wall clock's: on a busy
machine only they mean much. Nothing here fails by the clock.

`python -m tests.bench NAME` measures one thing alone: relay, start, tasks, finished, site, scheduler, statistics, filling, losses or framework_load (see the module of that name).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from tests.bench.table import Row, memory, repository, run, seconds, write

# Imported when they are measured: on Linux the peak memory of a child is at least that of this process, also after exec.
ALONE = (
    "relay",
    "start",
    "tasks",
    "finished",
    "scheduler",
    "statistics",
    "site",
    "filling",
    "losses",
    "framework_load",
)


def main() -> int:
    """Measures and prints."""
    # Where this is set, Python compiles evalctl's own source again at every start, which no user's machine does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if len(sys.argv) > 1 and sys.argv[1] in ALONE:
        return int(import_module(f"tests.bench.{sys.argv[1]}").main())
    words = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    words.add_argument("--runs", type=int, default=5, help="runs of each command")
    words.add_argument("--requests", type=int, default=1000, help="requests of the large repository")
    arguments = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        rows = [row for part in _parts(Path(folder), arguments.requests) for row in part(arguments.runs)]
    write(rows)
    return 0


def _parts(folder: Path, requests: int) -> Iterator[Callable[[int], list[Row]]]:
    yield lambda runs: _help(folder, runs)
    yield lambda runs: _one(repository(folder / "one", 1), runs)
    yield lambda runs: _many(repository(folder / "many", requests), requests, max(1, runs // 2), runs)
    yield lambda runs: import_module("tests.bench.finished").rows(folder / "finished", requests, runs)
    yield lambda runs: import_module("tests.bench.site").rows(folder / "site", max(1, runs // 2))


# ---- what is measured -------------------------------------------------------------------------------------------


def _help(folder: Path, runs: int) -> list[Row]:
    return [
        seconds(f"evalctl {word}", [run(folder, word) for _ in range(2 * runs)], 0.15)
        for word in ("--help", "--version")
    ]


def _one(root: Path, runs: int) -> list[Row]:
    done = [run(root, "plan") for _ in range(2 * runs)]
    run(root, "compile")
    plan = json.loads((root / "generated/r0000/plan.json").read_text(encoding="utf-8"))
    tasks = sum(len(job["tasks"]) for job in plan["jobs"])
    starts = len(plan["jobs"])
    return [
        seconds(f"plan, 1 request x {tasks} tasks", done, 0.3),
        memory(f"plan, 1 request x {tasks} tasks", done, 60),
        Row(f"server starts, 1 model x {tasks} tasks", str(starts), "1", starts == 1),
    ]


def _many(root: Path, requests: int, cold_runs: int, runs: int) -> list[Row]:
    cold = []
    for _ in range(cold_runs):
        for made in (".evalctl", "generated"):
            shutil.rmtree(root / made, ignore_errors=True)
        cold.append(run(root, "compile"))
    time.sleep(2.5)  # files that were written just now are read again
    run(root, "compile")
    changed = []
    for number in range(runs):
        path = root / f"manifests/requests/r{number:04d}.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("priority: -5", "priority: -4"), encoding="utf-8")
        changed.append(run(root, "compile"))
    size = f"{requests:,} requests x 19 tasks"
    return [
        seconds(f"check and compile, {size}, cold", cold, 2),
        memory(f"check and compile, {size}, cold", cold, 300),
        seconds(f"the same, one request changed (of {requests:,})", changed, 0.5),
    ]


if __name__ == "__main__":
    sys.exit(main())
