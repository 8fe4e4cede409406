"""The lab's aggregate, odd cases as facts/harness.md section 6 records them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from evalctl.model.manifest import Metrics
from evalctl.model.result import Result
from evalctl.results.aggregate import aggregated
from evalctl.results.names import task_name

FOLDER = "results/hosted_vllm/team/tiny/greedy"
METRICS = Metrics.model_validate(
    {
        "entries": [
            {"name": "jmmlu_stem", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"], "subsets": "STEM"},
            {"name": "jmmlu", "function": "micro", "metrics": ["em"], "tasks": ["jmmlu"]},
            {"name": "code_pass@1", "function": "pick", "metrics": ["pass@1:10"], "tasks": ["code"]},
            {"name": "wmt", "function": "pick", "metrics": ["bleu"], "tasks": ["wmt20:en-ja"]},
            {"name": "mt", "function": "pick", "metrics": ["judge"], "tasks": ["mt_bench", "mt_bench_truncated"]},
            {"name": "ifeval", "function": "mean", "metrics": ["strict", "loose"], "tasks": ["ifeval"]},
        ],
        "subset_groups": {"STEM": ["physics", "algebra"]},
    }
)


def result(
    task: str, scores: Mapping[str, Mapping[str, Any]], weights: Mapping[str, int] | None = None, *, at: float = 0.0,
    settings: Mapping[str, str] | None = None, server: Mapping[str, Any] | None = None,
) -> Result:  # fmt: skip
    """A result of one task."""
    subject = {"model": "team/tiny", "revision": "a" * 40, "custom_settings": settings}
    document = {"measured_at": at, "subject": subject, "samples": None, "seconds": 1.0, "server": server or {}}
    return Result("d" * 64, task, task, f"{FOLDER}/ja/{task}/result.json", scores, weights or {}, document)


def values(*results: Result) -> dict[str, Any]:
    """The entries alone."""
    found: dict[str, Any] = aggregated(FOLDER, results, METRICS)["results"]
    return found


JMMLU = {
    "swallow|jmmlu:physics|0": {"em": 1.0},
    "swallow|jmmlu:algebra|0": {"em": 0.0},
    "swallow|jmmlu:law|0": {"em": 0.5},
}
COUNTS = {"swallow|jmmlu:physics|0": 30, "swallow|jmmlu:algebra|0": 10, "swallow|jmmlu:law|0": 60}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("swallow|jmmlu:law|0", "jmmlu:law"), ("swallow|jmmlu:law", "jmmlu:law"), ("jmmlu:law|0", "jmmlu:law"),
        ("swallow|jmmlu|0|0", "jmmlu"), ("all", "all"),
    ],
)  # fmt: skip
def test_all_spellings_name_one_task(key: str, name: str) -> None:
    """The fork's, its config's, upstream's."""
    assert task_name(key) == name


def test_micro_weighs_subsets_by_their_questions() -> None:
    """A group takes its subsets, `all` takes every one, those of no group included."""
    found = values(result("ja_jmmlu", JMMLU, COUNTS))
    assert found["jmmlu_stem"] == pytest.approx(30 / 40)
    assert found["jmmlu"] == pytest.approx((30 + 0 + 30) / 100)


def test_upstream_keys_aggregate_alike() -> None:
    """`NAME:sub|0` without a suite."""
    scores = {key.removeprefix("swallow|"): metrics for key, metrics in JMMLU.items()}
    counts = {key.removeprefix("swallow|"): count for key, count in COUNTS.items()}
    assert values(result("ja_jmmlu", scores, counts)) == values(result("ja_jmmlu", JMMLU, COUNTS))


def test_averages_and_all_are_not_subsets() -> None:
    """Rows that the framework adds by itself would count twice."""
    extra = {**JMMLU, "swallow|jmmlu:_average|0": {"em": 0.9}, "all": {"em": 0.9}}
    more = {**COUNTS, "swallow|jmmlu:_average|0": 100, "all": 100}
    assert values(result("ja_jmmlu", extra, more)) == values(result("ja_jmmlu", JMMLU, COUNTS))


