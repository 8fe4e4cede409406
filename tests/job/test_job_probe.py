"""`evalctl probe` against local servers with limits: the real command, the real litellm, real requests."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Behaviour, Reply, Server, serving
from limited_upstream import KEY, Limits, limited, refusal
from relay_process import wait_for

from evalctl.environments import check

pytestmark = pytest.mark.environments

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or ROOT / ".evalctl" / "environments")
BASE = ROOT / "tests" / "golden" / "base"
SETTINGS = """\
careful:
  max_n: 10
  top_k: 5
  max_new_tokens: 8192
  stop_tokens: [終わり, b, c]
  version: "1"
"""
REQUEST = (
    "model: {model}\nprovider: {provider}\ncustom_settings: {settings}\nservice: local\ntasks: [en_choice, ja_exact]\n"
)


def busy_once(asked: Asked) -> Reply:
    """Too many requests, the first time; then a server that takes and knows everything."""
    if asked.number == 1:
        return Reply({"error": {"message": "slow down"}}, 429, {"retry-after": "0"})
    return limited(Limits(gives_logprobs=True, refuses_unknown=True, listed="max_model_len"))(asked)


def always_busy(asked: Asked) -> Reply:
    """The rate limit is used up after three requests."""
    if asked.number > 3:
        return Reply(
            {"error": {"message": "Rate limit reached"}}, 429, {"retry-after": "0", "x-ratelimit-limit-requests": "3"}
        )
    return limited(Limits())(asked)


def crowded(asked: Asked) -> Reply:
    """Too much to do from the third request on."""
    if asked.number > 2:
        return Reply({"error": {"message": "the model is overloaded"}}, 503, {"retry-after": "0"})
    return limited(Limits())(asked)


STRICT = Limits(
    most_n=4, refused=("top_k",), stop_texts=2, listed="context_length", headers=(("x-ratelimit-limit-requests", "10"),)
)
LOOSE = Limits(most_n=1, drops_n=True, ignores_length=("max_tokens",), not_together=("temperature", "top_p"))
SERVERS: dict[str, Behaviour] = {
    "strict": limited(STRICT),
    "loose": limited(LOOSE),
    "generous": busy_once,
    "busy": always_busy,
    "crowded": crowded,
    "counted": limited(Limits(refused=("temperature",))),
    "forbidden": limited(Limits()),
    "moved": lambda _: Reply({}, 307, {"Location": "http://localhost:9/v1/chat/completions"}),
    "open": limited(Limits(), key="none"),
    "failing": lambda asked: refusal("internal error", 500) if "n" in asked.body else limited(Limits())(asked),
}
OTHERS_KEY = "sk-the-key-of-openai-alone-5678"
MANY = ["forbidden", "silent", "elsewhere", "unkeyed", "loose", "failing", "open", "crowded", "moved", "generous"]
CASES = {
    "words": ["probe", "strict", "busy"],
    "many": ["probe", *MANY, "--json"],
    "counted": ["probe", "org/m", "--provider", "counted", "--json", "--max-calls", "4"],
}


@dataclass(frozen=True)
class Said:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def of(self, provider: str) -> dict[str, Any]:
        """What its JSON tells of a provider."""
        (found,) = [one for one in json.loads(self.out) if one["provider"] == provider]
        return dict(found)


@dataclass(frozen=True)
class Story:
    """Every case's command, what the servers were asked, and how often anybody else was."""

    root: Path
    said: dict[str, Said]
    servers: dict[str, Server]
    strangers: list[object]


def write(root: Path, path: str, text: str) -> None:
    """A manifest."""
    (root / "manifests" / path).parent.mkdir(parents=True, exist_ok=True)
    (root / "manifests" / path).write_text(text, encoding="utf-8")


