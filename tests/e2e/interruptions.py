"""What the demo's tests do to a running job, and where they look afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import other_user
from tests.e2e.conftest import ENVIRONMENTS, PATIENCE_S, Demo

from evalctl.environments import catalogue


def submit_with_temperature(demo: Demo, value: str) -> None:
    """Commits the first model's settings with this temperature, and submits what they ask for again."""
    settings = demo.root / "manifests/models/demo/tiny-llama.yaml"
    lines = [line for line in settings.read_text(encoding="utf-8").splitlines() if "temperature" not in line]
    text = "\n".join(lines).replace("  version:", f"  temperature: {value}\n  version:")
    settings.write_text(f"{text}\n", encoding="utf-8")
    compiled = demo.evalctl("compile")
    assert compiled.returncode == 0, compiled.stderr
    demo.git("add", "--all")
    demo.git("commit", "--quiet", "-m", f"temperature {value}")
    demo.git("push", "--quiet", "origin", "main")
    assert demo.evalctl("sync", "--service", "local").returncode == 0


def kill_the_job_when_it_has_answers(demo: Demo) -> int:
    """How many answers it had then."""
    waited_for(lambda: answers(demo), "no answer came")
    while processes := demo.pids(""):
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
    return sum(answers(demo))


def answers(demo: Demo) -> list[int]:
    """Answers that wait for the end of their evals, line by line; what a kill has cut off is none."""
    files = demo.root.glob(".evalctl/answers/*/*.jsonl")
    lines = [line for path in files for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return [len(json.loads(line)["choices"]) for line in lines]


def hold_a_framework_until_answers_come(demo: Demo) -> list[int]:
    """Its questions are certain to want another server."""
    held = waited_for(lambda: demo.pids("config.yaml demo_subjects"), "no framework came")
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    waited_for(lambda: answers(demo), "no answer came")
    return held


def tried_by_another_user(demo: Demo, held: list[int]) -> tuple[str, Path, dict[str, Any]]:
    """The relay's key, the server's private folder, and what came of all that another user tried; nothing without root."""
    run_dir = Path(other_user.environment(held[0])["EVALCTL_RUN_DIR"])
    of_job = other_user.job_processes(run_dir)
    serves = next(line.split() for line in demo.processes() if "vllm serve" in line)
    private = Path(serves[serves.index("--uds") + 1]).parent
    key = other_user.key_of(of_job)
    if not other_user.POSSIBLE:
        return key, private, {}
    home = demo.root / ".evalctl"
    files = [demo.root / ".env", *home.glob("answers/*/*.jsonl"), *home.glob("queue/*")]
    folders = [home / name for name in ("runs", "answers", "caches", "queue")]
    return key, private, other_user.as_other(run_dir, of_job, private, more_files=files, more_folders=folders)


_ROWS = """
import sys
import pyarrow.parquet as parquet
for path in sys.stdin.read().splitlines():
    table = parquet.read_table(path)
    print(path, table.schema.metadata, table.to_pylist())
"""


def everything(demo: Demo) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and content of all that the runs have left: files, rows of tables, objects of git."""
    files = [path for path in demo.folder.rglob("*") if path.is_file() and demo.folder / "model" not in path.parents]
    for path in files:
        yield "file", str(path), path.read_bytes()
    python = ENVIRONMENTS / catalogue()["lighteval"].directory_name / "bin/python"
    tables = "\n".join(str(path) for path in files if path.suffix == ".parquet")
    yield (
        "table",
        "details",
        subprocess.run([python, "-c", _ROWS], input=tables.encode(), capture_output=True, check=True).stdout,
    )
    for kind, folder in (("clone", demo.root), ("remote", demo.folder / "origin.git")):
        words = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        yield (
            f"object of the {kind}",
            "",
            subprocess.run(words, cwd=folder, env=demo.environ, capture_output=True, check=True).stdout,
        )


def waited_for(found: Callable[[], list[int]], problem: str) -> list[int]:
    """What `found` gives as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (what := found()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.1)
    return what
