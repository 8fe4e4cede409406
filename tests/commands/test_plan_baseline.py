"""`evalctl plan` of a request with a `baseline`: what difference it will be able to show, before it is paid for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from questions import record
from samples import repository

from evalctl import cli
from evalctl.pipeline.project import Project
from evalctl.results.submission import recorded_task
from evalctl.review.methods import POWER

REQUEST, GATE = "manifests/requests/a.yaml", "manifests/gates/release.yaml"
TEXT = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [ja_exact, en_code]\n"
BASELINE = "baseline: lab/large-70B\n"
HALF = [1, 0] * 200
DEMAND = (
    "baseline: lab/large-70B\ncandidates: [{{model: lab/small-8B, custom_settings: default}}]\n"
    "required: [{{entry: JA exact, margin: {margin}}}]\n"
)
Said = Callable[..., tuple[int, str]]


@pytest.fixture
def plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """`evalctl plan` of a request in a repository with these files: its exit code and what it prints."""

    def said(text: str, files: Mapping[str, str], *words: str) -> tuple[int, str]:
        repository(tmp_path, {REQUEST: text, **files})
        repository(tmp_path, _as_planned(tmp_path, files), None)
        code = cli.main(["--repo", str(tmp_path), "plan", *words])
        printed = capsys.readouterr()
        return code, printed.out if "json" in words else printed.err + printed.out

    return said


def _as_planned(root: Path, files: Mapping[str, str]) -> dict[str, str]:
    """The records of the framework's version "1", with the definition that the request's evals will have."""
    planned = {one.task.key: recorded_task(one).as_json() for one in Project(root).compile_one(REQUEST).evals}
    made = {path: json.loads(text) for path, text in files.items() if path.endswith("/result.json")}
    return {
        path: json.dumps({**one, "task": {**one["task"], **planned[one["task"]["key"]], **one.get("otherwise", {})}})
        for path, one in made.items()
        if one["task"]["key"] in planned and one["task"].get("framework_version") == "1"
    }


def rows(plan: Said, text: str, files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What --format json says of each entry."""
    document = json.loads(plan(text, files, "--format", "json")[1])
    return {one["entry"]: one for one in document["requests"][0]["shows"]}


def test_the_baselines_answers_say_what_can_be_shown(plan: Said) -> None:
    """400 questions of which half are right, one answer each: about 10 points of 100, by McNemar's test."""
    found = rows(plan, TEXT + BASELINE, record("lab/large-70B", "ja_exact", HALF))
    assert found["JA exact"]["questions"] == 400 and found["JA exact"]["answers"] == 1
    assert 0.08 < found["JA exact"]["shows"] < 0.13
    assert found["JA exact"]["noise"] == "noise of the baseline's answers"
    assert found["JA exact"]["method"] == POWER


def test_fewer_questions_show_less(plan: Said) -> None:
    """max_samples of each subset are asked."""
    files = record("lab/large-70B", "ja_exact", HALF)
    every = rows(plan, TEXT + BASELINE, files)["JA exact"]
    few = rows(plan, f"{TEXT}{BASELINE}max_samples: 50\n", files)["JA exact"]
    assert few["questions"] == 50 and few["shows"] > 2 * every["shows"]


def test_a_debugging_run_is_compared_with_debugging_runs_only(plan: Said) -> None:
    """The plan says so; it still helps to choose max_samples."""
    files = record("lab/large-70B", "ja_exact", HALF)
    for form in ("text", "markdown"):
        assert "by no gate" in plan(f"{TEXT}{BASELINE}max_samples: 50\n", files, "--format", form)[1]
        assert "by no gate" not in plan(TEXT + BASELINE, files, "--format", form)[1]


def test_more_answers_to_each_question_show_more(plan: Said) -> None:
    """Where answers to one question differ among themselves."""
    once = rows(plan, TEXT + BASELINE, record("lab/large-70B", "en_code", HALF))["EN code"]
    often = rows(plan, TEXT + BASELINE, record("lab/large-70B", "en_code", [0.5] * 400, answers=10))["EN code"]
    assert often["answers"] == 10 and often["shows"] < once["shows"]


def test_what_is_assumed_is_called_assumed(plan: Said) -> None:
    """A baseline that is not measured yet; the questions are counted from another model's record, else max_samples stands."""
    other = record("lab/large-70B", "ja_exact", HALF, settings="think")
    found = rows(plan, TEXT + BASELINE, other)
    assert found["JA exact"]["noise"].endswith("at a score of 0.5") and found["JA exact"]["questions"] == 400
    assert found["EN code"]["shows"] is None and found["EN code"]["noise"] == "no result says how many questions it has"
    assert rows(plan, f"{TEXT}{BASELINE}max_samples: 30\n", {})["EN code"]["questions"] == 30


def test_what_will_not_be_comparable_has_a_reason_and_no_number(plan: Said) -> None:
    """A baseline's record of an older evalctl has no values of questions, whatever another model's record has."""
    other = record("lab/large-70B", "ja_exact", HALF, settings="think")
    older = record("lab/large-70B", "ja_exact", [1, 1, 1, 0] * 100, bound=False)
    found = rows(plan, TEXT + BASELINE, {**other, **older})["JA exact"]
    assert found["shows"] is found["questions"] is None
    assert found["noise"].startswith("not comparable: ") and "older evalctl" in found["noise"]


