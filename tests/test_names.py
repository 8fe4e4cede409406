"""A class has a name that means one thing in all programs."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

COMPILER = Path(__file__).parents[1] / "compiler"
PACKAGES = ("evalctl", "evalctl_job", "evalctl_queue")
# What the compiler plans and what the job reads of it in its script, which is all that it knows: the same thing under one name.
PLANNED, READ = "evalctl/model/evaluation.py", "evalctl_job/supervisor/document.py"
WEIGHTS = "evalctl/model/weights.py"
BOTH_SIDES = {
    "Checkpoint": "the folder with the weights, whose digests the job compares",
    "Download": "the weights that a job downloads",
    "Job": "one script",
    "Server": "the command or the address that the job serves with",
    "ServerFile": "a text of a manifest that the server reads from the run folder",
    "Task": "a benchmark, as far as it is run",
}


def classes() -> dict[str, list[str]]:
    """Where each class is defined, by name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for package in PACKAGES for path in (COMPILER / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path.relative_to(COMPILER).as_posix())
    return found


def test_class_names() -> None:
    """Two classes have one name only where they are the two sides of one thing."""
    found = {name: paths for name, paths in classes().items() if len(paths) > 1}
    assert found == {name: [WEIGHTS if name == "Checkpoint" else PLANNED, READ] for name in BOTH_SIDES}
