"""What follows for the manifests from what a provider accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from samples import compiled

from evalctl.model.diagnostic import Span
from evalctl.probing.proposals import proposals
from evalctl.probing.target import USUAL, answers_per_question, of_model, of_request
from evalctl_job.probed import ContextLength, Found, LargestNumber, ParameterVerdict, Stop
from evalctl_job.typed import read

MODEL = "manifests/models/org/m.yaml"
COMMON = "manifests/models/common_settings.yaml"
REQUEST = "model: org/m\nprovider: deepinfra\nservice: tsubame\ntasks: [en_own, ja_exact]\n"
OWN = {MODEL: "mine:\n  max_n: 8\n  top_k: 5\n  version: 1\nplain: {version: 1}\n"}
FOUR = {"n": {"largest": 4, "asked": 10, "verdict": "refused", "message": ""}, "parameters": {}}


def lines(text: str, found: dict[str, Any], files: dict[str, str] | None = None) -> list[tuple[str, Span]]:
    """What is proposed for the one model of a request."""
    made = compiled(text, {**OWN, **(files or {})})
    (target,) = of_request(made.checked, made.evals, made.catalogue, None)
    return [(one.line, one.span) for one in proposals(target, read(Found, found), made.catalogue)]


def test_a_larger_max_n_gives_way() -> None:
    """At its own place in the model's settings, once for all tasks."""
    assert lines(f"{REQUEST}custom_settings: mine\n", FOUR) == [("max_n: 4", Span(MODEL, 2, 10, 11))]


def test_a_missing_max_n_is_written_where_the_settings_stand() -> None:
    """Among those that the request names; new ones where it names none."""
    assert lines(f"{REQUEST}custom_settings: plain\n", FOUR) == [("max_n: 4", Span(MODEL, 5, 1, 6))]
    assert lines(REQUEST, FOUR) == [("max_n: 4", Span(MODEL))]


def test_an_override_of_the_request_is_changed_there() -> None:
    """A line of the settings would not change it; the task without an override gets its own line."""
    text = f"{REQUEST}custom_settings: plain\noverrides:\n  en_own: {{max_n: 9}}\n"
    found = lines(text, FOUR)
    assert [line for line, _ in found] == ["max_n: 4", "max_n: 4"]
    assert {span.file for _, span in found} == {"manifests/requests/sample.yaml", MODEL}


def test_settings_of_every_model_are_left_alone() -> None:
    """What one provider refuses says nothing about the other models that use common settings."""
    common = {COMMON: "shared: {max_n: 8, version: 1}\n"}
    assert lines(f"{REQUEST}custom_settings: shared\n", FOUR, common) == [("max_n: 4", Span(MODEL))]


@pytest.mark.parametrize("largest", [8, 10])
def test_what_is_accepted_stays(largest: int) -> None:
    """A max_n that the provider takes, and one that is not needed."""
    found = {"n": {"largest": largest, "asked": 10, "verdict": "accepted", "message": ""}, "parameters": {}}
    assert lines(f"{REQUEST}custom_settings: mine\n", found) == []


def test_a_refused_setting_is_unset_and_one_that_is_not_sent_is_not() -> None:
    """A task's own default is unset in the model's settings: the shared table is for every model."""
    refused = {"verdict": "refused", "message": "no"}
    found = {"n": None, "parameters": {"top_k": refused, "temperature": refused, "seed": refused}}
    proposed = lines(f"{REQUEST}custom_settings: mine\n", found)
    assert proposed == [("temperature: null", Span(MODEL, 1, 1, 5)), ("top_k: null", Span(MODEL, 3, 10, 11))]


def test_a_known_longest_answer_or_context_bounds_max_new_tokens() -> None:
    """Only where more is asked for."""
    task = "model: org/m\nprovider: deepinfra\nservice: tsubame\ntasks: [en_own]\noverrides: {en_own: {max_new_tokens: 9000}}\n"
    context = {"tokens": 8192, "source": "list of models"}
    assert [line for line, _ in lines(task, {"n": None, "parameters": {}, "context": context})] == [
        "max_new_tokens: 4096"
    ]
    longest = {"tokens": None, "longest_answer": 8000, "source": "refusal"}
    assert [line for line, _ in lines(task, {"n": None, "parameters": {}, "context": longest})] == [
        "max_new_tokens: 8000"
    ]
    assert lines(task, {"n": None, "parameters": {}, "context": {"tokens": 131072, "source": "list of models"}}) == []


