"""The manual asks back (3.2) where a card recommends what the request does not name, and only there."""

from __future__ import annotations

import pytest
from samples import card_file, compiled

from evalctl.model.diagnostic import NOTE

SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n"
HONEST = "Be honest."


def recommending(setting: str, text: str = HONEST, source: str = "README.md") -> dict[str, str]:
    """The card of a model that recommends this."""
    return card_file(recommends=({"setting": setting, "source": source, "text": text},))


def test_a_recommended_system_message_is_told_with_what_to_type() -> None:
    """Once for all tasks, at the model, a note: the request may be meant as it is."""
    (told,) = compiled(SMALL, recommending("system_message")).problems
    assert (told.code, told.severity, told.span.line) == ("recommended-setting", NOTE, 1)
    assert "README.md of lab/small-8B" in told.message
    assert HONEST in told.message
    assert "system_message:" in told.help


def test_custom_settings_that_name_it_are_offered() -> None:
    """The model's own sets that decide it, by name, and no others."""
    files = {
        "manifests/models/lab/small-8B.yaml": 'polite: {system_message: Hi, version: "1"}\nhot: {temperature: 1, version: "1"}\n'
    }
    (told,) = compiled(SMALL, {**recommending("system_message"), **files}).problems
    assert "custom_settings: one of polite;" in told.help


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("system_message", "system_message: Be kind."),
        ("system_message", "system_message: null"),
        ("thinking", "reasoning_parser: ignore"),
        ("thinking", "chat_template_kwargs: {thinking: false}"),
        ("enable_thinking", "reasoning_effort: none"),
        ("enable_thinking", "reasoning_parser: ignore"),
        ("enable_thinking", "chat_template_kwargs: {enable_thinking: true}"),
        ("reasoning_effort", "reasoning_effort: low"),
        ("reasoning_effort", "reasoning_effort: null"),
    ],
)
def test_whoever_decided_is_not_asked(setting: str, said: str) -> None:
    """Another value than the recommended one is a decision, too."""
    told = compiled(f"{SMALL}overrides: {{all: {{{said}}}}}\n", recommending(setting))
    assert compiled(SMALL, recommending(setting)).codes() == ["recommended-setting"]
    assert told.codes() == []


def test_a_template_of_the_requests_own_decides_its_switches() -> None:
    """Its author knows what it does; a recommended system message is asked for all the same."""
    files = {"manifests/models/chat_templates/deep.jinja": "{% set thinking = true %}"}
    text = f"{SMALL}overrides: {{all: {{chat_template: deep}}}}\n"
    assert compiled(text, {**recommending("thinking"), **files}).codes() == []
    assert compiled(text, {**recommending("system_message"), **files}).codes() == ["recommended-setting"]


def test_another_switch_of_the_template_decides_nothing() -> None:
    """Nor does taking away what a lower layer switched."""
    for said in ("{think: true}", "null"):
        text = f"{SMALL}overrides: {{all: {{chat_template_kwargs: {said}}}}}\n"
        assert compiled(text, recommending("thinking")).codes() == ["recommended-setting"]


def test_custom_settings_that_switch_it_are_offered() -> None:
    """By the name of the switch that they give to the template."""
    files = {
        "manifests/models/lab/small-8B.yaml": 'deep: {chat_template_kwargs: {thinking: true}, version: "1"}\n'
        'other: {chat_template_kwargs: {mode: x}, version: "1"}\n'
    }
    (told,) = compiled(SMALL, {**recommending("thinking"), **files}).problems
    assert "custom_settings: one of deep;" in told.help


def test_one_task_that_is_left_undecided_is_enough() -> None:
    """An override of another task decides nothing for it."""
    text = (
        "model: lab/small-8B\nservice: tsubame\ntasks: [en_own, en_choice]\noverrides: {en_own: {system_message: Hi}}\n"
    )
    assert compiled(text, recommending("system_message")).codes() == ["recommended-setting"]


def test_a_card_without_recommendations_is_silent() -> None:
    """Cards of an older evalctl have none, and stay readable."""
    assert compiled(SMALL).codes() == []


def test_a_template_is_not_known_where_others_serve() -> None:
    """The model's own switch may not exist there; its card's system message does."""
    text = "model: lab/small-8B\nprovider: deepinfra\nservice: tsubame\ntasks: [en_own]\n"
    assert compiled(text, recommending("enable_thinking")).codes() == []
    assert compiled(text, recommending("system_message")).codes() == ["recommended-setting"]
