"""Every provider's jobs against a local stand-in of the provider: real lighteval, real relay, the request's own call."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, Server, answers, serving
from framework_runs import Start, cold
from relay_process import KEY as RELAY_KEY
from relay_process import wait_for
from samples import base_texts, one_job

from evalctl.model.evaluation import Job
from evalctl.render.script import script
from evalctl_job.framework_client import ADDRESS

pytestmark = pytest.mark.environments

KEY = "sk-the-key-of-this-provider"
DECLARED = {"manifests/providers/our-endpoint.yaml": "base_url: https://llm.example.jp/v1\n"}
TABLES = ("manifests/tasks/tasks_runtime.csv", "manifests/tasks/task_settings.csv")
SETTINGS = "{temperature: 0.8, max_n: 2, top_k: 5}"
# provider: (the request's model, its name on the wire)
MODELS = {
    "openai": ("openai/gpt-4o-mini", "gpt-4o-mini"),
    "deepinfra": ("openai/gpt-oss-20b", "openai/gpt-oss-20b"),
    "gemini": ("gemini-2.5-flash", "gemini-2.5-flash"),
    "anthropic": ("claude-sonnet-4-5", "claude-sonnet-4-5"),
    "our-endpoint": ("org/m", "org/m"),
}


def job(provider: str, task: str = "en_own", script_name: str = "demo_code") -> Job:
    """The job of a request for a task that asks four times for an answer; the provider takes two at a time."""
    was = {"en_own": "demo_arithmetic", "ja_exact": "jemhopqa_cot"}[task]
    tables = {path: base_texts()[path].replace(was, script_name) for path in TABLES}
    lines = f"service: tsubame\ntasks: [{task}]\noverrides: {{{task}: {SETTINGS}}}\n"
    return one_job(f"model: {MODELS[provider][0]}\nprovider: {provider}\n{lines}", {**DECLARED, **tables})


def two_at_most(asked: Asked) -> Reply:
    """Refuses more answers than two, as some providers do."""
    if (asked.body.get("n") or 1) > 2:
        return Reply({"error": {"message": "n must be at most 2"}}, 400)
    return answers(asked)


def run(one: Job, server: Server, environment: Path, variables: Mapping[str, str], folder: Path, start: Start) -> int:
    """The task as a job runs it, the provider's address apart."""
    (planned,) = one.tasks
    (prefix,) = re.findall(r'^litellm_prefix = "(\w+)"$', script(one).data.decode(), re.MULTILINE)
    (folder / "state").mkdir(parents=True)
    (folder / "config.yaml").write_text(planned.invocation.config, encoding="utf-8")
    (folder / "state" / "t.options.json").write_text(json.dumps(planned.invocation.relay.as_json()))
    relay: list[str | Path] = [
        environment / "bin" / "python",
        "-m",
        "evalctl_job.relay",
        "--tries",
        "1",
        "--state",
        folder / "state",
    ]
    relay += [
        "--listen-port-file",
        folder / "port",
        "--upstream",
        server.url,
        "--key-variable",
        one.server.key_variable,
    ]
    standing = subprocess.Popen(relay, env={**variables, one.server.key_variable: KEY})
    try:
        wait_for((folder / "port").exists)
        task = f"http://127.0.0.1:{(folder / 'port').read_text().strip()}/task/t"
        base = f"{task}/v1"
        places = {f"{prefix}_API_BASE": base, f"{prefix}_BASE_URL": base, f"{prefix}_API_KEY": RELAY_KEY, ADDRESS: task}
        return start(planned.invocation.argv, folder, {**variables, **places}, folder / "log")
    finally:
        standing.terminate()
        standing.wait(timeout=10)


def check(bodies: list[dict[str, Any]], server: Server, name: str) -> None:
    """The provider got its own model name and key, every setting, and four times each question in parts of two."""
    assert {body["model"] for body in bodies} == {name}
    assert {asked.headers["Authorization"] for asked in server.posts} == {f"Bearer {KEY}"}
    assert {body["n"] for body in bodies} == {2}
    assert sum(body["n"] for body in bodies) == 4 * 10
    assert {(body["temperature"], body["top_k"]) for body in bodies} == {(0.8, 5)}


@pytest.mark.parametrize("provider", MODELS)
def test_every_provider_is_asked_in_its_own_words(
    provider: str, environment: Path, variables: dict[str, str], warm: Start, tmp_path: Path
) -> None:
    """From the request to the wire, in lighteval's dialect; max_n is kept to."""
    one = job(provider)
    with serving(two_at_most) as server:
        assert run(one, server, environment, variables, tmp_path / "task", warm) == 0
        bodies = [asked.body for asked in server.posts]
    check(bodies, server, MODELS[provider][1])
    wanted = "max_completion_tokens" if provider == "openai" else "max_tokens"
    assert {key for body in bodies for key in body if key in ("max_tokens", "max_completion_tokens")} == {wanted}
    assert KEY not in (tmp_path / "task" / "log").read_text()


def test_the_fork_asks_a_provider_in_parts_as_well(
    environment: Path, fork_environment: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    """max_n holds in the fork's dialect, too: two calls of two for each question, not four of one."""
    one = job("deepinfra", "ja_exact", "demo_code")
    path = f"{fork_environment / 'bin'}:{variables['PATH']}"

    with serving(two_at_most) as server:
        assert run(one, server, environment, {**variables, "PATH": path}, tmp_path / "task", cold) == 0
        bodies = [asked.body for asked in server.posts]
    check(bodies, server, "openai/gpt-oss-20b")
