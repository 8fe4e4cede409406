"""What a model's own files recommend; a doubt is no recommendation. The templates are small and shaped like real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalctl.cards import read_folder
from evalctl.cards.folder import open_folder
from evalctl.cards.recommendations import recommendations
from evalctl.cards.text import write
from evalctl.load import yaml_source

HONEST = "あなたは誠実で優秀な日本人のアシスタントです。"
EXAMPLE = f'```python\nmessages = [\n    {{"role": "system", "content": "{HONEST}"}},\n    {{"role": "user", "content": "東京"}},\n]\n```\n'


def found(folder: Path, **files: str) -> list[tuple[str, str, str]]:
    """(setting, source, text) of a model with only these files; `_dot_` stands for the dot of a name."""
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text, encoding="utf-8")
    return [(one.setting, one.source, one.text) for one in recommendations(open_folder(folder))]


def of_card(folder: Path, text: str, template: str = "") -> list[tuple[str, str, str]]:
    """What a README recommends beside a template."""
    return found(folder, README_dot_md=text, chat_template_dot_jinja=template)


def of_template(folder: Path, text: str) -> list[str]:
    """The switches that a template leaves off, with what holds."""
    return [f"{setting}: {words}" for setting, _, words in found(folder, chat_template_dot_jinja=text)]


def test_the_system_message_of_the_cards_example_is_one(tmp_path: Path) -> None:
    """As Swallow's cards have it: ready to copy, with the file that says it."""
    assert of_card(tmp_path, f"---\nlicense: llama3.1\n---\n# Usage\n{EXAMPLE}{EXAMPLE}") == [
        ("system_message", "README.md", HONEST)
    ]


def test_a_message_that_the_template_puts_in_itself_needs_nobody(tmp_path: Path) -> None:
    """Qwen2.5 shows in its card what its template has for a request without one."""
    template = f"{{% if messages[0].role != 'system' %}}{{{{ '<s>{HONEST}' }}}}{{% endif %}}"
    assert of_card(tmp_path, EXAMPLE, template) == []


@pytest.mark.parametrize(
    "message",
    [
        "You are a pirate chatbot who always responds in pirate speak!",
        "You are a helpful assistant.",
        "{system_prompt}",
        "<your system prompt>",
        "...",
    ],
)
def test_a_message_that_only_fills_an_example_is_none(tmp_path: Path, message: str) -> None:
    """Llama's pirate, a polite nothing, a gap to fill in."""
    assert of_card(tmp_path, f"""messages = [{{"role": "system", "content": "{message}"}}]""") == []


def test_several_different_messages_are_only_examples(tmp_path: Path) -> None:
    """Nobody can say which one is meant."""
    assert of_card(tmp_path, EXAMPLE + EXAMPLE.replace("誠実", "陽気")) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# Use\nFor best answers we **recommend** the\nsystem prompt `Reason step by step.` in English. It is short.",
            "For best answers we **recommend** the system prompt `Reason step by step.` in English.",
        ),
        (
            "- システムプロンプトとして次の文を推奨します。その他は任意。",
            "システムプロンプトとして次の文を推奨します。",
        ),
        ("The model understands system prompts.", None),
        ("Avoid adding a system prompt; all instructions should be in the user prompt.", None),
        ("We recommend the system prompt below.\n\nA system message is not needed for code.", None),
        ("We recommend vLLM.\n```\nsystem prompt should be here\n```\n", None),
    ],
)
def test_a_sentence_that_recommends_one_is_quoted(tmp_path: Path, text: str, sentence: str | None) -> None:
    """One that only mentions it, forbids it, or stands in code is not; two that contradict are for people."""
    assert of_card(tmp_path, text) == ([("system_message", "README.md", sentence)] if sentence else [])