def repository(root: Path, addresses: dict[str, str]) -> Path:
    """The base with a provider and a request for each address; keys for all but one."""
    shutil.copytree(BASE, root)
    write(root, "models/org/m.yaml", SETTINGS)
    for name, url in addresses.items():
        write(root, f"providers/{name}.yaml", f"base_url: {url}\n{'key: false' if name == 'open' else ''}\n")
        model = "org/other" if name == "elsewhere" else "org/m"
        settings = "careful" if model == "org/m" else "null"
        write(root, f"requests/{name}.yaml", REQUEST.format(model=model, provider=name, settings=settings))
    keys = {name: KEY for name in addresses if name not in ("unkeyed", "forbidden")} | {"forbidden": f"{KEY}5"}
    lines = [f'{name.upper().replace("-", "_")}_API_KEY="{key}"' for name, key in keys.items()]
    (root / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@contextmanager
def strangers() -> Iterator[tuple[str, list[object]]]:
    """A proxy that nobody should need: who comes by is noted and sent away."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def note() -> None:
            while True:
                try:
                    caller, where = listening.accept()
                except OSError:
                    return
                came.append(where)
                caller.close()

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", came
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def variables(home: Path, proxy: str = "") -> dict[str, str]:
    """The environment of a person's shell."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EVALCTL_") and "proxy" not in name.lower()
    }
    proxies = {name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") if proxy}
    return {
        **kept,
        **proxies,
        "HOME": str(home),
        "OPENAI_API_KEY": OTHERS_KEY,
        "EVALCTL_ENVIRONMENTS": str(ENVIRONMENTS),
    }


def command(root: Path, words: list[str]) -> list[str]:
    """`evalctl …` in that repository."""
    return [sys.executable, "-m", "evalctl", "--repo", str(root), *words]


@pytest.fixture(scope="module")
def ready() -> None:
    """The environment as the sources describe it now."""
    if missing := check(["lighteval"], ENVIRONMENTS):
        pytest.skip("; ".join(missing))


@pytest.fixture(scope="module")
def story(ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All cases, two at a time."""
    folder = tmp_path_factory.mktemp("probe")
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as bound:
        proxy, came = stack.enter_context(strangers())
        servers = {name: stack.enter_context(serving(behaviour)) for name, behaviour in SERVERS.items()}
        addresses = {name: server.url for name, server in servers.items()}
        addresses |= dict.fromkeys(("elsewhere", "unkeyed"), servers["loose"].url)
        addresses["silent"] = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        bound.close()
        root = repository(folder / "repository", addresses)
        environ = variables(folder, proxy)

        def run(words: list[str]) -> Said:
            done = subprocess.run(command(root, words), env=environ, capture_output=True, encoding="utf-8", timeout=300)
            return Said(done.returncode, done.stdout, done.stderr)

        with ThreadPoolExecutor(2) as pool:
            said = dict(zip(CASES, pool.map(run, CASES.values()), strict=True))
        yield Story(root, said, servers, came)


def test_limits_are_told_in_words_and_lines_to_write(story: Story) -> None:
    """The largest n, what is refused or dropped, the context, the rate; then what to write, with file and line."""
    told = story.said["words"].out.split("org/m at busy")[0]
    rows = dict(re.findall(r"^  (\S.*?)  +(\S.*)$", told, re.MULTILINE))
    assert rows["n"].startswith("at most 4: n must be at most 4")
    assert rows["top_k"].startswith("refused: Unrecognized request argument supplied: top_k")
    assert rows["stop"].startswith("refused beyond 2 texts")
    assert rows["logprobs"] == "dropped: the reply has none"
    assert rows["seed"] == "not reported"
    assert rows["max_tokens"] == rows["max_completion_tokens"] == "obeyed"
    assert rows["context length"] == "8192 tokens (list of models)"
    assert rows["rate limit"] == "x-ratelimit-limit-requests: 10"
    written = told.split("proposals\n")[1].splitlines()
    places = {
        line.strip(): place.split(",")[0].strip() for line, place in zip(written[::2], written[1::2], strict=False)
    }
    assert places == {
        "max_n: 4": "manifests/models/org/m.yaml:2:10",
        "top_k: null": "manifests/models/org/m.yaml:3:10",
        "max_new_tokens: 4096": "manifests/models/org/m.yaml:4:19",
        'stop_tokens: ["終わり", "b"]': "manifests/models/org/m.yaml:5:16",
        "concurrency: 10": "manifests/requests/strict.yaml:1:1",
    }


def test_it_says_first_how_many_requests_it_makes_and_keeps_to_it(story: Story) -> None:
    """Every request is counted, and answers are of one token."""
    first = story.said["words"].err.splitlines()[0]
    assert first.startswith("org/m at strict")
    assert "at most 40 calls" in first
    posts = story.servers["strict"].posts
    assert f"({len(story.servers['strict'].asked)} requests" in story.said["words"].out
    assert all(max(a.body.get("max_tokens", 0), a.body.get("max_completion_tokens", 0)) == 1 for a in posts)
    assert max(len(str(a.body["messages"])) for a in posts) < 200
    counted = story.said["counted"].of("counted")
    assert counted["stopped"]["reason"] == "calls-used-up"
    assert len(story.servers["counted"].asked) == counted["calls"] == 4
    assert counted["n"]["largest"] == 10
    assert story.said["counted"].code == 1


def test_what_the_request_sends_is_what_is_asked(story: Story) -> None:
    """With the values of its settings and tasks, under their names on the wire."""
    sent = {
        name: value
        for asked in story.servers["strict"].posts
        for name, value in asked.body.items()
        if name != "messages"
    }
    assert sent["top_k"] == 5
    assert ["終わり", "b", "c"] in [asked.body.get("stop") for asked in story.servers["strict"].posts]
    assert sent["temperature"] == 0.0
    assert sent["model"] == "org/m"


def test_what_is_dropped_without_a_word_is_seen(story: Story) -> None:
    """Fewer answers than n, a length that is not obeyed; a key that nobody knows tells that nothing is checked."""
    found = story.said["many"].of("loose")
    assert found["n"] == {"largest": 1, "asked": 10, "verdict": "dropped", "message": ""}
    assert found["parameters"]["max_tokens"] == {"verdict": "dropped", "message": "the answer has 50 tokens"}
    assert found["parameters"]["seed"] == {"verdict": "not reported"}
    assert found["unknown_accepted"] is True
    assert found["together_refused"].startswith("only one of the two, please")
    assert next(made["line"] for made in found["proposals"]) == "max_n: 1"


def test_a_context_that_no_list_tells_is_told_by_a_refusal(story: Story) -> None:
    """An answer longer than any context is asked for, to a question of one line: a refusal costs nothing."""
    found = story.said["many"].of("loose")
    assert (found["context"]["tokens"], found["context"]["source"]) == (8192, "refusal")
    longest = [a for a in story.servers["loose"].posts if a.body.get("max_completion_tokens", 0) > 1000]
    assert len(longest) == 1


def test_a_provider_that_takes_everything_needs_few_requests(story: Story) -> None:
    """Ten answers at once, all parameters at once; and a provider that refuses unknown keys knows the others."""
    found = story.said["many"].of("generous")
    assert found["n"]["verdict"] == "accepted"
    assert {name: told["verdict"] for name, told in found["parameters"].items() if told["verdict"] != "accepted"} == {
        "max_completion_tokens": "obeyed", "max_tokens": "obeyed", "logprobs": "obeyed",
    }  # fmt: skip
    assert found["calls"] == 7
    assert [made["line"] for made in found["proposals"]] == ["max_new_tokens: 4096"]


def test_a_rate_limit_is_waited_for_once_and_then_ends_it(story: Story) -> None:
    """What is known by then is told, and the exit code says that it may work later."""
    found = story.said["many"].of("generous")
    assert found["stopped"] is None
    said = story.said["words"]
    assert said.code == 4, said.err
    told = said.out.split("org/m at busy")[1]
    assert "stopped: rate-limit: HTTP 429: Rate limit reached" in told
    assert "10 are accepted" in told
    assert "x-ratelimit-limit-requests: 3" in told
    assert len(story.servers["busy"].asked) == 5


def test_who_does_not_answer_is_named_and_the_others_are_asked(story: Story) -> None:
    """A wrong key, a dead host, a model that is not there, a key that is not set; the last request is whole."""
    said = story.said["many"]
    assert said.code == 1, said.err
    stops = {name: said.of(name)["stopped"] for name in MANY}
    assert {name: stop["reason"] for name, stop in stops.items() if stop} == {
        "forbidden": "authentication", "silent": "provider-unreachable", "elsewhere": "model-not-found",
        "unkeyed": "key-not-set", "crowded": "provider-error", "moved": "provider-unreachable",
    }  # fmt: skip
    assert stops["silent"]["message"] == "no connection to 127.0.0.1: [Errno 111] Connection refused"
    assert stops["unkeyed"]["message"] == "UNKEYED_API_KEY is not set: put it into .env"
    assert said.of("generous")["n"]["largest"] == 10
    assert len(story.servers["forbidden"].asked) == 1


def test_an_error_inside_the_provider_is_no_limit_that_is_passed_over(story: Story) -> None:
    """n that ends in HTTP 500, again when asked again, is not accepted, and its words are told."""
    found = story.said["many"].of("failing")
    assert found["n"]["largest"] == 1
    assert "internal error" in found["n"]["message"]
    assert found["stopped"] is None


def test_a_provider_that_has_too_much_to_do_has_refused_nothing(story: Story) -> None:
    """HTTP 503, again when asked again, is no limit of a parameter: nothing is proposed because of it."""
    found = story.said["many"].of("crowded")
    assert found["stopped"]["message"] == "HTTP 503: the model is overloaded"
    assert (found["n"]["largest"], found["proposals"]) == (10, [])
    assert [name for name, told in found["parameters"].items() if told["verdict"] == "refused"] == []


def test_keys_are_never_told_and_nobody_else_is_asked(story: Story) -> None:
    """Though refusals repeat the key; and neither litellm nor anything else calls anybody but the provider."""
    assert all(asked.headers["Authorization"] == f"Bearer {KEY}" for asked in story.servers["strict"].asked)
    assert [name for name, said in story.said.items() if KEY in said.out + said.err] == []
    assert "[redacted]" in story.said["words"].out
    assert story.strangers == []


def test_an_endpoint_without_a_key_is_sent_nobody_elses(story: Story) -> None:
    """litellm would take OPENAI_API_KEY from the environment."""
    assert {asked.headers["Authorization"] for asked in story.servers["open"].asked} == {"Bearer none"}
    assert story.said["many"].of("open")["stopped"] is None
    everything = [asked.headers["Authorization"] for server in story.servers.values() for asked in server.asked]
    assert [sent for sent in everything if OTHERS_KEY in sent] == []


def test_an_interrupted_probe_leaves_nobody_behind(ready: None, tmp_path: Path) -> None:
    """Ctrl-C ends the program that asks, and says so."""
    silent = threading.Event()

    def slow(asked: Asked) -> Reply:
        silent.wait(60)
        return limited(Limits())(asked)

    with serving(slow) as server:
        root = repository(tmp_path / "repository", {"slow": server.url})
        probing = subprocess.Popen(
            command(root, ["probe", "slow"]), env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        wait_for(lambda: server.asked or probing.poll() is not None, 120)
        os.killpg(probing.pid, signal.SIGINT)
        _, said = probing.communicate(timeout=60)
        silent.set()
    assert probing.returncode == 130
    assert said.rstrip().endswith("interrupted; no file was left half-written: run the same command again to continue")
    assert [line for line in processes() if server.url in line] == []


def processes() -> Iterator[str]:
    """The command line of every process."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield process.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has just ended
            continue
