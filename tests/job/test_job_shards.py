"""A task that several jobs answer, each its shard, and one run scores: the very result of a run that asks everything."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, completion, serving
from framework_runs import CONFIG, FORK_CONFIG, Run, cold, run_framework
from relay_process import StartRelay

from evalctl_job.answers import Answers, digest, record
from evalctl_job.options import BadOptions, Options, checked
from evalctl_job.run_folder import RelayFolder, kept_answers
from evalctl_job.shards import ANSWERED, ELSEWHERE, ENDS, NOT_KEPT, Shard, others, read_key, shard_of
from evalctl_job.store import TaskState, restored_state

SHARDS = 3
FORK = ["--use-chat-template", "--output-subdir", "/S", "--custom-tasks"]
TALKS = str(Path(__file__).with_name("talking_tasks.py"))
REPEATS = str(Path(__file__).with_name("repeating_tasks.py"))
SEEDED = FORK_CONFIG.replace("24}", "24, seed: 7}")
MAX_N = FORK_CONFIG.replace("24}", "24, max_n: 1}")


@dataclass(frozen=True)
class Case:
    """A task in a dialect: its command, configuration, options of the relay, and the number of its questions."""

    dialect: str
    command: tuple[str, ...]
    config: str
    options: Mapping[str, object] = field(default_factory=dict)


CASES = {
    "samples": Case("lighteval", ("demo_code|0", "--custom-tasks", "evalctl_tasks.tasks"), CONFIG.format(temperature=0.8)),
    "subsets": Case("lighteval", ("demo_subjects|0", "--custom-tasks", "evalctl_tasks.tasks"), CONFIG.format(temperature=0)),
    "repeated": Case("lighteval", ("demo_arithmetic|0", "--custom-tasks", REPEATS), CONFIG.format(temperature=0.8)),
    "fork, samples": Case("lighteval-swallow", ("swallow|demo_code|0|0", *FORK, "evalctl_tasks.swallow"), SEEDED, {"max_n": 3}),
    "fork, one by one": Case("lighteval-swallow", ("swallow|demo_code|0|0", *FORK, "evalctl_tasks.swallow"), MAX_N),
    "fork, subsets": Case("lighteval-swallow", ("swallow|demo_subjects:history|0|0,swallow|demo_subjects:science|0|0", *FORK, "evalctl_tasks.swallow"), FORK_CONFIG),
    "fork, conversations": Case("lighteval-swallow", ("swallow|talks|0|0", *FORK, TALKS), FORK_CONFIG),
}  # fmt: skip


class Model:
    """Answers a question in the same words whenever it is asked, each sample in others; keeps what it was asked."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Reply:
        """Texts from which a score follows."""
        self.bodies.append(asked.body)
        words = json.dumps(asked.body["messages"], ensure_ascii=False)
        same = sum(json.dumps(body["messages"], ensure_ascii=False) == words for body in self.bodies) - 1
        first = asked.body.get("seed", same)
        numbers = [sum(words.encode()) + 7 * (first + i) for i in range(asked.body.get("n") or 1)]
        reply = completion([f"{'ABCD'[number % 4]} {number % 10}" for number in numbers])
        return Reply({**reply.body, "id": f"chatcmpl-{asked.number}", "model": asked.body["model"]})


