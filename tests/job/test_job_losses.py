"""No answer is lost and no run hangs where the server is late, refuses, and closes connections (`python -m tests.bench losses`, on a small scale)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.mark.environments
def test_every_answer_arrives_from_an_unreliable_server(
    environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """lighteval's own client, two runs of 200 questions, 96 under way: one request in ten meets a fault."""
    numbers = ["50", "96", "200", "2", "2", "0.1"]
    ran = subprocess.run(
        [environment / "bin/python", BENCH / "losses_run.py", *numbers], env={**variables, "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=400, check=True,
    )  # fmt: skip
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(one["lost"], one["hung"]) for one in found] == [(0, False)] * 2
    assert all(one["faults"] > 0 and one["retried"] > 0 for one in found)
