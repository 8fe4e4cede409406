"""A framework whose questions go to the relay all at once asks, and concludes, what its own client would."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from chat_upstream import Asked, Reply, completion, serving
from framework_runs import CONFIG, FORK_CONFIG, Behaviour, cold, run_framework
from relay_process import StartRelay

from evalctl_job import conversations, framework_calls, litellm_form
from evalctl_job.framework_calls import CallWanted, Completions, attach
from evalctl_job.framework_client import ADDRESS, StreamedAnswer

OWN = ["--use-chat-template", "--custom-tasks", "evalctl_tasks.swallow", "--output-subdir", "/S"]
DIALECTS: dict[str, tuple[str, list[str], str]] = {
    "lighteval": (
        "environment",
        ["demo_code|0", "--custom-tasks", "evalctl_tasks.tasks"],
        CONFIG.format(temperature=0.8),
    ),
    "lighteval-swallow": ("fork_environment", ["swallow|demo_code|0|0", *OWN], FORK_CONFIG),
}


def thoughtful(asked: Asked) -> Reply:
    """Answers that litellm changes: thoughts in the text, thoughts beside it, none; the same for the same question."""
    question = asked.body["messages"][-1]["content"]
    kinds = [f"<think>{question}</think>7", "12 です", question]
    reply = completion([kinds[(len(question) + i) % 3] for i in range(asked.body.get("n") or 1)])
    for choice in reply.body["choices"]:
        choice["message"]["reasoning_content"] = "考え" if choice["index"] == 1 else None
    return reply


@pytest.mark.environments
@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_asks_and_concludes_the_same(
    dialect: str, variables: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every request on the wire, every answer in the details, every score; with four samples of each question."""
    fixture, command, config = DIALECTS[dialect]
    environment = request.getfixturevalue(fixture)
    places = {**variables, "PATH": f"{environment / 'bin'}:{variables['PATH']}"}
    found = {}
    for streamed in (True, False):
        bodies: list[dict[str, Any]] = []
        folder = tmp_path / str(streamed)
        ended = run_framework(environment, places, folder, config, command, _keeping(bodies), cold, streamed=streamed)
        assert ended.exit_code == 0, (folder / "log").read_text()[-2000:]
        found[streamed] = (sorted(json.dumps(body, sort_keys=True) for body in bodies), scores(folder))
    assert found[True] == found[False]


@pytest.mark.environments
def test_conversations_of_the_fork_are_asked_side_by_side(
    fork_environment: Path, variables: dict[str, str], start_relay: StartRelay, tmp_path: Path
) -> None:
    """The real client of lighteval-swallow: every request, every answer, and what becomes of its questions are as by itself; but
    the first turns of all conversations come before any second one."""
    found, orders = {}, {}
    for in_job in (True, False):
        bodies: list[dict[str, Any]] = []
        with serving(_keeping(bodies)) as server:
            relay = start_relay(server.url)
            places = {**variables, "HOSTED_VLLM_API_BASE": relay.url(), "HF_HOME": str(tmp_path)}
            places |= {ADDRESS: relay.url().removesuffix("/v1")} if in_job else {}
            command = [fork_environment / "bin/python", Path(__file__).with_name("converse.py")]
            ran = subprocess.run(
                command, env=places, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
            )
            assert ran.returncode == 0, ran.stderr[-2000:]
            relay.stop()
        found[in_job] = (
            sorted(json.dumps(body, sort_keys=True) for body in bodies),
            json.loads(ran.stdout.splitlines()[-1]),
        )
        orders[in_job] = [len(body["messages"]) for body in bodies]
    assert found[True] == found[False]
    assert (orders[True], orders[False]) == ([1] * 5 + [3] * 5, [1, 3] * 5)


def _keeping(bodies: list[dict[str, Any]]) -> Behaviour:
    def behaviour(asked: Asked) -> Reply:
        bodies.append(asked.body)
        return thoughtful(asked)

    return behaviour


def scores(folder: Path) -> dict[str, Any]:
    """What a run found."""
    (found,) = folder.glob("out/results/**/*.json")
    read: dict[str, Any] = json.loads(found.read_text())["results"]
    return read


