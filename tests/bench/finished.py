"""`python -m tests.bench finished`: a pass of `sync` over many requests whose evals all have their results."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench import table

from evalctl.model.result import SCHEMA

STANDIN = """\
#!/bin/sh
echo qstat >>"$(dirname "$0")/calls"
"""


def main() -> int:
    """Measures the first pass, which reads every result, and the following ones."""
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        table.write(rows(Path(folder) / "many", 1000, 5))
    return 0


def rows(root: Path, requests: int, runs: int) -> list[table.Row]:
    """The lab's repository with so many requests of 19 tasks, compiled, measured and committed."""
    table.repository(root, requests)
    table.run(root, "compile")
    evals = write_results(root)
    commit(root)
    programs = root.parent / "bin"
    programs.mkdir()
    (programs / "qstat").write_text(STANDIN)
    (programs / "qstat").chmod(0o755)
    first = table.run(root, "sync", "--service", "tsubame", path=programs)
    done = [table.run(root, "sync", "--service", "tsubame", path=programs) for _ in range(runs)]
    calls = (programs / "calls").read_text().count("\n") if (programs / "calls").exists() else 0
    size = f"sync, {requests:,} requests / {evals:,} evals, nothing to do"
    median = statistics.median(one.wall_s for one in done)
    cpu = statistics.median(one.cpu_s for one in done)
    return [
        table.Row(
            size, f"{median:.2f} s", "1.5 s", median <= 1.5, f"{cpu:.2f} s of CPU; the first time {first.wall_s:.1f} s"
        ),
        table.Row("… scheduler queries in all those passes", str(calls), f"{runs + 1}", calls <= runs + 1),
    ]


def write_results(root: Path) -> int:
    """A record for every eval of every plan; how many."""
    count = 0
    for path in sorted((root / "generated").rglob("plan.json")):
        for job in json.loads(path.read_text(encoding="utf-8"))["jobs"]:
            for task in job["tasks"]:
                write_result(root, job, task)
                count += 1
    return count


def write_result(root: Path, job: dict[str, str], task: dict[str, str]) -> None:
    """As much of a record as `sync` reads."""
    target = root / task["result"]
    target.parent.mkdir(parents=True, exist_ok=True)
    result_dir = "/".join(target.parent.parts[-2:])
    document = {
        "schema": SCHEMA, "digest": task["digest"], "measured_at": int(time.time()), "weights": {},
        "task": {"key": task["task"], "script": task["task"], "result_dir": result_dir, "framework": "lighteval-swallow"},
        "subject": {"provider": "vllm", "model": job["model"], "revision": job["revision"],
                    "custom_settings": {"path": "", "name": "default", "version": "1"}},
        "scores": {f"{task['task']}|0": {"extractive_match": 0.5}}, "samples": {"asked": 100, "answered": 100},
        "ran": {"service": "tsubame", "node_kind": "node_q", "job": job["name"], "attempt": 1},
    }  # fmt: skip
    target.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def commit(root: Path) -> None:
    """Everything, in a repository without a remote."""
    (root / ".gitignore").write_text("/.evalctl/\n/.env\n")
    for words in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "bench"),
        ("config", "user.email", "bench@example.invalid"),
        ("add", "-A"),
        ("commit", "-q", "-m", "measured"),
    ):
        subprocess.run([str(shutil.which("git")), *words], cwd=root, check=True)
