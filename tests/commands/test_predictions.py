"""Hours that follow from measured runs: `plan` shows them, `runtimes` how wrong they would have been, and `compile` knows nothing of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples import card_file, files_under
from samples import repository as written
from spec.literate import repository

from evalctl import cli

MODEL, OTHER, LARGE = "lab/model-8B", "lab/other-9B", "lab/large-70B"
REQUEST = "manifests/requests/one.yaml"
TASKS = ("ja_mmlu", "ja_gpqa")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the lab's manifests, three cards, and a request."""
    root = repository(tmp_path, {})
    large = card_file(model=LARGE, parameters=70 * 10**9, weight_bytes=141 * 10**9, layers=80, attention_heads=64)
    cards = {**card_file(model=MODEL), **card_file(model=OTHER, parameters=9 * 10**9), **large}
    text = f"model: {MODEL}\nservice: abci\ntasks: [{', '.join(TASKS)}]\n"
    return written(root, {**cards, REQUEST: text}, base=None)


def ran(
    root: Path, model: str, counts: tuple[int, ...], seconds: float = 1000.0, kind: str = "rt_HG", **more: Any
) -> None:
    """An attempt of the tasks, at once, with so many tokens each."""
    number = len(list((root / "results").rglob("result.json")))
    for task, count in zip(TASKS, counts, strict=False):
        folder = f"results/hosted_vllm/{model}/run{number}/{task}"
        document = {
            "schema": "evalctl/result/1", "digest": folder, "scores": {}, "weights": {}, "max_samples": None,
            "task": {"key": task, "script": task, "result_dir": task}, "subject": {"provider": "vllm", "model": model},
            "samples": {"asked": 9, "replayed": 0}, "seconds": seconds, "measured_at": 5000.0,
            "tokens": {"prompt": 1, "completion": count},
            "ran": {"service": "abci", "node_kind": kind, "job": f"ev-{number}", "attempt": 1}, **more,
        }  # fmt: skip
        path = root / folder / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document), encoding="utf-8")


