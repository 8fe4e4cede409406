"""The acceptance check over what lighteval really writes: good runs, and every way in which a run is not good."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from framework_runs import Run

pytestmark = pytest.mark.environments


Accept = Callable[..., dict[str, Any]]


@pytest.fixture
def accept(environment: Path, variables: dict[str, str], tmp_path: Path) -> Accept:
    """Run the check on a folder; the exit code and the message must fit the verdict."""

    def check(folder: Path, exit_code: int = 0, *flags: str, framework: str = "lighteval") -> dict[str, Any]:
        command: list[str | Path] = [
            environment / "bin" / "python",
            "-m",
            "evalctl_job.accept",
            "--framework",
            framework,
        ]
        files: list[str | Path] = [
            "--output",
            folder / "out",
            "--state",
            folder,
            "--log",
            folder / "log",
        ]
        told: list[str | Path] = [
            "--task-key",
            "en_demo",
            "--exit-code",
            str(exit_code),
            "--into",
            tmp_path / "verdict.json",
            *flags,
        ]
        done = subprocess.run([*command, *files, *told], env=variables, capture_output=True, text=True)
        verdict: dict[str, Any] = json.loads((tmp_path / "verdict.json").read_text())
        assert done.returncode == {"done": 0, "failed": 1}[verdict["verdict"]]
        said = f"en_demo: {verdict['reason']}: {verdict['detail']}\n" if verdict["reason"] else ""
        assert done.stderr == said
        return verdict

    return check


@pytest.fixture
def copy(runs: dict[str, Run], tmp_path: Path) -> Path:
    """A good run (of demo_subjects) that a test may spoil."""
    return Path(shutil.copytree(runs["subjects"].folder, tmp_path / "copy"))


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def results_of(folder: Path) -> Path:
    """The one results file of a run."""
    (found,) = folder.glob("out/results/**/*.json")
    return found


@pytest.mark.parametrize(
    ("case", "entries", "metrics", "asked"),
    [
        ("arithmetic", {"demo_arithmetic|0": 12}, {"exact_match"}, 12),
        ("capitals", {"demo_capitals_ja|0": 10}, {"acc"}, 10),
        ("code", {"demo_code|0": 10}, {"pass@k:k=1&n=4", "pass@k:k=4&n=4"}, 40),
        ("subjects", {"demo_subjects:history|0": 8, "demo_subjects:science|0": 9}, {"acc"}, 17),
    ],
)
def test_a_good_run_is_done(
    accept: Accept, runs: dict[str, Run], case: str, entries: dict[str, int], metrics: set[str], asked: int
) -> None:
    """Each demo task runs without network, every subset in one call; scores, sizes, counts and files are told."""
    run = runs[case]
    verdict = accept(run.folder, run.exit_code)
    assert (verdict["verdict"], verdict["reason"], verdict["warnings"]) == ("done", None, [])
    assert {entry: one["effective_num_docs"] for entry, one in verdict["config_tasks"].items()} == entries
    assert {entry: set(scores) for entry, scores in verdict["scores"].items()} == {
        entry: metrics | {f"{metric}_stderr" for metric in metrics} for entry in entries
    }
    assert verdict["samples"] == {
        "asked": asked, "answered": asked, "replayed": 0, "fresh": asked, "empty": 0, "truncated": 0, "failed": 0,
        "unanswered": 0,
    }  # fmt: skip
    assert len(verdict["details"]) == len(entries)
    assert all((run.folder / "out" / path).is_file() for path in verdict["details"])
    assert verdict["versions"]["lighteval"] == "0.13.0" and verdict["seconds"] > 0
    assert str(run.folder) not in json.dumps(verdict) and "/evalctl_tasks" not in json.dumps(verdict)


def test_a_refusing_server_is_told_and_not_asked_in_vain(accept: Accept, runs: dict[str, Run]) -> None:
    """lighteval ends with 0 and a score of 0: the task fails with the server's reason, asked by a few questions only."""
    run = runs["refused"]
    assert run.exit_code == 0 and 4 <= run.requests < 12
    verdict = accept(run.folder, run.exit_code)
    assert (verdict["reason"], verdict["scores"]) == ("context-length", {})
    assert verdict["samples"]["failed"] == 12