def test_a_file_for_the_system_prompt_is_the_most_explicit_place(tmp_path: Path) -> None:
    """Mistral's models bring SYSTEM_PROMPT.txt; what is long is cut, and never more than a line."""
    ((setting, source, text),) = found(tmp_path, SYSTEM_PROMPT_dot_txt="Think\nfirst. " * 100, README_dot_md=EXAMPLE)
    assert (setting, source, len(text)) == ("system_message", "SYSTEM_PROMPT.txt", 300)
    assert text.startswith("Think first. Think first.")
    assert text.endswith("…")


def test_reasoning_that_a_system_message_turns_on_is_named_by_its_words(tmp_path: Path) -> None:
    """Nemotron's template knows nothing of it; the card names on and off."""
    card = 'Reasoning (ON/OFF) is set by the system prompt: "detailed thinking on" or "detailed thinking off".'
    template = "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
    assert of_card(tmp_path, card, template) == [("system_message", "README.md", "detailed thinking on")]


@pytest.mark.parametrize(
    ("template", "switches"),
    [
        # DeepSeek-V3.1, Granite, EXAONE: off unless set
        ("{% if not thinking is defined %}{% set thinking = false %}{% endif %}{% if thinking %}<think>{% endif %}", ["thinking"]),
        ("{%- if thinking %}{{ 'Think first.' }}{%- endif %}", ["thinking"]),
        ("{% if enable_thinking is defined and enable_thinking is true %}<think>{% else %}<think></think>{% endif %}", ["enable_thinking"]),
        ("{% if enable_thinking | default(false) %}<think>{% endif %}", ["enable_thinking"]),
        ("{% if add_generation_prompt and not enable_thinking %}<think></think>{% endif %}", ["enable_thinking"]),
        # Qwen3, GLM, SmolLM3, Nemotron-Nano: on unless turned off
        ("{%- if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}", []),
        ("{%- if enable_thinking is defined and not enable_thinking %}/nothink{% endif %}", []),
        ("{%- if enable_thinking is not defined -%}{%- set enable_thinking = true -%}{% endif %}{% if enable_thinking %}{% endif %}", []),
        ("{% if enable_thinking | default(True) %}<think>{% endif %}", []),
        ("{% if enable_thinking is not false %}<think>{% endif %}", []),
        ("{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}", []),
        ("{% set ns = namespace(enable_thinking=true) %}{% if ns.enable_thinking %}<think>{% endif %}", []),
        # a doubt, and words that are no switch
        ("{% if x %}{% set thinking = false %}{% endif %}{% if thinking %}<think>{% endif %}", []),
        ("{% if messages %}{{ 'if thinking is hard' }}{% endif %} if thinking", []),
        ("", []),
    ],
)  # fmt: skip
def test_only_a_switch_that_is_off_by_itself_is_told(tmp_path: Path, template: str, switches: list[str]) -> None:
    """A template that reasons unless told otherwise needs no word of the request."""
    assert of_template(tmp_path, template) == [f"{switch}: off unless it is set" for switch in switches]


def test_an_effort_is_told_with_what_holds_otherwise(tmp_path: Path) -> None:
    """gpt-oss takes medium; another template may not say."""
    gpt_oss = '{%- if reasoning_effort is not defined %}{%- set reasoning_effort = "medium" %}{%- endif %}'
    assert of_template(tmp_path, gpt_oss) == ["reasoning_effort: medium unless it is set"]
    filtered = "{{ reasoning_effort | default('low') }}"
    assert of_template(tmp_path, filtered) == ["reasoning_effort: low unless it is set"]
    silent = "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}"
    assert of_template(tmp_path, silent) == ["reasoning_effort: taken where it is set"]


def test_the_card_keeps_it(model: Path) -> None:
    """Locked as facts, readable as every card is; a model that recommends nothing has an empty list."""
    assert read_folder(model, "pub/tiny").recommends == ()
    (model / "README.md").write_text(EXAMPLE, encoding="utf-8")
    document, problems = yaml_source.parse(write(read_folder(model, "pub/tiny")), "card")
    assert problems == []
    assert document is not None
    assert document.data["recommends"] == [{"setting": "system_message", "source": "README.md", "text": HONEST}]
