"""`make bench`: the bars of design.md §11 that can be measured on one machine, as a table.

Each number is the median of several runs of the whole command. CPU seconds stand beside the wall clock's: on a busy
machine only they mean much. Nothing here fails by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import relay

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
EVALCTL = Path(sys.executable).with_name("evalctl")

SETTINGS = """\
default:
  version: 1
  max_new_tokens: 2048
  temperature: 0.6
  system_message: あなたは誠実で優秀なアシスタントです。
"""
CARD = {
    "architecture": "LlamaForCausalLM", "context_length": 131072, "layers": 32, "attention_heads": 32, "kv_heads": 8,
    "head_size": 128, "dtype": "bfloat16", "parameters": 8030261248, "weight_bytes": 16060522496, "think_tags": False,
    "chat_template_sha256": None, "source": "hub", "read_at": "2026-11-23",
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One run of a command."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    value: str
    bar: str
    met: bool
    note: str = ""


def main() -> int:
    """Measures and prints."""
    if sys.argv[1:] == ["relay"]:
        return relay.main()
    # Where this is set, Python compiles evalctl's own source again at every start, which no user's machine does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    words = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    words.add_argument("--runs", type=int, default=5, help="runs of each command")
    words.add_argument("--requests", type=int, default=1000, help="requests of the large repository")
    arguments = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        rows = [row for part in _parts(Path(folder), arguments.requests) for row in part(arguments.runs)]
    _write(rows)
    return 0


def _parts(folder: Path, requests: int) -> Iterator[Callable[[int], list[Row]]]:
    yield lambda runs: _help(folder, runs)
    yield lambda runs: _one(repository(folder / "one", 1), runs)
    yield lambda runs: _many(repository(folder / "many", requests), requests, max(1, runs // 2), runs)


# ---- what is measured -------------------------------------------------------------------------------------------


def _help(folder: Path, runs: int) -> list[Row]:
    return [
        _seconds(f"evalctl {word}", [run(folder, word) for _ in range(2 * runs)], 0.15)
        for word in ("--help", "--version")
    ]


def _one(root: Path, runs: int) -> list[Row]:
    done = [run(root, "plan") for _ in range(2 * runs)]
    run(root, "compile")
    plan = json.loads((root / "generated/r0000/plan.json").read_text(encoding="utf-8"))
    tasks = sum(len(job["tasks"]) for job in plan["jobs"])
    starts = len(plan["jobs"])
    return [
        _seconds(f"plan, 1 request x {tasks} tasks", done, 0.3),
        _memory(f"plan, 1 request x {tasks} tasks", done, 60),
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
        _seconds(f"check and compile, {size}, cold", cold, 4),
        _memory(f"check and compile, {size}, cold", cold, 300),
        _seconds(f"the same, one request changed (of {requests:,})", changed, 0.5),
    ]


def run(folder: Path, *words: str) -> Measured:
    """One run of evalctl in `folder`."""
    return measured([str(EVALCTL), *words], folder)


def measured(words: list[str], folder: Path | None = None) -> Measured:
    """One run of a command, which has to succeed."""
    begin = time.perf_counter()
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{said[-2000:]}")
    return Measured(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def repository(root: Path, requests: int) -> Path:
    """The lab's own manifests with so many requests, each with a model of its own."""
    shutil.copytree(MANIFESTS, root / "manifests")
    shutil.rmtree(root / "manifests/requests", ignore_errors=True)
    for folder in ("manifests/requests", "manifests/models/bench"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(requests):
        model = f"bench/model-{number}"
        request = (
            f"model: {model}\ncustom_settings: default\nservice: tsubame\npriority: -5\ntasks: [swallow]\n"
            f"reason: 定期評価 {number}\n"
        )
        (root / f"manifests/requests/r{number:04d}.yaml").write_text(request, encoding="utf-8")
        (root / f"manifests/models/{model}.yaml").write_text(SETTINGS, encoding="utf-8")
        card = {"model": model, "revision": f"{number:040x}", **CARD}
        (root / f"manifests/models/{model}.lock.yaml").write_text(
            "".join(f"{key}: {json.dumps(value)}\n" for key, value in card.items()), encoding="utf-8"
        )
    return root


# ---- the table --------------------------------------------------------------------------------------------------


def _seconds(what: str, done: list[Measured], bar: float) -> Row:
    wall, cpu = (statistics.median(getattr(one, name) for one in done) for name in ("wall_s", "cpu_s"))
    return Row(what, f"{wall:.2f} s", f"{bar:g} s", wall <= bar, f"{cpu:.2f} s of CPU, {len(done)} runs")


def _memory(what: str, done: list[Measured], bar: float) -> Row:
    peak = statistics.median(one.peak_mib for one in done)
    return Row(what, f"{peak:.0f} MiB", f"{bar:g} MiB", peak <= bar)


def _write(rows: list[Row]) -> None:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    yardstick = min(measured([sys.executable, "-c", "import argparse"]).cpu_s for _ in range(10))
    machine = f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, load {load}"
    sys.stdout.write(
        f"{machine}; `import argparse` takes {1000 * yardstick:.0f} ms of CPU (22 on the quiet machine)\n\n"
    )
    width = max(len(row.what) for row in rows)
    sys.stdout.write(f"{'what':<{width}}  {'measured':>10}  {'bar':>8}\n")
    for row in rows:
        state = "met" if row.met else "NOT met"
        sys.stdout.write(f"{row.what:<{width}}  {row.value:>10}  {row.bar:>8}  {state:<7}  {row.note}\n")


if __name__ == "__main__":
    sys.exit(main())