@dataclass
class Story:
    """The runs of one case."""

    case: Case
    environment: Path
    variables: Mapping[str, str]
    folder: Path
    model: Model = field(default_factory=Model)

    def run(self, name: str, kept: Path, **options: int) -> Run:
        """A run of the framework with these options of the relay."""
        ends = {ENDS: "yes"} if "shard" in options else {}
        return run_framework(
            self.environment, {**self.variables, **ends}, self.folder / name, self.case.config, self.case.command, self.model,
            cold, options={**self.case.options, **options}, kept=kept, admit=1,
        )  # fmt: skip

    def shard(self, number: int) -> Run:
        """One of three."""
        return self.run(f"shard{number}", self.kept(Shard(number, SHARDS).named("digest")), shard=number, shards=SHARDS)

    def kept(self, name: str) -> Path:
        """A file of answers."""
        (self.folder / "answers").mkdir(exist_ok=True)
        return kept_answers(self.folder / "answers", name)

    def verdict(self, run: Run, *more: str) -> dict[str, Any]:
        """What acceptance finds, and the files that it writes."""
        into = run.folder / "acceptance.json"
        arguments = ["--framework", self.case.dialect, "--task-key", "t", "--output", "out", "--state", "state", *more]
        program: list[str | Path] = [self.environment / "bin" / "python", "-m", "evalctl_job.accept", *arguments]
        subprocess.run(
            [*program, "--exit-code", str(run.exit_code), "--into", str(into)],
            cwd=run.folder, env=dict(self.variables), capture_output=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(into.read_text())
        return found


@pytest.fixture
def story(request: pytest.FixtureRequest, environment: Path, variables: dict[str, str], tmp_path: Path) -> Story:
    """The case by its name."""
    case = CASES[request.param]
    place = environment if case.dialect == "lighteval" else request.getfixturevalue("fork_environment")
    return Story(case, place, {**variables, "PATH": f"{place / 'bin'}:{variables['PATH']}"}, tmp_path)


def measured(run: Run, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """All that a result has of a run, but when and how long."""
    (results,) = run.folder.glob("out/results/**/results_*.json")
    texts = {name: (run.folder / name).read_text() for name in ("scores.json", "questions.tsv")}
    kept = ("scores", "config_tasks", "sent", "answered_by", "tokens", "warnings", "verdict", "reason")
    return {**texts, **{name: verdict[name] for name in kept}, "results": json.loads(results.read_text())["results"]}


@pytest.mark.environments
@pytest.mark.parametrize("story", CASES, indirect=True)
def test_shards_and_their_merge_are_one_run(story: Story) -> None:
    """Every question is asked by one shard and never again; scores, questions and their values are digit for digit those of one run."""
    whole = story.run("whole", story.folder / "whole.jsonl")
    verdict = story.verdict(whole)
    assert verdict["verdict"] == "done", verdict["detail"]
    expected = measured(whole, verdict)
    asked = sorted(json.dumps(body, sort_keys=True) for body in story.model.bodies)
    story.model = Model()
    for number in range(1, SHARDS + 1):
        ended = story.shard(number)
        assert ended.exit_code == ANSWERED, (ended.folder / "log").read_text()[-2000:]
        verdict = story.verdict(ended, "--shard")
        assert (verdict["verdict"], verdict["scores"]) == ("answered", {}), verdict["detail"]
        assert not list(ended.folder.glob("out/**/results_*.json"))
    assert sorted(json.dumps(body, sort_keys=True) for body in story.model.bodies) == asked
    story.model.bodies.clear()
    merged = story.run("merged", story.kept("digest"), shards=SHARDS)
    assert measured(merged, story.verdict(merged)) == expected
    assert story.model.bodies == []


@pytest.mark.environments
@pytest.mark.parametrize("story", ["subsets", "fork, conversations"], indirect=True)
def test_a_merge_without_an_answer_names_its_shard_and_scores_nothing(story: Story) -> None:
    """Nothing is asked in its place."""
    for number in (1, 3):
        assert story.shard(number).exit_code == ANSWERED
    story.model.bodies.clear()
    merged = story.run("merged", story.kept("digest"), shards=SHARDS)
    verdict = story.verdict(merged)
    assert (merged.exit_code, verdict["verdict"], verdict["reason"]) == (ANSWERED, "failed", "shard-incomplete")
    assert verdict["detail"].startswith("shard 2 lacks ") and verdict["scores"] == {}
    counts = json.loads((merged.folder / "state/t.counts.json").read_text())
    assert counts["lacking"] == [2] and counts["fresh"] == 0
    assert story.model.bodies == [] and not list(merged.folder.glob("out/**/results_*.json"))


# ---- without a framework -------------------------------------------------------------------------------------------------


def body(*contents: str) -> dict[str, Any]:
    """A conversation."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": text} for place, text in enumerate(contents)]}


def test_a_later_turn_falls_to_the_shard_of_the_first() -> None:
    """Whatever was answered in between, and whatever the settings are."""
    for number in range(50):
        first = shard_of(body(f"{number}"), 4)
        assert shard_of({**body(f"{number}", "an answer", "again"), "seed": number}, 4) == first
        assert shard_of(body(f"{number}", "None", "again"), 4) == first


def test_each_shard_has_its_share() -> None:
    """Of 4,000 questions each of four has about a thousand."""
    found = [shard_of(body(f"question {number}"), 4) for number in range(4000)]
    assert {*found} == {1, 2, 3, 4} and all(900 < found.count(one) < 1100 for one in (1, 2, 3, 4))
    assert {shard_of({"prompt": str(number)}, 2) for number in range(20)} == {1, 2}


def test_a_shards_name_says_which_it_is() -> None:
    """And a task's name is no shard's."""
    assert read_key(Shard(2, 4).named("gsm8k")) == ("gsm8k", Shard(2, 4))
    assert read_key("gsm8k.v2") == ("gsm8k.v2", None)


def test_the_files_of_an_eval_are_known_by_name(tmp_path: Path) -> None:
    """Its own, and those of its shards; nothing of another eval, and no note."""
    for name in (
        "a.jsonl",
        "a.1-of-2.jsonl",
        "a.2-of-2.jsonl",
        "a.2-of-2.json",
        "ab.jsonl",
        "a.b.jsonl",
        "b.1-of-2.jsonl",
    ):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    assert [path.name for path in others(tmp_path / "link")] == ["a.1-of-2.jsonl", "a.2-of-2.jsonl"]
    assert [path.name for path in others(tmp_path / "a.1-of-2.jsonl")] == ["a.2-of-2.jsonl", "a.jsonl"]
    assert list(others(tmp_path / "t.answers.jsonl")) == []


# ---- the answers of several files ----------------------------------------------------------------------------------------


def question(number: int) -> dict[str, Any]:
    """A request for one answer."""
    return {"model": "m", **body(f"question {number}")}


def keep(path: Path, *numbers: int, text: str = "A") -> None:
    """Another job has kept answers to these questions."""
    with closing(Answers(path, Options())) as kept:
        for number in numbers:
            asked = question(number)
            choice = {"index": 0, "message": {"content": f"{text} {number}"}, "finish_reason": "stop"}
            reply = {"id": f"c{number}", "model": "m", "choices": [choice], "usage": {"completion_tokens": 3}}
            kept.keep(record(digest("/chat/completions", asked), asked, reply, 0.1))


def merged(folder: Path, shards: int = 2) -> TaskState:
    """The state of a merge whose answers are kept in this folder."""
    state = RelayFolder(folder / "relay")
    state.path.mkdir(exist_ok=True)
    state.options("t").write_text(json.dumps({"shards": shards}))
    state.answers("t").unlink(missing_ok=True)
    state.answers("t").symlink_to(folder / "a.jsonl")
    return restored_state("t", state, ours=True)


def found(task: TaskState, number: int) -> list[str]:
    """All answers to a question, each taken once."""
    assert task.answers is not None
    asked = [(digest("/chat/completions", question(number)), None)]
    texts = []
    while (place := task.answers.take(asked)[0]) is not None:
        texts.append(task.answers.reply(place)["choices"][0]["message"]["content"])
    return texts


def test_a_merge_has_the_answers_of_all_shards(tmp_path: Path) -> None:
    """Also of those that were there before it was divided; and two merges one after the other have each but once."""
    keep(tmp_path / "a.jsonl", 1)
    keep(tmp_path / "a.1-of-2.jsonl", 2)
    keep(tmp_path / "a.2-of-2.jsonl", 3, 4)
    keep(tmp_path / "b.1-of-2.jsonl", 5)
    for _ in range(2):
        task = merged(tmp_path)
        assert [found(task, number) for number in range(1, 6)] == [["A 1"], ["A 2"], ["A 3"], ["A 4"], []]
        assert task.answers is not None
        task.answers.close()
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 4


def test_a_copy_of_a_shard_under_another_name_counts_once(tmp_path: Path) -> None:
    """A reply is one reply, in however many files it is."""
    keep(tmp_path / "a.1-of-2.jsonl", 1)
    (tmp_path / "a.2-of-2.jsonl").write_bytes((tmp_path / "a.1-of-2.jsonl").read_bytes())
    assert found(merged(tmp_path), 1) == ["A 1"]


def test_a_line_that_another_job_still_writes_is_left_alone(tmp_path: Path) -> None:
    """What has no end was not delivered; its file stays as it is. A damaged line is counted."""
    keep(tmp_path / "a.1-of-2.jsonl", 1, 2)
    whole = (tmp_path / "a.1-of-2.jsonl").read_bytes()
    first, second = whole.splitlines(keepends=True)
    (tmp_path / "a.1-of-2.jsonl").write_bytes(b"{no line}\n" + first + second[:-5])
    task = merged(tmp_path)
    assert (found(task, 1), found(task, 2), task.counts.unreadable) == (["A 1"], [], 1)
    assert (tmp_path / "a.1-of-2.jsonl").read_bytes() == b"{no line}\n" + first + second[:-5]


def test_a_shard_starts_with_its_questions_of_another_division(tmp_path: Path) -> None:
    """Divided otherwise, or not at all before: it takes what is its own, and asks the rest."""
    keep(tmp_path / "a.jsonl", *range(10))
    keep(tmp_path / "a.1-of-3.jsonl", *range(10, 20))
    state = RelayFolder(tmp_path / "relay")
    state.path.mkdir()
    state.options("t").write_text(json.dumps({"shard": 2, "shards": 2}))
    state.answers("t").symlink_to(tmp_path / "a.2-of-2.jsonl")
    task = restored_state("t", state, ours=True)
    own = {number for number in range(20) if shard_of(question(number), 2) == 2}
    assert 0 < len(own) < 20
    assert {number for number in range(20) if found(task, number)} == own


# ---- the relay -----------------------------------------------------------------------------------------------------------


@pytest.mark.environments
def test_the_relay_asks_only_what_is_the_shards(start_relay: StartRelay, tmp_path: Path) -> None:
    """The rest is neither asked nor stored nor counted as a failure, whatever the framework makes of it."""
    with serving(answers) as server:
        relay = start_relay(server.url, options={"shard": 1, "shards": 2})
        replies = {number: relay.post(question(number)) for number in range(12)}
    own = {number for number in replies if shard_of(question(number), 2) == 1}
    assert {number for number, (status, _) in replies.items() if status == 200} == own
    assert {status for number, (status, _) in replies.items() if number not in own} == {ELSEWHERE}
    counts = relay.counts()
    assert (counts["asked"], counts["answered"], counts["failed"], counts["elsewhere"]) == (
        len(own),
        len(own),
        0,
        12 - len(own),
    )
    assert len(server.posts) == len(relay.answers()) == len(own)


@pytest.mark.environments
def test_a_merge_asks_nothing_even_of_a_server_that_is_there(start_relay: StartRelay, tmp_path: Path) -> None:
    """A question without an answer is refused, and its shard is named."""
    keep(tmp_path / "a.jsonl", 1)
    with serving(answers) as server:
        relay = start_relay(server.url, options={"shards": 2}, answers=tmp_path / "a.jsonl")
        assert relay.post(question(1))[0] == 200
        status, reply = relay.post(question(2))
        assert server.posts == []
    lacks = shard_of(question(2), 2)
    assert status == NOT_KEPT and f"shard {lacks} of 2 has not answered" in reply["error"]["message"]
    assert relay.counts()["lacking"] == [lacks] and relay.counts()["failed"] == 1


@pytest.mark.parametrize(
    "options", [{"shard": 0, "shards": 2}, {"shard": 1, "shards": 0}, {"shard": True, "shards": 2}]
)
def test_a_shard_that_is_none_is_refused(options: dict[str, Any]) -> None:
    """Nothing of the task is sent then."""
    with pytest.raises(BadOptions):
        checked(options, "t.options.json")
