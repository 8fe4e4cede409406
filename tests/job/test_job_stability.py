"""How answers ended: what a server that cuts off, never ends reasoning, refuses and repeats leaves beside the score, in both dialects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Behaviour, Reply, completion
from framework_runs import CONFIG, FORK_CONFIG, Run, Start, cold, run_framework

from evalctl.model.aggregate import Stability
from evalctl.model.metrics import Metrics
from evalctl.model.result import EndCounts, Result
from evalctl.results.aggregate import aggregated
from evalctl.results.question_files import bound
from evalctl.results.question_values import read
from evalctl_job import ends
from evalctl_job.ends import Ends

QUESTIONS = (
    Path(__file__).resolve().parents[2] / "compiler/evalctl_environments/packages/evalctl-tasks/evalctl_tasks/questions"
)
LOOP = " and so on" * 40
FOLDER = "results/hosted_vllm/team/tiny"
METRICS = Metrics.model_validate(
    {"entries": [{"name": "arithmetic", "function": "pick", "metrics": ["exact_match"], "tasks": ["demo_arithmetic"]}]}
)


def lines(task: str) -> list[dict[str, str]]:
    """The questions of a demo task, in their file's order."""
    return [json.loads(line) for line in (QUESTIONS / f"{task}.jsonl").read_text().splitlines()]


def place(asked: Asked, task: str) -> tuple[int, str]:
    """Which of them is asked, and its right answer."""
    text = asked.body["messages"][-1]["content"]
    return next((number, one["answer"]) for number, one in enumerate(lines(task)) if one["question"] in text)


def badly(asked: Asked) -> Reply:
    """Of twelve questions six have a good end; six answers are right, five of them with a good end."""
    number, right = place(asked, "demo_arithmetic")
    replies: dict[int, Callable[[], Reply]] = {
        0: lambda: completion([right], "length"),
        1: lambda: completion(["<think>hm, let me see"], "length"),
        2: lambda: completion([None], refusal="I will not calculate."),
        3: lambda: completion([None], "content_filter"),
        4: lambda: completion(["no" + LOOP], "length"),
        5: lambda: completion([right + LOOP]),
        6: lambda: completion([None], "length", reasoning="hm, let me see"),
        10: lambda: completion(["none"]),
        11: lambda: completion([f"<think>easy</think>{right}"]),
    }
    whole = replies.get(number, lambda: completion([right]))()
    return Reply({**whole.body, "model": asked.body["model"]})


def each_otherwise(asked: Asked) -> Reply:
    """Four answers with one text: to the first question one of them is cut off, to the second all."""
    number, right = place(asked, "demo_code")
    whole = completion([right] * asked.body["n"])
    for choice in whole.body["choices"][: {0: 1, 1: 4}.get(number, 0)]:
        choice["finish_reason"] = "length"
    return Reply({**whole.body, "model": asked.body["model"]})


@dataclass(frozen=True)
class Dialect:
    """A framework, its environment, and how it is called."""

    name: str
    environment: Path
    start: Start
    config: Callable[[float], str]
    command: str


