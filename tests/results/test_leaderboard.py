"""results/README.md."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.results import leaderboard as page_of
from evalctl.results.entries import main_entries, of_tasks, shown
from evalctl.results.leaderboard import unmarked
from evalctl.results.reading import aggregate_in

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
        "overall": "", "custom_settings": {"path": "", "name": settings, "version": "2" if settings else ""},
        "evals": {"ja_mmlu": {"measured": "2026-01-02T03:04:05Z"}},
    }  # fmt: skip


def leaderboard(
    documents: Mapping[str, Any], metrics: Metrics, unproven: Mapping[str, Collection[str]] | None = None
) -> str:
    """The page of the aggregates in these files."""
    found = {folder: aggregate_in(json.dumps(one).encode()) for folder, one in documents.items()}
    assert None not in found.values()
    return page_of.leaderboard({folder: one for folder, one in found.items() if one}, metrics, unproven)


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
        "| [team/tiny](hosted_vllm/team/tiny) | – | 0.5312 | – | 1 | 2026-01-02 |",
        "| [team/tiny](hosted_vllm/team/tiny/greedy) | greedy (v2) | – | 7.25 | 1 | 2026-01-02 |",
    ]
    assert "-1" not in page.replace("2026-01-02", "")


def wide(scores: int, **values: Any) -> tuple[dict[str, Any], Metrics]:
    """An aggregate of 16 benchmarks in two languages, of which so many were measured, and their metrics.yaml."""
    keys = [f"{language}_benchmark_{number}" for language in ("ja", "en") for number in range(8)]
    entries = [{"name": key, "function": "pick", "metrics": ["m"], "tasks": [f"of-{key}"]} for key in keys]
    made = document(**{**{key: 0.5 if at < scores else -1 for at, key in enumerate(keys)}, **values})
    made["evals"] = {key: {"measured": "2026-01-02T03:04:05Z", "script": f"of-{key}"} for key in keys}
    return made, Metrics.model_validate({"entries": entries})


def test_every_table_fits_a_git_web_page_and_the_averages_are_first() -> None:
    """Many benchmarks are tables under their language; the first one has each language's mean."""
    made, metrics = wide(16)
    page = leaderboard({"results/hosted_vllm/team/tiny": made}, metrics)
    heads = [line for line in page.splitlines() if line.startswith("| model")]
    assert heads[0] == "| model | settings | ja\\_average | en\\_average | evals | measured |"
    assert len(heads) == 7 and max(map(len, heads)) <= 90
    assert all(f"ja\\_benchmark\\_{number}" in page for number in range(8))
    assert page.index("## ja") < page.index("ja\\_benchmark\\_0 ") < page.index("## en")
    assert "| 0.5000 | 0.5000 | 16 | 2026-01-02 |" in page and "the mean of that language's benchmarks" in page


def test_an_average_needs_every_benchmark() -> None:
    """Else the cell says how many there are: a mean over other benchmarks is not comparable."""
    whole, metrics = wide(16)
    page = leaderboard({"results/hosted_vllm/team/a": whole, "results/hosted_vllm/team/b": wide(11)[0]}, metrics)
    assert "| 0.5000 | 3 of 8 | 16 |" in page


def test_a_score_above_its_full_mark_is_in_no_average() -> None:
    """The page says so, instead of a mean of different scales; `full_mark` is what it is divided by."""
    made, metrics = wide(16, ja_benchmark_0=5.0)
    page = leaderboard({"results/hosted_vllm/team/a": made}, metrics)
    assert "no average of ja: ja\\_benchmark\\_0 has 5.00" in page and "ja\\_average" not in page
    entry = metrics.entries[0].model_copy(update={"full_mark": 10.0})
    page = leaderboard(
        {"results/hosted_vllm/team/a": made}, metrics.model_copy(update={"entries": (entry, *metrics.entries[1:])})
    )
    assert "ja\\_average" in page and "| 0.5000 | 0.5000 |" in page


def test_a_metric_without_a_full_mark_is_in_no_average() -> None:
    """`full_mark: null`: the number is no share of anything."""
    made, metrics = wide(16, ja_benchmark_0=17.0)
    entry = metrics.entries[0].model_copy(update={"full_mark": None})
    page = leaderboard(
        {"results/hosted_vllm/team/a": made}, metrics.model_copy(update={"entries": (entry, *metrics.entries[1:])})
    )
    assert "no average" not in page and "| 0.5000 | 0.5000 | 16 |" in page


def test_scores_with_remarks_are_marked() -> None:
    """The task's, and the average that it takes part in; the sentences are below, bounded in number."""
    made, metrics = wide(16)
    made["warnings"] = ["ja_benchmark_0: 22 % of 100 answers were cut off", "measured with several revisions"]
    page = leaderboard({"results/hosted_vllm/team/a": made}, metrics)
    assert page.count("0.5000\\*") == 2 and "- team/a: ja\\_benchmark\\_0: 22 % of 100 answers were cut off" in page
    made["warnings"] = made["warnings"][:1] * 500
    assert "and 480 more" in leaderboard({"results/hosted_vllm/team/a": made}, metrics)


