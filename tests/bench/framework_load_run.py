"""Runs the real lighteval over questions of its own, against a stub of a model's server; runs in the framework's environment, prints JSON.

python framework_load_run.py WAIT_MILLISECONDS CONCURRENT QUESTIONS [--own-client]      one line: {"answers_per_second", "filled", …}

The relay is between them, as in a job, and admits CONCURRENT requests at a time. With --own-client, lighteval asks as it does outside of
a job: with litellm, from CONCURRENT threads.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

from relay_load import KEY, cpu_seconds, started

CONFIG = """\
model_parameters:
  model_name: hosted_vllm/demo/tiny
  concurrent_requests: {concurrent}
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  cache_dir: cache
  generation_parameters: {{temperature: 0, max_new_tokens: 24}}
"""
TASKS = """\
from evalctl_tasks.tasks import exact, first_digit, open_question
from lighteval.tasks.lighteval_task import LightevalTaskConfig

TASKS_TABLE = [LightevalTaskConfig(
    name="load", prompt_function=open_question, hf_repo={folder!r}, hf_subset="default", hf_avail_splits=["test"],
    evaluation_splits=["test"], metrics=[exact("exact_match", first_digit)], generation_size=24, version=1,
)]
"""
SERVER = Path(__file__).with_name("standin.py")
RELAY = [sys.executable, "-m", "evalctl_job.relay"]
LIMIT_SECONDS = 600


def main() -> None:
    """One run."""
    wait, concurrent, questions = map(int, sys.argv[1:4])
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as name:
        folder = Path(name)
        write_task(folder, concurrent, questions)
        place = folder / "server.port"
        with started([sys.executable, str(SERVER), str(place), str(wait)], place) as (standin, server):
            socket = quote(str(place.with_suffix(".sock")), safe="")
            flags = [
                "--upstream",
                f"http+unix://{socket}/v1",
                "--state",
                str(folder / "state"),
                "--admit",
                str(concurrent),
            ]
            port = folder / "relay.port"
            with started([*RELAY, *flags, "--listen-port-file", str(port)], port) as (relay, address):
                ended = framework(folder, f"{address}/task/load", "--own-client" not in sys.argv)
                relay_cpu = cpu_seconds(relay.pid)
                counts = asked(f"{address}/task/load/counts")
                load = asked(f"{server}/load")
                server_cpu = cpu_seconds(standin.pid)
    span = load["last"] - load["first"]
    sys.stdout.write(json.dumps({
        "answers_per_second": questions / span, "filled": load["busy_seconds"] / span / concurrent, "lost": questions - counts["answered"],
        "framework_cpu": ended["cpu"], "relay_cpu": relay_cpu, "server_cpu": server_cpu, "whole": ended["seconds"], "exit": ended["exit"], "hung": ended["hung"],
        "megabytes": ended["megabytes"],
    }) + "\n")  # fmt: skip


def write_task(folder: Path, concurrent: int, questions: int) -> None:
    """The configuration, the task, and its data set."""
    data = folder / "data"
    data.mkdir()
    lines = (json.dumps({"question": f"質問 {number}: {number} + 1 = ?", "answer": "1"}) for number in range(questions))
    (data / "test.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "tasks.py").write_text(TASKS.format(folder=str(data)))
    (folder / "config.yaml").write_text(CONFIG.format(concurrent=concurrent))


def framework(folder: Path, address: str, in_job: bool) -> dict[str, float]:
    """One run of lighteval: its CPU seconds, and whether it has ended."""
    places = {"HOSTED_VLLM_API_BASE": f"{address}/v1", "HOSTED_VLLM_API_KEY": KEY, "EVALCTL_RELAY_KEY": KEY}
    places |= {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hf"),
        "no_proxy": "127.0.0.1",
    }
    places |= {"EVALCTL_RELAY": address} if in_job else {}
    program = str(Path(sys.executable).with_name("lighteval"))
    command = [
        program,
        "endpoint",
        "litellm",
        "config.yaml",
        "load|0",
        "--custom-tasks",
        "tasks.py",
        "--output-dir",
        "out",
        "--save-details",
    ]
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **places}, stdout=log, stderr=log)
        try:
            code = process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = -1
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        sys.stderr.write((folder / "log").read_text()[-2000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu": cpu, "seconds": time.monotonic() - begin, "exit": code, "hung": code == -1, "megabytes": after.ru_maxrss / 1024,
    }  # fmt: skip


def asked(address: str) -> dict[str, float]:
    """The object at an address."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        found: dict[str, float] = json.load(reply)
    return found


if __name__ == "__main__":
    main()
