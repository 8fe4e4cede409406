"""The lab's aggregate, odd cases as the Swallow fork writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evalctl.model.metrics import Metrics
from evalctl.model.result import Result
from evalctl.results import aggregate
from evalctl.results.aggregate import remarks_of
from evalctl.results.names import task_name
from evalctl.results.reading import aggregate_in
from evalctl.results.record import to_text
from evalctl.results.tables import Measured, fences, judges

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
    facts = {
        "digest": "d" * 64, "task": {"key": task, "script": task}, "scores": scores, "weights": weights or {},
        "measured_at": at, "subject": subject, "samples": None, "seconds": 1.0, "server": server or {},
    }  # fmt: skip
    return Result(facts, f"{FOLDER}/ja/{task}/result.json")


def aggregated(folder: str, results: Sequence[Result], metrics: Metrics) -> dict[str, Any]:
    """The aggregate as it is written."""
    text = to_text(aggregate.aggregated(folder, results, metrics).as_json())
    made = aggregate_in(text.encode())
    assert made and to_text(made.as_json()) == text, "what is read is what was written"
    found: dict[str, Any] = json.loads(text)
    return found


def test_an_aggregate_names_the_judges_of_its_evals() -> None:
    """As the table of `results show` does; an older record names none, and its eval is as it was."""
    judged = result("mt", {"swallow|mt_bench|0": {"judge": 0.8}})
    judged = Result(
        {**judged.as_json(), "judge": {"model": "gpt-4o", "provider": "openai", "prompts": "ab" * 8}}, judged.path
    )
    made = aggregated(FOLDER, [judged, result("code", {"swallow|code|0": {"pass@1:10": 0.5}})], METRICS)
    assert made["evals"]["mt"]["judge"] == "gpt-4o (openai, prompts abababab)" and "judge" not in made["evals"]["code"]
    read = aggregate_in(json.dumps(made).encode())
    assert read and judges(Measured(FOLDER, read)) == ["judge of mt: gpt-4o (openai, prompts abababab)"]


def test_an_aggregate_says_what_stood_around_model_written_code() -> None:
    """From the record: what was denied and what was open; nothing of a task that ran no code, or of an older record."""
    ran = result("code", {"swallow|code|0": {"pass@1:10": 0.5}})
    fence = {"policy": "best-effort", "fence": "limits", "denies": ["network", "processes"]}
    made = aggregated(FOLDER, [Result({**ran.as_json(), "code_execution": fence}, ran.path)], METRICS)
    assert made["evals"]["code"]["code_execution"] == "limits: denies network, processes; open: keys, files"
    read = aggregate_in(json.dumps(made).encode())
    assert read and fences(Measured(FOLDER, read)) == [
        "model-written code of code: limits: denies network, processes; open: keys, files"
    ]
    assert "code_execution" not in aggregated(FOLDER, [ran], METRICS)["evals"]["code"]


def values(*results: Result) -> dict[str, Any]:
    """The entries alone."""
    found: dict[str, Any] = aggregated(FOLDER, results, METRICS)["results"]
    return found


def test_the_average_that_lighteval_adds_is_no_task() -> None:
    """`all` is in every results file: an entry of that name would show the mean of whatever ran last."""
    metrics = Metrics.model_validate(
        {"entries": [{"name": "all", "function": "pick", "metrics": ["em"], "tasks": ["all"]}]}
    )
    one = result("code", {"swallow|code|0": {"em": 0.5}, "all": {"em": 0.9}})
    assert aggregated(FOLDER, [one], metrics)["results"] == {"all": -1}


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
        "model", "results", "overall", "tasks", "custom_settings", "evals", "uncertainty", "missing", "unmatched", "warnings",
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
    shown = changed(one, warnings=told)
    assert aggregated(FOLDER, [shown], METRICS)["warnings"] == [f"{one.task.key}: {told[0]}"]


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


AIME = Metrics.model_validate(
    {"entries": [{"name": "AIME", "function": "pick", "metrics": ["em"], "tasks": ["AIME"]},
                 {"name": "ppl", "function": "pick", "metrics": ["logprob", "unused"], "tasks": ["ppl"]}]}
)  # fmt: skip
WMT = {"wmt20:en-ja|0": {"bleu": 1.0}}


def test_micro_takes_the_first_of_its_metrics() -> None:
    """Others that are named have no meaning for it."""
    (entry,) = [one for one in METRICS.entries if one.name == "jmmlu"]
    metrics = METRICS.model_copy(update={"entries": (entry.model_copy(update={"metrics": ("em", "other")}),)})
    for scores, mean in ((JMMLU, 0.6), ({key: {**row, "other": 0.0} for key, row in JMMLU.items()}, 0.6)):
        assert aggregated(FOLDER, [result("a", scores, COUNTS)], metrics)["results"] == {"jmmlu": pytest.approx(mean)}
    document = aggregated(FOLDER, [result("a", {"jmmlu|0": {"other": 1.0}}, {"jmmlu|0": 1})], metrics)
    assert document["unmatched"] == {"jmmlu": "task `jmmlu` has no metric `em`; it has other"}


def changed(one: Result, **facts: Any) -> Result:
    """The same with other values in its record."""
    return Result({**one.as_json(), **facts}, one.path)


def called(one: Result, **names: str) -> Result:
    """The same of a task with other names."""
    return changed(one, task={**one.task.as_json(), **names})


def test_any_name_and_any_number_but_minus_one_is_a_value() -> None:
    """A task that sorts before `all`, and a metric that is negative by nature."""
    found = aggregated(FOLDER, [result("a", {"AIME|0": {"em": 0.5}}), result("b", {"ppl|0": {"logprob": -2.5}})], AIME)
    assert (found["results"], found["missing"]) == ({"AIME": 0.5, "ppl": -2.5}, [])


def test_a_metric_that_no_task_has_is_shown_with_those_that_are_there() -> None:
    """Under `unmatched` and as a warning, for each function; a task that was not run is only missing."""
    scores = {
        "jmmlu:law|0": {"acc": 1.0, "acc_stderr": 0.1},
        "wmt20:en-ja|0": {"chrf": 1.0},
        "ifeval|0": {"strict": 1.0},
    }
    document = aggregated(FOLDER, [result("a", scores)], METRICS)
    assert document["unmatched"] == {
        "jmmlu": "task `jmmlu` has no metric `em`; it has acc",
        "wmt": "task `wmt20:en-ja` has no metric `bleu`; it has chrf",
        "ifeval": "task `ifeval` has no metric `loose`; it has strict",
    }
    assert document["warnings"] == [f"{name}: {text}" for name, text in document["unmatched"].items()]


@pytest.mark.parametrize("value", [0.25, -2.5])
def test_an_imported_entry_stands_where_nothing_was_measured(value: float) -> None:
    """And is then not unmatched."""
    old = changed(result("old", {"wmt20:en-ja|0": {"chrf": 1.0}}), entries={"wmt": value, "code_pass@1": 0.5})
    document = aggregated(FOLDER, [old], METRICS)
    assert (document["results"]["wmt"], document["results"]["code_pass@1"], document["unmatched"]) == (value, 0.5, {})
    assert "wmt" not in document["missing"]
    assert values(old, result("new", WMT, at=1))["wmt"] == 1.0


def test_an_alternative_after_one_without_the_metric_counts() -> None:
    """Each of them is looked at."""
    both = [result("a", {"mt_bench|0": {"ratio": 0.5}}), result("b", {"mt_bench_truncated|0": {"judge": 6.0}})]
    assert values(*both)["mt"] == 6.0


def test_a_mean_with_a_null_is_missing() -> None:
    """It is not the mean of the others."""
    assert values(result("ifeval", {"ifeval|0": {"strict": 0.25, "loose": None}}))["ifeval"] == -1


@pytest.mark.parametrize(
    ("physics", "algebra", "mean"), [(30, 0, 0.0), (1, 0, 0.0), (1, 1, 0.5), (0, 0, -1), (-1, -1, -1), (-1, 0, -1)]
)
def test_a_subset_without_questions_weighs_nothing(physics: int, algebra: int, mean: float) -> None:
    """One question is enough; none, or fewer, give no mean."""
    scores = {"jmmlu:physics|0": {"em": 0.0}, "jmmlu:algebra|0": {"em": 1.0}}
    found = values(result("a", scores, {"jmmlu:physics|0": physics, "jmmlu:algebra|0": algebra}))
    assert found["jmmlu_stem"] == mean


def test_one_framework_task_of_several_tasks_is_warned_of() -> None:
    """The newest counts; a task of several scripts, each with its own, is none."""
    three = [called(result(name, JMMLU, COUNTS, at=at), script="jmmlu") for at, name in enumerate("abc", 1)]
    text = "jmmlu was measured by several tasks (a, b, c): the newest, c, counts"
    assert aggregated(FOLDER, three[::-1], METRICS)["warnings"] == [text]
    apart = [called(one, script=f"code:{one.task.key}") for one in three]
    assert aggregated(FOLDER, apart, METRICS)["warnings"] == []


def test_a_task_that_is_one_subset_of_an_entry_s_task_is_warned_of() -> None:
    """Its entries are means over what was measured; with the whole task beside it they are over all."""
    physics = called(result("ja_physics", JMMLU, COUNTS), script="swallow|jmmlu:physics|0")
    text = (
        "ja_physics: this is the subset physics of jmmlu, whose entries are means over the subsets that were measured"
    )
    assert aggregated(FOLDER, [physics], METRICS)["warnings"] == [text]
    whole = called(result("ja_jmmlu", JMMLU, COUNTS), script="jmmlu")
    assert text not in aggregated(FOLDER, [physics, whole], METRICS)["warnings"]


@pytest.mark.parametrize("script", ["ifeval", "code"])
def test_a_subset_of_a_task_whose_entries_are_no_means_over_subsets_is_none(script: str) -> None:
    """Whether the whole task was measured or not."""
    part = called(result("part", {f"{script}:a|0": {"em": 1.0}}), script=f"{script}:a")
    whole = called(result("whole", {f"{script}|0": {"em": 1.0}}), script=script)
    for results in ([part], [part, whole]):
        assert [text for text in aggregated(FOLDER, results, METRICS)["warnings"] if "this is the subset" in text] == []


def test_a_mixture_of_revisions_is_warned_of() -> None:
    """Two are enough; results of before evalctl have none, and are named."""
    new = result("new", WMT, at=2)
    subject = {**new.subject.as_json(), "revision": "b" * 40}
    old = changed(called(new, key="old"), subject=subject)
    text = f"measured with several revisions of the model: {'a' * 40}, {'b' * 40}"
    assert text in aggregated(FOLDER, [old, new], METRICS)["warnings"]
    imported = changed(old, imported={"on": "2026-01-01"})
    text = "imported, with inputs that are not known: old"
    assert aggregated(FOLDER, [imported], METRICS)["warnings"] == [text]
    assert aggregated(FOLDER, [imported, result("b", {})], METRICS)["warnings"] == [text]


def test_a_long_value_of_the_server_is_shown_in_part() -> None:
    """40 characters, of which the last stands for the rest."""
    templates = {"a": "x" * 40, "b": "y" * 41, "c": "short"}
    several = [result(task, {}, server={"chat_template": text}) for task, text in templates.items()]
    (warning,) = aggregated(FOLDER, several, METRICS)["warnings"]
    assert warning == f"measured with several values of chat_template: short (c); {'x' * 40} (a); {'y' * 39}… (b)"


def test_when_an_eval_ended_is_a_time_or_nothing() -> None:
    """In UTC; nobody wrote down a 0."""
    both = [result("a", WMT, at=1.0), result("b", {})]
    found = aggregated(FOLDER, both, METRICS)["evals"]
    assert (found["a"]["measured"], found["b"]["measured"]) == ("1970-01-01T00:00:01Z", None)


def test_a_warning_of_a_record_is_one_line() -> None:
    """It enters messages of commits, where a line can be a trailer that programs read."""
    one = result("ja", {"ja|0": {"em": 0.5}})
    assert remarks_of([changed(one, warnings=["cut off\n\nEval-Digest: forged"])]) == [
        "ja: cut off Eval-Digest: forged"
    ]


def test_scores_whose_mean_is_no_number_are_missing_and_warned_of() -> None:
    """A record may have any finite number: their sum is none, which no JSON file can hold."""
    subsets = {f"jmmlu:{name}|0": {"em": 1e308} for name in ("physics", "law")}
    means = result("ifeval", {"ifeval|0": {"strict": 1e308, "loose": 1e308}})
    found = aggregated(FOLDER, [result("jmmlu", subsets, dict.fromkeys(subsets, 30)), means], METRICS)
    assert (found["results"]["jmmlu"], found["results"]["ifeval"]) == (-1, -1)
    assert "ifeval: the scores of `ifeval` are too large to compute with" in found["warnings"]
    assert "jmmlu: the scores of `jmmlu` are too large to compute with" in found["warnings"]
