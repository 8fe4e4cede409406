"""Finds settings that a model's own files recommend and that a request must name: a system message, a reasoning switch.

Settings that apply by default are not reported: a template that reasons by default, or that inserts the system message by
itself. In doubt nothing is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evalctl.cards.source import ModelFiles, small_file
from evalctl.cards.tokenizer import chat_template
from evalctl.model.card import Recommendation

_README, _PROMPT, _TEMPLATE = "README.md", "SYSTEM_PROMPT.txt", "chat template"  # Mistral's models bring the second
_LONGEST = 300

# Nemotron (seen: Llama-3.1 and 3.3) reasons only with this system message, which only its card mentions.
_THINKING_MESSAGE = "detailed thinking on"

_EXAMPLE = re.compile(
    r"""["']role["']\s*:\s*["']system["']\s*,\s*["']content["']\s*:\s*(?P<quote>\"{3}|["'])(?P<text>.{1,4000}?)(?<!\\)(?P=quote)""",
    re.DOTALL,
)
# Not recommendations: the pirate examples in Llama's and Zephyr's cards, generic or empty messages, placeholders.
_NO_MESSAGE = re.compile(r"pirate|^you are an? (?:helpful )?(?:ai )?assistant\.?$|[{<].*[}>]|^\W*$", re.IGNORECASE)

_NO_PROSE = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1|^#[^\n]*", re.MULTILINE | re.DOTALL)  # code, headings
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*\n|\n(?=\s*(?:[-*#>|]|\d+\.)\s)")
_ABOUT = re.compile(r"system[ _-]?(?:prompt|message)|システム(?:プロンプト|メッセージ)", re.IGNORECASE)
_ADVISED = re.compile(r"\b(?:recommend|suggest|advise|should\b|must\b)|推奨|お勧め|おすすめ", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:no|not|never|avoid|without|optional)\b|n't\b|ない|ません|不要|なし", re.IGNORECASE)

_EFFORT = re.compile(r"\breasoning_effort\b")
_EFFORT_UNLESS = re.compile(
    r"""reasoning_effort\s*=\s*["'](\w+)["']|reasoning_effort\s*\|\s*default\(\s*["'](\w+)["']"""
)

_CODE = re.compile(r"\{[%{].*?[%}]\}", re.DOTALL)
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_UNLESS_DEFINED = r"(?:not\s+{name}\s+is\s+defined|{name}\s+is\s+not\s+defined)\s*-?%\}}\{{%-?\s*set\s+{name}\s*=\s*([Tt]rue|[Ff]alse)"
_OR_DEFAULT = r"{name}\s*\|\s*default\(\s*([Tt]rue|[Ff]alse)"
_ON_IF_UNDEFINED = (
    r"{name}\s+is\s+defined\s+and\s+\(?\s*not\b"
    r"|{name}\s*(?:\bis\b(?:\s+not\b)?|==|!=)\s*[Ff]alse"
    r"|(?:not\s+{name}\s+is|{name}\s+is\s+not)\s+defined\s+or\b"
)


def recommendations(source: ModelFiles) -> tuple[Recommendation, ...]:
    """The recommendations of the model's files, at most one for each setting."""
    template = chat_template(source) or ""
    return (*_system_message(source, template), *_reasoning(template))


def _system_message(source: ModelFiles, template: str) -> Iterator[Recommendation]:
    """The recommended system message, unless the template inserts that text itself."""
    file, text = _recommended_message(source)
    if text and text not in _line(template):
        shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        yield Recommendation(setting="system_message", source=file, text=shown)


def _recommended_message(source: ModelFiles) -> tuple[str, str]:
    """(file, system message), from the most explicit place."""
    if prompt := _line(_text(source, _PROMPT)):
        return _PROMPT, prompt
    card = _text(source, _README)
    return _README, _THINKING_MESSAGE if _THINKING_MESSAGE in card else _example(card) or _line(_sentence(card))


def _text(source: ModelFiles, name: str) -> str:
    return (small_file(source, name) or b"").decode("utf-8", "replace")


def _line(text: str) -> str:
    """One printable line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _example(card: str) -> str:
    """The system message in the card's examples; "" if the examples have different ones."""
    texts = {_line(match["text"].replace("\\n", "\n").replace("\\", "")) for match in _EXAMPLE.finditer(card)}
    return next(iter(texts)) if len(texts) == 1 and not any(map(_NO_MESSAGE.search, texts)) else ""


def _sentence(card: str) -> str:
    """The system message that a sentence of the card recommends; "" if another sentence advises against any."""
    sentences = [one.strip(" \t\n-*#>|") for one in _SENTENCE_END.split(_NO_PROSE.sub("\n\n", card))]
    about = [one for one in sentences if _ABOUT.search(one)]
    refused = any(_REFUSED.search(one) for one in about)
    return next((one for one in about if not refused and _ADVISED.search(one)), "")


def _reasoning(template: str) -> Iterator[Recommendation]:
    for switch in ("thinking", "enable_thinking"):
        if _is_off(template, switch):
            yield Recommendation(setting=switch, source=_TEMPLATE, text="off unless it is set")
    if _EFFORT.search(template):
        unless = _EFFORT_UNLESS.search(template)
        text = f"{unless[1] or unless[2]} unless it is set" if unless else "taken where it is set"
        yield Recommendation(setting="reasoning_effort", source=_TEMPLATE, text=text)


def _is_off(template: str, switch: str) -> bool:
    """Whether the template does not reason if the switch is not set (Jinja treats an unset name as false)."""
    code = _STRING.sub("''", "".join(_CODE.findall(template)))
    name = rf"(?<![\w.]){switch}\b"
    unset = re.search(_UNLESS_DEFINED.format(name=name), code) or re.search(_OR_DEFAULT.format(name=name), code)
    if unset:
        return unset[1].lower() == "false"
    doubtful = re.search(rf"\bset\s+{switch}\b", code) or re.search(_ON_IF_UNDEFINED.format(name=name), code)
    return not doubtful and re.search(rf"\b(?:if|and|or|not)\s+\(?\s*{name}", code) is not None
