"""`evalctl costs`: a table, JSON or CSV of what the ledger recorded."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from policy.test_spent import attempt, charge
from spec.literate import repository
from sync.world import git

from evalctl import cli
from evalctl.columns import display_width
from evalctl.git.repository import open_repository
from evalctl.model.run import Phase
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import JobRecord

Costs = Callable[..., tuple[int, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = repository(tmp_path, {})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "manifests")
    git(root, "commit", "-qm", "a")
    return root


@pytest.fixture
def costs(root: Path, capsys: pytest.CaptureFixture[str]) -> Costs:
    """Runs the command: (exit code, output)."""

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["--repo", str(root), "costs", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def spend(root: Path) -> None:
    """Two attempts: one measured, one under way."""
    record = JobRecord("ev-a-1", (attempt("collected"),), charges={1: charge()})
    Ledger(open_repository(root)).record(lambda _: {"ev-a-1": record}, "spent")


def test_without_a_ledger_it_says_what_to_type(costs: Costs) -> None:
    """A clone of which only main was fetched."""
    code, out = costs()
    assert code == 1 and "evalctl-state" in out and "git fetch" in out


def test_the_table_has_the_sums_and_what_they_mean(root: Path, costs: Costs) -> None:
    """By month unless asked otherwise."""
    spend(root)
    code, out = costs()
    assert code == 0 and "2026-11" in out and "2.0000 points" in out and "200 JPY" in out and "SAVED:" in out


def test_the_table_fits_the_terminal(root: Path, costs: Costs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that do not fit are named."""
    spend(root)
    monkeypatch.setenv("COLUMNS", "60")
    out = costs("--by", "model")[1]
    assert max(map(display_width, out.splitlines())) <= 60 and "more column" in out


def test_json_and_csv_have_the_same_rows(root: Path, costs: Costs) -> None:
    """For programs, unrounded."""
    spend(root)
    document = json.loads(costs("--by", "task", "--json")[1])
    rows = list(csv.DictReader(io.StringIO(costs("--by", "task", "--csv")[1])))
    assert [(row["key"], row["spent"]) for row in document["rows"]] == [("en_gpqa", 0.5), ("ja_mmlu", 1.5)]
    assert [(row["task"], float(row["spent"])) for row in rows] == [("en_gpqa", 0.5), ("ja_mmlu", 1.5)]


def test_attempts_under_way_and_attempts_without_a_cost_are_named(root: Path, costs: Costs) -> None:
    """Neither is in the sums."""
    flying = attempt("", phase=Phase.SUBMITTED)
    record = JobRecord("ev-a-1", (attempt("collected"), type(flying)(**{**asdict(flying), "number": 2, "name": "ev-abcd-a-1-a2", "phase": Phase.SUBMITTED})), charges={2: charge(elapsed=None, amount=None, ended_at=None, how="")})  # fmt: skip
    Ledger(open_repository(root)).record(lambda _: {"ev-a-1": record}, "spent")
    out = costs()[1]
    assert "under way on tsubame: 1 attempt, at most 4.0000 points" in out
    assert "1 attempt of an older evalctl has no recorded cost" in out
