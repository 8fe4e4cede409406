"""`python -m tests.bench finished`: a pass of `sync` over many requests whose evals all have their results."""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import table

from evalctl.git.repository import open_repository
from evalctl.model.result import SCHEMA
from evalctl.model.run import Attempt, Phase
from evalctl.results import question_values
from evalctl.sync.asked import fingerprints
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import COLLECTED, JobRecord
from evalctl_job import scores
from evalctl_job.question_set import QuestionSet
from evalctl_job.scores import Metric

QUESTIONS = 100  # of each task
STANDIN = """\
#!/bin/sh
[ "$1" != -help ] || exec echo "usage: qstat [options]"
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
    table.run(root, "results", "rebuild")
    commit(root)
    write_ledger(root)
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
    tasks = [(job, task) for _, job in jobs(root) for task in job["tasks"]]
    for job, task in tasks:
        write_result(root, job, task)
    return len(tasks)


def jobs(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job of every plan, with its request."""
    for path in sorted((root / "generated").rglob("plan.json")):
        request = f"manifests/requests/{path.parent.relative_to(root / 'generated').as_posix()}.yaml"
        for job in json.loads(path.read_text(encoding="utf-8"))["jobs"]:
            yield request, job


def write_ledger(root: Path) -> None:
    """An attempt for each job that accounts for all its records."""
    found = {job["name"]: job_record(root, request, job) for request, job in jobs(root)}
    Ledger(open_repository(root)).record(lambda _: found, "measured")


def job_record(root: Path, request: str, job: dict[str, Any]) -> JobRecord:
    """The first attempt measured everything."""
    name, evals = job["name"], {task["task"]: task["digest"] for task in job["tasks"]}
    attempt = Attempt(
        job=name, number=1, name=f"ev-bnch-{name.removeprefix('ev-')}-a1", phase=Phase.CLOSED, service="tsubame",
        request=request, evals=evals, run_dir=f"/run/{name}/a1", claimed_at=1.0, submitted_at=2.0, closed_at=3.0,
        native_id="1", outcome=COLLECTED, by="bench",
    )  # fmt: skip
    files = {task["result"]: (root / task["result"]).read_text(encoding="utf-8") for task in job["tasks"]}
    return JobRecord(name, (attempt,), {1: tuple(sorted(evals.values()))}, pinned={1: fingerprints(files)})


def write_result(root: Path, job: dict[str, Any], task: dict[str, str]) -> None:
    """As much of a record as `sync` reads, with the values of its questions beside it."""
    target = root / task["result"]
    target.parent.mkdir(parents=True, exist_ok=True)
    result_dir = "/".join(target.parent.parts[-2:])
    document = {
        "schema": SCHEMA, "digest": task["digest"], "measured_at": int(time.time()), "weights": {},
        "task": {"key": task["task"], "script": task["task"], "result_dir": result_dir, "framework": "lighteval-swallow"},
        "subject": {"provider": "vllm", "model": job["model"], "revision": job["revision"],
                    "custom_settings": {"path": "", "name": "default", "version": "1"}},
        "scores": {f"{task['task']}|0": {"extractive_match": 0.5}}, "samples": {"asked": QUESTIONS, "answered": QUESTIONS},
        "per_question": write_questions(root, target.parent, task["task"]),
        "ran": {"service": "tsubame", "node_kind": "node_q", "job": job["name"], "attempt": 1},
    }  # fmt: skip
    target.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_questions(root: Path, folder: Path, task: str) -> dict[str, str]:
    """A file of values of its own, and the question set of the task; what the record says of both."""
    digests = [hashlib.sha256(f"{task} {number}".encode()).hexdigest()[:16] for number in range(QUESTIONS)]
    asked = QuestionSet(tuple(digests), (f"{task}|0",) * QUESTIONS)
    file = root / question_values.set_path(task, asked.digest())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(asked.text(), encoding="utf-8")
    right = {"extractive_match": Metric("digits", "10" * (QUESTIONS // 2)).as_json()}
    document = {
        "schema": scores.SCHEMA,
        "questions": asked.digest(),
        "answers": 1,
        "metrics": right,
        "of_whole_texts": [],
    }
    text = json.dumps(document)
    (folder / "scores.json").write_text(text, encoding="utf-8")
    return {"questions": asked.digest(), "scores": hashlib.sha256(text.encode()).hexdigest()}


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
