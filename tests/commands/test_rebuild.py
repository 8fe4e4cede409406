"""`evalctl results rebuild`, and what `check` says of a metric that a measured task does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli

FOLDER = "results/hosted_vllm/team/tiny"
METRICS = "manifests/tasks/metrics.yaml"
RECORD = {
    "schema": "evalctl/result/1", "digest": "d" * 64, "weights": {}, "scores": {"exact|0": {"em": 0.5, "em_stderr": 0.1}},
    "task": {"key": "ja_exact", "script": "exact", "result_dir": "ja/exact"}, "subject": {"model": "team/tiny"},
}  # fmt: skip


def metrics(metric: str, name: str = "exact") -> str:
    """A table with one entry."""
    return f"entries:\n  - {{name: {name}, function: pick, metrics: [{metric}], tasks: [exact]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One record, and the files that follow from it."""
    record = {f"{FOLDER}/ja/exact/result.json": json.dumps(RECORD), METRICS: metrics("em")}
    made = repository(tmp_path, record)
    assert rebuilt(made) == 0
    return made


def rebuilt(root: Path, *words: str) -> int:
    """The command's exit code."""
    return cli.main(["--repo", str(root), "results", "rebuild", *words])


def aggregate(root: Path) -> dict[str, float]:
    """The entries in the work tree."""
    found: dict[str, float] = json.loads((root / FOLDER / "aggregated_results.json").read_text())["results"]
    return found


def test_the_tables_are_followed_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what differs is written and named; --check names it and writes nothing."""
    capsys.readouterr()
    assert rebuilt(root) == 0 and "2 derived files: up to date" in capsys.readouterr().out
    (root / METRICS).write_text(metrics("em", name="renamed"))
    assert rebuilt(root, "--check") == 1 and aggregate(root) == {"exact": 0.5}
    assert f"would write {FOLDER}/aggregated_results.json" in capsys.readouterr().out
    assert rebuilt(root) == 0 and aggregate(root) == {"renamed": 0.5}
    assert "| renamed |" in (root / "results/README.md").read_text()


def test_what_no_record_supports_is_removed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason."""
    forged = root / "results/hosted_vllm/team/Fake-1T/aggregated_results.json"
    forged.parent.mkdir()
    forged.write_text((root / FOLDER / "aggregated_results.json").read_text().replace("0.5", "0.99"))
    assert rebuilt(root) == 0 and not forged.exists()
    assert "Fake-1T/aggregated_results.json  (no record supports it)" in capsys.readouterr().out


def test_tables_with_a_mistake_write_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mistake is shown in its place."""
    (root / METRICS).write_text(metrics("em").replace("pick", "choose"))
    assert rebuilt(root) == 1 and aggregate(root) == {"exact": 0.5}
    said = capsys.readouterr().out
    assert f"{METRICS}:2:" in said and "nothing was written" in said


def test_a_metric_that_a_measured_task_does_not_have_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By `check` and by `rebuild`: its line in metrics.yaml and the metrics that there are, no standard errors."""
    (root / METRICS).write_text(metrics("extractive_match"))
    for words in (["check"], ["results", "rebuild"]):
        cli.main(["--repo", str(root), *words])
        said = capsys.readouterr().out
        assert "warning[unknown-metric]" in said and f"{METRICS}:2:" in said
        assert "task `exact` has no metric `extractive_match`; it has em\n" in said


def test_values_that_a_replaced_record_left_behind_are_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scores.json that the record does not name, and that does not read, is replaced where there are details; else it is named."""
    (root / FOLDER / "ja/exact/scores.json").write_text("{}")
    capsys.readouterr()
    assert rebuilt(root) == 0
    said = capsys.readouterr().out
    assert f"1 result without values of questions, and without details on this machine: {FOLDER}/ja/exact" in said