@pytest.mark.parametrize(("name", "value", "words"), [
    ("framework_version", "0", "another version of the framework: "), ("digest", "old", "another definition of the task: "),
])  # fmt: skip
def test_a_baseline_that_was_measured_otherwise_has_a_reason_and_no_number(
    plan: Said, name: str, value: str, words: str
) -> None:
    """With another version of the framework, or of an older edition's task: the comparison itself would refuse it."""
    files = record("lab/large-70B", "ja_exact", HALF)
    path = next(path for path in files if path.endswith("/result.json"))
    document = json.loads(files[path])
    document["otherwise"] = {name: value}
    found = rows(plan, TEXT + BASELINE, {**files, path: json.dumps(document)})["JA exact"]
    assert found["shows"] is found["questions"] is None and words in found["noise"]
    assert (
        "[weak-comparison]"
        not in plan(TEXT + BASELINE, {**files, path: json.dumps(document), GATE: DEMAND.format(margin=0.01)})[1]
    )


def test_an_imported_baseline_has_a_reason_and_no_number(plan: Said) -> None:
    """Its questions are not known, whatever another model's record has."""
    other = record("lab/large-70B", "ja_exact", HALF, settings="think")
    imported = record("lab/large-70B", "ja_exact", HALF, bound=False, digest=f"imported-{'0' * 64}")
    ((path, text),) = imported.items()
    document = {
        **json.loads(text),
        "imported": {"from": "sheet"},
        "entries": {"JA exact": 0.5},
        "scores": {},
        "weights": {},
    }
    document["task"]["framework_version"] = ""
    found = rows(plan, TEXT + BASELINE, {**other, path: json.dumps(document)})["JA exact"]
    assert found["shows"] is found["questions"] is None
    assert found["noise"] == "not comparable: an imported score, whose questions are not known"


def test_too_few_questions_show_nothing(plan: Said) -> None:
    """Five answers that are right or wrong cannot differ significantly."""
    found = rows(plan, f"{TEXT}{BASELINE}max_samples: 5\n", {})
    assert found["JA exact"]["shows"] is None and "too few" in found["JA exact"]["noise"]


def test_text_and_markdown_name_the_baseline_and_the_method(plan: Said) -> None:
    """Each number says what it was computed from."""
    files = record("lab/large-70B", "ja_exact", HALF)
    for form in ("text", "markdown"):
        code, said = plan(TEXT + BASELINE, files, "--format", form)
        assert code == 0 and "gainst lab/large-70B" in said and "power by Student's t" in said
        assert "JA exact" in said and "400 questions, 1 answer; noise of the baseline's answers" in said


def test_a_gate_that_demands_more_is_a_warning(plan: Said) -> None:
    """With the number of questions that would do; a margin that can be shown gives none."""
    files = record("lab/large-70B", "ja_exact", HALF)
    code, said = plan(TEXT + BASELINE, {**files, GATE: DEMAND.format(margin=0.02)})
    assert code == 0 and "warning[weak-comparison]: gate release demands JA exact within 0.02" in said
    assert f"{REQUEST}:5:11" in said and "questions would do, it has 400" in said
    assert "weak-comparison" not in plan(TEXT + BASELINE, {**files, GATE: DEMAND.format(margin=0.3)})[1]


def test_a_gate_of_other_models_demands_nothing_here(plan: Said) -> None:
    """Only gates that name a model of the request as candidate."""
    gate = DEMAND.format(margin=0.02).replace("custom_settings: default", "custom_settings: ja")
    assert "weak-comparison" not in plan(TEXT + BASELINE, {**record("lab/large-70B", "ja_exact", HALF), GATE: gate})[1]


def test_an_average_of_a_gate_is_compared_with_the_average(plan: Said) -> None:
    """It varies less than its parts."""
    files = {**record("lab/large-70B", "ja_exact", HALF), **record("lab/large-70B", "en_code", HALF)}
    gate = DEMAND.format(margin=0.05).replace("entry: JA exact", "average: some")
    suites = "some: [ja_exact, en_code]\nja: [ja_exact]\nen: [en_code]\n"
    said = plan(TEXT + BASELINE, {**files, GATE: gate, "manifests/tasks/suites.yaml": suites})[1]
    assert "gate release demands average of some within 0.05" in said


def test_an_unknown_baseline_is_an_error_of_the_plan(plan: Said) -> None:
    """With the name that may be meant."""
    code, said = plan(f"{TEXT}baseline: lab/larg-70B\n", {})
    assert code == 1 and "error[unknown-model]" in said and "did you mean `lab/large-70B`?" in said


def test_without_a_baseline_nothing_is_loaded_for_it(tmp_path: Path) -> None:
    """SciPy takes longer to load than the whole plan; what is printed is the same as before."""
    repository(tmp_path, {REQUEST: TEXT, GATE: DEMAND.format(margin=0.02)})
    program = (
        f"import sys; from evalctl import cli; cli.main(['--repo', {str(tmp_path)!r}, 'plan']); "
        "print({'numpy', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n") and "against" not in done.stdout


def test_the_baseline_is_in_plan_json_and_in_no_digest(tmp_path: Path) -> None:
    """A reviewer sees that it changes; no eval runs again."""
    repository(tmp_path, {REQUEST: TEXT})
    place = tmp_path / "generated/a/plan.json"
    assert cli.main(["--repo", str(tmp_path), "compile"]) == 0
    before = json.loads(place.read_text())
    repository(tmp_path, {REQUEST: TEXT + BASELINE}, None)
    assert cli.main(["--repo", str(tmp_path), "compile"]) == 0
    after = json.loads(place.read_text())
    assert after.pop("baseline") == {"provider": "vllm", "model": "lab/large-70B", "custom_settings": None}
    assert after == before