def test_a_subset_without_the_metric_is_left_out() -> None:
    """Its questions do not count either."""
    scores = {**JMMLU, "swallow|jmmlu:law|0": {"other": 1.0}}
    assert values(result("ja_jmmlu", scores, COUNTS))["jmmlu"] == pytest.approx(30 / 40)


def test_an_unknown_weight_is_missing_and_warned_of_never_subtracted() -> None:
    """The lab's aggregator takes -1 for a weight and computes with it."""
    document = aggregated(FOLDER, [result("ja_jmmlu", JMMLU, {"swallow|jmmlu:law|0": 60})], METRICS)
    assert (document["results"]["jmmlu"], document["results"]["jmmlu_stem"]) == (-1, -1)
    assert [warning.partition(":")[0] for warning in document["warnings"]] == ["jmmlu_stem", "jmmlu"]


def test_pick_takes_the_value_as_it_stands_and_the_subset_by_name() -> None:
    """An int stays an int."""
    found = values(
        result("en_code", {"swallow|code|0": {"pass@1:10": 1}}), result("wmt", {"wmt20:en-ja|0": {"bleu": 17.25}})
    )
    assert (repr(found["code_pass@1"]), found["wmt"]) == ("1", 17.25)


def test_mean_needs_all_its_metrics() -> None:
    """One that is missing leaves the entry missing."""
    assert values(result("ifeval", {"ifeval|0": {"strict": 0.25, "loose": 0.75}}))["ifeval"] == 0.5
    assert values(result("ifeval", {"ifeval|0": {"strict": 0.25}}))["ifeval"] == -1


@pytest.mark.parametrize("task", ["mt_bench", "mt_bench_truncated"])
def test_of_two_alternatives_the_one_that_ran_counts(task: str) -> None:
    """Japanese MT-Bench is run as either of two tasks."""
    assert values(result("ja_mt", {f"{task}|0": {"judge": 7.0}}))["mt"] == 7.0


def test_both_alternatives_are_minus_one_and_a_warning() -> None:
    """Nobody knows which is meant."""
    both = [result("a", {"mt_bench|0": {"judge": 7.0}}), result("b", {"mt_bench_truncated|0": {"judge": 6.0}})]
    document = aggregated(FOLDER, both, METRICS)
    assert document["results"]["mt"] == -1
    assert document["warnings"] == ["mt: several of its tasks were run (mt_bench, mt_bench_truncated)"]


@pytest.mark.parametrize("other", [{"judge": -1}, {"judge": None}, {"ratio": 0.5}])
def test_an_alternative_without_a_value_does_not_stand_in_the_way(other: dict[str, Any]) -> None:
    """A real -1, a null, a metric that only the other has: not found, as in the lab's."""
    both = [result("a", {"mt_bench|0": {"judge": 7.0}}), result("b", {"mt_bench_truncated|0": other})]
    document = aggregated(FOLDER, both, METRICS)
    assert (document["results"]["mt"], document["warnings"]) == (7.0, [])


def test_a_bare_task_counts_beside_its_subsets_but_in_no_group() -> None:
    """As in the lab's: `jmmlu` and `jmmlu:*` are rows of one task."""
    scores, counts = {**JMMLU, "swallow|jmmlu|0": {"em": 1.0}}, {**COUNTS, "swallow|jmmlu|0": 100}
    found = values(result("ja_jmmlu", scores, counts))
    assert (found["jmmlu"], found["jmmlu_stem"]) == (pytest.approx(160 / 200), pytest.approx(30 / 40))


def test_subsets_of_several_runs_are_mixed() -> None:
    """Each subset by its newest run."""
    old = result("a", JMMLU, COUNTS, at=1)
    new = result("b", {"swallow|jmmlu:law|0": {"em": 1.0}}, {"swallow|jmmlu:law|0": 60}, at=2)
    assert values(new, old)["jmmlu"] == pytest.approx((30 + 0 + 60) / 100)


def test_the_newest_of_one_name_wins() -> None:
    """Two task keys that run the same script."""
    old, new = result("a", {"wmt20:en-ja|0": {"bleu": 1.0}}, at=1), result("b", {"wmt20:en-ja|0": {"bleu": 2.0}}, at=2)
    assert values(old, new)["wmt"] == values(new, old)["wmt"] == 2.0


