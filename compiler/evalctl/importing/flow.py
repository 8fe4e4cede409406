"""Determines which lines of a shell script run exactly once: not in a here-document, not in a block, not after `exit`."""

from __future__ import annotations

import re
from collections.abc import Iterator

TEXT = "text of a here-document"

_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_HERE = re.compile(r"(?<!<)<<(?P<tabs>-?)\s*(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)(?!<)")
# Words that begin and end a block, at a position where a command may begin.
_BEGINS = r"(?:^|[;&|({!]|\b(?:then|do|else|elif|if|while|until)\b)\s*"
_OPENS = re.compile(rf"{_BEGINS}(?P<word>if|for|while|until|case|select)\b")
_CLOSES = re.compile(r"(?:^|[;&\s])(?:fi|done|esac)\b")
_FUNCTION = re.compile(r"^\s*(?:function\s+[\w-]+\s*(?:\(\s*\))?|[\w-]+\s*\(\s*\))\s*\{?")
_LEAVES = re.compile(r"^(?:exit|return)\b")


def hindrances(lines: list[str]) -> Iterator[str]:
    """For each line the reason why it does not run exactly once; "" where it does."""
    depth, ended, here = 0, "", None
    for line in lines:
        if here is not None:
            yield TEXT
            here = None if _ends(line, here) else here
            continue
        code = _COMMENT.sub("", _QUOTED.sub("_", line))
        opened, closed = _counts(code)
        inside = depth > 0 or opened > 0
        yield ended or ("inside a block (if, loop, case or function)" if inside else "")
        if not inside and _LEAVES.match(code.strip()):
            ended = f"after `{code.split()[0]}`"
        depth = max(0, depth + opened - closed)
        here = _HERE.search(_COMMENT.sub("", line))


def _ends(line: str, here: re.Match[str]) -> bool:
    return (line.lstrip("\t") if here["tabs"] else line) == here["word"]


def _counts(code: str) -> tuple[int, int]:
    """(blocks that begin, blocks that end) in a line; braces of variables do not count."""
    plain = re.sub(r"\$\{[^}]*\}|\$\(\([^)]*\)\)", "_", code)
    opens = len(_OPENS.findall(plain)) + bool(_FUNCTION.match(plain))
    closes = len(_CLOSES.findall(plain)) + bool(
        re.match(r"\s*\}", plain) or (_FUNCTION.match(plain) and plain.rstrip().endswith("}"))
    )
    return opens, closes
