"""Reads the tokenizer's files: think tags in the vocabulary, and the chat template."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from evalctl.cards import mistral
from evalctl.cards.configuration import Config, brings_tokenizer
from evalctl.cards.source import ModelFiles, json_file, small_file
from evalctl.model.card import Reader
from evalctl.model.marks import MARKS, Mark
from evalctl.model.parsers import NEEDS
from evalctl.model.vllm import OWN_TOKENIZER

# Hunyuan's tokens have a suffix, a short digest.
_LOOKED_FOR = re.compile(
    "|".join(
        re.escape(token).replace(re.escape("{suffix}"), r"(?::[^\s>]{1,64})?")
        for token in sorted({token for tokens in NEEDS.values() for token in tokens})
    )
)
_MOST_TOKENS = 64
# Whatever a tokenizer is made of; with none of these vLLM ends, or serves with a vocabulary of one token.
_VOCABULARY = re.compile(r"^tokenizer\.json$|vocab|merges|tekken|spiece|\.(model|tiktoken|bpe|spm)\b", re.IGNORECASE)
_TOKENS = frozenset(token for mark in MARKS for token in (mark.begin, mark.end))


def marks(source: ModelFiles) -> tuple[Mark, ...]:
    """The pairs of think tags of which both are single tokens."""
    found = {token for tokens in _token_lists(source) for token in _TOKENS & tokens}
    return tuple(mark for mark in MARKS if {mark.begin, mark.end} <= found)


def parser_tokens(source: ModelFiles) -> tuple[str, ...] | None:
    """The tokens that vLLM's reasoning parsers look for; None where the files do not have the whole vocabulary."""
    own = mistral.own_tokenizer(source)
    whole = (
        "special_tokens" in json_file(source, "tekken.json")
        if own
        else bool(_tokenizer(json_file(source, "tokenizer.json")) or json_file(source, "vocab.json"))
    )
    if not whole:
        return None
    lists = [_tekken(json_file(source, "tekken.json"))] if own else _token_lists(source)
    return tuple(sorted({token for tokens in lists for token in tokens if _LOOKED_FOR.fullmatch(token)})[:_MOST_TOKENS])


def parses_thinking(source: ModelFiles) -> bool:
    """Whether the tokenizer itself says how thinking is taken out of an answer (transformers' response_template)."""
    template = json_file(source, "tokenizer_config.json").get("response_template")
    fields = template.get("fields") if isinstance(template, dict) else None
    return isinstance(fields, dict) and "thinking" in fields


def read_by(source: ModelFiles, config: Config) -> Reader:
    """Whose code makes the tokenizer (seen: transformers 5.19, AutoTokenizer; vLLM 0.32, get_tokenizer). Code of the repository
    is needed where the tokenizer's own configuration names it, and neither has a class for it or for the type of model.
    """
    names = config.get("architectures")
    if mistral.own_tokenizer(source) or (isinstance(names, list) and {*map(str, names[:1])} & OWN_TOKENIZER):
        return "known"
    own = json_file(source, "tokenizer_config.json")
    code = own.get("auto_map", {})
    if code is None:  # transformers cannot look into it
        return "nobody"
    if code.get("AutoTokenizer") if isinstance(code, dict) else code:
        known = brings_tokenizer(str(config.get("model_type") or ""), str(own.get("tokenizer_class") or ""))
        return "known" if known else "repository"
    return "known" if any(map(_VOCABULARY.search, source.sizes)) else "nobody"


def _token_lists(source: ModelFiles) -> Iterator[set[str]]:
    yield _configured(json_file(source, "tokenizer_config.json"))
    yield set(json_file(source, "added_tokens.json"))
    yield _words(json_file(source, "special_tokens_map.json").get("additional_special_tokens"))
    yield _tokenizer(json_file(source, "tokenizer.json"))
    yield set(json_file(source, "vocab.json"))
    yield _tekken(json_file(source, "tekken.json"))


def _configured(config: dict[str, Any]) -> set[str]:
    decoder = config.get("added_tokens_decoder") or {}
    return _words(list(decoder.values())) | _words(config.get("additional_special_tokens"))


def _tokenizer(tokenizer: dict[str, Any]) -> set[str]:
    vocabulary = (tokenizer.get("model") or {}).get("vocab") or ()
    if not isinstance(vocabulary, dict):  # a unigram model has [token, score] pairs
        vocabulary = [entry[0] for entry in vocabulary]
    return _words(tokenizer.get("added_tokens")) | set(vocabulary)


def _tekken(tokenizer: dict[str, Any]) -> set[str]:
    """Special tokens in Mistral's own form, which lists them from version 7 on."""
    special = tokenizer.get("special_tokens")
    return {str(token.get("token_str")) for token in special or () if isinstance(token, dict)}


def _words(tokens: Any) -> set[str]:
    """The texts of tokens, which are written as text or as {content: text}."""
    items = tokens if isinstance(tokens, list) else []
    return {str(item["content"]) if isinstance(item, dict) else str(item) for item in items}


def template_digest(source: ModelFiles) -> str | None:
    """SHA-256 of the chat template, whatever file it is in; None for a model without one."""
    template = chat_template(source)
    return hashlib.sha256(template.encode()).hexdigest() if template is not None else None


def chat_template(source: ModelFiles) -> str | None:
    """The chat template, from its own file or from tokenizer_config.json."""
    # transformers prefers the separate file to the key (seen: 4.52, 5.17).
    file = small_file(source, "chat_template.jinja")
    if file is not None:
        return file.decode("utf-8", "replace")
    configured = json_file(source, "tokenizer_config.json").get("chat_template")
    return _default(configured or json_file(source, "chat_template.json").get("chat_template"))


def _default(template: Any) -> str | None:
    """The template itself; of several named templates the one named `default`, without which transformers refuses (seen: 5.17)."""
    if isinstance(template, list):
        template = {str(item.get("name")): str(item.get("template")) for item in template}
    found = template.get("default") if isinstance(template, dict) else template
    return None if found is None else str(found)
