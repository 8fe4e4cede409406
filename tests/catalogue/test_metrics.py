"""What aggregated_results.json lists."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from evalctl.model.metrics import Metrics
from evalctl.results.entries import EntriesAverage

from .conftest import rows


def test_the_file_fits_the_model_with_107_entries(metrics: dict[str, Any]) -> None:
    """As many as the lab's spreadsheet has columns, each name once."""
    entries = Metrics.model_validate(metrics).entries
    assert len(entries) == len({entry.name for entry in entries}) == 107


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "jmmlu_social_sciences"), (5, "jmmlu"), (6, "jhumaneval_pass@1"), (8, "mmlu_prox_japanese_business"),
        (22, "mmlu_prox_japanese"), (37, "mmlu_prox_english"), (52, "mmlu_pro_english"), (53, "mmlu_english_stem"),
        (57, "mmlu_english"), (68, "japanese_mtbench_average"), (77, "japanese_mtbench_average_japanese_ratio"),
        (88, "english_mtbench_average"), (89, "jemhopqa_cot_f1_score_quasi"), (92, "wmt20_en_ja_bleu_lmevalja"),
        (95, "mifeval_ja_average"), (96, "mclm_math_100_japanese"), (101, "aime_2024_2025"),
        (103, "livecodebench_v5_v6_pass@10"), (107, "humanevalplus_pass@10"),
    ],
)  # fmt: skip
def test_entries_stand_in_the_labs_order(metrics: dict[str, Any], number: int, name: str) -> None:
    """`overall` is pasted into the spreadsheet by position."""
    assert metrics["entries"][number - 1]["name"] == name


def test_functions_are_used_as_in_the_lab(metrics: dict[str, Any]) -> None:
    """Subset tasks are averaged by samples, one entry is a plain mean, the rest is picked."""
    assert Counter(entry["function"] for entry in metrics["entries"]) == {"micro": 56, "pick": 50, "mean": 1}
    mean = next(entry for entry in metrics["entries"] if entry["function"] == "mean")
    assert (mean["name"], len(mean["metrics"])) == ("mifeval_ja_average", 4)


def test_japanese_mtbench_may_have_been_run_as_either_task(metrics: dict[str, Any]) -> None:
    """Twenty entries accept the truncated variant."""
    either = [entry for entry in metrics["entries"] if len(entry["tasks"]) > 1]
    assert len(either) == 20
    assert {tuple(entry["tasks"]) for entry in either} == {("japanese_mt_bench", "japanese_mt_bench_truncate_6144")}


def test_a_score_of_mtbench_is_a_share(metrics: dict[str, Any]) -> None:
    """The fork's metrics are means of points over 10, from 0.1 to 1: 0.7 is 0.7 in an average, and in a margin of a gate."""
    entries = Metrics.model_validate(metrics).entries
    judged = [entry for entry in entries if entry.metrics[0].startswith("judge_score")]
    assert len(judged) == 22
    for entry in judged:
        assert EntriesAverage("", (entry,)).value({entry.name: 0.7}) == 0.7


def test_subset_groups_have_the_labs_sizes(metrics: dict[str, Any]) -> None:
    """12, 13, 19 and 13 of MMLU's 57 subjects; 14 groups of MMLU-Pro; each subset once."""
    groups = metrics["subset_groups"]
    sizes = {"SOCIAL_SCIENCES": 12, "HUMANITIES": 13, "STEM": 19}
    for language, other in (("JMMLU", "OTHERS"), ("MMLU_ENGLISH", "OTHER")):
        of = {name: len(groups[f"{language}_{name}"]) for name in (*sizes, other)}
        assert of == {**sizes, other: 13}
    pro = [5, 3, 3, 4, 9, 4, 10, 8, 4, 9, 11, 6, 5, 10]
    for prefix in ("MMLU_PROX_JAPANESE_", "MMLU_PRO_ENGLISH_"):
        assert [len(group) for name, group in groups.items() if name.startswith(prefix)] == pro
    assert len(groups) == 36
    assert all(len(set(group)) == len(group) for group in groups.values())


def test_every_group_is_used_and_exists(metrics: dict[str, Any]) -> None:
    """A misspelt group would average nothing."""
    used = {entry["subsets"] for entry in metrics["entries"] if "subsets" in entry}
    assert used == set(metrics["subset_groups"])


def test_groups_divide_their_task_without_overlap(metrics: dict[str, Any]) -> None:
    """No subset counts in two groups of one task."""
    for task in {entry["tasks"][0] for entry in metrics["entries"]}:
        names = [entry["subsets"] for entry in metrics["entries"] if entry["tasks"][0] == task and "subsets" in entry]
        subsets = [subset for name in names for subset in metrics["subset_groups"][name]]
        assert len(set(subsets)) == len(subsets)


def test_english_prox_uses_the_japanese_groups(metrics: dict[str, Any]) -> None:
    """As in the lab's table."""
    entries = [entry for entry in metrics["entries"] if entry["tasks"] == ["mmlu_prox_english"] and "subsets" in entry]
    assert len(entries) == 14
    assert all(entry["subsets"].startswith("MMLU_PROX_JAPANESE_") for entry in entries)


def test_every_entry_names_a_task_that_can_be_run(metrics: dict[str, Any]) -> None:
    """The framework's names, as task_settings.csv has them."""
    known = {row["key"] for row in rows("task_settings.csv")}
    assert {task for entry in metrics["entries"] for task in entry["tasks"]} <= known


def test_standard_tasks_without_a_score_do_not_exist(metrics: dict[str, Any], tasks: dict[str, Any]) -> None:
    """Only jemhopqa without chain of thought is not aggregated."""
    scored = {task for entry in metrics["entries"] for task in entry["tasks"]}
    silent = {key for key, row in tasks.items() if row["script"] not in scored}
    assert silent == {"ja_jemhopqa"}
