"""Shapes of API keys, and forms in which a known key is echoed; evalctl and the programs of a job hide the same texts."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"
_SHORTEST = 8  # a shorter value would be found in any text

# Prefixes as the services issue them (2026) that may begin a word of prose, too: OpenAI, Anthropic and OpenRouter (sk-),
# Groq, xAI, NVIDIA, Replicate, Perplexity, Fireworks, Cerebras, Together, Vercel's gateway; GitLab; Slack; DigitalOcean; W&B.
_PROSE = (
    "sk-",
    "gsk_",
    "xai-",
    "nvapi-",
    "r8_",
    "pplx-",
    "fw_",
    "csk-",
    "tgp_v1_",
    "vck_",
    "dop_v1_",
    "wandb_v1_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
)
_PROSE_HF = ("hf_",)
_OTHER = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "AIza", "AKIA", "ASIA")
_HINTS = (*_PROSE, *_PROSE_HF, *_OTHER, "eyJ", "earer ", "PRIVATE KEY", "AQ.Ab", "ya29.", "bce-v3/")

KINDS = {
    "api": "an API key", "huggingface": "a Hugging Face token", "github": "a GitHub token", "google": "a Google key",
    "aws": "an AWS key", "baidu": "a key of Baidu's cloud", "jwt": "a signed token (JWT)", "bearer": "a bearer token", "private": "a private key",
}  # fmt: skip
# `\b` would not do: Japanese letters are word characters, too.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    rf"(?P<api>(?:{'|'.join(_PROSE)})[A-Za-z0-9_-]{{20,}})"
    r"|(?P<huggingface>hf_[A-Za-z0-9]{20,})"
    r"|(?P<github>gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"
    # Google's of 2026 (`AQ.Ab…`) and those for an hour.
    r"|(?P<google>AIza[A-Za-z0-9_-]{30,}|(?:AQ\.Ab|ya29\.)[A-Za-z0-9_-]{30,})"
    r"|(?P<baidu>bce-v3/ALTAK-[A-Za-z0-9]{10,}/[0-9a-f]{32,})"  # Qianfan
    r"|(?P<aws>(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z]))"
    r"|(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
    r"|(?<=[Bb]earer )(?P<bearer>[A-Za-z0-9._~+/-]{24,}=*)"
    r"|(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY-----))"
)
# Shapes that are removed from texts of others, also shortened or masked as in "Incorrect API key provided: sk-abc***xyz".
_LOOSE = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:{'|'.join((*_PROSE, *_PROSE_HF, *_OTHER))}|(?:sk|hf|pk|rk|key|gsk|xai)[-_])"
    r"(?:[A-Za-z0-9_*•…-]|\.{3}){6,}"
    r"|(?:AQ\.Ab|ya29\.)[A-Za-z0-9_*•…-]{6,}|bce-v3/[A-Za-z0-9*•…/-]{6,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{8,})|(?<=[Bb]earer )\S+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----)?"
)


def shapes(text: str) -> list[re.Match[str]]:
    """Each piece of text that looks like a key; `lastgroup` names its kind."""
    if not any(hint in text for hint in _HINTS):
        return []
    return [match for match in _SHAPES.finditer(text) if _is_random(match)]


def _is_random(match: re.Match[str]) -> bool:
    """Whether it is a random text, not prose: `sk-learn-compatible-evaluator` and `hf_transformers_backend` are names."""
    if match.lastgroup not in ("api", "huggingface", "bearer"):
        return True
    prefix = next((one for one in (*_PROSE, *_PROSE_HF) if match[0].startswith(one)), "")
    body = match[0][len(prefix) :]
    mixed = body != body.lower() and body != body.upper()
    digits = any(character.isdigit() for character in body)
    long_word = any(len(word) >= 20 for word in re.split("[-_]", body))
    return (mixed and (digits or long_word)) or (digits and long_word)


def without_shapes(text: str) -> str:
    """The text without anything that may be a key; for texts of others, where a false alarm costs little."""
    return _LOOSE.sub(HIDDEN, text)


def without(text: str, secrets: Iterable[str | None]) -> str:
    """The text without known secrets, in any form in which a program may have echoed them."""
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST:
            text = _echoes(secret).sub(HIDDEN, text)
        elif secret:
            text = text.replace(secret, HIDDEN)
    return text


@lru_cache(maxsize=64)
def forms(secret: str) -> tuple[str, ...]:
    """A secret as programs write it: as it is, quoted for an address (twice, too), JSON, HTML or Python, encoded, reversed."""
    written, data = json.dumps(secret)[1:-1], secret.encode()
    quoted = [quote(secret), quote(secret, safe=""), quote_plus(secret)]
    lower = [re.sub("%..", lambda code: code[0].lower(), one) for one in quoted]
    twice = [quote(one, safe="") for one in (*quoted, *lower)]
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret)
    found = [
        secret, *quoted, *lower, *twice, written, written.replace("/", "\\/"), repr(secret)[1:-1], html.escape(secret), escaped,
        data.hex(), data.hex().upper(), secret[::-1], secret.upper(), secret.lower(),
        *_base64(data), base64.b32encode(data).decode().rstrip("="), base64.b85encode(data).decode(),
    ]  # fmt: skip
    return tuple(sorted({form for form in found if len(form) >= _SHORTEST}, key=len, reverse=True))


def _base64(secret: bytes) -> Iterable[str]:
    """Its base64 at each offset within a longer text, without the characters that depend on its neighbours."""
    for before, dropped in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b"\0" * before + secret).decode()
        inner = whole.rstrip("=")[dropped : -1 if whole.endswith("=") else None]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


@lru_cache(maxsize=64)
def _echoes(secret: str) -> re.Pattern[str]:
    """Also in other case, broken over lines (`rich` draws frames), and with stars in place of its middle or beginning."""
    masked = rf"{re.escape(secret[:4])}[A-Za-z0-9_-]*(?:[*•…]{{2,}}|\.{{3,}}|x{{4,}})[A-Za-z0-9_-]*"
    tail = rf"[*•…]{{3,}}{re.escape(secret[-4:])}"
    broken = r"(?:\s*│?\s*│?\s*)".join(re.escape(character) for character in secret) if len(secret) <= 300 else ""
    parts = [*map(re.escape, forms(secret)), masked, tail, broken]
    return re.compile("|".join(filter(None, parts)), re.IGNORECASE)
