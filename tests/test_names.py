"""A class has a name that means one thing in all programs."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

COMPILER = Path(__file__).parents[1] / "compiler"
# The two sides of one thing: the compiler's, and that of the job, which knows only what its script has.
BOTH_SIDES = {"Checkpoint", "Download", "Job", "Server", "ServerFile", "Task"}
# A page of the result site shows the thing of that name.
SHOWN = {"Answers", "Asked", "Change", "Eval", "Finished", "Group", "Reply", "Row"}
# Records with the values of their questions (results/power.py), and those of the ledger; the evidence of acceptance, and that of a decision of sync.
APART = {"Evidence", "Records"}


def test_class_names() -> None:
    """Two public classes of one name are the two sides of one thing, or a page's form of it."""
    found: dict[str, list[str]] = defaultdict(list)
    for package in ("evalctl", "evalctl_job", "evalctl_queue"):
        for path in sorted((COMPILER / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(path.relative_to(COMPILER).as_posix())
    assert {name for name, paths in found.items() if len(paths) > 1} == BOTH_SIDES | SHOWN | APART
