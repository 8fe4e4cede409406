"""The main job, end to end and for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import other_user
import pytest
from tests.e2e.conftest import ENVIRONMENTS, PATIENCE_S, Demo

from evalctl.environments import catalogue

pytestmark = [pytest.mark.environments, pytest.mark.timeout(1500)]
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
    _submit_with_temperature(demo, "0.6")
    held = _hold_a_framework_until_answers_come(demo)
    key, private, said = _tried_by_another_user(demo, held)
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
    places = list(_everything(demo))
    assert {kind for kind, _, _ in places} == {"file", "table", "object of the clone", "object of the remote"}
    assert any(b"42" in text for kind, _, text in places if kind == "table"), "tables are read, not only opened"
    key = restart.key.encode()
    assert len(key) == 64 and [(kind, name) for kind, name, text in places if key in text] == []


def test_a_job_that_is_killed_goes_on_with_its_answers(demo: Demo) -> None:
    """kill -9 of all its processes: the next attempt asks only what was never answered, with a new server and port."""
    _submit_with_temperature(demo, "0.7")
    kept = _kill_the_job_when_it_has_answers(demo)
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


def _submit_with_temperature(demo: Demo, value: str) -> None:
    settings = demo.root / "manifests/models/demo/tiny-llama.yaml"
    lines = [line for line in settings.read_text(encoding="utf-8").splitlines() if "temperature" not in line]
    text = "\n".join(lines).replace("  version:", f"  temperature: {value}\n  version:")
    settings.write_text(f"{text}\n", encoding="utf-8")
    compiled = demo.evalctl("compile")
    assert compiled.returncode == 0, compiled.stderr
    demo.git("add", "--all")
    demo.git("commit", "--quiet", "-m", f"temperature {value}")
    demo.git("push", "--quiet", "origin", "main")
    assert demo.evalctl("sync", "--service", "local").returncode == 0


def _kill_the_job_when_it_has_answers(demo: Demo) -> int:
    """How many answers it had then."""
    _waited_for(lambda: _answers(demo), "no answer came")
    while processes := demo.pids(""):
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
    return sum(_answers(demo))


def _answers(demo: Demo) -> list[int]:
    """Answers that wait for the end of their evals, line by line; what a kill has cut off is none."""
    files = demo.root.glob(".evalctl/answers/*/*.jsonl")
    lines = [line for path in files for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    return [len(json.loads(line)["choices"]) for line in lines]


def _hold_a_framework_until_answers_come(demo: Demo) -> list[int]:
    """Its questions are certain to want another server."""
    held = _waited_for(lambda: demo.pids("config.yaml demo_subjects"), "no framework came")
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    _waited_for(lambda: _answers(demo), "no answer came")
    return held


def _tried_by_another_user(demo: Demo, held: list[int]) -> tuple[str, Path, dict[str, Any]]:
    """The relay's key, the server's private folder, and what came of all that another user tried; nothing without root."""
    run_dir = Path(other_user.environment(held[0])["EVALCTL_RUN_DIR"])
    of_job = other_user.job_processes(run_dir)
    serves = next(line.split() for line in demo.processes() if "vllm serve" in line)
    private = Path(serves[serves.index("--uds") + 1]).parent
    key = other_user.key_of(of_job)
    if not other_user.POSSIBLE:
        return key, private, {}
    home = demo.root / ".evalctl"
    files = [demo.root / ".env", *home.glob("answers/*/*.jsonl"), *home.glob("queue/*")]
    folders = [home / name for name in ("runs", "answers", "caches", "queue")]
    return key, private, other_user.as_other(run_dir, of_job, private, more_files=files, more_folders=folders)


_ROWS = """
import sys
import pyarrow.parquet as parquet
for path in sys.stdin.read().splitlines():
    table = parquet.read_table(path)
    print(path, table.schema.metadata, table.to_pylist())
"""


def _everything(demo: Demo) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and content of all that the runs have left: files, rows of tables, objects of git."""
    files = [path for path in demo.folder.rglob("*") if path.is_file() and demo.folder / "model" not in path.parents]
    for path in files:
        yield "file", str(path), path.read_bytes()
    python = ENVIRONMENTS / catalogue()["lighteval"].directory_name / "bin/python"
    tables = "\n".join(str(path) for path in files if path.suffix == ".parquet")
    yield (
        "table",
        "details",
        subprocess.run([python, "-c", _ROWS], input=tables.encode(), capture_output=True, check=True).stdout,
    )
    for kind, folder in (("clone", demo.root), ("remote", demo.folder / "origin.git")):
        words = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        yield (
            f"object of the {kind}",
            "",
            subprocess.run(words, cwd=folder, env=demo.environ, capture_output=True, check=True).stdout,
        )


def _waited_for(found: Callable[[], list[int]], problem: str) -> list[int]:
    deadline = time.monotonic() + PATIENCE_S
    while not (what := found()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.1)
    return what


def test_answers_of_the_demo_have_scores(demo: Demo) -> None:
    """`evalctl details`, typed in its repository, finds the environment that reads them."""
    environ = {name: value for name, value in demo.environ.items() if not name.startswith("EVALCTL_")}
    call = [sys.executable, "-m", "evalctl", "details", "tiny-llama", "ja_capitals", "--json"]
    done = subprocess.run(call, cwd=demo.root, env=environ, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told and all(one["scores"] for one in told)
