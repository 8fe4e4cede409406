"""A framework has stalled when questions are left, none is in flight, and it neither asks nor works."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from chat_upstream import answers, serving
from framework_runs import CONFIG, Run
from relay_process import StartRelay, wait_for

from evalctl_job.stall import ProgressBar, Sample, family, read_process, silent_since, stalled

SECONDS = 60.0
QUIET = Sample(at=0.0, left=3, in_flight=0, asked=5, cpu=9.0, busy=False)


def words(*looks: Sample) -> str | None:
    """What these looks lead to, one after the other."""
    first, last = None, None
    for now in looks:
        first, last = silent_since(first, last, now), now
        if why := stalled(first, now, SECONDS):
            return why
    return None


def every_five_seconds(**changes: object) -> list[Sample]:
    """Two minutes of looks that are alike but for these changes at the 11th."""
    looks = [replace(QUIET, at=5.0 * i, cpu=9.0 + 0.01 * i) for i in range(25)]
    return [*looks[:10], replace(looks[10], **changes), *looks[11:]]  # type: ignore[arg-type]


def test_a_minute_of_silence_is_a_stall() -> None:
    """A minute, and not less."""
    looks = every_five_seconds()
    assert words(*looks[:12]) is None
    assert "3 questions of its progress bar have no answer" in str(words(*looks[:13]))


@pytest.mark.parametrize(
    "change",
    [{"left": 0}, {"in_flight": 2}, {"in_flight": -1}, {"busy": True}, {"asked": 6}, {"cpu": 12.0}, {"cpu": 2.0}],
)
def test_a_sign_of_life_begins_the_minute_anew(change: dict[str, object]) -> None:
    """No question left, a question in flight, a relay that does not say, a thread that runs or is stopped, CPU time."""
    assert words(*every_five_seconds(**change)[:21]) is None


@pytest.mark.parametrize("change", [{"left": 0}, {"in_flight": 1}, {"in_flight": -1}, {"busy": True}])
def test_as_long_as_it_lasts_nothing_is_a_stall(change: dict[str, object]) -> None:
    """Scoring for hours, a server that is away for hours, a suspended process."""
    assert words(*(replace(QUIET, at=5.0 * i, **change) for i in range(2000))) is None  # type: ignore[arg-type]


def test_slow_work_is_work() -> None:
    """One per cent of CPU time for a minute is more than a process uses that only waits."""
    assert words(*(replace(QUIET, at=5.0 * i, cpu=0.1 * i) for i in range(100))) is None


def test_a_suspended_node_is_no_silence() -> None:
    """The time between two looks that are far apart counts for nothing."""
    assert words(QUIET, *(replace(QUIET, at=3600.0 + 5 * i) for i in range(12))) is None


SPLITS, ALL = (
    b"\rSplits:   0%|          | 0/1 [00:00<?, ?it/s]\n",
    b"\rSplits: 100%|\xe2\x96\x88| 1/1 [00:00<00:00,  4.21it/s]",
)
NONE, ONE = (
    b"\r  0%|          | 0/12 [00:00<?, ?it/s]\x1b[A\n",
    b"\r  8%|\xe2\x96\x8a         | 1/12 [00:00<00:03,  3.40it/s]\x1b[A\n",
)
DONE = b"\x1b[A\r100%|\xe2\x96\x88| 12/12 [00:00<00:00, 30.13it/s]\n"
NOISE = b"[2026-11-26 23:34:37,023] [INFO]: Response is empty\n" * 400


@pytest.mark.parametrize(
    ("log", "left"),
    [
        (b"", 0), (b"loading 3/4 [\n", 0), (b"\rMap:  50%|#    | 5/10 [00:00<00:01, 4 examples/s]", 0), (NONE, 0), (SPLITS, 0),
        (SPLITS + NONE, 12), (SPLITS + NONE + ONE, 11), (SPLITS + NONE + NOISE + ONE + NOISE, 11), (SPLITS + NONE + DONE, 0),
        (SPLITS + NONE + DONE + ALL, 0), (SPLITS + NONE + DONE + ALL + ONE, 0), (SPLITS + NONE + DONE + ALL + SPLITS + ONE, 11),
        (SPLITS + NONE + b"\rgrading:  50%|#    | 5/10 [00:00", 12),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [7, 10_000])
def test_what_the_bars_say(log: bytes, left: int, size: int, tmp_path: Path) -> None:
    """Answers are counted between the beginning and the end of `Splits`, by the bar without a name, however the log is
    written: bars of data sets, judges and executed code say nothing about questions."""
    progress, path = ProgressBar(tmp_path / "log"), tmp_path / "log"
    for start in range(0, max(len(log), 1), size):
        with path.open("ab") as file:
            file.write(log[start : start + size])
        found = progress.left()
    assert found == left


@pytest.mark.parametrize(
    ("log", "questions"),
    [
        (b"", None), (SPLITS, None), (NONE, None), (SPLITS + NONE, 12), (SPLITS + NONE + DONE + ALL, 12),
        (SPLITS.replace(b"0/1", b"0/2") + NONE + DONE, None), (SPLITS + NONE + DONE + ALL + b"\r 50%|# | 5/10 [00:00", 12),
        (SPLITS + b"\r  8%|# | 1/" + b"9" * 5000 + b" [00:00", None),
    ],
)  # fmt: skip
def test_the_bar_says_how_many_questions_there_are(log: bytes, questions: int | None, tmp_path: Path) -> None:
    """As long as one split has them all; a bar of a judge, and a number that is none, say nothing."""
    progress = ProgressBar(tmp_path / "log")
    progress.feed(log)
    assert progress.questions == questions


def test_what_an_earlier_process_wrote_says_nothing(tmp_path: Path) -> None:
    """Of a log with two starts only the second counts: while it loads, no question is left."""
    path = tmp_path / "log"
    path.write_bytes(SPLITS + NONE + ONE)
    progress = ProgressBar(path, path.stat().st_size)
    assert progress.left() == 0
    with path.open("ab") as file:
        file.write(SPLITS + NONE)
    assert progress.left() == 12


def read(run: Run) -> list[int]:
    """Questions left, byte by byte of a real log."""
    progress = ProgressBar(run.folder / "unread")
    left = []
    for byte in (run.folder / "log").read_bytes():
        progress.feed(bytes([byte]))
        left.append(progress._left if progress._asking else 0)
    assert progress.questions == max(left)
    return left


def test_lighteval_shows_the_questions_left(runs: Mapping[str, Run]) -> None:
    """lighteval 0.13 as it really writes: all questions first, none in the end."""
    left = read(runs["arithmetic"])
    assert (max(left), left[-1]) == (12, 0)


def test_the_fork_shows_the_questions_left(fork_run: Run) -> None:
    """The fork's bars are the same."""
    left = read(fork_run)
    assert max(left) > 0
    assert left[-1] == 0