def told(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The JSON that a command prints."""
    assert cli.main(["--repo", str(root), *words]) == 0
    return json.loads(capsys.readouterr().out)


def kinds(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """What the plan says of each node kind."""
    (request,) = told(root, capsys, "plan", "one", "--format", "json")["requests"]
    return {one["node_kind"]: one for one in request["jobs"][0]["job"]["kinds"]}


def test_the_plan_takes_tokens_and_speeds_that_were_measured(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """3,000 tokens/s of this model on rt_HG; on rt_HF nothing ran, so its speed stays assumed, but not the tokens."""
    assert kinds(root, capsys)["rt_HG"]["basis"] == "assumed"
    ran(root, MODEL, (2_000_000, 1_000_000))
    found = kinds(root, capsys)
    start = 15 * 60 + 16
    assert found["rt_HG"]["seconds"] == start + 1000
    assert "3,000 tokens/s measured in 1 run(s) of this model" in found["rt_HG"]["basis"]
    assert "this model's 2 of 2 tasks" in found["rt_HF"]["basis"] and "by the bandwidth" in found["rt_HF"]["basis"]
    assert found["rt_HG"]["expected"] == pytest.approx(3 * (start + 1000) / 3600, abs=1e-3)


@pytest.mark.parametrize(
    ("said", "server", "taken"),
    [
        ({"tensor_parallel": 1, "data_parallel": 8}, {}, True),
        ({"tensor_parallel": 8, "data_parallel": 1}, {}, False),
        ({}, {}, False),
        ({"tensor_parallel": 1, "data_parallel": 8}, {"kv_cache_dtype": "fp8"}, False),
        ({"tensor_parallel": 1, "data_parallel": 8}, {"quantization": "fp8"}, False),
    ],
)
def test_a_speed_counts_for_the_same_division_and_settings(
    root: Path, said: dict[str, int], server: dict[str, str], taken: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight copies of an 8B model on rt_HF; a record of an older evalctl does not say how eight GPUs were divided."""
    where = {"service": "abci", "node_kind": "rt_HF", "job": "ev-0", "attempt": 1, **said}
    ran(root, MODEL, (2_000_000, 1_000_000), ran=where, server=server)
    assert ("3,000 tokens/s measured in" in kinds(root, capsys)["rt_HF"]["basis"]) == taken


def test_speeds_that_are_assumed_are_scaled_by_the_measured_ones(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else kinds would be ranked by numbers of two sources: half the speed on rt_HG is half the speed on rt_HF."""
    ran(root, MODEL, (2_000_000, 1_000_000))
    first = kinds(root, capsys)
    ran(root, MODEL, (2_000_000, 1_000_000), 1 / (2 / 500 - 1 / 1000))  # the median of both is twice the first
    second = kinds(root, capsys)
    work = {name: [found[name]["seconds"] - 15 * 60 - 16 for found in (first, second)] for name in ("rt_HG", "rt_HF")}
    assert work["rt_HG"] == [1000, 500]
    assert work["rt_HF"][0] == pytest.approx(2 * work["rt_HF"][1], abs=2)
    assert "(assumed, scaled by " in first["rt_HF"]["basis"] and "1 run(s) of this model)" in first["rt_HF"]["basis"]


def test_what_was_measured_changes_nothing_that_is_compiled(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same manifests, the same bytes."""
    cli.main(["--repo", str(root), "compile"])
    before = dict(files_under(root / "generated"))
    ran(root, MODEL, (2_000, 1_000))
    assert cli.main(["--repo", str(root), "compile"]) == 0
    assert before and dict(files_under(root / "generated")) == before


def test_the_estimate_of_the_text_is_the_measured_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its basis; at most stays the table's limit."""
    ran(root, OTHER, (2_000_000, 1_000_000))
    assert cli.main(["--repo", str(root), "plan", "one"]) == 0
    text = capsys.readouterr().out
    assert "other models' 2 of 2 tasks; " in text and "1 run(s) of models of its size" in text
    assert "at most 5.5 = " not in text and "estimate: " in text


def test_a_model_of_another_size_says_nothing_of_the_speed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers may be as long."""
    ran(root, LARGE, (2_000_000, 1_000_000), kind="rt_HF")
    found = kinds(root, capsys)["rt_HF"]
    assert "other models' 2 of 2 tasks" in found["basis"] and "by the bandwidth" in found["basis"]


def test_the_errors_of_predictions_are_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each run: from assumptions alone, and from the other runs."""
    ran(root, MODEL, (2_000_000, 1_000_000))
    first = told(root, capsys, "runtimes", "--predictions", "--json")
    assert [one["from_other_runs"] for one in first] == [None] and first[0]["from_assumptions"] > 0
    ran(root, MODEL, (4_000_000, 2_000_000), 1500.0)
    one, two = told(root, capsys, "runtimes", "--predictions", "--json")
    assert (one["tokens_per_second"], two["tokens_per_second"]) == (3000, 4000)
    assert (one["from_other_runs"], two["from_other_runs"]) == (1500, 1000)
    assert cli.main(["--repo", str(root), "runtimes"]) == 0
    text = capsys.readouterr().out
    assert "00:25:00 (+50%)" in text and "00:16:40 (-33%)" in text


@pytest.mark.parametrize(
    "more",
    [
        {"tokens": {}}, {"tokens": None}, {"max_samples": 3}, {"samples": {"asked": 9, "replayed": 1}}, {"seconds": 0},
        {"reused_from": "results/x"}, {"ran": {"service": "abci", "node_kind": "rt_HG"}},
    ],
)  # fmt: skip
def test_runs_that_say_nothing_of_the_speed_are_left_out(
    root: Path, more: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without tokens, for debugging, continued, copied, of no attempt."""
    ran(root, MODEL, (2_000_000, 1_000_000), **more)
    assert told(root, capsys, "runtimes", "--predictions", "--json") == []
    assert kinds(root, capsys)["rt_HG"]["basis"] == "assumed"


def test_tasks_that_follow_each_other_take_their_times_together(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the time in which none was at work counts for none."""
    ran(root, MODEL, (1_000_000, 1_000_000), 100.0)
    (late,) = (root / "results").rglob("ja_gpqa/result.json")
    document = json.loads(late.read_text())
    for at, expected in ((5050.0, 150.0), (9000.0, 200.0)):
        late.write_text(json.dumps({**document, "measured_at": at}))
        (found,) = told(root, capsys, "runtimes", "--predictions", "--json")
        assert found["seconds"] == expected
