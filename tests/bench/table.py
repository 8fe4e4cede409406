"""What the benchmarks share: a command measured as a whole process, the lab's repository many times over, the table."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

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
    "chat_template_sha256": "0" * 64, "source": "hub", "read_at": "2026-11-23",
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


def run(folder: Path, *words: str, path: Path | None = None) -> Measured:
    """One run of evalctl in `folder`; programs in `path` go before all others."""
    return measured([str(EVALCTL), *words], folder, path)


def measured(words: list[str], folder: Path | None = None, path: Path | None = None) -> Measured:
    """One run of a command, which has to succeed."""
    begin = time.perf_counter()
    environ = {**os.environ, **({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as a user has it: the second run compiles no module again
    process = subprocess.Popen(words, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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


def seconds(what: str, done: list[Measured], bar: float) -> Row:
    """The median wall clock against its bar; CPU seconds beside it."""
    wall, cpu = (statistics.median(getattr(one, name) for one in done) for name in ("wall_s", "cpu_s"))
    return Row(what, f"{wall:.2f} s", f"{bar:g} s", wall <= bar, f"{cpu:.2f} s of CPU, {len(done)} runs")


def memory(what: str, done: list[Measured], bar: float) -> Row:
    """The median peak against its bar."""
    peak = statistics.median(one.peak_mib for one in done)
    return Row(what, f"{peak:.0f} MiB", f"{bar:g} MiB", peak <= bar)


def write(rows: list[Row]) -> None:
    """The table, below what this machine is."""
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
