"""The main job, end to end and for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import other_user
import pytest
from scipy.stats import binomtest
from tests.e2e import second_model
from tests.e2e.conftest import Demo
from tests.e2e.interruptions import (
    everything,
    hold_a_framework_until_answers_come,
    kill_the_job_when_it_has_answers,
    submit_with_temperature,
    tried_by_another_user,
)
from tests.e2e.second_model import ENTRIES, KNOWING, MODEL, questions

pytestmark = [pytest.mark.environments, pytest.mark.timeout(1500)]
Values = dict[str, tuple[list[float], list[float]]]
FOLDER = "results/hosted_vllm/demo/tiny-llama/default"
TASKS = {
    "en_arithmetic": "en/arithmetic",
    "ja_capitals": "ja/capitals",
    "en_code": "en/code",
    "ja_subjects": "ja/subjects",
}


def result(demo: Demo, task: str) -> dict[str, object]:
    """The committed record of one task."""
    return dict(json.loads(demo.git("show", f"HEAD:{FOLDER}/{TASKS[task]}/result.json")))


def test_ctrl_c_ends_everything_that_the_demo_started(demo: Demo) -> None:
    """After Ctrl-C, at any moment, no process of the demo is left, and the exit code says so."""
    codes = {moment: code for moment, code in demo.interrupted.items() if "ready" not in moment}
    assert set(codes.values()) == {130}
    assert all(demo.left_behind[moment] == [] for moment in codes)


def test_a_second_demo_just_works(demo: Demo) -> None:
    """After interruptions and a kill -9, the demo in the same folder runs to its end."""
    assert demo.status == 0, demo.output[-3000:]


def test_the_demo_shows_the_whole_idea(demo: Demo) -> None:
    """It ends with the leaderboard, a second sync that does nothing, what a change would rerun, and the log."""
    for told in (
        "| en\\_average | ja\\_average |",
        "| capitals | subjects |",
        "nothing to do: every eval has its result",
        "1 job to submit: 3 evals to run, 1 reused",
        "not applied: temperature=0.6",
        "results: demo/tiny-llama (default)",
    ):
        assert told in demo.output


def test_every_score_is_there_and_committed(demo: Demo) -> None:
    """Each of the four tasks has a record with its scores and honest counts, pushed to the remote."""
    for task in TASKS:
        document = result(demo, task)
        samples = document["samples"]
        assert isinstance(samples, dict)
        assert samples["answered"] == samples["asked"] > 0
        assert samples["failed"] == samples["empty"] == 0
        assert document["scores"]
    assert demo.git("rev-parse", "HEAD") == demo.git("rev-parse", "origin/main")
    assert demo.git("ls-remote", "origin", "refs/heads/main").split()[0] == demo.git("rev-parse", "HEAD").strip()


def test_several_samples_per_question_are_all_scored(demo: Demo) -> None:
    """Ten questions with four samples each are forty answers, and pass@1 and pass@4 come from them."""
    document = result(demo, "en_code")
    assert document["samples"]["asked"] == 40  # type: ignore[index]
    assert {"pass@k:k=1&n=4", "pass@k:k=4&n=4"} <= set(document["scores"]["demo_code|0"])  # type: ignore[index]


def test_the_aggregate_has_the_labs_form(demo: Demo) -> None:
    """model, results, overall, tasks and custom_settings as the lab's file has them; `overall` is the results joined."""
    aggregated = json.loads((demo.root / FOLDER / "aggregated_results.json").read_text(encoding="utf-8"))
    assert list(aggregated)[:5] == ["model", "results", "overall", "tasks", "custom_settings"]
    assert aggregated["overall"] == ",".join(str(value) for value in aggregated["results"].values())
    assert aggregated["tasks"] == list(aggregated["results"])
    assert -1 not in aggregated["results"].values()
    weights = {"subjects_history": 8, "subjects_science": 9}
    mean = sum(aggregated["results"][name] * weight for name, weight in weights.items()) / 17
    assert aggregated["results"]["subjects"] == pytest.approx(mean)


def test_one_server_serves_all_tasks(demo: Demo) -> None:
    """Four evals cost one server start."""
    starts = list(demo.root.glob(".evalctl/runs/*/a*/marks/server_ready.json"))
    assert len(starts) == 1
    logs = [
        path.read_text(encoding="utf-8", errors="replace") for path in demo.root.glob(".evalctl/runs/*/a*/server.log")
    ]
    assert sum(log.count("Application startup complete") for log in logs) == 1


