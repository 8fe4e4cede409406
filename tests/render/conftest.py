"""Scripts run in a place of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place to run in; whatever a test did there, no process may be left afterwards."""
    here = Place(tmp_path)
    yield here
    left = here.processes()
    if left:
        time.sleep(1)
        left = here.processes()
    assert left == [], here.job_log()