@pytest.mark.parametrize(("told", "line"), [("5", ["concurrency: 5"]), ("500", []), ("many", []), ("0", [])])
def test_a_rate_limit_below_the_concurrency_lowers_it(told: str, line: list[str]) -> None:
    """Twenty requests are in flight at an API unless the request says otherwise."""
    found = {"n": None, "parameters": {}, "rate_limit": {"x-ratelimit-limit-requests": told}}
    assert [one for one, _ in lines(REQUEST, found)] == line
    assert lines(f"{REQUEST}concurrency: 4\n", found) == []


def test_without_a_request_max_n_is_all_there_is_to_propose() -> None:
    """Nobody knows yet what will be sent."""
    made = compiled(REQUEST)
    target = of_model("org/m", made.catalogue.providers["gemini"], made.catalogue, None)
    found = {**FOUR, "parameters": {"top_k": {"verdict": "refused", "message": ""}}}
    assert [one.line for one in proposals(target, read(Found, found), made.catalogue)] == ["max_n: 4"]
    assert dict(target.parameters) == dict(USUAL)


def test_a_probe_that_was_stopped_at_once_proposes_nothing() -> None:
    """Without a key there is no finding at all."""
    assert lines(REQUEST, {"stopped": {"reason": "key-not-set", "message": ""}, "calls": 0}) == []


def test_n_is_asked_for_as_the_tasks_do() -> None:
    """The most answers that a metric of the request's tasks counts, at least the usual ten, or what was said."""
    entries = [
        {"name": "a", "function": "pick", "metrics": ["humaneval_pass@1:32"], "tasks": ["code"]},
        {"name": "b", "function": "pick", "metrics": ["pass@k:k=1&n=16"], "tasks": ["other"]},
        {"name": "c", "function": "pick", "metrics": ["acc"], "tasks": ["plain"]},
    ]
    metrics = compiled(REQUEST).catalogue.metrics.model_validate({"entries": entries})
    assert [answers_per_question(metrics, [task]) for task in ("code", "other", "plain")] == [32, 16, 10]
    assert answers_per_question(metrics) == 32
    made = compiled(REQUEST)
    (target,) = of_request(made.checked, made.evals, made.catalogue, 3)
    assert target.up_to == 3


def test_each_model_of_a_request_is_asked_about_with_what_it_is_sent() -> None:
    """Under the names of the wire, without what is settled by other questions."""
    text = REQUEST.replace("model: org/m", "models: [org/m, org/n]")
    made = compiled(f"{text}overrides: {{en_own: {{stop_tokens: [終], seed: 7, max_new_tokens: 5}}}}\n")
    targets = list(of_request(made.checked, made.evals, made.catalogue, None))
    assert [target.model for target in targets] == ["org/m", "org/n"]
    sent = targets[0].parameters
    assert (sent["stop"], sent["seed"], sent["temperature"]) == (["終"], 7, 0.0)
    assert {"max_new_tokens", "system_message", "stop_tokens"} & set(sent) == set()


def test_what_was_found_is_read_as_it_was_written() -> None:
    """The line of the program and --json have the same object; a program of another form is refused."""
    found = Found(
        n=LargestNumber(largest=4, asked=10, verdict="refused", message="at most 4"), parameters={"stop": ParameterVerdict("refused", "", 2)},
        context=ContextLength(source="refusal", longest_answer=4096, message="too long"), stopped=Stop("rate-limit", "HTTP 429"),
        unknown_accepted=False, together_refused="not both", rate_limit={"retry-after": "3"}, calls=9, tokens=12,
    )  # fmt: skip
    assert read(Found, json.loads(json.dumps(found.as_json()))) == found
    assert Found().as_json().keys() == {"n", "parameters", "context", "stopped", "rate_limit", "calls", "tokens"}
    with pytest.raises(ValueError, match="calls"):
        read(Found, {**found.as_json(), "calls": "nine"})
