"""Text of a secret's shape: keys of the services that the lab uses, and what looks like a private key.

`check` looks for it in manifests, `report` hides it, `sync` refuses to commit it.
"""

from __future__ import annotations

import re

# Prefixes as the providers issue them (2026). `\b` would not do: Japanese letters are word characters, too.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?P<api>sk-[A-Za-z0-9_-]{20,})"
    r"|(?P<huggingface>hf_[A-Za-z0-9]{20,})"
    r"|(?P<github>gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"
    r"|(?P<google>AIza[A-Za-z0-9_-]{30,})"
    r"|(?P<aws>AKIA[0-9A-Z]{16}(?![0-9A-Za-z]))"
    r"|(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY-----))"
)
_NAMES = {
    "api": "an API key", "huggingface": "a Hugging Face token", "github": "a GitHub token", "google": "a Google key",
    "aws": "an AWS key", "private": "a private key",
}  # fmt: skip
_HINTS = ("sk-", "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AIza", "AKIA", "PRIVATE KEY")


def secret_shapes(text: str) -> list[tuple[int, int, int, str]]:
    """(line, column, end column, kind) of each piece of secret-shaped text."""
    found = []
    for match in _matches(text):
        start = text.rfind("\n", 0, match.start()) + 1
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - start + 1
        found.append((line, column, column + match.end() - match.start(), _NAMES[match.lastgroup or ""]))
    return found


def redacted(text: str) -> str:
    """`text` with stars in place of what looks like a secret, letter for letter."""
    for match in _matches(text):
        text = text[: match.start()] + "*" * (match.end() - match.start()) + text[match.end() :]
    return text


def _matches(text: str) -> list[re.Match[str]]:
    if not any(hint in text for hint in _HINTS):
        return []
    return [match for match in _SHAPES.finditer(text) if _random(match)]


def _random(match: re.Match[str]) -> bool:
    """Whether it is no prose: `sk-learn-compatible-evaluator` and `hf_transformers_backend` are names."""
    text = match[0]
    if match.lastgroup not in ("api", "huggingface"):
        return True
    mixed = text[3:] != text[3:].lower() and text[3:] != text[3:].upper()
    digits = any(character.isdigit() for character in text)
    long_word = any(len(word) >= 20 for word in re.split("[-_]", text[3:]))
    return (mixed and (digits or long_word)) or (digits and long_word)
