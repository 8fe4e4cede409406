"""`evalctl import results`: the lab's raw files and aggregates become records that are shown, marked and never reused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from spec.literate import repository

from evalctl import cli
from evalctl.frameworks.pins import listed_tasks
from evalctl.results.store import index_folder

MODEL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
NAME = f"hosted_vllm/{MODEL}"
FOLDER = f"results/{NAME}"
GPQA = {"swallow|swallow_gpqa_ja|0": {"extractive_match": 0.25, "extractive_match_stderr": 0.01}}


def raw(results: dict[str, Any], docs: dict[str, int], *, name: str = NAME, **general: Any) -> str:
    """A raw results file of the fork (facts of its form: lighteval 0.8, `swallow|NAME|0` and `swallow|NAME`)."""
    tasks = {key: {"effective_num_docs": count} for key, count in docs.items()}
    head = {"model_name": name, "max_samples": None, "job_id": "", **general}
    return json.dumps({"config_general": head, "results": {**results, "all": {"x": 1.0}}, "config_tasks": tasks})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the catalogue and the model's card."""
    root = repository(tmp_path / "repository", {})
    (root / "manifests" / "requests").mkdir(exist_ok=True)
    return root


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder of raw files: an old and a new run of one task, a second task in subsets."""
    folder = tmp_path / "lab"
    folder.mkdir()
    old = {"swallow|swallow_gpqa_ja|0": {"extractive_match": 0.99}}
    mmlu = {
        "swallow|swallow_jmmlu:abstract_algebra|0": {"extractive_match": 0.5},
        "swallow|swallow_jmmlu:sociology|0": {"extractive_match": 1.0},
        "swallow|swallow_jmmlu:_average|0": {"extractive_match": 0.75},
    }
    docs = {"swallow|swallow_jmmlu:abstract_algebra": 30, "swallow|swallow_jmmlu:sociology": 10}
    write(folder, "results_2025-07-01T09-00-00.000001.json", raw(old, {"swallow|swallow_gpqa_ja": 448}))
    write(folder, "results_2025-07-02T09-00-00.json", raw(GPQA, {"swallow|swallow_gpqa_ja": 448}))
    write(folder, "results_2025-06-30T09-00-00.5.json", raw(mmlu, docs))
    return folder


def write(folder: Path, name: str, text: str) -> None:
    """A file of the lab."""
    (folder / name).write_text(text, encoding="utf-8")


def evalctl(root: Path, *words: str) -> int:
    """The exit code of `evalctl import results …`."""
    return cli.main(["--repo", str(root), "import", "results", *words])


def aggregate(root: Path, folder: str = FOLDER) -> dict[str, Any]:
    """aggregated_results.json of a model's folder."""
    document: dict[str, Any] = json.loads((root / folder / "aggregated_results.json").read_text(encoding="utf-8"))
    return document


def test_raw_files_give_the_lab_s_aggregate_from_the_newest_scores(root: Path, lab: Path) -> None:
    """The newest per task and subset, means weighted by questions; each eval says that it was imported, and from what."""
    assert evalctl(root, str(lab)) == 0
    made = aggregate(root)
    assert made["results"]["gpqa_main_ja"] == 0.25
    assert made["results"]["jmmlu"] == pytest.approx(0.625)
    assert made["results"]["jmmlu_stem"] == 0.5
    assert made["results"]["math_500"] == -1
    assert made["model"] == NAME
    assert made["warnings"] == [
        "imported, with inputs that are not known: ja_gpqa, ja_mmlu",
        "ja_mmlu: only 2 of the 53 subsets of `swallow_jmmlu` were measured",
    ]
    gpqa = made["evals"]["ja_gpqa"]
    assert [source["file"] for source in gpqa["imported"]["sources"]][-1] == "results_2025-07-02T09-00-00.json"
    assert gpqa["measured"] == "2025-07-02T00:00:00Z"  # nine in the morning in Japan


