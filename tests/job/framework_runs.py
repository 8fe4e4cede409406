"""lighteval, really run over the demo tasks against servers that behave and misbehave."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chat_upstream import Asked, Behaviour, Reply, answers, completion, serving
from relay_process import wait_for

from evalctl_job.framework_client import ADDRESS

CONFIG = """\
model_parameters:
  model_name: hosted_vllm/demo/tiny
  concurrent_requests: 4
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  cache_dir: cache
  generation_parameters: {{temperature: {temperature}, max_new_tokens: 24}}
"""

FORK_CONFIG = """\
model:
  base_params: {model_name: hosted_vllm/demo/tiny}
  generation: {temperature: 0.8, max_new_tokens: 24}
"""


@dataclass(frozen=True)
class Run:
    """One ended run of lighteval: its folder (config.yaml, log, out, en_demo.counts.json), exit code and requests."""

    folder: Path
    exit_code: int
    requests: int


def refuses(asked: Asked) -> Reply:
    """A server whose context is too short for everything, and that then fails inside."""
    if asked.number > 6:
        return Reply({"error": {"message": "internal"}}, 500)
    return Reply({"error": {"message": "This model's maximum context length is 8 tokens."}}, 400)


def second_is_null(asked: Asked) -> Reply:
    """The second of several choices has no content."""
    return completion(["A 1", *[None] * ((asked.body.get("n") or 1) - 1)])


def falls_silent(asked: Asked) -> Reply:
    """From the fourth request on the answers are empty."""
    return answers(asked) if asked.number < 4 else completion([""])


class TwoAreSilent:
    """The first question is always empty, the second one always filtered; all others are answered."""

    def __init__(self) -> None:
        """No question was asked."""
        self.places: dict[str, int] = {}

    def __call__(self, asked: Asked) -> Reply:
        """The same for the same question, however often it is asked."""
        place = self.places.setdefault(str(asked.body["messages"]), len(self.places))
        n = asked.body.get("n") or 1
        if place > 1:
            return answers(asked)
        whole = completion([None] * n) if place == 0 else completion(["half"] * n, "content_filter")
        return Reply({**whole.body, "model": asked.body["model"]})


def slow(asked: Asked) -> Reply:
    """Good answers, one second each."""
    return Reply(**{**vars(answers(asked)), "pause": 1.0})


CASES: dict[str, tuple[str, Behaviour]] = {
    "arithmetic": ("demo_arithmetic|0", answers),
    "capitals": ("demo_capitals_ja|0", answers),
    "code": ("demo_code|0", answers),
    "subjects": ("demo_subjects|0", answers),
    "repeated": ("demo_arithmetic|0", answers),
    "refused": ("demo_arithmetic|0", refuses),
    "silent": ("demo_arithmetic|0", falls_silent),
    "null": ("demo_code|0", second_is_null),
    "unknown": ("demo_nothing|0", answers),
    "relay killed": ("demo_arithmetic|0", slow),
    "two allowed": ("demo_arithmetic|0", TwoAreSilent()),
    "one allowed": ("demo_arithmetic|0", TwoAreSilent()),
}
UNANSWERED = {"two allowed": 2, "one allowed": 1}


TASKS = {"repeated": str(Path(__file__).with_name("repeating_tasks.py"))}  # others are the demo's

NOTHING: Mapping[str, object] = {}
# (command, folder, variables, log) -> exit code
Start = Callable[[Sequence[str], Path, Mapping[str, str], Path], int]


def cold(command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path) -> int:
    """The command in a process of its own, as a job starts it."""
    with log.open("w") as sink:
        return subprocess.run(
            command, cwd=folder, env=variables, stdout=sink, stderr=subprocess.STDOUT, timeout=300
        ).returncode


def run_framework(
    environment: Path,
    variables: Mapping[str, str],
    folder: Path,
    config: str,
    command: Sequence[str],
    behaviour: Behaviour,
    start: Start,
    *,
    kill_relay: bool = False,
    unanswered: int = 0,
    streamed: bool = True,
    options: Mapping[str, object] = NOTHING,
    kept: Path | None = None,
    admit: int = 4,
) -> Run:
    """One task as a job runs it: its own folder, a relay, nothing else. `streamed`: all questions at once, as in a job.

    `options` of the relay, which asks `admit` choices at once; `kept` is where the answers are kept.
    """
    (folder / "state").mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    (folder / "state" / "t.options.json").write_text(json.dumps({"unanswered": unanswered, **options}))
    if kept is not None:
        (folder / "state" / "t.answers.jsonl").symlink_to(kept)
    relay: list[str | Path] = [
        environment / "bin" / "python",
        "-m",
        "evalctl_job.relay",
        "--tries",
        "1",
        "--admit",
        str(admit),
    ]
    relay += ["--exit-with-parent", "--listen-port-file", folder / "port", "--state", folder / "state"]
    whole = ["lighteval", "endpoint", "litellm", "config.yaml", *command, "--output-dir", "out", "--save-details"]
    with serving(behaviour) as server, ThreadPoolExecutor(1) as pool:
        standing = subprocess.Popen([*relay, "--upstream", server.url], env=variables)
        wait_for((folder / "port").exists)
        base = f"http://127.0.0.1:{(folder / 'port').read_text().strip()}/task/t"
        own = (
            {"HOSTED_VLLM_API_BASE": f"{base}/v1", ADDRESS: base}
            if streamed
            else {"HOSTED_VLLM_API_BASE": f"{base}/v1"}
        )
        places = {**variables, **own, "HF_HOME": str(folder / "hf")}
        code = pool.submit(start, whole, folder, places, folder / "log")
        if kill_relay:
            wait_for(lambda: len(server.posts) > 5, 120)
            standing.kill()
        exit_code = code.result(timeout=300)
        ended(standing, folder)
        return Run(folder, exit_code, len(server.posts))


def ended(relay: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop the relay and put the counts and the answers where `accept` looks for them."""
    relay.terminate()
    relay.wait(timeout=10)
    for name in ("counts.json", "answers.jsonl"):
        if (folder / "state" / f"t.{name}").exists():
            shutil.copy(folder / "state" / f"t.{name}", folder / f"en_demo.{name}")
