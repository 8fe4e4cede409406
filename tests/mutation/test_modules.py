"""What `make mutants` works on."""

from __future__ import annotations

from pathlib import Path

import pytest

from .modules import MODULES, Module

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_each_module_and_its_tests_are_there(module: Module) -> None:
    """A file that was renamed is noticed here, not in the run that takes half an hour."""
    assert [name for name in (module.path, *module.tests) if not (ROOT / name).is_file()] == []


def test_the_table_of_scores_has_every_module() -> None:
    """CONTRIBUTING.md gives each one's score, or says that it has none."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert MODULES.keys() - rows == set()