def test_git_status_is_clean_afterwards(demo: Demo) -> None:
    """Results appear as committed; nothing else is left in the work tree."""
    assert demo.git("status", "--porcelain") == ""


def test_nothing_is_written_to_the_home_folder(demo: Demo) -> None:
    """Caches and run folders lie in the repository's .evalctl."""
    assert sorted(path.name for path in Path(demo.environ["HOME"]).rglob("*")) == []


def test_asking_again_runs_nothing(demo: Demo) -> None:
    """A sync with every result in place submits nothing and commits nothing."""
    before = demo.git("rev-parse", "HEAD", "evalctl-state")
    again = demo.evalctl("sync", "--service", "local")
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert demo.git("rev-parse", "HEAD", "evalctl-state") == before


@dataclass(frozen=True)
class Restart:
    """A run whose server was killed; before that, its frameworks were held and another user tried what it could."""

    untouched: dict[str, object]
    key: str
    private: Path
    said: dict[str, Any]
    ended: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def restart(demo: Demo) -> Restart:
    """With temperature 0.6: three of the four tasks are measured again."""
    untouched = result(demo, "en_code")
    submit_with_temperature(demo, "0.6")
    held = hold_a_framework_until_answers_come(demo)
    key, private, said = tried_by_another_user(demo, held)
    for pid in demo.pids("vllm serve"):
        os.kill(pid, signal.SIGKILL)
    for pid in held:
        os.kill(pid, signal.SIGCONT)
    ended = demo.evalctl("sync", "--service", "local", "--watch", "--interval", "1")
    return Restart(untouched, key, private, said, ended)


def test_a_server_that_dies_is_started_again(demo: Demo, restart: Restart) -> None:
    """kill -9 of vLLM in mid-run costs a second start: the same attempt measures all tasks, and other results stay."""
    assert restart.ended.returncode == 0, restart.ended.stdout + restart.ended.stderr
    for task in sorted(TASKS.keys() - {"en_code"}):
        ran, samples = (result(demo, task)[key] for key in ("ran", "samples"))
        assert (ran["attempt"], ran["server_restarts"]) == (1, 1)  # type: ignore[index]
        assert samples["asked"] == samples["answered"] == samples["fresh"] + samples["replayed"]  # type: ignore[index]
    assert result(demo, "en_code") == restart.untouched


def test_another_user_of_the_node_gets_nothing_of_a_real_job(restart: Restart) -> None:
    """Neither vLLM nor the relay answers it; folders, logs, answers and the variables of processes cannot be read."""
    said = restart.said
    if not said:
        pytest.skip(other_user.WHY_NOT)
    assert said["user"] != os.geteuid()
    assert said["statuses"] == [401]
    assert other_user.let_in(said) == {}
    assert sum(" of process " in name and came == "PermissionError" for name, came in said.items()) > 10
    assert any(name.endswith("/server.log") for name in said) and any(name.endswith(".jsonl") for name in said)
    assert f"{restart.private}/server-0.sock" in said["sockets"]
    assert restart.key not in said["command lines"]


def test_the_relays_key_is_nowhere_after_a_run(demo: Demo, restart: Restart) -> None:
    """Not in the run folders, results, generated files and caches, nor in any object of git, the ledger's too."""
    places = list(everything(demo))
    assert {kind for kind, _, _ in places} == {"file", "table", "object of the clone", "object of the remote"}
    assert any(b"How many eggs" in text for kind, _, text in places if kind == "table"), "rows are read, not only names"
    key = restart.key.encode()
    assert len(key) == 64 and [(kind, name) for kind, name, text in places if key in text] == []


