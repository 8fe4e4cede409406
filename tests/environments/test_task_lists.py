"""The committed lists of tasks are what the installed frameworks have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from evalctl.environments import FOLDER, catalogue, check

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = pytest.mark.environments


@pytest.mark.parametrize("name", ["lighteval", "lighteval-swallow"])
def test_the_list_is_the_installed_registry(name: str) -> None:
    """By the command of compiler/environments/README.md, run by the environment's own Python."""
    if check([name], BUILT):
        pytest.skip(f"run `evalctl env setup {name}`")
    listed = (FOLDER / f"{name}.tasks").read_text(encoding="utf-8")
    python = BUILT / catalogue()[name].directory_name / "bin" / "python"
    done = subprocess.run(
        [str(python), str(FOLDER / "task_list.py"), listed.splitlines()[0].removeprefix("# ")],
        capture_output=True, text=True, check=True, timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.stdout == listed