@pytest.mark.parametrize(("case", "exit_code"), [("silent", 0), ("null", 1)])
def test_an_empty_answer_is_never_scored(accept: Accept, runs: dict[str, Run], case: str, exit_code: int) -> None:
    """One empty answer fails the task, whether lighteval scores it as wrong or crashes over it."""
    run = runs[case]
    assert run.exit_code == exit_code
    assert accept(run.folder, run.exit_code)["reason"] == "empty-answers"


def test_what_the_request_allows_stays_without_an_answer(accept: Accept, runs: dict[str, Run]) -> None:
    """An empty and a filtered question are scored as wrong by the framework, and told."""
    run = runs["two allowed"]
    verdict = accept(run.folder, run.exit_code)
    assert (verdict["verdict"], verdict["samples"]["unanswered"], verdict["samples"]["failed"]) == ("done", 2, 0)
    assert verdict["warnings"] == ["2 of its questions have no answer and are scored as wrong (the request allows 2)"]


def test_never_more_than_the_request_allows(accept: Accept, runs: dict[str, Run]) -> None:
    """Two of them where one may be: no score."""
    run = runs["one allowed"]
    verdict = accept(run.folder, run.exit_code)
    assert (verdict["reason"], verdict["scores"]) == ("questions-unanswered", {})


def test_an_empty_answer_that_the_relay_did_not_give_is_not_allowed_for(
    accept: Accept, runs: dict[str, Run], tmp_path: Path
) -> None:
    """The framework's own losses are none of the provider's."""
    folder = Path(shutil.copytree(runs["two allowed"].folder, tmp_path / "copy"))
    edit(folder / "en_demo.counts.json", lambda counts: counts.update(unanswered=1, unanswered_allowed=5))
    assert accept(folder)["reason"] == "empty-answers"


def test_an_unknown_task_is_named(accept: Accept, runs: dict[str, Run]) -> None:
    """The reason comes from the log, in the framework's own words."""
    run = runs["unknown"]
    assert (run.exit_code, run.requests) == (1, 0)
    verdict = accept(run.folder, run.exit_code)
    assert verdict["reason"] == "unknown-task" and "demo_nothing" in verdict["detail"]


def test_answers_lost_behind_the_relay_are_noticed(accept: Accept, runs: dict[str, Run]) -> None:
    """With the relay killed lighteval still exits 0; its counts look fine, the answers on file do not."""
    run = runs["relay killed"]
    assert run.exit_code == 0
    verdict = accept(run.folder, run.exit_code)
    assert verdict["verdict"] == "failed"
    assert verdict["reason"] in {"server-died", "empty-answers", "answers-missing"}


def no_details(folder: Path) -> None:
    """Without --save-details."""
    next(folder.glob("out/details/**/*science*.parquet")).unlink()


def no_results(folder: Path) -> None:
    """The process ended well and wrote nothing."""
    results_of(folder).unlink()


def torn_results(folder: Path) -> None:
    """The disk was full."""
    results_of(folder).write_text(results_of(folder).read_text()[:300])


def not_a_number(folder: Path) -> None:
    """An overflow in the metric."""
    edit(results_of(folder), lambda raw: raw["results"]["demo_subjects:science|0"].update(acc=math.nan))


def too_large(folder: Path) -> None:
    """JSON has numbers that nothing can compute with."""
    edit(results_of(folder), lambda raw: raw["results"]["demo_subjects:science|0"].update(acc=10**400))


def endless(folder: Path) -> None:
    """The same in the time that it took."""
    edit(results_of(folder), lambda raw: raw["config_general"].update(total_evaluation_time_secondes=10**400))


def not_asked(folder: Path) -> None:
    """The framework answered from a cache of its own."""
    (folder / "en_demo.counts.json").unlink()


def never_answered(folder: Path) -> None:
    """The relay was stopped with a request in flight."""
    edit(folder / "en_demo.counts.json", lambda counts: counts.update(answered=counts["answered"] - 1))


