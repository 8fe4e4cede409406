"""Runs lighteval's own client through a relay at an unreliable server, many times; runs in the framework's environment, prints JSON.

python losses_run.py WAIT_MILLISECONDS CONCURRENT QUESTIONS RUNS AT_ONCE FAULTS      one line for each run: {"lost", "hung", "seconds", …}

Every run has a relay, a server and a process with the client of its own; lighteval is imported once, and forked. AT_ONCE runs are side by
side.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from relay_load import KEY, started

SERVER = Path(__file__).with_name("standin.py")
RELAY = [sys.executable, "-m", "evalctl_job.relay"]
LONGEST = (
    300.0  # seconds beside those of the answers: a question that meets fault after fault waits 30 s between its tries
)


@dataclass
class Run:
    """A running run."""

    pid: int
    stack: ExitStack
    answers: Path
    counts: str
    load: str
    begin: float


def main() -> None:
    """All runs."""
    wait, concurrent, questions, runs, at_once = map(int, sys.argv[1:6])
    import lighteval.models.endpoints.litellm_model as module  # before the forks: it takes 10 s

    going: list[Run] = []
    limit = LONGEST + 2 * wait / 1000 * (questions / concurrent + 1)
    while runs or going:
        while runs and len(going) < at_once:
            going.append(begun(module, wait, concurrent, questions))
            runs -= 1
        for run in list(going):
            hung = time.monotonic() - run.begin > limit
            if hung:
                os.kill(run.pid, 9)
            if os.waitpid(run.pid, 0 if hung else os.WNOHANG)[0]:
                going.remove(run)
                sys.stdout.write(json.dumps(ended(run, questions, hung)) + "\n")
                sys.stdout.flush()
        time.sleep(0.05)


def begun(module: Any, wait: int, concurrent: int, questions: int) -> Run:
    """One run with all that it needs."""
    stack = ExitStack()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evalctl-bench-")))
    port = folder / "server.port"
    _, server = stack.enter_context(started([sys.executable, str(SERVER), str(port), str(wait), sys.argv[6]], port))
    socket = quote(str(port.with_suffix(".sock")), safe="")
    flags = ["--upstream", f"http+unix://{socket}/v1", "--state", str(folder / "state"), "--admit", str(concurrent)]
    relay = [*RELAY, *flags, "--listen-port-file", str(folder / "relay.port")]
    _, address = stack.enter_context(started(relay, folder / "relay.port"))
    begin, pid = time.monotonic(), os.fork()
    if pid == 0:
        asked(module, f"{address}/task/t", folder / "answers", questions)
        os._exit(0)
    return Run(pid, stack, folder / "answers", f"{address}/task/t/counts", f"{server}/load", begin)


def asked(module: Any, address: str, into: Path, questions: int) -> None:
    """In the process of the client: asks, and writes how many answers it has."""
    os.environ |= {"EVALCTL_RELAY": address, "EVALCTL_RELAY_KEY": KEY, "HOSTED_VLLM_API_KEY": KEY}
    os.environ["HOSTED_VLLM_API_BASE"] = f"{address}/v1"
    os.dup2(os.open(into.with_suffix(".log"), os.O_WRONLY | os.O_CREAT), 2)
    config = module.LiteLLMModelConfig(model_name="hosted_vllm/demo/tiny", cache_dir=str(into.with_suffix(".cache")))
    client = module.LiteLLMClient(config)
    prompts = [[{"role": "user", "content": f"質問 {number}: {number} + 1 = ?"}] for number in range(questions)]
    replies = client._LiteLLMClient__call_api_parallel(prompts, False, 24, 1, None)
    into.write_text(str(sum(bool(one.choices[0].message.content) for one in replies)))


def ended(run: Run, questions: int, hung: bool) -> dict[str, Any]:
    """What became of it."""
    seconds = time.monotonic() - run.begin
    got = int(run.answers.read_text()) if run.answers.exists() else 0
    counts, load = fetched(run.counts), fetched(run.load)
    run.stack.close()
    return {
        "hung": hung, "seconds": round(seconds, 2), "lost": questions - min(got, counts["answered"]), "retried": counts["retried"],
        "faults": load["faults"],
    }  # fmt: skip


def fetched(address: str) -> dict[str, Any]:
    """The object at an address."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


if __name__ == "__main__":
    main()
