"""The exit codes of a job on its node are defined once, in evalctl_job.supervisor.ending."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from evalctl_job.supervisor import ending

COMPILER = Path(__file__).parents[2] / "compiler"
CODES = {name: value for name, value in vars(ending).items() if name.isupper()}
MEANT = {ending.ENVIRONMENT, ending.SECOND_START}  # what a script itself ends with


@pytest.mark.parametrize("script", ["evalctl/render/job.sh", "evalctl/doctor/site_test.sh"])
def test_a_script_ends_with_codes_of_the_module(script: str) -> None:
    """72 where it cannot begin, 75 at a second start; the mark has the code, too."""
    text = (COMPILER / script).read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    exits = {int(number) for number in re.findall(r'\bexit (\d+)|"exit": (\d+)', code) for number in number if number}
    assert exits - {0} == MEANT
    assert re.search(r'mkdir "[^"]+/started.lock" 2>/dev/null \|\| exit (\d+)', code)[1] == str(ending.SECOND_START)  # type: ignore[index]


def test_the_head_of_a_script_lists_the_codes_of_the_module() -> None:
    """A reader of job.sh sees all of them."""
    head = (COMPILER / "evalctl/render/job.sh").read_text(encoding="utf-8").partition("set -u")[0]
    listed = re.findall(r"\b(\d+) (?=all|some|server|environment|second|out)", head.replace("\n# ", " "))
    assert sorted(map(int, listed)) == sorted(CODES.values())


@pytest.mark.parametrize("path", sorted((COMPILER / "evalctl_job").rglob("*.py")), ids=lambda path: path.name)
def test_the_program_of_a_job_names_its_exit_codes(path: Path) -> None:
    """No other module of it contains the number of one."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    ends = [
        call
        for call in calls
        if getattr(call.func, "id", getattr(call.func, "attr", "")) in ("GiveUp", "exit", "_exit")
    ]
    numbers = {one.args[0].value for one in ends if one.args and isinstance(one.args[0], ast.Constant)}
    assert numbers & (set(CODES.values()) - {ending.DONE}) == set()