def test_a_task_with_all_its_subsets_is_whole(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One less is reported, in the command and in the record."""
    names = sorted(name for name in listed_tasks("lighteval-swallow") if name.startswith("swallow_jmmlu:"))
    for count, warnings in ((53, 0), (52, 1)):
        folder = tmp_path / f"of {count}"
        folder.mkdir()
        scores = {f"swallow|{name}|0": {"extractive_match": 0.5} for name in names[:count]}
        write(folder, "results_2025-07-01T09-00-00.json", raw(scores, {key[:-2]: 10 for key in scores}))
        assert evalctl(root, "--replace", str(folder)) == 0
        assert capsys.readouterr().out.count("only 52 of the 53 subsets of `swallow_jmmlu` were measured") == warnings
        record = json.loads((root / FOLDER / "ja/mmlu/result.json").read_text(encoding="utf-8"))
        assert len(record["warnings"]) == warnings


def test_the_leaderboard_marks_what_was_imported(root: Path, lab: Path) -> None:
    """In the row, and in a line that says what the word means."""
    assert evalctl(root, str(lab)) == 0
    page = (root / "results" / "README.md").read_text(encoding="utf-8")
    assert "| 2 (2 imported) |" in page
    assert "never reused for a request" in page


def test_an_imported_result_is_never_taken_for_an_eval_s_own(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request for the same model and task runs it."""
    assert evalctl(root, str(lab)) == 0
    request = f"model: {MODEL}\nservice: tsubame\ntasks: [ja_gpqa]\n"
    (root / "manifests/requests/a.yaml").write_text(request)
    capsys.readouterr()
    assert cli.main(["--repo", str(root), "plan", "--json"]) == 0
    (job,) = json.loads(capsys.readouterr().out)["requests"][0]["jobs"]
    assert [(one["state"], one["detail"]) for one in job["evals"]] == [
        ("run", "its result was imported, and imported results are never reused")
    ]


def test_an_aggregate_gives_its_entries_back(root: Path, tmp_path: Path) -> None:
    """Scores of subsets cannot be told from it, so its values stand as they are; -1 stays missing."""
    values = {"gpqa_main_ja": 0.3, "jmmlu_stem": 0.4, "jmmlu": 0.45, "math_500": -1, "japanese_mtbench_average": 6.1}
    settings = {"path": "x.yaml", "name": "reasoning", "version": "1"}
    document = {"model": NAME, "results": values, "overall": "", "tasks": list(values), "custom_settings": settings}
    write(tmp_path, "aggregated_results.json", json.dumps(document))
    assert evalctl(root, str(tmp_path / "aggregated_results.json")) == 0
    made = aggregate(root, f"{FOLDER}/reasoning")
    assert {name: made["results"][name] for name in values} == values
    assert made["custom_settings"]["name"] == "reasoning"
    assert sorted(made["evals"]) == ["ja_gpqa", "ja_mmlu", "ja_mtbench"]


def test_a_second_import_changes_nothing_and_another_needs_replace(root: Path, lab: Path) -> None:
    """The same files are there already; other scores stay out until a person says so."""
    assert evalctl(root, "--dry-run", str(lab)) == 0
    assert not (root / FOLDER).exists()
    assert evalctl(root, str(lab)) == 0
    before = {path: path.read_bytes() for path in (root / "results").rglob("*") if path.is_file()}
    assert evalctl(root, str(lab)) == 0
    newer = raw({"swallow|swallow_gpqa_ja|0": {"extractive_match": 0.5}}, {"swallow|swallow_gpqa_ja": 448})
    write(lab, "results_2025-07-03T09-00-00.1.json", newer)
    assert evalctl(root, str(lab)) == 1
    assert {path: path.read_bytes() for path in (root / "results").rglob("*") if path.is_file()} == before
    assert evalctl(root, "--replace", str(lab)) == 0
    assert aggregate(root)["results"]["gpqa_main_ja"] == 0.5


def test_what_was_measured_here_is_never_replaced(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even with --replace."""
    assert evalctl(root, str(lab)) == 0
    path = root / FOLDER / "ja/gpqa/result.json"
    document = json.loads(path.read_text())
    del document["imported"]
    path.write_text(json.dumps({**document, "digest": "d" * 64}))
    assert evalctl(root, "--replace", str(lab)) == 1
    assert f"kept {FOLDER}/ja/gpqa/result.json: measured here" in capsys.readouterr().out
    assert index_folder(root).by_path[f"{FOLDER}/ja/gpqa/result.json"].digest == "d" * 64


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("results_2025-07-05T09-00-00.1.json", '{"config_general": {},\n', ":2:1"),
        (
            "results_2025-07-05T09-00-00.1.json",
            raw({"swallow|aime|0": {"m": float("nan")}}, {}),
            "NaN is not a valid score",
        ),
        ("results_2025-07-05T09-00-00.1.json", '{"results": {}}', "'model' is missing"),
        ("results_2025-07-05T09-00-00.1.json", raw(GPQA, {}, name="../../etc"), "does not have the lab's form"),
        (
            "results_2025-07-05T09-00-00.1.json",
            raw({"swallow|aime|0": {"m": 1}}, {}).replace("1}", "1e999}"),
            "not a finite number",
        ),
        ("results_2025-07-05T09-00-00.1.json", "[" * 100_000, "the form of the lab's results files"),
        ("results_2025-07-05T09-00-00.1.json", raw({"swallow|aime|0": {"m": 10**400}}, {}), "not a finite number"),
        (
            "results_2025-07-05T09-00-00.1.json",
            raw({"swallow|aime|0": {"m": 1}}, {}).replace("1}", f"1{'0' * 5000}}}"),
            "limit",
        ),
        ("results_2025-07-05T09-00-00.1.json", raw({"swallow|aime|0": {"\ud800": 1}}, {}), "surrogates not allowed"),
        (
            "results_2025-07-05T09-00-00.1.json",
            raw(GPQA, {}).replace('"all"', '"swallow|swallow_gpqa_ja|0"'),
            "is given twice",
        ),
        (
            "results_2025-07-05T09-00-00.1.json",
            raw(GPQA, {}, name="openrouter/google/a"),
            "there is no provider `openrouter`",
        ),
        ("results_2025-07-05T09-00-00.1.json", "\0", "not JSON"),
        ("results_latest.json", raw(GPQA, {}), "does not say when it was written"),
        (
            "results_2025-07-05T09-00-00.1.json",
            '{"config_general": {"model_name": "a/b"}, "results": [1]}',
            "the form of",
        ),
        ("results_2025-07-05T09-00-00.1.json", '["config_general"]', "the form of"),
        ("results_new.json", raw(GPQA, {}), "does not say when it was written"),
    ],
)
def test_a_file_that_cannot_be_taken_over_is_left_out_with_a_warning(
    root: Path, lab: Path, name: str, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, place and reason; the other files are imported, and alone it is an error."""
    write(lab, name, text)
    assert evalctl(root, str(lab)) == 0
    printed = capsys.readouterr().out
    assert f"lab/{name}" in printed
    assert "not imported: " in printed
    assert said in printed
    assert aggregate(root)["results"]["gpqa_main_ja"] == 0.25
    assert evalctl(root, str(lab / name)) == 1
    assert "no file has results of a model" in capsys.readouterr().err


def test_what_is_no_regular_file_is_left_out_with_a_warning(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder, a link, a link to nothing, a pipe, another encoding: each is named, and the rest is imported."""
    (lab / "results_2025-07-08T09-00-00.1.json").mkdir()
    (lab / "results_2025-07-08T09-00-00.2.json").symlink_to("results_2025-07-02T09-00-00.json")
    (lab / "results_2025-07-08T09-00-00.3.json").symlink_to("nowhere")
    os.mkfifo(lab / "results_2025-07-08T09-00-00.4.json")
    (lab / "results_2025-07-08T09-00-00.5.json").write_bytes(b"\xff\xfe")
    assert evalctl(root, str(lab)) == 0
    printed = capsys.readouterr().out
    assert [f"00-00.{number}.json" in printed for number in range(1, 6)] == [True] * 5
    assert printed.count("this is a link or not a regular file") == 4
    assert aggregate(root)["results"]["gpqa_main_ja"] == 0.25


def test_only_scores_of_the_lab_s_suite_without_examples_are_imported(
    root: Path, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another suite's or shot count's score of a task with the same name is named and left out, with its sample count."""
    others = ("lighteval|swallow_jmmlu:sociology|0", "swallow|swallow_gpqa_ja|5", "swallow_gpqa_ja|0", "swallow|math_500",
              "swallow|aime|0|5", "Swallow|aime|0")  # fmt: skip
    scores = {key: {"extractive_match": 0.9} for key in others}
    docs = {"lighteval|swallow_jmmlu:sociology": 9999, "swallow|swallow_jmmlu:sociology": 10}
    own = {"swallow|swallow_jmmlu:sociology|0": {"extractive_match": 0.5}}
    write(lab, "results_2025-07-08T09-00-00.1.json", raw({**own, **scores}, docs))
    assert evalctl(root, str(lab)) == 0
    printed = capsys.readouterr().out
    assert [f"not imported: score of `{key}`" in printed for key in others] == [True] * len(others)
    found = {key: value for key, value in aggregate(root)["results"].items() if value != -1}
    assert found["gpqa_main_ja"] == 0.25
    assert found["jmmlu"] == 0.5  # of 30 and 10 questions; with another suite's count it would be another mean
    assert 0.9 not in found.values()


def test_a_task_of_upstream_with_the_same_name_gets_no_score(root: Path, lab: Path) -> None:
    """The lab's scores are of the fork's tasks."""
    table = root / "manifests/tasks/tasks_runtime.csv"
    text = table.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if line.startswith("ja_gpqa,"))
    table.write_text(text.replace(old, old.replace("lighteval-swallow", "lighteval")), encoding="utf-8")
    assert evalctl(root, str(lab)) == 0
    assert not (root / FOLDER / "ja/gpqa").exists()


def test_scores_of_a_declared_provider_are_imported(root: Path, lab: Path) -> None:
    """A model's name begins with the provider's folder, as in the lab's results."""
    providers = root / "manifests/providers"
    providers.mkdir()
    (providers / "openrouter.yaml").write_text("base_url: https://openrouter.ai/api/v1\n", encoding="utf-8")
    name = "openrouter/google/gemini-3-pro-preview"
    write(lab, "results_2025-07-08T09-00-00.1.json", raw(GPQA, {}, name=name))
    assert evalctl(root, str(lab), "--model", name) == 0
    made = json.loads((root / f"results/{name}/ja/gpqa/result.json").read_text(encoding="utf-8"))
    subject = made["subject"]
    assert (subject["provider"], subject["model"]) == ("openrouter", "google/gemini-3-pro-preview")


def test_what_is_not_wanted_is_left_out_and_said(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Debugging runs, and tasks that nobody has here."""
    write(lab, "results_2025-07-06T09-00-00.1.json", raw({"swallow|swallow_gpqa_ja|0": {"m": 1}}, {}, max_samples=10))
    write(lab, "results_2025-07-07T09-00-00.1.json", raw({"swallow|foreign:a|0": {"m": 1}}, {}))
    assert evalctl(root, str(lab)) == 0
    printed = capsys.readouterr().out
    assert "a debugging run (max_samples 10)" in printed
    assert "this repository has no task `foreign`" in printed
    assert aggregate(root)["results"]["gpqa_main_ja"] == 0.25


@pytest.mark.parametrize(("below", "asked"), [("greedy", True), ("greedy/raw", True), ("raw", False), ("", False)])
def test_a_folder_that_may_be_custom_settings_is_asked_about(
    root: Path, lab: Path, tmp_path: Path, below: str, asked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab's place tells them, the raw files do not; whoever names them is not asked."""
    folder = tmp_path / "results" / NAME / below
    folder.parent.mkdir(parents=True)
    lab.rename(folder)
    assert evalctl(root, str(folder), "--dry-run") == 0
    assert ("--custom-settings greedy" in capsys.readouterr().out) == asked
    assert evalctl(root, str(folder), "--dry-run", "--custom-settings", "greedy") == 0
    assert "--custom-settings" not in capsys.readouterr().out


def test_a_tree_of_several_folders_says_what_to_type(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Models are imported one by one; the first folder below is named, ready to be typed."""
    assert evalctl(root, str(lab.parent)) == 1
    assert f"evalctl import results {lab}" in capsys.readouterr().err


def test_a_variant_of_a_task_is_that_task(root: Path, lab: Path) -> None:
    """`japanese_mt_bench_truncate_6144` has no row of its own; run beside the other one, neither counts."""
    short = {"swallow|japanese_mt_bench_truncate_6144|0": {"judge_score_overall_avg": 0.6}}
    write(lab, "results_2025-07-09T09-00-00.1.json", raw(short, {}))
    assert evalctl(root, str(lab)) == 0
    assert aggregate(root)["results"]["japanese_mtbench_average"] == 0.6
    full = {"swallow|japanese_mt_bench|0": {"judge_score_overall_avg": 0.7}}
    write(lab, "results_2025-07-10T09-00-00.1.json", raw(full, {}))
    assert evalctl(root, "--replace", str(lab)) == 0
    assert aggregate(root)["results"]["japanese_mtbench_average"] == -1


def test_several_models_and_settings_are_not_mixed(root: Path, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which one is for a person to say; other models' files are then passed over, as by the lab's aggregator."""
    write(lab, "results_2025-07-08T09-00-00.1.json", raw(GPQA, {}, name="openai/o3-mini-2025-01-31"))
    assert evalctl(root, str(lab)) == 1
    assert "--model hosted_vllm/" in capsys.readouterr().err
    assert evalctl(root, str(lab), "--model", "openai/o3-mini-2025-01-31", "--custom-settings", "high") == 0
    made = json.loads((root / "results/openai/o3-mini-2025-01-31/high/ja/gpqa/result.json").read_text())
    assert (made["subject"]["provider"], made["subject"]["model"]) == ("openai", "openai/o3-mini-2025-01-31")
    assert evalctl(root, str(lab), "--model", NAME, "--custom-settings", "../up") == 1
    assert evalctl(root, str(lab), "--model", "nobody") == 1