# ---- without lighteval ---------------------------------------------------------------------------------------------------


class Bar:
    """A progress bar."""

    def __init__(self, total: int) -> None:
        self.total, self.n = total, 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing to close."""

    def update(self) -> None:
        self.n += 1


def client_module(code: Any, litellm: Any) -> ModuleType:
    """A module with a client as lighteval's: `code` is its method for one question."""
    client = type(
        "LiteLLMClient",
        (),
        {
            framework_calls.ONE: code,
            framework_calls.ALL: lambda self, *rest: "its own way",
            "cleanup": lambda self: None,
        },
    )
    module = ModuleType("litellm_model")
    module.__dict__.update(LiteLLMClient=client, litellm=litellm, tqdm=Bar)
    return module


class FakeRelay:
    """Answers every question with its round and its text."""

    rounds: ClassVar[list[list[str]]] = []

    def __init__(self, base: str, key: str) -> None:
        assert (base, key) == ("http://127.0.0.1:9/task/t", "k")

    def answers(self, questions: list[Mapping[str, Any]], *, first: bool = False) -> Any:
        self.rounds.append([one["messages"] for one in questions])
        for position in reversed(range(len(questions))):
            yield position, StreamedAnswer(200, {"text": f"{questions[position]['messages']} {len(self.rounds)}"})


