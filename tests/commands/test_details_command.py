"""`evalctl details`: the answers of a request on this machine."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.details.eval_answers import EvalAnswers
from evalctl.details.places import EvalPlace, places
from evalctl.details.webpage import page
from evalctl.environments import catalogue
from evalctl.model.evaluation import Job
from evalctl.model.result import SCHEMA
from evalctl.pipeline.project import Project
from evalctl.results.answers import Answer, Graded, summed
from evalctl.results.grading import Question

REQUEST = "manifests/requests/a.yaml"


def _job(root: Path) -> Job:
    plan = Project(root).compile_one(REQUEST).plan
    assert plan is not None
    return plan.jobs[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A request, of which one eval is being answered: its second line is half-written."""
    repository(tmp_path, {REQUEST: "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n"})
    digest = Project(tmp_path).compile_one(REQUEST).evals[0].digest
    body = {"messages": [{"role": "user", "content": "Q"}]}
    choices = [{"message": {"content": "\x1b[2Jred"}, "finish_reason": "stop"}]
    line = json.dumps({"format": 1, "digest": "d", "body": body, "choices": choices, "usage": None, "reply": {}})
    store = tmp_path / ".evalctl" / "answers" / "vllm-0"
    store.mkdir(parents=True)
    (store / f"{digest}.jsonl").write_text(f"{line}\n{line[:20]}")
    return tmp_path


@pytest.mark.parametrize("subject", ["a", REQUEST, "lab/small-8B", "small-8B"])
def test_answers_are_read_while_the_job_runs(root: Path, capsys: pytest.CaptureFixture[str], subject: str) -> None:
    """By request or model; what the model wrote does not command the terminal."""
    assert cli.main(["--repo", str(root), "details", subject]) == 0
    shown = capsys.readouterr().out
    assert (
        "1 answer, 0 empty" in shown
        and f"unreadable in {next((root / '.evalctl/answers/vllm-0').iterdir())}: 1 line\n" in shown
        and "\x1b" not in shown
    )