def subset_passed_over(folder: Path) -> None:
    """The framework had the subset and scored the others only (the fork: its data set had no questions)."""
    edit(results_of(folder), lambda raw: raw["results"].pop("demo_subjects:science|0"))


def answers_dropped(folder: Path) -> None:
    """It asked more questions than it scored."""
    edit(folder / "en_demo.counts.json", lambda counts: counts.update(questions=counts["questions"] + 1))


def debugging_run(folder: Path) -> None:
    """Somebody ran it with --max-samples."""
    edit(results_of(folder), lambda raw: raw["config_general"].update(max_samples=3))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_details, "details-missing"),
        (no_results, "no-results"),
        (torn_results, "results-unreadable"),
        (not_a_number, "score-not-a-number"),
        (too_large, "score-not-a-number"),
        (endless, "results-unreadable"),
        (not_asked, "nothing-asked"),
        (never_answered, "answers-missing"),
        (debugging_run, "max-samples-differ"),
        (subset_passed_over, "subsets-missing"),
        (answers_dropped, "answers-missing"),
    ],
)
def test_a_spoiled_run_is_not_done(accept: Accept, copy: Path, spoil: Callable[[Path], None], reason: str) -> None:
    """What a run must leave is all there, or there is no score."""
    spoil(copy)
    verdict = accept(copy)
    assert (verdict["verdict"], verdict["reason"], verdict["scores"]) == ("failed", reason, {})


def test_an_expected_debugging_run_is_done(accept: Accept, copy: Path) -> None:
    """max_samples is right when it is the one that was asked for."""
    debugging_run(copy)
    assert accept(copy, 0, "--expected-max-samples", "3")["verdict"] == "done"


@pytest.mark.parametrize(("subsets", "reason"), [("2", None), ("3", "subsets-missing"), ("1", "subsets-missing")])
def test_the_subsets_that_were_planned_are_scored(accept: Accept, copy: Path, subsets: str, reason: str | None) -> None:
    """No fewer and no others, whatever the framework says of itself."""
    assert accept(copy, 0, "--expected-subsets", subsets)["reason"] == reason


def test_a_subset_that_was_asked_is_not_one_without_questions(accept: Accept, copy: Path) -> None:
    """Though it is named as one: its answers are on file."""
    subset_passed_over(copy)
    words = ("--expected-subsets", "1", "--empty-subset", "demo_subjects:science")
    assert accept(copy, 0, *words)["reason"] == "subsets-missing"
    for path in copy.glob("**/details_demo_subjects:science*"):
        path.unlink()
    assert accept(copy, 0, *words)["reason"] == "answers-missing"  # the relay counted its questions


def test_a_bad_exit_code_is_a_failure_even_with_results(accept: Accept, copy: Path) -> None:
    """Killed after writing is not done: what was written may be another run's."""
    verdict = accept(copy, 143)
    assert (verdict["reason"], verdict["detail"][:10]) == ("framework-failed", "signal 15:")


def test_an_undefined_error_of_a_score_is_left_out(accept: Accept, copy: Path) -> None:
    """The standard error of one document is NaN; the score stands, the verdict stays strict JSON."""
    edit(results_of(copy), lambda raw: raw["results"]["demo_subjects:science|0"].update(acc_stderr=math.nan))
    verdict = accept(copy)
    assert verdict["verdict"] == "done"
    assert set(verdict["scores"]["demo_subjects:science|0"]) == {"acc"}


def test_equal_questions_are_asked_one_by_one(accept: Accept, runs: dict[str, Run], environment: Path) -> None:
    """Twelve equal prompts at a temperature make twelve requests, and twelve answers are scored."""
    run = runs["repeated"]
    assert (accept(run.folder, run.exit_code)["verdict"], run.requests) == ("done", 12)
    program = (
        "import sys, pyarrow.parquet as p\n"
        "print(len({row['text'][0] for row in p.read_table(sys.argv[1])['model_response'].to_pylist()}))"
    )
    (details,) = run.folder.glob("out/details/**/*.parquet")
    read = [environment / "bin" / "python", "-c", program, details]
    assert subprocess.run(read, capture_output=True, text=True, check=True).stdout == "12\n"