def test_a_job_that_is_killed_goes_on_with_its_answers(demo: Demo) -> None:
    """kill -9 of all its processes: the next attempt asks only what was never answered, with a new server and port."""
    submit_with_temperature(demo, "0.7")
    kept = kill_the_job_when_it_has_answers(demo)
    assert kept > 0
    ended = demo.evalctl("sync", "--service", "local", "--watch", "--interval", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    measured = [result(demo, task) for task in sorted(TASKS.keys() - {"en_code"})]
    assert {document["ran"]["attempt"] for document in measured} == {2}  # type: ignore[index]
    assert sum(document["samples"]["replayed"] for document in measured) == kept  # type: ignore[index]
    asked, fresh = (sum(document["samples"][key] for document in measured) for key in ("asked", "fresh"))  # type: ignore[index]
    assert fresh == asked - kept


def test_the_demos_answers_have_scores(demo: Demo) -> None:
    """Every answer of the relay finds its question in lighteval's own file, with the right answer and its score."""
    told = demo.evalctl("details", "tiny-llama", "ja_capitals", "--json")
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    assert (told.returncode, len(answers)) == (0, 10), told.stderr
    assert all(set(one["scores"]) == {"acc"} and len(one["gold"]) == 1 and one["finish_reason"] for one in answers)


def test_answers_of_the_demo_have_scores(demo: Demo) -> None:
    """`evalctl details`, typed in its repository, finds the environment that reads them."""
    environ = {name: value for name, value in demo.environ.items() if not name.startswith("EVALCTL_")}
    call = [sys.executable, "-m", "evalctl", "details", "tiny-llama", "ja_capitals", "--json"]
    done = subprocess.run(call, cwd=demo.root, env=environ, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told and all(one["scores"] for one in told)


@pytest.fixture(scope="module")
def values(demo: Demo) -> Values:
    """Of each entry the value of each question, of the first model and of the one that knows all answers but one."""
    second_model.measure(demo)
    first, knowing = (
        {entry: [one.value for one in questions(demo, request, entry)] for entry in ENTRIES}
        for request in ("tiny-llama", "knowing")
    )
    return {entry: (first[entry], knowing[entry]) for entry in ENTRIES}


def test_a_model_whose_answers_are_known_has_the_score_that_it_must_have(demo: Demo, values: Values) -> None:
    """All questions but one are right, with real vLLM and lighteval on the way from the weights to the table."""
    shown = json.loads(demo.evalctl("results", "show", "--json").stdout)
    scores = {one["model"].removeprefix("hosted_vllm/"): one["results"] for one in shown}
    for entry, (_, knowing) in values.items():
        assert sum(knowing) == len(knowing) - 1
        assert scores[KNOWING][entry] == pytest.approx(1 - 1 / len(knowing), abs=1e-12)


def test_two_measured_models_are_compared_question_by_question(demo: Demo, values: Values) -> None:
    """Difference, counts and p are those of SciPy on the answers themselves."""
    (compared,) = json.loads(demo.evalctl("results", "compare", MODEL, KNOWING, "--json").stdout)
    for entry, (first, second) in values.items():
        line, changes = compared["entries"][entry], [b - a for a, b in zip(first, second, strict=True)]
        better, worse = sum(one > 0 for one in changes), sum(one < 0 for one in changes)
        said = line["difference"]
        assert (said["questions"], said["better"], said["worse"]) == (len(changes), better, worse)
        assert said["mean"] == pytest.approx(sum(changes) / len(changes), abs=1e-12)
        if set(first) <= {0.0, 1.0}:
            assert said["p_uncorrected"] == pytest.approx(binomtest(better, better + worse).pvalue, rel=1e-9)
        assert (line["verdict"] == "better") == (said["p"] < 0.05)
    assert compared["entries"]["subjects"]["verdict"] == "better"


def test_two_measured_models_are_gated(demo: Demo, values: Values) -> None:
    """The one that knows passes; with the sides exchanged the other fails."""
    written = demo.root / "manifests/gates/release.yaml"
    written.parent.mkdir()
    for baseline, candidate, code, outcome in (
        (MODEL, KNOWING, 0, "PASS"),
        (KNOWING, MODEL, 1, "FAIL"),
    ):
        sides = [f"{{model: {one}, custom_settings: default}}" for one in (baseline, candidate)]
        written.write_text(
            f"baseline: {sides[0]}\ncandidates: [{sides[1]}]\nrequired: [{{entry: subjects, margin: 0.05}}]\n"
        )
        decided = demo.evalctl("results", "gate", "release")
        assert decided.returncode == code and outcome in decided.stdout, decided.stdout + decided.stderr
    written.unlink()


def test_two_measured_models_are_shown(demo: Demo, values: Values) -> None:
    """Both are in the committed leaderboard, the better one first, and the result site has a page for the two."""
    board = (demo.root / "results/README.md").read_text(encoding="utf-8")
    assert 0 < board.index("knowing") < board.index("tiny-llama") and "±" in board
    folder = demo.folder / "site"
    assert demo.evalctl("results", "site", "-o", str(folder)).returncode == 0
    first = (folder / "index.html").read_text(encoding="utf-8")
    assert 0 < first.index("demo/knowing") < first.index("demo/tiny-llama")
    (pair,) = (folder / "pairs").glob("*.html")
    assert "subjects" in pair.read_text(encoding="utf-8") and "better" in pair.read_text(encoding="utf-8")
