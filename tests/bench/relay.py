"""`python -m tests.bench relay`: what the relay costs, beside the same load straight at the model's server.

Server, relay and client share this machine's cores here, and a real job's client and GPU do not: the figures are the
worst case. Nothing fails by the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "compiler"


def main() -> int:
    """Measures and prints."""
    alone = load(0, 1, 1000)
    quick = load(200, 64, 4000)
    crowd = load(2000, 256, 2560)
    stream = load(0, 64, 4000)
    rows = [
        ("one request at a time, added", f"{1000 * (alone['relayed']['median'] - alone['direct']['median']):.2f} ms"),
        ("the same, from the store instead of the server", f"{1000 * alone['replayed']['median']:.2f} ms"),
        ("64 at a time, 0.2 s an answer: total time with / without", f"{ratio(quick):.3f}"),
        ("256 at a time, 2 s an answer: total time with / without", f"{ratio(crowd):.3f}"),
        ("CPU of the relay per request", f"{1000 * quick['relayed']['relay_cpu'] / 4000:.2f} ms"),
        ("requests a second through the relay, an answer at once", f"{4000 / stream['relayed']['seconds']:,.0f}"),
        ("replayed a second", f"{4000 / stream['replayed']['seconds']:,.0f}"),
    ]
    width = max(len(what) for what, _ in rows)
    sys.stdout.write(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n\n")
    sys.stdout.writelines(f"{what:<{width}}  {value:>9}\n" for what, value in rows)
    return 0


def ratio(found: dict[str, Any]) -> float:
    """How many times as long the load took with the relay."""
    return float(found["relayed"]["seconds"] / found["direct"]["seconds"])


def load(wait_ms: int, concurrent: int, requests: int) -> dict[str, Any]:
    """One load, three ways (see relay_load.py)."""
    program = Path(__file__).with_name("relay_load.py")
    words = [str(python()), str(program), str(wait_ms), str(concurrent), str(requests)]
    environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
    found: dict[str, Any] = json.loads(subprocess.run(words, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    return found


def python(environments: Path | None = None) -> Path:
    """The Python of the newest lighteval environment, in which the relay runs."""
    folder = environments or Path(os.environ.get("EVALCTL_ENVIRONMENTS", ROOT / ".evalctl" / "environments"))
    built = sorted(folder.glob("lighteval-[0-9a-f]*/.complete"), key=lambda stamp: stamp.stat().st_mtime)
    if not built:
        raise SystemExit("no environment to run the relay in: evalctl env setup lighteval")
    return built[-1].parent / "bin" / "python"
