"""What `plan`, `results show` and `results compare` say of results that the ledger does not account for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.model.evaluation import Eval
from evalctl.pipeline.project import Project
from evalctl.results.record import to_text
from evalctl.results.submission import inputs

REQUEST = "manifests/requests/a.yaml"
STATE = "refs/heads/evalctl-state"  # the ledger's branch


def git(root: Path, *words: str, stdin: str = "") -> str:
    """git in the clone, as some person."""
    call = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *words]
    return subprocess.run(call, check=True, input=stdin, capture_output=True, encoding="utf-8").stdout.strip()


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eval:
    """The eval of a request whose result somebody wrote: the ledger is there, and has no attempt of it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    texts = {REQUEST: "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n", ".gitignore": "/.evalctl/\n"}
    repository(tmp_path, texts)
    one = Project(tmp_path).compile_one(REQUEST).evals[0]
    path = tmp_path / one.result_path
    path.parent.mkdir(parents=True)
    path.write_text(to_text({
        **inputs(one).as_json(), "scores": {f"{one.task.script}|0": {"exact_match": 0.9}}, "weights": {}, "measured_at": 1_780_000_000,
        "ran": {"job": "ev-a-01234567", "attempt": 1},
    }))  # fmt: skip
    metrics = f"entries:\n- {{name: code, function: pick, metrics: [exact_match], tasks: ['{one.task.script}']}}\n"
    (tmp_path / "manifests/tasks/metrics.yaml").write_text(metrics)
    assert cli.main(["--repo", str(tmp_path), "results", "rebuild"]) == 0
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "by hand")
    git(tmp_path, "update-ref", STATE, git(tmp_path, "commit-tree", "-m", "ledger", git(tmp_path, "mktree")))
    return one


def said(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints, on both streams."""
    capsys.readouterr()
    same = "compare" in words  # one result at two commits: nothing can be compared
    assert cli.main(["--repo", str(root), *words]) == int(same)
    printed = capsys.readouterr()
    return printed.out if "--json" in words else printed.out + printed.err


def test_plan_names_what_it_would_reuse(evaluation: Eval, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning at the record, with what to type; programs and the pull request get it, too."""
    text = said(tmp_path, capsys, "plan", "a")
    assert "warning[unproven-result]: this result is unproven and would be reused: no attempt in the ledger" in text
    assert f"--> {evaluation.result_path}" in text and f"evalctl results accept {evaluation.result_path} --why" in text
    findings = json.loads(said(tmp_path, capsys, "plan", "a", "--json"))["findings"]
    found = [(one["severity"], one["file"]) for one in findings if one["code"] == "unproven-result"]
    assert found == [("warning", evaluation.result_path)]
    assert "unproven" in said(tmp_path, capsys, "plan", "a", "--format", "markdown")


@pytest.mark.parametrize("words", [["show"], ["compare", "lab/small-8B@HEAD", "lab/small-8B"]])
def test_tables_mark_the_score_and_name_the_task(
    evaluation: Eval, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """`*` beside the score, and a line with the task below; what another commit had is not checked."""
    text = said(tmp_path, capsys, "results", *words)
    assert text.count("0.9000*") == 1
    assert f"unproven in lab/small-8B: {evaluation.task.key} (the ledger does not account for what they say)" in text
    (told,) = json.loads(said(tmp_path, capsys, "results", *words, "--json"))
    assert told.get("model", told)["unproven"] == [evaluation.task.key] if "baseline" in told else told["unproven"]
    assert "baseline" not in told or told["baseline"]["unproven"] is None


@pytest.mark.parametrize("words", [["plan", "a"], ["results", "show"]])
def test_what_a_person_accepted_is_not_named(
    evaluation: Eval, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Once it is committed, nothing is said, and the list of unproven tasks is empty."""
    said(tmp_path, capsys, "results", "accept", evaluation.result_path, "--why", "measured on paper")
    assert "unproven" in said(tmp_path, capsys, *words)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "accept")
    assert "unproven" not in said(tmp_path, capsys, *words)
    assert json.loads(said(tmp_path, capsys, "results", "show", "--json"))[0]["unproven"] == []


def test_without_the_ledger_nothing_is_called_unproven(
    evaluation: Eval, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not known is another word: `null` for programs, and the plan says how many results are not checked."""
    git(tmp_path, "update-ref", "-d", STATE)
    assert "unproven" not in said(tmp_path, capsys, "results", "show")
    assert json.loads(said(tmp_path, capsys, "results", "show", "--json"))[0]["unproven"] is None
    text = said(tmp_path, capsys, "plan", "a")
    assert "unproven" not in text and "1 reused result is not checked against the ledger" in text
