"""A framework that was killed in mid-run is run again elsewhere: the model hears only what was never answered."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, completion, serving
from framework_runs import CONFIG
from relay_process import Relay, StartRelay, wait_for

from evalctl_job.framework_client import ADDRESS

pytestmark = pytest.mark.environments
StartFramework = Callable[[str, Relay], "subprocess.Popen[bytes]"]


def settled(asked: Asked) -> Reply:
    """One server for all runs: the same questions get the same answers, each choice its own."""
    prompt = asked.body["messages"][-1]["content"]
    names = [f"{prompt} {i}" for i in range(asked.body.get("n") or 1)]
    digits = [str(int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10) for name in names]
    return Reply(completion(digits).body, pause=0.4)


@pytest.fixture
def start_framework(environment: Path, variables: dict[str, str], tmp_path: Path) -> StartFramework:
    """lighteval with four samples of ten questions, in a folder of its own, against a relay."""

    def start(name: str, relay: Relay) -> subprocess.Popen[bytes]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.yaml").write_text(CONFIG.format(temperature=0.8))
        command: list[str | Path] = [
            environment / "bin" / "lighteval",
            "endpoint",
            "litellm",
            "config.yaml",
            "demo_code|0",
        ]
        more = ["--custom-tasks", "evalctl_tasks.tasks", "--output-dir", "out", "--save-details"]
        places = {
            **variables,
            "HOSTED_VLLM_API_BASE": relay.url(),
            ADDRESS: relay.url().removesuffix("/v1"),
            "HF_HOME": str(tmp_path / "hf"),
        }
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, *more], cwd=folder, env=places, stdout=log, stderr=log, start_new_session=True
            )

    return start


def scores(folder: Path) -> dict[str, Any]:
    """What a run found."""
    (found,) = folder.glob("out/results/**/*.json")
    read: dict[str, Any] = json.loads(found.read_text())["results"]
    return read


def test_a_killed_run_goes_on_and_finds_the_same(
    start_relay: StartRelay, start_framework: StartFramework, tmp_path: Path
) -> None:
    """kill -9 of framework and relay: nothing that was answered is asked again, and the scores are the undisturbed."""
    kept = tmp_path / "digest.jsonl"
    with serving(settled) as server:
        first = start_relay(server.url, "--admit", "8", answers=kept)  # two questions of four samples at a time
        framework = start_framework("killed", first)
        wait_for(lambda: kept.exists() and kept.read_bytes().count(b"\n") >= 3, 300)
        os.killpg(framework.pid, signal.SIGKILL)
        framework.wait()
        first.process.kill()
        first.process.wait()
        on_file = {kept_one["body"]["messages"][-1]["content"] for kept_one in first.answers()}
        before = len(server.posts)

        second = start_relay(server.url, answers=kept)
        assert start_framework("resumed", second).wait(300) == 0
        again = [asked.body["messages"][-1]["content"] for asked in server.posts[before:]]
        assert 3 <= len(on_file) < 10 and not on_file & set(again) and len(again) == 10 - len(on_file)
        resumed = second.counts()

        third = start_relay(server.url)
        assert start_framework("undisturbed", third).wait(300) == 0
        undisturbed = third.counts()
    assert scores(tmp_path / "resumed") == scores(tmp_path / "undisturbed")
    assert (resumed["replayed"], resumed["fresh"]) == (4 * len(on_file), 4 * len(again))
    same = ("asked", "answered", "empty", "truncated", "failed", "prompt_tokens", "completion_tokens", "sent")
    assert {name: resumed[name] for name in same} == {name: undisturbed[name] for name in same}