@pytest.fixture(scope="session", params=["lighteval", "lighteval-swallow"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Both frameworks."""
    if request.param == "lighteval":
        command = "{}|0 --custom-tasks evalctl_tasks.tasks"
        environment, start = request.getfixturevalue("environment"), request.getfixturevalue("warm")
        return Dialect(request.param, environment, start, lambda t: CONFIG.format(temperature=t), command)
    command = "swallow|{}|0|0 --use-chat-template --custom-tasks evalctl_tasks.swallow --output-subdir /S"
    return Dialect(request.param, request.getfixturevalue("fork_environment"), cold, lambda t: FORK_CONFIG, command)


Ran = Callable[..., Run]


@pytest.fixture
def ran(dialect: Dialect, variables: dict[str, str], tmp_path: Path) -> Ran:
    """One task of the dialect against a server."""

    def run(task: str, behaviour: Behaviour, unanswered: int) -> Run:
        config = dialect.config(0.8 if task == "demo_code" else 0)
        places = {**variables, "PATH": f"{dialect.environment / 'bin'}:{variables['PATH']}"}
        return run_framework(
            dialect.environment, places, tmp_path / "run", config,
            dialect.command.format(task).split(), behaviour, dialect.start, unanswered=unanswered,
        )  # fmt: skip

    return run


@pytest.fixture
def accepted(
    dialect: Dialect, environment: Path, variables: dict[str, str], tmp_path: Path
) -> Callable[[Run], dict[str, Any]]:
    """What acceptance writes beside the scores of a run."""

    def check(run: Run) -> dict[str, Any]:
        command: list[str | Path] = [
            environment / "bin" / "python", "-m", "evalctl_job.accept", "--framework", dialect.name, "--output", run.folder / "out",
            "--state", run.folder, "--log", run.folder / "log", "--task-key", "en_demo", "--exit-code", str(run.exit_code),
            "--into", tmp_path / "verdict.json",
        ]  # fmt: skip
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return dict(json.loads((tmp_path / "scores.json").read_text()))

    return check


def of_file(document: dict[str, Any], questions: int) -> Ends:
    """As evalctl reads it."""
    return ends.from_json(document["ends"], questions)


@pytest.mark.environments
def test_each_end_is_in_the_record_and_the_finished_have_their_own_score(
    ran: Ran, accepted: Callable[[Run], dict[str, Any]], tmp_path: Path
) -> None:
    """Cut off, unended, refused by the model and by a filter, repeated, empty; the score of the finished ones is that of a hand calculation."""
    run = ran("demo_arithmetic", badly, 3)
    document = accepted(run)
    expected = {
        "questions": 12, "answers": 12, "cut_off": 4, "unended": 2, "refused": 2, "repeats": 2, "empty": 3, "unknown": 0, "finished": 6,
    }  # fmt: skip
    values, good = document["metrics"]["exact_match"]["values"], of_file(document, 12).finished()
    right = sorted(value for value, finished in zip(values, good, strict=True) if finished)
    assert values.count("1") == 6 and right == ["0", "1", "1", "1", "1", "1"]
    record, beside = bound(
        measured(run), (tmp_path / "questions.tsv").read_bytes(), (tmp_path / "scores.json").read_bytes()
    )
    assert record.stability == EndCounts(expected)
    scored = read([record], lambda paths: {path: beside[path].encode() for path in paths})
    aggregate = aggregated(FOLDER, [record], METRICS, scored)
    assert aggregate.results["arithmetic"] == pytest.approx(6 / 12)
    assert aggregate.stability["arithmetic"] == Stability(**expected, score=pytest.approx(5 / 6))  # type: ignore[arg-type]


def measured(run: Run) -> Result:
    """The record of a run, with the scores that the framework wrote."""
    (file,) = run.folder.glob("out/results/**/results_*.json")
    raw = json.loads(file.read_text())["results"]
    scores = {key: values for key, values in raw.items() if key != "all" and ":_average" not in key}
    facts = {
        "task": {"key": "en_demo", "script": "demo_arithmetic"},
        "scores": scores,
        "weights": dict.fromkeys(scores, 12),
    }
    return Result({**facts, "measured_at": 1.0}, f"{FOLDER}/en/demo/result.json")


@pytest.mark.environments
def test_answers_with_one_text_keep_their_own_ends(ran: Ran, accepted: Callable[[Run], dict[str, Any]]) -> None:
    """Several answers to a question: how many of them were cut off, though their texts are the same."""
    found = of_file(accepted(ran("demo_code", each_otherwise, 0)), 10)
    assert (found.answers, sorted(found.of(ends.CUT_OFF))) == ((4,) * 10, [0] * 8 + [1, 4])
    assert sum(found.finished()) == 8