def test_a_run_of_a_framework_that_kept_answers_back_is_not_done(accept: Accept, copy: Path) -> None:
    """Fewer answers than scored texts: a cache before the relay gave one answer to equal questions."""
    edit(copy / "en_demo.counts.json", lambda counts: counts.update(asked=15, answered=15))
    verdict = accept(copy)
    assert (verdict["reason"], verdict["detail"][:17]) == ("answers-repeated", "2 scored answers ")


def test_a_good_run_of_the_fork_is_done(accept: Accept, fork_run: Run) -> None:
    """The fork's own files, written by the fork: four samples of each question, its task and metric names."""
    verdict = accept(fork_run.folder, fork_run.exit_code, framework="lighteval-swallow")
    assert (verdict["verdict"], verdict["reason"], verdict["warnings"]) == ("done", None, [])
    assert set(verdict["scores"]["swallow|demo_code|0"]) == {"pass@1:4", "pass@1:4_stderr"}
    assert verdict["config_tasks"]["swallow|demo_code|0"]["effective_num_docs"] == 10
    assert (verdict["samples"]["asked"], verdict["sent"]["n"], fork_run.requests) == (40, [4], 10)


CODE: tuple[str, list[dict[str, Any]], dict[str, float]] = (
    "demo_code", [{"humaneval_pass@1:2": 1.0}, {"humaneval_pass@1:2": 0.0}], {"humaneval_pass@1:2": 0.5},
)  # fmt: skip
RATIO, MATH = "japanese_ratio_overall", "judge_score_math_turn_1_avg"
JUDGED: tuple[str, list[dict[str, Any]], dict[str, float]] = (
    "japanese_mt_bench",
    [{"judge_score_overall_turn_1_avg": 9.5, MATH: 9.5, RATIO: [["a", "c"]], "judgement_overall_turn_1": ["[[9]]", "[[10]]"]},
     {"judge_score_overall_turn_1_avg": -1.0, MATH: None, RATIO: [["c", "d"]], "judgement_overall_turn_1": ["?", "?"]}],
    {"judge_score_overall_turn_1_avg": 0.95, MATH: 0.95, RATIO: 0.125},
)  # fmt: skip


def forks_files(folder: Path, environment: Path, predictions: list[Any], measured: Any = CODE) -> Path:
    """Files in the form of lighteval-swallow 0.8, written as its source writes them."""
    task, kept, made = measured
    stamp, entry = "2026-11-23T10-00-00.123456", f"swallow|{task}|0"
    results, details = folder / "out/results/demo/tiny/sub", folder / f"out/details/demo/tiny/sub/{stamp}"
    results.mkdir(parents=True)
    details.mkdir(parents=True)
    general = {"max_samples": None, "total_evaluation_time_secondes": "12.5", "model_name": "demo/tiny"}
    settings = {f"swallow|{task}": {"name": task, "effective_num_docs": 2, "version": 1}}
    scores = {entry: made, "all": made}
    raw = {"config_general": general, "results": scores, "config_tasks": settings}
    (results / f"results_{stamp}.json").write_text(json.dumps(raw))
    (folder / "en_demo.counts.json").write_text(json.dumps({"asked": 4, "answered": 4}))
    (folder / "log").touch()
    program = (
        "import json,sys,pyarrow as a,pyarrow.parquet as p; p.write_table(a.table(json.loads(sys.argv[1])),sys.argv[2])"
    )
    asked = {"example": ["Q1", "Q2"], "choices": [["A"], ["B"]], "gold": [["A"], ["B"]], "metrics": kept}
    table = json.dumps({"predictions": predictions, "specifics": ["", ""], **asked})
    path = str(details / f"details_{entry}_{stamp}.parquet")
    subprocess.run([environment / "bin/python", "-c", program, table, path], check=True)
    return folder


