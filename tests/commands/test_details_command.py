"""`evalctl details`: the answers of a request on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.commands.details_page import page
from evalctl.pipeline import Project
from evalctl.results.answers import Answer

REQUEST = "manifests/requests/a.yaml"


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
    assert "1 answers, 0 empty" in shown and "1 lines of" in shown and "\x1b" not in shown


def test_a_program_gets_the_text_as_it_is(root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A JSON object per line, into a file as well."""
    file = tmp_path / "answers.jsonl"
    assert cli.main(["--repo", str(root), "details", "a", "--json", "-o", str(file)]) == 0
    assert json.loads(file.read_text())["prediction"] == "\x1b[2Jred"
    assert capsys.readouterr().out == ""


def test_what_is_not_there_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such request, no such task, no answers yet."""
    assert cli.main(["--repo", str(root), "details", "b"]) == 1
    assert cli.main(["--repo", str(root), "details", "a", "ja_nothing"]) == 1
    assert "`b`" in (told := capsys.readouterr().err) and "`ja_nothing`" in told
    next((root / ".evalctl/answers/vllm-0").iterdir()).unlink()
    assert cli.main(["--repo", str(root), "details", "a"]) == 1
    assert "no answers on this machine" in capsys.readouterr().out


def test_on_the_page_what_a_model_wrote_is_text() -> None:
    """No markup of its own, nothing loaded, and the page forbids loading, too."""
    hostile = "</pre><script src=//x></script><img onerror=x>"
    text = page([([hostile], [Answer(hostile, hostile, hostile, "length", None, None)])])
    assert text.count("<script>") == 1 and "<script src" not in text and "<img" not in text
    assert "default-src 'none'" in text and "truncated" in text


def test_a_page_of_answers_is_written(root: Path, tmp_path: Path) -> None:
    """Whole, as UTF-8."""
    file = tmp_path / "answers.html"
    assert cli.main(["--repo", str(root), "details", "a", "--format", "html", "-o", str(file)]) == 0
    assert file.read_text(encoding="utf-8").count("<details>") == 1
