"""The shipped files, read as plain data."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the lab's tables."""
    with (MANIFESTS / "tasks" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document(path: str) -> Any:
    """One YAML file under manifests/."""
    return yaml.safe_load((MANIFESTS / path).read_text(encoding="utf-8"))


def seconds(time: str) -> int:
    """HH:MM:SS in seconds."""
    hours, minutes, rest = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


@pytest.fixture(scope="session")
def tasks() -> dict[str, dict[str, str]]:
    """tasks_runtime.csv by key."""
    return {row["key"]: row for row in rows("tasks_runtime.csv")}


@pytest.fixture(scope="session")
def suites() -> dict[str, list[str]]:
    """suites.yaml."""
    return dict(document("tasks/suites.yaml"))


@pytest.fixture(scope="session")
def metrics() -> dict[str, Any]:
    """metrics.yaml."""
    return dict(document("tasks/metrics.yaml"))
