"""Quotes texts for shell scripts: bash reads exactly the original text, whatever it contains. The only place that does so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# Control, direction and zero-width characters can make a script look different from what it is; tab and newline are allowed.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
# Grid Engine treats any line of the script that begins with `#$` as a directive, also inside quotes (seen: 8.1.9). PBS and
# Slurm stop at the first command, but this code does not rely on that.
_DIRECTIVE = re.compile(r"^#(?=[^\s#])", re.MULTILINE)
_NEEDS_SINGLE = re.compile(r'["$`\\!]')
_LINE = 100


@lru_cache(maxsize=8192)
def word(text: str) -> str:
    """`text` as one bash word: unquoted where possible, else in quotes, with hidden characters in `$'…'`."""
    if _PLAIN.fullmatch(text):
        return text
    if "\0" in text:
        raise ValueError("a shell word cannot contain a NUL character")
    if _misleading(text):
        return f"$'{_escaped(text)}'"
    if "'" in text and not _NEEDS_SINGLE.search(text):
        return f'"{text}"'
    return "'" + text.replace("'", "'\\''") + "'"


def words(texts: Iterable[str]) -> str:
    """`texts` as bash words, separated by spaces."""
    return " ".join(map(word, texts))


def assignment(name: str, value: str | Sequence[str], indent: str = "") -> str:
    """`NAME=word`, or `NAME=(words)` for a sequence; a long list has one option per line, deeper than `indent`."""
    _check_name(name)
    return f"{name}={word(value)}" if isinstance(value, str) else _array(name, tuple(value), indent)


@lru_cache(maxsize=8192)  # a thousand requests for the same tasks have the same arrays
def _array(name: str, texts: tuple[str, ...], indent: str) -> str:
    line = f"{name}=({words(texts)})"
    return line if len(line) <= _LINE or len(texts) < 2 else f"{name}=(\n{_listed(texts, indent)}\n{indent})"


def comment(text: str) -> str:
    """`# text` on one line; line breaks and hidden characters are written as escapes."""
    if not text.isprintable():
        text = HIDDEN.sub(_shown, text.replace("\n", "\\n").replace("\t", "\\t"))
    return f"# {text}".rstrip()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"`{name}` is not a name of a shell variable")


def _listed(texts: Sequence[str], indent: str) -> str:
    """Lines of an array: an option with its value, or a single word."""
    lines: list[str] = []
    open_option = False
    for text in texts:
        option = text.startswith("-")
        if open_option and not option:
            lines[-1] += f" {word(text)}"
        else:
            lines.append(f"{indent}  {word(text)}")
        open_option = option
    return "\n".join(lines)


def _misleading(text: str) -> bool:
    # `isprintable` is a quick first test; it also rejects newlines and the full-width spaces of Japanese text.
    if not text.replace("\n", "").isprintable() and HIDDEN.search(text):
        return True
    return "\n#" in text and _DIRECTIVE.search(text) is not None


def _escaped(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return HIDDEN.sub(_shown, _DIRECTIVE.sub(r"\\x23", quoted))


def _shown(match: re.Match[str]) -> str:
    # Bytes, not \uXXXX: bash converts the latter to characters only in a UTF-8 locale (seen: 5.2.15).
    return "".join(f"\\x{byte:02x}" for byte in match.group().encode())
