"""results/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evalctl.model.manifest import Metrics
from evalctl.results.leaderboard import leaderboard, main_entries, shown

ROOT = Path(__file__).parents[2]
METRICS = Metrics.model_validate(
    {
        "entries": [
            {"name": "jmmlu_stem", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"], "subsets": "STEM"},
            {"name": "jmmlu", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"]},
            {"name": "mt_first", "function": "pick", "metrics": ["first"], "tasks": ["mt"]},
            {"name": "mt_average", "function": "pick", "metrics": ["average"], "tasks": ["mt"]},
            {"name": "never", "function": "pick", "metrics": ["x"], "tasks": ["never"]},
        ],
        "subset_groups": {"STEM": ["physics"]},
    }
)


def document(name: str = "hosted_vllm/team/tiny", settings: str = "", **results: Any) -> dict[str, Any]:
    """An aggregate."""
    return {
        "model": name, "results": {"jmmlu": -1, "mt_average": -1, "never": -1, **results},
        "custom_settings": {"path": "", "name": settings, "version": "2" if settings else ""},
        "evals": {"ja_mmlu": {"measured": "2026-01-02T03:04:05Z"}},
    }  # fmt: skip


def test_main_entries_are_one_per_task() -> None:
    """Not the subset groups; the average where there is one."""
    assert [entry.name for entry in main_entries(METRICS)] == ["jmmlu", "mt_average", "never"]


def test_a_row_per_model_and_settings_and_only_columns_with_values() -> None:
    """A missing entry is a dash, never -1."""
    page = leaderboard(
        {
            "results/hosted_vllm/team/tiny": document(jmmlu=0.53125),
            "results/hosted_vllm/team/tiny/greedy": document(settings="greedy", mt_average=7.25),
        },
        METRICS,
    )
    assert page.splitlines()[-4:] == [
        "| model | settings | jmmlu | mt\\_average | evals | measured |",
        "| --- | --- | ---: | ---: | ---: | --- |",
        "| [hosted\\_vllm/team/tiny](hosted_vllm/team/tiny) | – | 0.5312 | – | 1 | 2026-01-02 |",
        "| [hosted\\_vllm/team/tiny](hosted_vllm/team/tiny/greedy) | greedy (v2) | – | 7.25 | 1 | 2026-01-02 |",
    ]
    assert "-1" not in page.replace("2026-01-02", "")


def test_debugging_runs_stand_apart() -> None:
    """A few samples are not comparable."""
    page = leaderboard({"results/debug/max_samples-10/hosted_vllm/team/tiny": document(jmmlu=1.0)}, METRICS)
    assert "| model |" not in page
    assert "- [max\\_samples-10/hosted\\_vllm/team/tiny](debug/max_samples-10/hosted_vllm/team/tiny)" in page


def test_nothing_measured_yet_is_said() -> None:
    """A fresh repository has a page, too."""
    assert "Nothing has been measured yet." in leaderboard({}, METRICS)


@pytest.mark.parametrize(("value", "text"), [(-1, "–"), (None, "–"), (0.0, "0.0000"), (1, "1.0000"), (17.256, "17.26")])
def test_scores_for_people(value: float | None, text: str) -> None:
    """Fractions and points."""
    assert shown(value) == text


def test_the_labs_catalogue_gives_a_table_that_fits() -> None:
    """One column per benchmark of the 107 entries."""
    metrics = Metrics.model_validate(yaml.safe_load((ROOT / "manifests/tasks/metrics.yaml").read_text()))
    names = [entry.name for entry in main_entries(metrics)]
    assert 20 <= len(names) <= 32
    assert {"jmmlu", "jhumaneval_pass@1", "english_mtbench_average"} <= set(names)
