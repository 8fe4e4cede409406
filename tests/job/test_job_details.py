"""`evalctl details` over what lighteval and the fork really write."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from framework_runs import Run
from samples import repository

import evalctl
from evalctl import cli

pytestmark = pytest.mark.environments
COMPILER = Path(evalctl.__file__).parent.parent
Details = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def details(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Details:
    """The answers that the command finds, as a program gets them."""
    root = repository(tmp_path / "root", {})
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(environment.parent))

    def found(folder: Path, *words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert cli.main(["--repo", str(root), "details", str(folder), "--json", *words]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return found


def test_lightevals_details_have_right_answers_and_scores(details: Details, runs: dict[str, Run]) -> None:
    """lighteval 0.13: the letter that the index names, the metric of each question, Japanese as it is."""
    found = details(runs["capitals"].folder / "out")
    assert [one["number"] for one in found] == list(range(1, 11))
    assert {one["entry"] for one in found} == {"demo_capitals_ja|0"}
    assert all("首都" in one["question"] and one["gold"] in (["A"], ["B"], ["C"], ["D"]) for one in found)
    right = [one["number"] for one in found if one["scores"] == {"acc": 1.0}]
    wrong = [one["number"] for one in found if one["scores"] == {"acc": 0.0}]
    assert sorted(right + wrong) == list(range(1, 11))
    folder = runs["capitals"].folder / "out"
    assert [one["number"] for one in details(folder, "--wrong")] == wrong
    assert [one["number"] for one in details(folder, "--metric", "acc>=1")] == right


def test_the_relays_answers_get_the_scores_of_their_questions(
    details: Details, runs: dict[str, Run], tmp_path: Path
) -> None:
    """All of them, over two subsets: what was sent and what lighteval kept are the same text."""
    run, beside = runs["subjects"].folder, tmp_path / "result" / "details"
    beside.mkdir(parents=True)
    shutil.copy(run / "state" / "t.answers.jsonl", beside / "answers.jsonl")
    for path in run.glob("out/details/**/*.parquet"):
        shutil.copy(path, beside)
    found = details(beside.parent)
    assert [one["number"] for one in found] == list(range(1, 18))
    assert {one["entry"] for one in found} == {"demo_subjects:history|0", "demo_subjects:science|0"}
    assert {one["finish_reason"] for one in found} == {"stop"}


def test_each_sample_of_a_question_is_shown(details: Details, runs: dict[str, Run]) -> None:
    """Four of each, and the question by its number."""
    folder = runs["code"].folder / "out"
    assert len(details(folder)) == 40
    third = details(folder, "--question", "3")
    assert [one["number"] for one in third] == [3] * 4
    assert set(third[0]["scores"]) == {"pass@k:k=1&n=4", "pass@k:k=4&n=4"}


def test_the_forks_details_have_right_answers_and_scores(details: Details, fork_run: Run) -> None:
    """lighteval-swallow 0.8: other columns, read by either environment."""
    found = details(fork_run.folder / "out")
    assert len(found) == 40
    assert {one["entry"] for one in found} == {"swallow|demo_code|0"}
    assert all(one["question"].startswith("[user] ") and len(one["gold"]) == 1 for one in found)
    assert all(set(one["scores"]) == {"pass@1:4"} for one in found)


def test_questions_have_the_digests_that_question_sets_have(
    environment: Path, runs: dict[str, Run], fork_run: Run
) -> None:
    """Of both frameworks, as the job makes them of the same files: so the text of a digest in git is found."""
    made = "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\nfrom evalctl_job.questions import rows\n"
    made += "print(*[row.digest for path in sys.argv[2:] for row in rows(Path(path))])"
    shown = (
        "import sys; sys.path.insert(0, sys.argv[1]); from evalctl.results.parquet_rows import main; main(sys.argv[2:])"
    )
    python = str(environment / "bin/python")
    for folder in (runs["capitals"].folder, fork_run.folder):
        files = sorted(map(str, folder.glob("out/details/**/*.parquet")))
        expected = subprocess.run(
            [python, "-c", made, str(COMPILER), *files], check=True, capture_output=True, text=True
        )
        printed = subprocess.run(
            [python, "-c", shown, str(COMPILER), *files], check=True, capture_output=True, text=True
        ).stdout
        lines = [json.loads(line) for line in printed.splitlines()]
        assert [one["digest"] for one in lines] == expected.stdout.split() and len(lines) >= 10
        assert all(one["text"] for one in lines)


def test_one_question_that_cannot_be_read_costs_its_file_alone(
    environment: Path, details: Details, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that is not UTF-8 is named in a line; the files after it are read, choices that are no texts included."""
    program = (
        "import pyarrow as a, pyarrow.parquet as p\n"
        "bad = a.Array.from_buffers(a.string(), 1, [None, a.array([0, 2], a.int32()).buffers()[1], a.py_buffer(b'\\xff\\xff')])\n"
        "p.write_table(a.table({'full_prompt': bad, 'predictions': ['x']}), 'a.pqt')\n"
        "docs = [{'query': 'Q', 'choices': [None, ['東京', '京都']], 'gold_index': [0, 1]}]\n"
        "p.write_table(a.table({'doc': docs, 'metric': [{'acc': 1}]}), 'b.pqt')\n"
    )
    folder = tmp_path / "outputs"
    folder.mkdir()
    subprocess.run([environment / "bin/python", "-c", program], check=True, cwd=folder)
    assert [(one["question"], one["gold"]) for one in details(folder)] == [("Q", ["", "東京 京都"])]
    assert cli.main(["--repo", str(tmp_path / "root"), "details", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "a.pqt: UnicodeDecodeError: " in shown and "Traceback" not in shown


def test_a_file_of_another_form_is_read_as_far_as_it_goes(
    environment: Path, details: Details, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A `.pqt` without right answers, whose one score is not a number; what lacks is named, a broken file as well."""
    rows = {"example": ["Q"], "predictions": [["a", "b"]], "metrics": [{"acc": None, "f1": 0.25}]}
    program = (
        "import sys,json,pyarrow as a,pyarrow.parquet as p; p.write_table(a.table(json.loads(sys.argv[1])),sys.argv[2])"
    )
    folder = tmp_path / "outputs"
    folder.mkdir()
    subprocess.run([environment / "bin/python", "-c", program, json.dumps(rows), folder / "own.pqt"], check=True)
    (folder / "broken.pqt").write_text("PAR1")
    found = details(folder)
    assert [(one["question"], one["prediction"], one["gold"], one["scores"]) for one in found] == [
        ("Q", "a", [], {"f1": 0.25}), ("Q", "b", [], {"f1": 0.25}),
    ]  # fmt: skip
    assert cli.main(["--repo", str(tmp_path / "root"), "details", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "own.pqt has no gold" in shown and "broken.pqt: ArrowInvalid" in shown
