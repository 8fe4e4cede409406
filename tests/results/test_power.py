"""What a request will be able to show: the questions of each subset, the noise of a score on its own scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.recorded import RecordedTask
from evalctl.results.power import AT_HALF, MEASURED, Outlook, Power
from evalctl.results.record import to_text
from evalctl.results.store import index
from results.test_per_question import measured

FOLDER = "results/hosted_vllm/team/tiny"
Kept = Mapping[str, Mapping[str, Sequence[Any]]]
SUBSETS: Kept = {f"swallow|jmmlu:{name}|0": {"em": [1, 0] * half} for name, half in (("physics", 50), ("law", 5))}
MICRO = MetricEntry(name="jmmlu", function="micro", metrics=("em",), tasks=("jmmlu",))
JUDGED = MetricEntry(name="judged", function="pick", metrics=("judge",), tasks=("mtbench",), full_mark=10)


def shown(entry: MetricEntry, task: str, kept: Kept, most: int | None = None, **planned: str) -> Power:
    """By a baseline with this record."""
    result, files = measured(task, kept)
    facts = {
        "schema": "evalctl/result/1", "digest": "d" * 64, "subject": {"provider": "vllm", "model": "team/tiny"}, **result.as_json(),
    }  # fmt: skip
    facts["task"] = {**facts["task"], "result_dir": f"ja/{task}"}
    texts = {result.path: to_text(facts).encode(), **files}

    def read(paths: Sequence[str]) -> dict[str, bytes]:
        return {path: texts[path] for path in paths if path in texts}

    metrics = Metrics(entries=(entry,), subset_groups={})
    return Outlook(index({result.path: ""}, read), read, metrics, FOLDER).of(entry, task, most, RecordedTask(planned))


@pytest.mark.parametrize(("most", "questions"), [(None, 110), (1000, 110), (20, 30), (3, 6)])
def test_max_samples_are_of_each_subset(most: int | None, questions: int) -> None:
    """As the frameworks cut them: of 100 and 10 questions at most 20 each are 30."""
    assert shown(MICRO, "jmmlu", SUBSETS, most).questions == questions


def test_questions_of_other_categories_are_not_counted() -> None:
    """Each of MT-Bench's 80 questions keeps the metrics of its category alone."""
    points = [0.1 * (number % 7) if number % 8 == 0 else None for number in range(80)]
    entry = JUDGED.model_copy(update={"full_mark": 1.0})
    assert shown(entry, "mtbench", {"mtbench|0": {"judge": points}}).questions == 10


def test_the_smallest_difference_is_in_the_units_of_the_entry() -> None:
    """Of a judge's scores from 1 to 10 it is ten times that of their tenth."""
    judged = [(number * 7) % 10 + 1.0 for number in range(80)]
    whole = shown(JUDGED, "mtbench", {"mtbench|0": {"judge": judged}})
    tenth = JUDGED.model_copy(update={"full_mark": 1.0})
    part = shown(tenth, "mtbench", {"mtbench|0": {"judge": [one / 10 for one in judged]}})
    assert whole.noise == part.noise == MEASURED and whole.shows is not None and part.shows is not None
    assert whole.shows == pytest.approx(10 * part.shows)
    assert whole.needed(0.2) == pytest.approx(part.needed(0.02))


def test_a_baseline_of_another_task_of_the_framework_is_not_comparable() -> None:
    """Such as MT-Bench with a shorter prompt: the comparison would say so after it was paid for."""
    found = shown(MICRO, "jmmlu", SUBSETS, script="jmmlu_truncated")
    assert found.shows is None
    assert found.noise == "not comparable: another task of the framework: jmmlu_truncated and jmmlu"


@pytest.mark.parametrize(("name", "words"), [
    ("framework_version", "version of the framework"), ("digest", "definition of the task"), ("framework", "framework"),
])  # fmt: skip
def test_a_baseline_of_another_version_or_definition_is_not_comparable(name: str, words: str) -> None:
    """The comparison would say so after it was paid for."""
    found = shown(MICRO, "jmmlu", SUBSETS, script="jmmlu", **{name: "new"})  # type: ignore[arg-type]
    assert found.shows is None and found.noise == f"not comparable: another {words}: new and none"


def test_a_metric_of_whole_texts_is_not_comparable() -> None:
    """No question has a value of it."""
    found = shown(MICRO.model_copy(update={"metrics": ("bleu",)}), "jmmlu", SUBSETS)
    assert (found.questions, found.shows) == (None, None) and "no mean over its questions" in found.noise


def test_without_any_record_max_samples_is_the_number_of_questions() -> None:
    """At the noisiest score."""
    metrics = Metrics(entries=(MICRO,), subset_groups={})
    found = Outlook(index({}, lambda _: {}), lambda _: {}, metrics, FOLDER).of(MICRO, "jmmlu", 400)
    assert (found.questions, found.noise) == (400, AT_HALF) and found.shows == pytest.approx(0.1, abs=0.03)