def test_a_program_gets_the_text_as_it_is(root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A JSON object per line, into a file as well."""
    file = tmp_path / "answers.jsonl"
    assert cli.main(["--repo", str(root), "details", "a", "--json", "-o", str(file)]) == 0
    assert json.loads(file.read_text())["prediction"] == "\x1b[2Jred"
    assert capsys.readouterr().out == ""


def test_what_is_not_there_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such request, no such task, no answers yet; never where a program expects answers."""
    assert cli.main(["--repo", str(root), "details", "b"]) == 1
    assert cli.main(["--repo", str(root), "details", "a", "ja_nothing"]) == 1
    assert "`b`" in (told := capsys.readouterr().err) and "`ja_nothing`" in told
    next((root / ".evalctl/answers/vllm-0").iterdir()).unlink()
    assert cli.main(["--repo", str(root), "details", "a", "--json"]) == 1
    printed = capsys.readouterr()
    assert "no answers on this machine" in printed.err and printed.out == ""


def test_that_nothing_was_answered_or_nothing_is_slow_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros are no lengths, and who asks why gets an answer."""
    assert cli.main(["--repo", str(root), "details", "a", "--why"]) == 0
    shown = capsys.readouterr().out
    assert "no cause of slowness was found" in shown and "no answers so far" not in shown
    next((root / ".evalctl/answers/vllm-0").iterdir()).write_text("")
    assert cli.main(["--repo", str(root), "details", "a"]) == 0
    shown = capsys.readouterr().out
    assert "no answers so far: evalctl status shows why" in shown and "median" not in shown


def test_of_a_request_with_errors_no_task_is_known(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The errors are the reason, not the task that was asked for."""
    (root / REQUEST).write_text("model: lab/small-8B\nservice: nowhere\ntasks: [en]\n")
    for words in (["a"], ["a", "en_code"]):
        assert cli.main(["--repo", str(root), "details", *words]) == 1
        assert "the request has errors" in capsys.readouterr().err


def test_that_no_answer_is_as_asked_for_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than nothing, which a damaged file would look like as well."""
    assert cli.main(["--repo", str(root), "details", "a", "--grep", "blue"]) == 0
    assert "no answer matches the options" in capsys.readouterr().out
    assert cli.main(["--repo", str(root), "details", "a", "--grep", "red"]) == 0
    assert "none of the answers" not in capsys.readouterr().out


def test_on_the_page_what_a_model_wrote_is_text() -> None:
    """No markup of its own, nothing loaded, and the page forbids loading, too."""
    hostile = "</pre><script src=//x></script><img onerror=x>"
    graded = Graded(hostile, 1, (hostile,), {hostile: 0.0})
    answers = [Answer(hostile, hostile, hostile, "length", None, None, one) for one in (graded, None)]
    place = EvalPlace(hostile, hostile, Path("answers.jsonl"), ())
    text = page(
        [EvalAnswers(place, summed(answers), answers, [Question(hostile, (hostile,), graded)], None, [hostile])]
    )
    assert text.count("<script>") == 1 and "<script src" not in text and "<img" not in text
    assert "default-src 'none'" in text and "truncated" in text


def test_on_the_page_wrong_questions_can_be_found() -> None:
    """Each question once, with its verdict, the right answer and every answer to it."""
    graded = [Graded("ja|0", number, ("東京",), {"acc": score}) for number, score in ((1, 1.0), (2, 0.0))]
    answers = [Answer("首都は？", text, "", "stop", None, None, one) for one in graded for text in ("東京", "京都")]
    text = page([EvalAnswers(EvalPlace("ja", "f", Path("a"), ()), summed(answers), answers, [], None, [])])
    assert text.count('data-verdict="wrong"') == text.count('data-verdict="right"') == 1
    assert text.count('<pre class="gold">東京</pre>') == 2 and text.count('<pre class="prediction">京都</pre>') == 2


def test_a_page_of_answers_is_written(root: Path, tmp_path: Path) -> None:
    """Whole, as UTF-8."""
    file = tmp_path / "answers.html"
    assert cli.main(["--repo", str(root), "details", "a", "--format", "html", "-o", str(file)]) == 0
    assert file.read_text(encoding="utf-8").count("<details ") == 1


def test_the_page_says_which_model_was_asked_and_when(root: Path, tmp_path: Path) -> None:
    """In its title, and for each eval with the time; without a result, when its answers were last written."""
    file = tmp_path / "answers.html"
    call = ["--repo", str(root), "details", "a", "--format", "html", "-o", str(file)]
    assert cli.main(call) == 0
    text = file.read_text(encoding="utf-8")
    assert "<title>Answers of lab/small-8B</title>" in text and "<h1>Answers of lab/small-8B</h1>" in text
    assert re.search(r"model: lab/small-8B; no result so far, last written 20\d\d-\d\d-\d\d \d\d:\d\d UTC", text)
    evaluation = Project(root).compile_one(REQUEST).evals[0]
    result = root / evaluation.result_path
    result.parent.mkdir(parents=True)
    subject = {"model": "lab/small-8B", "custom_settings": {"name": "greedy"}}
    record = {**RECORD, "digest": evaluation.digest, "subject": subject, "measured_at": 1_780_000_000}
    result.write_text(json.dumps(record))
    assert cli.main(call) == 0
    assert "model: lab/small-8B; measured 2026-05-28 20:26 UTC" in file.read_text(encoding="utf-8")


def test_who_answered_is_said_where_it_is_not_who_was_asked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the number of answers; the model that was asked is not repeated."""
    store = next((root / ".evalctl/answers/vllm-0").iterdir())
    line = json.loads(store.read_text().splitlines()[0])
    line["body"]["model"] = "lab/small-8B"
    replies = ["lab/small-8B", "cheap/other-1B", "cheap/other-1B"]
    store.write_text("".join(json.dumps({**line, "reply": {"model": name}}) + "\n" for name in replies))
    assert cli.main(["--repo", str(root), "details", "a"]) == 0
    shown = capsys.readouterr().out
    assert "answered by cheap/other-1B: 2 answers\n" in shown and "answered by lab" not in shown
    assert cli.main(["--repo", str(root), "details", "a", "--json"]) == 0
    told = [json.loads(row)["answered_by"] for row in capsys.readouterr().out.splitlines()]
    assert told == replies


RESULT = "results/hosted_vllm/lab/gone/en/mmlu/result.json"
RECORD = {
    "schema": SCHEMA, "digest": "d", "task": {"key": "en_mmlu", "script": "mmlu", "result_dir": "en/mmlu"},
    "subject": {}, "scores": {}, "weights": {},
}  # fmt: skip


@pytest.fixture
def forgotten(root: Path) -> Path:
    """A result whose request is gone, and one that was taken over from it; its answers lie beside the first."""
    kept = (root / RESULT).parent / "details" / "answers.jsonl"
    kept.parent.mkdir(parents=True)
    (root / RESULT).write_text(json.dumps(RECORD))
    kept.write_text(next((root / ".evalctl/answers/vllm-0").iterdir()).read_text().splitlines()[0])
    copy = root / RESULT.replace("gone", "copied")
    copy.parent.mkdir(parents=True)
    copy.write_text(json.dumps({**RECORD, "reused_from": RESULT}))
    return root


@pytest.mark.parametrize(
    "subject", [RESULT, RESULT.removesuffix("/result.json"), "results/hosted_vllm/lab/gone", "lab/gone", "lab/copied"]
)
def test_results_without_a_request_are_read(forgotten: Path, capsys: pytest.CaptureFixture[str], subject: str) -> None:
    """By their path, or by their model."""
    assert cli.main(["--repo", str(forgotten), "details", subject, "en_mmlu"]) == 0
    assert "en_mmlu: 1 answer, " in capsys.readouterr().out


@pytest.mark.parametrize("subject", ["results/hosted_vllm/lab", "lab"])
def test_a_path_shows_what_runs_there_too(forgotten: Path, capsys: pytest.CaptureFixture[str], subject: str) -> None:
    """The request's own eval, of which the relay's store has an answer, and the results whose requests are gone."""
    assert cli.main(["--repo", str(forgotten), "details", subject, "--json"]) == 0
    assert [json.loads(line)["task"] for line in capsys.readouterr().out.splitlines()] == [
        "en_code",
        "en_mmlu",
        "en_mmlu",
    ]


def test_answers_beside_an_older_result_are_not_the_requests(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a change of settings the request has new answers or none; the old ones are read by their path."""
    store = next((root / ".evalctl/answers/vllm-0").iterdir())
    result = root / Project(root).compile_one(REQUEST).evals[0].result_path
    beside = result.parent / "details" / "answers.jsonl"
    beside.parent.mkdir(parents=True)
    beside.write_text(store.read_text().splitlines()[0].replace("red", "blue"))
    result.write_text(json.dumps(RECORD))
    assert cli.main(["--repo", str(root), "details", "a"]) == 0
    assert "blue" not in capsys.readouterr().out
    store.unlink()
    assert cli.main(["--repo", str(root), "details", "a"]) == 1
    assert cli.main(["--repo", str(root), "details", str(result)]) == 0
    assert "blue" in capsys.readouterr().out
    result.write_text(json.dumps({**RECORD, "digest": Project(root).compile_one(REQUEST).evals[0].digest}))
    assert cli.main(["--repo", str(root), "details", "a"]) == 0
    assert "blue" in capsys.readouterr().out


def test_who_can_read_details_files_is_said(forgotten: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an environment the answers are shown, and what is asked of scores is refused with what to type."""
    (forgotten / RESULT).parent.joinpath("details/details_mmlu|0_2026-11-24T08-50-47.6.parquet").write_text("PAR1")
    assert cli.main(["--repo", str(forgotten), "details", "lab/gone"]) == 0
    shown = capsys.readouterr().out
    assert "evalctl env setup lighteval" in shown and "prediction: " in shown
    assert cli.main(["--repo", str(forgotten), "details", "lab/gone", "--wrong"]) == 1
    assert "evalctl env setup lighteval" in capsys.readouterr().err
    assert cli.main(["--repo", str(forgotten), "details", "lab/gone", "--metric", "acc<"]) == 1
    assert "'acc<' is not a condition" in capsys.readouterr().err


def test_a_reader_that_dies_is_told(
    forgotten: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it printed is shown, and that it is not all."""
    (forgotten / RESULT).parent.joinpath("details/details_mmlu|0_2026-11-24T08-50-47.6.parquet").write_text("PAR1")
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(forgotten / "environments"))
    environment = catalogue()["lighteval"]
    folder = forgotten / "environments" / environment.directory_name
    (folder / "bin").mkdir(parents=True)
    (folder / ".complete").write_text(environment.digest)
    row = {
        "file": "x.pqt",
        "row": 1,
        "question": "[user] Q",
        "gold": ["4"],
        "answers": ["\x1b[2Jred"],
        "scores": {"acc": 1},
        "text": "Q",
        "digest": "0",
    }
    (folder / "bin/python").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(row)}\nEND\nkill -9 $$\n")
    (folder / "bin/python").chmod(0o755)
    assert cli.main(["--repo", str(forgotten), "details", "lab/gone"]) == 0
    shown = capsys.readouterr().out
    assert "gold: 4" in shown and "question 1 (x): right, acc 1" in shown and "ended with status -9" in shown


def test_scores_of_a_running_task_are_not_there_yet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The framework scores when all answers are given."""
    assert cli.main(["--repo", str(root), "details", "a", "--question", "1"]) == 1
    assert "when the task has ended" in capsys.readouterr().err


def test_damaged_notes_of_the_server_cost_its_causes_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answers are shown, and what is damaged is named."""
    job = _job(root).name
    notes = root / ".evalctl/runs" / job / "a1/relay/server.json"
    notes.parent.mkdir(parents=True)
    notes.write_text('{"preemptions": 7, "highest_cache_use": 1.0}')
    assert cli.main(["--repo", str(root), "details", "a", "--why"]) == 0
    shown = capsys.readouterr().out
    assert "too little memory: 7 preemptions" in shown and "nothing is seen" not in shown
    notes.write_text('{"preemptions": 7, "high')
    assert cli.main(["--repo", str(root), "details", "a"]) == 0
    shown = capsys.readouterr().out
    assert f"{notes}: " in shown and "prediction: " in shown


def test_links_in_a_run_folder_are_not_followed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job runs the model's code: its measurements and details files are read only where they are files of its own folder."""
    job = _job(root)
    attempt = root / ".evalctl/runs" / job.name / "a1"
    notes = attempt / "relay/server.json"
    details = (
        attempt
        / "tasks"
        / job.tasks[0].evaluation.task.key
        / "output/details/details_mmlu|0_2026-11-24T08-50-47.6.parquet"
    )
    for link, text in ((notes, '{"preemptions": 7}'), (details, "PAR1")):
        outside = root / f"elsewhere{link.suffix}"
        outside.write_text(text)
        link.parent.mkdir(parents=True)
        link.symlink_to(outside)
    assert cli.main(["--repo", str(root), "details", "a", "--why"]) == 0
    shown = capsys.readouterr().out
    assert f"{notes}: it is a link" in shown and "preemptions" not in shown
    found = places("a", None, root)
    assert found[0].details == ()
    details.unlink()
    details.write_text("PAR1")
    assert places("a", None, root)[0].details == (details,)


def test_a_spreadsheet_gets_a_row_per_answer(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in it is a formula, whatever the model wrote."""
    store = next((root / ".evalctl/answers/vllm-0").iterdir())
    store.write_text(store.read_text().splitlines()[0].replace("\\u001b[2Jred", "=1+1"))
    assert cli.main(["--repo", str(root), "details", "a", "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["question"], row["prediction"], row["number"], row["right"]) == ("[user] Q", "'=1+1", "", "")
