"""`evalctl runtimes`: what was measured against what the table allows, and what it should say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples import card_file
from samples import repository as written
from spec.literate import repository

from evalctl import cli

SMALL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
LARGE = "tokyotech-llm/Llama-3.3-Swallow-70B-Instruct-v0.4"
RUNTIME = "manifests/tasks/tasks_runtime.csv"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the catalogue and cards of an 8B and a 70B model."""
    root = repository(tmp_path, {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return written(root, {**card_file(model=SMALL), **card_file(model=LARGE, parameters=70_000_000_000)}, base=None)


def ran(root: Path, took: float, *, model: str = SMALL, kind: str = "node_q", **changes: Any) -> None:
    """A result of ja_mmlu of that model, in a folder of its own."""
    folder = f"results/hosted_vllm/{model}/run{len(list((root / 'results').rglob('result.json')))}"
    document = {
        "schema": "evalctl/result/1", "digest": folder, "scores": {}, "weights": {}, "max_samples": None,
        "task": {"key": "ja_mmlu", "script": "swallow_jmmlu", "result_dir": "ja/mmlu"},
        "subject": {"provider": "vllm", "model": model}, "samples": {"asked": 9, "replayed": 0}, "seconds": took,
        "ran": {"service": "abci" if kind.startswith("rt") else "tsubame", "node_kind": kind},
    }  # fmt: skip
    path = root / folder / "ja/mmlu/result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**document, **changes}), encoding="utf-8")


def told(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, Any]]:
    """The lines by column."""
    assert cli.main(["--repo", str(root), "runtimes", "--json", *words]) == 0
    return {line["column"]: line for line in json.loads(capsys.readouterr().out)}


def test_the_longest_run_and_a_half_rounded_up_is_suggested(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of three runs under one column; the table allows an hour."""
    for seconds in (1000.0, 1300.0, 1201.0):
        ran(root, seconds)
    (line,) = told(root, capsys).values()
    assert line["measured"] == [{"models": "small", "n": 3, "median": 1201.0, "max": 1300.0}]
    assert (line["task"], line["column"], line["allowed"]) == ("ja_mmlu", "hrt_q", 3600)
    assert line["suggested"] == 2400  # 1300 x 1.5 = 1950, up to ten minutes


def test_two_runs_suggest_nothing_and_none_is_below_ten_minutes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The third one does."""
    ran(root, 5.0)
    ran(root, 6.0)
    assert told(root, capsys)["hrt_q"]["suggested"] is None
    ran(root, 7.0)
    assert told(root, capsys)["hrt_q"]["suggested"] == 600


@pytest.mark.parametrize(
    "changes",
    [
        {"max_samples": 10}, {"reused_from": "results/x"}, {"imported": {"on": "2026-11-24"}}, {"seconds": None},
        {"samples": {"asked": 9, "replayed": 3}}, {"ran": {}}, {"task": {"key": "gone", "script": "a", "result_dir": "ja/mmlu"}},
    ],
)  # fmt: skip
def test_runs_that_did_not_take_the_task_s_time_are_left_out(
    root: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Debugging runs, copies, imports, resumed ones, and what no table knows."""
    for _ in range(3):
        ran(root, 100.0, **changes)
    assert told(root, capsys) == {}


def test_the_column_of_large_models_is_raised_by_any_and_lowered_by_them_alone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An 8B model on a full node says little about a 70B one."""
    for _ in range(3):
        ran(root, 600.0, kind="node_f")
    assert told(root, capsys)["hrt_f"]["suggested"] is None
    for _ in range(3):
        ran(root, 3000.0, model=LARGE, kind="node_f")
    line = told(root, capsys)["hrt_f"]
    assert [group["models"] for group in line["measured"]] == ["small", "large"]
    assert line["suggested"] == 4800
    ran(root, 20000.0, kind="node_f")
    assert told(root, capsys)["hrt_f"]["suggested"] == 30000


def test_a_model_without_a_card_is_shown_and_suggests_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its size is not known."""
    for _ in range(3):
        ran(root, 100.0, model="lab/none")
    assert told(root, capsys)["hrt_q"]["suggested"] is None


def test_write_changes_those_cells_and_nothing_else(root: Path) -> None:
    """Trailing commas and the missing newline at the end stay."""
    path = root / RUNTIME
    path.write_text(path.read_text().rstrip("\n").replace("\n", ",\n") + ",")
    before = path.read_text().split("\n")
    for _ in range(3):
        ran(root, 2000.0)
        ran(root, 2000.0, kind="rt_HG")
    assert cli.main(["--repo", str(root), "runtimes", "--write", "--service", "tsubame"]) == 0
    after = path.read_text().split("\n")
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        "ja_mmlu,swallow_jmmlu,ja/mmlu,lighteval-swallow,00:50:00,04:00:00,01:00:00,04:00:00,"
    ]


def test_the_table_says_the_rule_and_an_empty_repository_says_so(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people."""
    assert cli.main(["--repo", str(root), "runtimes"]) == 0
    assert "no run times were measured yet" in capsys.readouterr().out
    for _ in range(3):
        ran(root, 2000.0)
    assert cli.main(["--repo", str(root), "runtimes", "--service", "tsubame"]) == 0
    printed = capsys.readouterr().out
    assert "ja_mmlu  hrt_q   01:00:00  small   3  00:33:20  00:33:20  00:50:00" in printed
    assert "x 1.5, rounded up to 10 min" in printed
    assert cli.main(["--repo", str(root), "runtimes", "--service", "tsubam"]) == 1
    assert "did you mean `tsubame`?" in capsys.readouterr().err