def sure(low: float, high: float) -> dict[str, Any]:
    """How sure an entry is."""
    return {
        "questions": 90, "answers": 1, "clusters": None, "error": 0.05, "low": low, "high": high, "of_sampling": None,
        "method": "Wilson interval",
    }  # fmt: skip


def test_scores_say_how_sure_they_are() -> None:
    """By the longer side of the interval; an average where each of its entries does, and the page says what it is."""
    made, metrics = wide(16)
    names = [f"ja_benchmark_{number}" for number in range(8)]
    made["uncertainty"] = {**{name: sure(0.4, 0.62) for name in names}, "en_benchmark_0": sure(0.45, 0.55)}
    page = leaderboard({"results/hosted_vllm/team/a": made}, metrics)
    assert page.count("| 0.5000 ±0.1200 |") >= 2 and page.count("0.5000 ±0.1200") == 8
    assert "| 0.5000 ±0.0424 | 0.5000 | 16 |" in page and "0.5000 ±0.0500" in page
    assert "95 % interval" in page and "](" not in page.partition("±:")[2].splitlines()[0]
    made["warnings"] = ["ja_benchmark_0: 22 % of 100 answers were cut off"]
    assert "0.5000 ±0.1200\\*" in leaderboard({"results/hosted_vllm/team/a": made}, metrics)
    assert "±" not in leaderboard({"results/hosted_vllm/team/a": wide(16)[0]}, metrics)


@pytest.mark.parametrize(
    "damage",
    [
        [], {"ja_benchmark_0": 1}, {"ja_benchmark_0": {"low": 0.1}}, {"ja_benchmark_0": {**sure(0, 1), "low": "x"}},
        {f"ja_benchmark_{number}": sure(-1e200, 1) for number in range(8)}, {"ja_benchmark_0": sure(0, 1e120)},
        {"ja_benchmark_0": sure(0.6, 0.7)}, {"ja_benchmark_0": sure(0.7, 0.4)},
    ],
)  # fmt: skip
def test_a_damaged_interval_is_none(damage: Any) -> None:
    """The score is shown without it."""
    made, metrics = wide(16)
    made["uncertainty"] = damage
    assert "±" not in leaderboard({"results/hosted_vllm/team/a": made}, metrics)


def test_an_average_over_an_unproven_score_is_unproven() -> None:
    """A mean is no better than its parts, and a clone without the ledger makes the same page without the marks."""
    made, metrics = wide(16)
    page = leaderboard(
        {"results/hosted_vllm/team/a": made}, metrics, {"results/hosted_vllm/team/a": {"of-en_benchmark_1"}}
    )
    assert page.count("0.5000 (unproven)") == 2
    assert unmarked(page) == leaderboard({"results/hosted_vllm/team/a": made}, metrics)


def test_a_subset_of_a_task_is_marked_alone() -> None:
    """`wmt20:en-ja` is unproven: `wmt20:ja-en` is not."""
    entries = [
        MetricEntry(name=name, function="pick", metrics=("m",), tasks=(f"wmt20:{name}",)) for name in ("ja", "en")
    ]
    whole = MetricEntry(name="whole", function="micro", metrics=("m",), tasks=("wmt20",))
    assert of_tasks({"wmt20:ja"}, [*entries, whole]) == {"ja", "whole"}
    assert of_tasks({"wmt20"}, [*entries, whole]) == {"ja", "en", "whole"}


def test_debugging_runs_stand_apart() -> None:
    """A few samples are not comparable."""
    page = leaderboard({"results/debug/max_samples-10/hosted_vllm/team/tiny": document(jmmlu=1.0)}, METRICS)
    assert "| model |" not in page
    assert "- [max\\_samples-10/team/tiny](debug/max_samples-10/hosted_vllm/team/tiny)" in page


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


def test_what_a_record_says_is_text_on_the_page() -> None:
    """A name of settings is no row of its own, no link and no image."""
    name = "x\n| [good](y) | z | 0.9900 |\n![i](https://elsewhere.example/i.png) `c` <b>"
    page = leaderboard({"results/hosted_vllm/team/tiny/a (b)": document(settings=name, jmmlu=0.5)}, METRICS)
    (row,) = [line for line in page.splitlines() if "good" in line]
    assert row.count("0.5000") == 1 and "\\| \\[good\\](y) \\| z \\| 0.9900" in row
    assert "!\\[i\\]" in row and "&lt;b>" in row
    assert "](hosted_vllm/team/tiny/a%20%28b%29)" in row