@pytest.fixture
def in_job(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The variables of a job, a relay that needs no network; returns the questions of each round."""
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:9/task/t")
    monkeypatch.setenv("EVALCTL_RELAY_KEY", "k")
    monkeypatch.setattr(framework_calls, "RelayClient", FakeRelay)
    monkeypatch.setattr(framework_calls, "reply", lambda litellm, answer: answer)
    monkeypatch.setattr(framework_calls, "Forms", lambda completion: SimpleNamespace(request=dict))
    monkeypatch.setattr(FakeRelay, "rounds", [])
    return FakeRelay.rounds


def test_a_question_that_leads_to_another_is_in_the_next_round(in_job: list[list[str]]) -> None:
    """All of a round are asked together; results keep the order of the questions."""

    def code(self: Any, prompt: str, *settings: Any) -> str:
        first = module.__dict__["litellm"].completion(messages=prompt)["text"]
        if prompt != "b":
            return f"{first} {settings}"
        return f"{first}, {module.__dict__['litellm'].completion(messages='b again')['text']}"

    module = client_module(code, SimpleNamespace(completion=None))
    attach(module)
    found = getattr(module.__dict__["LiteLLMClient"](), framework_calls.ALL)(
        ["a", "b", "c"], False, [1, 2, 3], 4, ["\n"]
    )
    assert found == ["a 1 (False, 1, 4, ['\\n'])", "b 1, b again 2", "c 1 (False, 3, 4, ['\\n'])"]
    assert in_job == [["a", "b", "c"], ["b again"]]


def test_a_single_question_is_asked_by_itself(in_job: list[list[str]]) -> None:
    """As the fork does in conversations of several turns."""
    assert Completions(SimpleNamespace(completion=None)).completion(messages="a") == {"text": "a 1"}
    assert in_job == [["a"]]


class Conversing:
    """Asks as the fork's client does in conversations: one after the other, changing its questions and its temperature."""

    generation_parameters: Any

    def greedy_until_multi_turn(self, questions: list[dict[str, Any]], suffix: str = "") -> list[list[str]]:
        """The answers to the turns of each conversation."""
        found = []
        for question in questions:
            given: list[str] = []
            for turn in question["turns"]:
                turn["text"] = turn["text"].format(*given)
                if question["temperature"] is not None:
                    self.generation_parameters["temperature"] = question["temperature"]
                given.append(getattr(self, framework_calls.ONE)(turn["text"]) + suffix)
            found.append(given)
        return found


def conversing(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[dict[str, Any]]]:
    """A client with these methods, and its conversations: two are equal, one has three turns, one no temperature of its own."""

    def code(self: Any, text: str) -> str:
        call = {"messages": text, "temperature": self.generation_parameters["temperature"]}
        return str(module.__dict__["litellm"].completion(**call)["text"])

    def texts(self: Any, questions: Any, **named: Any) -> Any:
        self.rounds.append([(one["messages"], one["temperature"]) for one in questions])
        for position, one in enumerate(questions):
            yield position, StreamedAnswer(200, {"text": one["messages"].upper()})

    monkeypatch.setattr(FakeRelay, "answers", texts)
    monkeypatch.setattr(
        framework_calls, "reply", lambda litellm, answer: {"text": answer.get("text", conversations.PLACEHOLDER)}
    )
    module = client_module(code, SimpleNamespace(completion=None))
    client = module.__dict__["LiteLLMClient"]
    client.greedy_until_multi_turn = Conversing.greedy_until_multi_turn
    attach(module)
    made = client()
    made.generation_parameters = {"temperature": 0.3}
    turns = [["a", "b {0}"], ["a", "b {0}"], ["c", "d {0}", "e {0} {1}"]]
    temperatures = [None, 0.7, None]
    questions = [
        {"turns": [{"text": text} for text in texts], "temperature": temperature}
        for texts, temperature in zip(turns, temperatures, strict=True)
    ]
    return made, questions


def test_conversations_go_on_side_by_side(in_job: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A round has the next turn of each: what comes back, what becomes of the questions and the temperatures are the loop's own."""
    client, questions = conversing(monkeypatch)
    assert client.greedy_until_multi_turn(questions, suffix="!") == [
        ["A!", "B A!!"],
        ["A!", "B A!!"],
        ["C!", "D C!!", "E C! D C!!!"],
    ]
    assert in_job == [
        [("a", 0.3), ("a", 0.7), ("c", 0.7)], [("b A!", 0.3), ("b A!", 0.7), ("d C!", 0.7)], [("e C! D C!!", 0.7)],
    ]  # fmt: skip
    assert [turn["text"] for turn in questions[2]["turns"]] == ["c", "d C!", "e C! D C!!"]
    assert client.generation_parameters == {"temperature": 0.7}


def test_equal_turns_get_answers_of_their_own(in_job: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal conversations at one temperature are two samples: each call has its own answer."""
    client, questions = conversing(monkeypatch)
    questions[1]["temperature"] = 0.3
    counted = iter(range(100))

    def texts(self: Any, asked: Any, **named: Any) -> Any:
        for position, one in enumerate(asked):
            yield position, StreamedAnswer(200, {"text": f"{one['messages']} {next(counted)}"})

    monkeypatch.setattr(FakeRelay, "answers", texts)
    assert client.greedy_until_multi_turn(questions[:2]) == [["a 0", "b a 0 2"], ["a 1", "b a 1 3"]]


def test_a_loop_that_asks_otherwise_with_its_answers_is_no_result() -> None:
    """A placeholder is never scored: the framework ends."""
    texts = iter(["the first", "the first", "another"])

    def run_with(source: Any, code: Any) -> Any:
        return source({"messages": code()})

    with pytest.raises(SystemExit):
        conversations.in_rounds(
            SimpleNamespace(generation_parameters={}), [], lambda questions: next(texts),
            lambda calls: [StreamedAnswer(200, {}) for _ in calls], run_with,
        )  # fmt: skip


def test_a_question_that_the_relay_gave_up_fails_once(in_job: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own way to fail: it is not asked again, since the relay has tried."""

    def answers(self: Any, questions: Any, **named: Any) -> Any:
        self.rounds.append(questions)
        yield 0, StreamedAnswer(400, {"error": {"message": "too long"}})

    def code(self: Any, prompt: str, *settings: Any) -> str:
        for _ in range(self.API_MAX_RETRY):
            try:
                return str(module.__dict__["litellm"].completion(messages=prompt))
            except Exception as problem:
                told.append(str(problem))
        return ""

    monkeypatch.setattr(FakeRelay, "answers", answers)
    told: list[str] = []
    module = client_module(code, SimpleNamespace(completion=None))
    attach(module)
    assert getattr(module.__dict__["LiteLLMClient"](), framework_calls.ALL)(["a", "b"], False, 1, 1) == ["", ""]
    assert sorted(told) == ["400: too long", "503: None"] and len(in_job) == 1


def test_outside_of_a_job_the_client_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may run lighteval in this environment by hand."""
    monkeypatch.delenv(ADDRESS, raising=False)
    module = client_module(
        lambda self: None, SimpleNamespace(completion=lambda **call: ("litellm's", call), version="1")
    )
    attach(module)
    assert getattr(module.__dict__["LiteLLMClient"](), framework_calls.ALL)(["a"]) == "its own way"
    assert (
        module.__dict__["litellm"].completion(n=1) == ("litellm's", {"n": 1})
        and module.__dict__["litellm"].version == "1"
    )


def test_switches_that_the_client_sets_are_litellms() -> None:
    """Without `drop_params` litellm refuses what a provider does not take, instead of leaving it out."""
    litellm = SimpleNamespace(completion=None, drop_params=False)
    Completions(litellm).drop_params = True
    assert litellm.drop_params is True


def test_an_unknown_client_is_an_error_when_it_is_imported() -> None:
    """The environment's set-up imports it, so that a release which asks in another way cannot be installed unnoticed."""
    module = ModuleType("litellm_model")
    module.__dict__.update(LiteLLMClient=type("LiteLLMClient", (), {}), litellm=SimpleNamespace(completion=None))
    with pytest.raises(AttributeError):
        attach(module)


def test_the_need_of_an_answer_passes_every_except_of_a_framework() -> None:
    """Its code catches all exceptions of a call."""
    assert not issubclass(CallWanted, Exception)


class Litellm:
    """Sends requests as litellm does: with names of its own; `changes` messages for some provider."""

    def __init__(self, changes: bool = False) -> None:
        self.calls, self.changes = 0, changes

    def completion(self, **call: Any) -> None:
        """One request over HTTP."""
        self.calls += 1
        messages = [{**one, "role": "user"} for one in call["messages"]] if self.changes else call["messages"]
        body = json.dumps({"messages": messages, "max_tokens": call["size"]}).encode()
        with urllib.request.urlopen(f"{call['base_url']}/chat/completions", data=body) as reply:
            json.load(reply)


def call(content: str, size: int = 1, role: str = "system") -> dict[str, Any]:
    """A call of litellm."""
    return {"messages": [{"role": role, "content": content}], "size": size, "api_key": "secret", "base_url": None}


def test_litellm_is_asked_once_for_each_set_of_parameters() -> None:
    """Questions with the same parameters have the same form; others are asked about."""
    litellm = Litellm()
    forms = litellm_form.Forms(litellm.completion)
    found = [forms.request(one) for one in (call("a"), call("b"), call("c", 2), call("d", role="user"))]
    assert [one["messages"][0]["content"] for one in found] == ["a", "b", "c", "d"]
    assert [one["max_tokens"] for one in found] == [1, 1, 2, 1] and litellm.calls == 3


def test_where_litellm_changes_messages_each_question_has_its_own_form() -> None:
    """What it would send is sent."""
    litellm = Litellm(changes=True)
    forms = litellm_form.Forms(litellm.completion)
    assert [forms.request(call(text))["messages"] for text in "ab"] == [
        [{"role": "user", "content": text}] for text in "ab"
    ]
    assert litellm.calls == 3  # once to see that it changes them


def test_a_message_with_parts_has_a_form_of_its_own() -> None:
    """An image is part of what litellm may change."""
    litellm = Litellm()
    forms = litellm_form.Forms(litellm.completion)
    parts = {**call("a"), "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}
    assert [forms.request(parts)["messages"] for _ in range(2)] == [parts["messages"]] * 2 and litellm.calls == 2


def test_another_user_of_the_node_gives_no_form() -> None:
    """Who does not know the address's secret part is refused, however early."""

    def completion(**call: Any) -> None:
        address = urlsplit(call["base_url"])
        stranger = urllib.request.Request(f"http://{address.netloc}/v1/chat/completions", data=b'{"model": "other"}')
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(stranger)
        Litellm().completion(**call)

    assert "model" not in litellm_form.Forms(completion).request(call("a"))


def test_the_key_of_a_call_is_in_no_form() -> None:
    """The form is asked about with another key."""
    assert "secret" not in json.dumps(litellm_form.Forms(Litellm().completion).request(call("a")))
