"""The programs of a job, started as a job starts them: with the framework environment's own Python."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import answers
from framework_runs import CASES, CONFIG, FORK_CONFIG, TASKS, UNANSWERED, Run, Start, cold, run_framework
from relay_process import KEY, Relay, StartRelay, wait_for

ROOT = Path(__file__).resolve().parents[2]
SOURCES, TASK_SOURCES = ROOT / "compiler", ROOT / "compiler/evalctl_environments/packages/evalctl-tasks"


def newest(pattern: str) -> Path:
    """The newest complete environment of that name, or a skip that says how to get one."""
    folder = Path(os.environ.get("EVALCTL_ENVIRONMENTS", ROOT / ".evalctl" / "environments"))
    built = sorted(folder.glob(f"{pattern}/.complete"), key=lambda stamp: stamp.stat().st_mtime)
    if not built:
        pytest.skip(f"no environment {pattern}: run `evalctl env setup`")
    return built[-1].parent


@pytest.fixture(scope="session")
def environment() -> Path:
    """lighteval 0.13 with what a job needs beside it."""
    return newest("lighteval-[0-9a-f]*")


@pytest.fixture(scope="session")
def fork_environment() -> Path:
    """The fork, lighteval-swallow 0.8; it is built only where its source can be had."""
    return newest("lighteval-swallow-*")


@pytest.fixture(scope="session")
def variables(environment: Path) -> dict[str, str]:
    """The process environment of a job's programs, with the packages as they stand in the work tree."""
    names = ("HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **kept,
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{SOURCES}:{TASK_SOURCES}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "EVALCTL_RELAY_KEY": KEY,
        "HOSTED_VLLM_API_KEY": KEY,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        # lighteval asks for files of nltk at each start: without a network a name server's silence takes up to 20 s
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
        "COLUMNS": "400",  # else `rich` breaks error messages at column 80
    }


@pytest.fixture(scope="session")
def warm(environment: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """lighteval's command line without its import for each run."""
    program = [environment / "bin" / "python", Path(__file__).with_name("warm_lighteval.py")]
    places = {**variables, "HF_HOME": str(tmp_path_factory.mktemp("hf"))}
    # Imported in a folder of its own: litellm makes its cache where it is imported.
    process = subprocess.Popen(
        program,
        cwd=tmp_path_factory.mktemp("warm"),
        env=places,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )

    def start(command: Sequence[str], folder: Path, more: Mapping[str, str], log: Path) -> int:
        assert process.stdin and process.stdout
        wish = {"argv": list(command), "cwd": str(folder), "env": dict(more), "log": str(log)}
        process.stdin.write(json.dumps(wish) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:
        yield start
        assert process.stdin
        process.stdin.close()


@pytest.fixture(scope="session")
def runs(
    environment: Path, variables: dict[str, str], warm: Start, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """All cases, run for real; one of them in a process of its own meanwhile."""
    base = tmp_path_factory.mktemp("lighteval")

    def one(name: str, start: Start) -> Run:
        task, behaviour = CASES[name]
        config = CONFIG.format(temperature=0.8 if "code" in task or name in TASKS else 0)
        command = [task, "--custom-tasks", TASKS.get(name, "evalctl_tasks.tasks")]
        folder = base / name.replace(" ", "_")
        kill = "killed" in name
        return run_framework(
            environment, variables, folder, config, command, behaviour, start,
            kill_relay=kill, unanswered=UNANSWERED.get(name, 0),
        )  # fmt: skip

    with ThreadPoolExecutor(1) as pool:
        alone = pool.submit(one, "subjects", cold)
        ended = {name: one(name, warm) for name in CASES if name != "subjects"}
        return {**ended, "subjects": alone.result()}


@pytest.fixture(scope="session")
def fork_run(fork_environment: Path, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The fork over its demo task, run for real: four samples of each question."""
    own = ["--use-chat-template", "--custom-tasks", "evalctl_tasks.swallow"]
    command = ["swallow|demo_code|0|0", *own, "--output-subdir", "/S"]
    places = {**variables, "PATH": f"{fork_environment / 'bin'}:{variables['PATH']}"}
    folder = tmp_path_factory.mktemp("swallow") / "fork"
    return run_framework(fork_environment, places, folder, FORK_CONFIG, command, answers, cold)


@pytest.fixture
def start_relay(environment: Path, variables: dict[str, str], tmp_path: Path) -> Iterator[StartRelay]:
    """Start relays in front of an upstream; options of task `t` as keyword, what a shell does first, where state is kept."""
    started: list[Relay] = []

    def start(
        *flags: str | Path, options: Any = None, answers: Path | None = None, first: str = "", kept: Path | None = None,
        **secrets: str,
    ) -> Relay:  # fmt: skip
        folder = tmp_path / f"relay{len(started)}"
        folder.mkdir()
        state, port_file = kept or folder / "state", folder / "port"
        state.mkdir(parents=True)
        if options is not None:
            (state / "t.options.json").write_text(json.dumps(options))
        if answers is not None:
            (state / "t.answers.jsonl").symlink_to(answers)
        upstream = ["--upstream"] if not str(flags[0]).startswith("-") else []
        program = [environment / "bin" / "python", "-m", "evalctl_job.relay", *upstream, *flags]
        command = [*program, "--listen-port-file", port_file, "--state", state]
        shell = ["bash", "-c", f'{first} && exec "$@"', "bash"] if first else []
        process = subprocess.Popen([*shell, *command], env={**variables, **secrets}, text=True)
        started.append(Relay(process, 0, state))
        wait_for(lambda: port_file.exists() or process.poll() is not None)
        started[-1].port = int(port_file.read_text())
        return started[-1]

    yield start
    for relay in started:
        relay.process.kill()
        relay.process.wait()
