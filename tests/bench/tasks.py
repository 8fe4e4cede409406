"""`python -m tests.bench tasks`: what one server for many tasks saves, with the real vLLM and lighteval of the demo.

The demo's four tasks on one server, one after another and all at once, and with a server for each: the manual's way. Each
number is the sum of the jobs' own seconds, from their `finished` marks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from evalctl.demo.scratch import MODEL, REQUEST, Scratch, fresh, make_model

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or ROOT / ".evalctl/environments")
EVALCTL = Path(sys.executable).with_name("evalctl")
SERVICE = "manifests/services/local.yaml"
WAYS = {
    "a server for each task": ("packing: per_task\n", 1),
    "one server, one task after another": ("", 1),
    "one server, four tasks at once": ("", 4),
}


def main() -> int:
    """Measures the three ways, and prints seconds, server starts and what share of the first way each takes."""
    first = 0.0
    for way, (packing, parallel) in WAYS.items():
        with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
            seconds, starts = measured(Path(folder) / "demo", packing, parallel)
        first = first or seconds
        sys.stdout.write(f"{way:<36} {seconds:6.0f} s  {starts} server start(s)  {seconds / first:.2f}\n")
        sys.stdout.flush()
    return 0


def measured(folder: Path, packing: str, parallel: int) -> tuple[float, int]:
    """Seconds of all jobs together, and how many servers they started."""
    scratch = fresh(folder, ENVIRONMENTS)
    make_model(scratch.model, scratch.environments)
    append(scratch.root / REQUEST, packing)
    append(scratch.root / SERVICE, f"parallel_tasks: {parallel}\n")
    evalctl(scratch, "lock", "--path", str(scratch.model), MODEL)
    evalctl(scratch, "compile")
    scratch.commit_all("bench")
    evalctl(scratch, "sync", "--watch", "--interval", "1")
    ended = [json.loads(path.read_text()) for path in scratch.root.glob(".evalctl/runs/*/a*/marks/finished.json")]
    if any(mark["exit"] for mark in ended):
        raise SystemExit(f"a job failed: {ended}")
    return sum(mark["seconds"] for mark in ended), len(ended)


def append(path: Path, text: str) -> None:
    """More lines at the end of a manifest."""
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + f"\n{text}", encoding="utf-8")


def evalctl(scratch: Scratch, *words: str) -> None:
    """A command that has to succeed."""
    environment = {**os.environ, "EVALCTL_ENVIRONMENTS": str(ENVIRONMENTS), "EVALCTL_SERVICE": "local"}
    done = subprocess.run([EVALCTL, *words], cwd=scratch.root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"evalctl {words[0]} failed:\n{done.stdout}{done.stderr}")
