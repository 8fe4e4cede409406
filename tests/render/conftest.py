"""Scripts run in a place of their own."""

from __future__ import annotations

import subprocess
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
    time.sleep(0 if here.processes() == [] else 10)  # what was just killed may still be listed on a busy machine
    assert here.processes() == [], here.job_log()


@pytest.fixture
def small_disk(place: Place) -> Iterator[Place]:
    """A place whose run folder is a file system of 400 KiB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "evalctl-test", str(place.run_dir)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system needs root and mount: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place.run_dir)], check=True)