@pytest.mark.parametrize(
    ("predictions", "reason"),
    [
        ([["a", "b"], ["c", "d"]], None),
        ([[["a", "b"]], [["c", "d"]]], None),  # turns of samples, as in MT-Bench
        ([["a", "b"], ["c", ""]], "empty-answers"),
        ([["a", "b"], ["c"]], "answers-missing"),
    ],
)
def test_the_forks_files_are_judged_alike(
    accept: Accept, environment: Path, tmp_path: Path, predictions: list[Any], reason: str | None
) -> None:
    """Other columns and keys, the same promises."""
    folder = forks_files(tmp_path / "fork", environment, predictions)
    verdict = accept(folder, framework="lighteval-swallow")
    assert verdict["reason"] == reason
    assert verdict["config_tasks"]["swallow|demo_code|0"]["effective_num_docs"] == 2
    assert verdict["scores"] == ({} if reason else {"swallow|demo_code|0": {"humaneval_pass@1:2": 0.5}})
    assert verdict["judge"] == {}


def test_a_judged_task_has_values_of_conversations_and_names_its_judge(
    accept: Accept, environment: Path, tmp_path: Path
) -> None:
    """MT-Bench of the fork: points of the judge over 10, -1 for no score, a share of all answers together beside them."""
    folder = forks_files(tmp_path / "fork", environment, [[["a", "b"]], [["c", "d"]]], JUDGED)
    verdict = accept(folder, framework="lighteval-swallow")
    assert (verdict["reason"], verdict["judge"]) == (None, {"model": "gpt-4o-2024-08-06", "provider": "openai"})
    made = json.loads((tmp_path / "scores.json").read_text())
    assert made["of_whole_texts"] == [RATIO]
    assert made["metrics"]["judge_score_overall_turn_1_avg"] == {"form": "numbers", "scale": 0.1, "values": [9.5, None]}
    forged = (JUDGED[0], JUDGED[1], {**JUDGED[2], MATH: 0.9})
    again = forks_files(tmp_path / "again", environment, [[["a", "b"]], [["c", "d"]]], forged)
    verdict = accept(again, framework="lighteval-swallow")
    assert (verdict["reason"], verdict["scores"]) == ("scores-not-reproduced", {})
    assert verdict["detail"] == f"the framework wrote 0.9 as `{MATH}`, and the mean over its questions is 9.5"


def test_a_score_that_was_changed_is_not_that_of_its_questions(accept: Accept, copy: Path) -> None:
    """In what lighteval really wrote: one subset's score alone."""
    edit(results_of(copy), lambda raw: raw["results"]["demo_subjects:history|0"].update(acc=0.123))
    verdict = accept(copy)
    assert (verdict["verdict"], verdict["reason"]) == ("failed", "scores-not-reproduced")
    assert "the framework wrote [0.123, " in verdict["detail"] and "`acc`" in verdict["detail"]


@pytest.mark.parametrize(
    ("planned", "said"),
    [
        ({"temperature": 0.0, "max_completion_tokens": 24}, []),
        ({"temperature": 0.5}, ["temperature: the plan has 0.5, and 0.0 was sent"]),
        ({"top_k": 20}, ["top_k: the plan has 20, and no request carried it"]),
    ],
)
def test_what_was_sent_is_compared_with_the_plan(
    accept: Accept, copy: Path, planned: dict[str, Any], said: list[str]
) -> None:
    """Whatever the task: a parameter that the framework has changed or dropped is a warning of the result."""
    (copy / "en_demo.options.json").write_text(json.dumps({"planned": planned}))
    verdict = accept(copy)
    assert (verdict["verdict"], verdict["warnings"]) == ("done", said)


def test_a_task_that_sends_several_values_is_told_with_all_of_them(accept: Accept, copy: Path) -> None:
    """As MT-Bench does with temperatures: the result names what was really sent."""
    (copy / "en_demo.options.json").write_text(json.dumps({"planned": {"temperature": 0.5}}))
    edit(copy / "en_demo.counts.json", lambda counts: counts["sent"].update(temperature=[0.7, 0.0]))
    verdict = accept(copy)
    assert verdict["warnings"] == ["temperature: the plan has 0.5, and 0.7, 0.0 was sent"]
    assert verdict["sent"]["temperature"] == [0.7, 0.0]
