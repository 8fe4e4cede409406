"""`python -m tests.bench scheduler`: 500 jobs in one pass on each real scheduler that answers, collected in one pass.

Requests, claims, submissions, marks and commits are real; the jobs themselves only leave the marks of a job that went
well (the bench is about the scheduler and git). Calls are counted by wrappers around the scheduler's programs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import table

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("schedulers", "render")]

JOBS = 500
TASK = "quick"
JOB = """\
#!/bin/bash
#PBS -q rt_HC
cd "$EVALCTL_RUN_DIR" && mkdir started.lock && mkdir -p marks/task || exit 75
say() { printf '%s\\n' "$2" >"marks/$1.tmp" && mv "marks/$1.tmp" "marks/$1.json"; }
printf -v now '%(%s)T' -1
say started '{"started_at": '$now', "host": "bench", "native_id": ""}'
say server_ready '{"ready_at": '$now'}'
say task/en_quick '{"key": "en_quick", "state": "done", "reason": "", "started_at": '$now', "ended_at": '$now',
  "acceptance": {"verdict": "done", "scores": {"quick|0": {"em": 0.5}}, "samples": {"asked": 1, "answered": 1}}}'
say finished '{"exit": 0, "reason": ""}'
"""


def main() -> int:
    """Measures every scheduler that runs here."""
    from sites import SITES, answers

    there = [name for name, site in SITES.items() if not site.stand_in and answers(name)]
    if not there:
        raise SystemExit("no scheduler answers here: tests/clusters/slurm_up.sh, tests/clusters/gridengine_up.sh")
    table.write([row for name in there for row in rows(name, JOBS)])
    return 0


def rows(name: str, jobs: int) -> list[table.Row]:
    """Submit, wait until all have ended, collect."""
    from lab import Lab
    from sites import SITES

    lab = Lab(SITES[name], {f"r{number:03d}": request(number) for number in range(jobs)})
    try:
        (lab.top / "instead").write_text(JOB)
        submitting, report, calls = one_pass(lab)
        submit, query, _ = lab.site.programs
        ended = timed(lambda: lab.wait(lambda: marks(lab) == jobs, 600, lambda: f"{marks(lab)} have ended"))[0]
        before, claims = commits(lab, "main"), commits(lab, "evalctl-state")
        collecting, _, later = one_pass(lab)
        submitted = sum(step["action"] == "submit" for step in report["steps"])
        return [
            met(f"{name}: {jobs} jobs submitted in one pass", submitted, jobs, f"{submitting:.1f} s"),
            met("… calls of the submit program", calls.count(submit), jobs, f"all ended after {ended:.0f} s more"),
            met("… queries, and commits to the ledger", f"{calls.count(query)}, {claims}", "1, 2"),
            met(
                f"{name}: {jobs} results committed in one pass",
                commits(lab, "main") - before,
                jobs,
                f"{collecting:.1f} s",
            ),
            met("… queries", later.count(query), 1),
        ]
    finally:
        lab.close()


def request(number: int) -> dict[str, Any]:
    """One small eval each, none like another."""
    return {"task": TASK, "max_samples": number + 1}


def one_pass(lab: Any) -> tuple[float, dict[str, Any], list[str]]:
    """Seconds of a pass, its report, and the scheduler's programs that it called."""
    before = len(lab.calls())
    seconds, report = timed(lab.sync)
    return seconds, report, lab.calls()[before:]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it took, and what it gave."""
    begin = time.perf_counter()
    given = work()
    return time.perf_counter() - begin, given


def marks(lab: Any) -> int:
    """How many jobs have said that they have ended."""
    return len(list(lab.root.glob(".evalctl/runs/*/a1/marks/finished.json")))


def commits(lab: Any, branch: str) -> int:
    """How many commits the remote has on a branch."""
    return int(lab.git("--git-dir", str(lab.top / "remote.git"), "rev-list", "--count", branch))


def met(what: str, value: object, bar: object, note: str = "") -> table.Row:
    """A count beside what it ought to be."""
    return table.Row(what, json.dumps(value) if isinstance(value, int) else str(value), str(bar), value == bar, note)
