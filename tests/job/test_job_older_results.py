"""`evalctl results rebuild` over results of an older evalctl whose details, as lighteval and the fork really write them, are still there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from framework_runs import Run
from samples import repository

from evalctl import cli
from evalctl.results.question_values import OLDER, Scored, path_of, read
from evalctl.results.reading import parse
from evalctl.results.record import to_text

pytestmark = pytest.mark.environments
FOLDER = "results/hosted_vllm/team/tiny"
Rebuilt = Callable[[], str]


@pytest.fixture
def root(tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on a machine with the environment."""
    monkeypatch.setenv("EVALCTL_ENVIRONMENTS", str(environment.parent))
    return repository(tmp_path / "root", {})


@pytest.fixture
def rebuilt(root: Path, capsys: pytest.CaptureFixture[str]) -> Rebuilt:
    """What the command prints."""

    def said() -> str:
        capsys.readouterr()
        assert cli.main(["--repo", str(root), "results", "rebuild"]) == 0
        return capsys.readouterr().out

    return said


def older(root: Path, name: str, run: Run, **more: Any) -> str:
    """A record as it was before values were kept, with its details beside it; its path."""
    raw = json.loads(sorted(run.folder.glob("out/results/**/results_*.json"))[-1].read_text())["results"]
    scores = {key: values for key, values in raw.items() if key != "all" and ":_average" not in key}
    task = {"key": f"ja_{name}", "script": name, "result_dir": f"ja/{name}"}
    record = {
        "schema": "evalctl/result/1", "digest": "d" * 64, "weights": {}, "scores": scores, "task": task,
        "subject": {"model": "team/tiny"}, **more,
    }  # fmt: skip
    path = f"{FOLDER}/ja/{name}/result.json"
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(to_text(record))
    with_details(root, path, run)
    return path


def with_details(root: Path, path: str, run: Run) -> None:
    """The details of a run, as collection copies them."""
    folder = (root / path).parent / "details"
    folder.mkdir(exist_ok=True)
    for file in run.folder.glob("out/details/**/*.parquet"):
        shutil.copy(file, folder)
    shutil.copy(run.folder / "state/t.answers.jsonl", folder / "answers.jsonl")


def found(root: Path, path: str) -> Scored | str:
    """The values of the questions of a record."""
    text = (root / path).read_bytes()

    def files(paths: Any) -> Mapping[str, bytes]:
        return {one: (root / one).read_bytes() for one in paths if (root / one).is_file()}

    return read([parse(path, text)], files)[path]


@pytest.mark.parametrize(("name", "questions", "answers"), [("capitals", 10, 1), ("subjects", 17, 1), ("code", 10, 4)])
def test_details_of_lighteval_become_values(
    root: Path, rebuilt: Rebuilt, runs: dict[str, Run], name: str, questions: int, answers: int
) -> None:
    """Of subsets and of several samples; the record stays as it is, and a second time there is nothing to do."""
    path = older(root, name, runs[name])
    before = (root / path).read_bytes()
    assert found(root, path) == OLDER
    said = rebuilt()
    made = found(root, path)
    assert isinstance(made, Scored), made
    assert (len(made.questions.digests), made.answers, (root / path).read_bytes()) == (questions, answers, before)
    assert f"wrote {path_of(path)}" in said and made.metrics
    assert made.ends is not None and made.ends.totals()["finished"] == questions
    assert "up to date" in rebuilt()


def test_ends_need_the_answers_beside_the_details(root: Path, rebuilt: Rebuilt, runs: dict[str, Run]) -> None:
    """Without them nothing says how answers ended; a question that was left without one may have been refused: not known."""
    alone, two = older(root, "capitals", runs["capitals"]), older(root, "arithmetic", runs["two allowed"])
    ((root / alone).parent / "details/answers.jsonl").unlink()
    rebuilt()
    known, unknown = found(root, two), found(root, alone)
    assert isinstance(unknown, Scored) and unknown.ends is None
    assert isinstance(known, Scored) and known.ends is not None
    assert (known.ends.totals()["empty"], known.ends.totals()["unknown"], known.ends.totals()["finished"]) == (1, 1, 10)


def test_details_of_the_fork_become_values(root: Path, rebuilt: Rebuilt, fork_run: Run) -> None:
    """Four samples of each question."""
    path = older(root, "code", fork_run)
    rebuilt()
    made = found(root, path)
    assert isinstance(made, Scored), made
    assert len(made.questions.digests) == 10 and made.answers == 4 and made.metrics


def test_a_result_without_usable_details_is_named(root: Path, rebuilt: Rebuilt, runs: dict[str, Run]) -> None:
    """With the reason: none on this machine, a damaged file, those of another run."""
    alone, damaged, other = (older(root, name, runs["capitals"]) for name in ("alone", "damaged", "other"))
    shutil.rmtree((root / alone).parent / "details")
    for file in (root / damaged).parent.glob("details/*.parquet"):
        file.write_bytes(b"PAR1")
    record = json.loads((root / other).read_text())
    scores = {
        key: {name: value / 2 + 0.3 for name, value in values.items()} for key, values in record["scores"].items()
    }
    (root / other).write_text(to_text({**record, "scores": scores}))
    said = rebuilt()
    assert f"1 result without values of questions, and without details on this machine: {alone}" in said
    assert f"{damaged} gets no values of questions: ArrowInvalid" in said
    why = "it has no values of `acc`, which is not listed as a score of all answers together"
    assert f"{other} gets no values of questions: {why}" in said
    assert not list(root.glob("results/**/scores.json"))