def test_a_family_is_a_group_and_its_descendants() -> None:
    """Whatever the framework started works for it, in a session of its own too; others do not."""
    line = "{} (a) name) S {} {} 1 0 -1 0 0 0 0 0 100 50 25 25 20"
    rows = [(10, 1, 10), (11, 10, 10), (12, 11, 12), (13, 1, 10), (14, 1, 14), (15, 14, 14)]
    found = {pid: read_process(line.format(pid, parent, group)) for pid, parent, group in rows}
    assert family(10, found) == {10, 11, 12, 13}
    assert found[10].cpu == 2.0


ASKS = """
import json, os, sys, time, urllib.request
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["EVALCTL_RELAY_KEY"]}
def show(name, done, total):
    sys.stderr.write(f"\\r{name}{100 * done // total:3d}%|          | {done}/{total} [00:00<?, ?it/s]")
show("Splits: ", 0, 1)
show("", 0, 6)
for number in range(int(sys.argv[2])):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": str(number)}]}).encode()
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, headers)).read()
    show("", number + 1, 6)
if sys.argv[2] != "6":
    time.sleep(600)
"""


@contextmanager
def started(command: list[str], folder: Path, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """A framework, with its log; it is gone afterwards."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, start_new_session=True, cwd=folder, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def looked_for(
    environment: Path, variables: Mapping[str, str], pid: int, folder: Path, relay: str, seconds: int
) -> str:
    """What the program says once it has ended."""
    into = folder / "t.stalled"
    command: list[str | Path] = [
        environment / "bin" / "python",
        "-m",
        "evalctl_job.stall",
        "--pid",
        str(pid),
        "--log",
        folder / "log",
    ]
    command += ["--relay", relay, "--seconds", str(seconds), "--state", folder, "--task-key", "t"]
    subprocess.run(command, env=dict(variables), check=True, timeout=200)
    return into.read_text() if into.exists() else ""


def test_nothing_is_asked_twice_after_a_stall(
    environment: Path, variables: dict[str, str], start_relay: StartRelay, tmp_path: Path
) -> None:
    """A framework that stops asking is named; the retry has its answers from the store and asks the rest."""
    kept = tmp_path / "answers.jsonl"
    with serving(answers) as server:
        for number, (asks, said) in enumerate([("4", "2 questions"), ("6", "")]):
            relay = start_relay(server.url, answers=kept)
            (folder := tmp_path / str(number)).mkdir()
            with started(
                [sys.executable, "-c", ASKS, f"{relay.url()}/chat/completions", asks], folder, env=variables
            ) as process:
                wait = threading.Thread(target=process.wait)
                wait.start()  # a process that has ended is gone
                words = looked_for(environment, variables, process.pid, folder, relay.url().removesuffix("/v1"), 2)
            assert said in words
            assert bool(said) == bool(words)
            relay.stop()
        assert len(server.posts) == 6


def test_nothing_is_asked_twice_where_the_framework_is_started_again(start_relay: StartRelay) -> None:
    """The same relay gives every answer once more, those of each sample too, and counts as at the first start; what the model
    answered in this attempt stays counted."""
    with serving(answers) as server:
        relay = start_relay(server.url)
        asked = [{"model": "m", "messages": [{"role": "user", "content": text}]} for text in ("one", "one", "two")]
        first = [relay.post(one)[1]["choices"] for one in asked]
        assert relay.again() == 200
        assert [relay.post(one)[1]["choices"] for one in asked] == first
        assert len(server.posts) == 3
        counts = relay.counts()
        assert {name: counts[name] for name in ("asked", "answered", "replayed", "fresh", "failed")} == {
            "asked": 3, "answered": 3, "replayed": 3, "fresh": 3, "failed": 0,
        }  # fmt: skip


def test_a_task_that_waits_for_the_model_is_not_started_again(start_relay: StartRelay) -> None:
    """A question in flight would be answered into the counts of the second start."""
    with serving(lambda asked: replace(answers(asked), pause=3.0)) as server:
        relay = start_relay(server.url)
        asking = threading.Thread(target=relay.post, args=[{"model": "m", "messages": []}])
        asking.start()
        wait_for(lambda: server.posts)
        assert relay.again() == 409
        asking.join()
        assert relay.again() == 200


@contextmanager
def losing(port: int, after: int) -> Iterator[int]:
    """A way to the relay at `port` on which replies are lost from a number on: the client waits for ever."""
    replies, lock = [0], threading.Lock()
    links: list[socket.socket] = []

    def pass_on(source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while part := source.recv(2**16):
                with lock:
                    replies[0] += counted and part.startswith(b"HTTP/")
                    lost = counted and replies[0] > after
                if not lost:
                    target.sendall(part)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                links.extend((client, server))
                for one, other, counted in ((client, server, False), (server, client, True)):
                    threading.Thread(target=pass_on, args=(one, other, counted), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for link in links:
        link.close()


def test_a_lost_answer_is_noticed_in_lighteval(
    environment: Path, variables: dict[str, str], start_relay: StartRelay, tmp_path: Path
) -> None:
    """lighteval 0.13 really waits for an answer that got lost on its way from the relay: it uses no CPU time, and is named."""
    (folder := tmp_path / "framework").mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(temperature=0))
    command = [
        "lighteval",
        "endpoint",
        "litellm",
        "config.yaml",
        "demo_arithmetic|0",
        "--custom-tasks",
        "evalctl_tasks.tasks",
    ]
    with serving(answers) as server:
        relay = start_relay(server.url)
        with losing(relay.port, after=5) as port:
            base = f"http://127.0.0.1:{port}/task/t/v1"
            places = {
                **variables,
                "HOSTED_VLLM_API_BASE": base,
                "HF_HOME": str(tmp_path / "hf"),
            }
            command[0] = str(environment / "bin" / "lighteval")
            with started(command, folder, env=places) as process:
                address = relay.url().removesuffix("/v1")
                words = looked_for(environment, variables, process.pid, folder, address, 4)
    assert "questions of its progress bar have no answer" in words, (folder / "log").read_text()


@pytest.mark.parametrize(
    ("exit_code", "failed", "reason"),
    [(143, 0, "framework-stalled"), (137, 0, "framework-stalled"), (143, 2, "rate-limit")],
)
def test_a_stall_is_the_reason_unless_answers_failed(
    environment: Path, variables: dict[str, str], tmp_path: Path, exit_code: int, failed: int, reason: str
) -> None:
    """The words beside the counts are the detail; what the model refused is the cause of what followed."""
    (tmp_path / "t.stalled").write_text("the framework stopped asking\n")
    counts = {"asked": 6, "answered": 4, "failed": failed, "first_error": "HTTP 429: slow down"}
    (tmp_path / "t.counts.json").write_text(json.dumps(counts))
    (tmp_path / "log").write_text("ValueError: an older complaint\n")
    words = ["--framework", "lighteval", "--task-key", "t", "--output", "none", "--state", str(tmp_path)]
    words += ["--log", f"{tmp_path}/log", "--exit-code", str(exit_code), "--into", f"{tmp_path}/verdict.json"]
    command: list[str | Path] = [environment / "bin" / "python", "-m", "evalctl_job.accept", *words]
    assert subprocess.run(command, env=variables, timeout=200).returncode == 1
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["reason"] == reason
    assert failed or verdict["detail"] == "the framework stopped asking"