def test_the_form_is_the_labs_and_then_ours() -> None:
    """Keys in order; every entry always there; -1 for what is missing; `overall` as the lab prints it."""
    settings = {"path": "manifests/models/team/tiny.yaml", "name": "greedy", "version": "2"}
    document = aggregated(FOLDER, [result("ja_jmmlu", JMMLU, COUNTS, settings=settings)], METRICS)
    assert list(document) == [
        "model", "results", "overall", "tasks", "custom_settings", "evals", "missing", "unmatched", "warnings",
        "generated_by",
    ]  # fmt: skip
    assert document["model"] == "hosted_vllm/team/tiny"
    assert document["tasks"] == list(document["results"]) == [entry.name for entry in METRICS.entries]
    assert document["overall"] == ",".join(str(value) for value in document["results"].values())
    assert document["overall"].endswith(",-1,-1,-1,-1")
    assert document["custom_settings"] == settings
    assert document["missing"] == ["code_pass@1", "wmt", "mt", "ifeval"]
    assert document["evals"]["ja_jmmlu"]["result"] == "ja/ja_jmmlu/result.json"


def test_without_custom_settings_three_strings_are_empty() -> None:
    """As the lab's internal version writes it."""
    document = aggregated("results/openai/gpt", [result("ja_jmmlu", JMMLU, COUNTS)], METRICS)
    assert (document["model"], document["custom_settings"]) == ("openai/gpt", {"path": "", "name": "", "version": ""})


def test_a_debugging_run_has_the_models_own_name() -> None:
    """Its place is another; who answered is not."""
    document = aggregated(
        FOLDER.replace("results/", "results/debug/max_samples-5/"), [result("ja_jmmlu", JMMLU)], METRICS
    )
    assert document["model"] == "hosted_vllm/team/tiny/greedy"


def test_a_mixture_of_versions_is_warned_of() -> None:
    """Half of the entries were measured before the settings changed."""
    old = result("a", {"wmt20:en-ja|0": {"bleu": 1.0}}, at=1, settings={"name": "greedy", "version": "1"})
    new = result("b", {"ifeval|0": {"strict": 0.25, "loose": 0.75}}, at=2, settings={"name": "greedy", "version": "2"})
    document = aggregated(FOLDER, [old, new], METRICS)
    assert document["warnings"] == ["measured with several versions of the custom settings: 1, 2"]
    assert document["custom_settings"]["version"] == "2"


def test_what_a_result_says_of_its_answers_stands_in_the_aggregate() -> None:
    """Questions without an answer and answers by another model are shown wherever the score is."""
    told = ["2 of its questions have no answer and are scored as wrong (the request allows 2)"]
    one = result("a", {"wmt20:en-ja|0": {"bleu": 1.0}})
    shown = replace(one, document={**one.document, "warnings": told})
    assert aggregated(FOLDER, [shown], METRICS)["warnings"] == [f"{one.task}: {told[0]}"]


def test_a_mixture_of_server_settings_is_warned_of() -> None:
    """An override of some tasks, such as a shorter context for a rerun (the manual, 3.6)."""
    common = {"generation_config": "auto"}
    shorter = result("a", {"wmt20:en-ja|0": {"bleu": 1.0}}, server={**common, "max_model_length": 8192})
    longer = result("b", {"ifeval|0": {"strict": 1, "loose": 1}}, server={**common, "max_model_length": 32768})
    document = aggregated(FOLDER, [shorter, longer], METRICS)
    assert document["warnings"] == ["measured with several values of max_model_length: 32768 (b); 8192 (a)"]
    assert aggregated(FOLDER, [shorter], METRICS)["warnings"] == []


def test_the_order_of_results_does_not_matter() -> None:
    """A pure function of the set of files, byte for byte."""
    results = [result("ja_jmmlu", JMMLU, COUNTS), result("en_code", {"code|0": {"pass@1:10": 0.5}}), result("wmt", {})]
    texts = {json.dumps(aggregated(FOLDER, order, METRICS)) for order in (results, results[::-1])}
    assert len(texts) == 1
