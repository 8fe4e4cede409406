"""Whether a text may be posted. It was made by a run of a pull request, whose author may have changed the program that made it."""

from __future__ import annotations

import re

from evalctl.comment.body import MARKER
from evalctl.comment.fitting import LIMIT, length
from evalctl.terminal import plain

_LINK = re.compile(r"(?<!\\)(?:\\\\)*\]\(([^)\s]*)\)")  # a bracket behind an odd number of backslashes is text
_LONGEST = LIMIT - 100  # the line about the commit follows
_TAGS = {"<details>", "</details>", "<summary>", "</summary>"}
_ENTITIES = {"&amp;", "&lt;"}
# What a comment of evalctl never has, outside of its links: each could show something else than text, or send somebody elsewhere.
_NEVER = {
    r"(?<!\\)(?:\\\\)*!\[": "a picture",
    r"(?<!\\)(?:\\\\)*\][\[(:]": "a link of another form",
    r"://|www\.": "an address",
    r"@(?!\u200b)": "a mention",
    r"```|~~~|\$\$": "a fenced block",
    r"[A-Za-z0-9]#[0-9]|\bGH-[0-9]": "a reference to another issue",
}


def is_of_evalctl(text: str) -> bool:
    """Whether it begins as every comment of evalctl does."""
    return text.startswith(f"{MARKER}\n## evalctl: ")


def why_not(text: str, pull_request: str) -> str:
    """Why the text is no comment of evalctl; "" if it is one. `pull_request` is the address to whose changes it may link."""
    if not is_of_evalctl(text):
        return "it does not begin as a comment of evalctl"
    if length(text) > _LONGEST:
        return f"it has {length(text)} characters; {_LONGEST} are possible"
    rest = text[len(MARKER) :]
    shown = rest.replace("\n", "").replace("\u200b", "")
    if plain(shown) != shown:
        return "it has control characters"
    if tag := next((one for one in re.findall(r"<[^>]{0,40}>?", rest) if one not in _TAGS), ""):
        return f"it has the HTML tag {tag}"
    if entity := next((one for one in re.findall(r"&\S{0,9}", rest) if not one.startswith(tuple(_ENTITIES))), ""):
        return f"it has the entity {entity}"
    changes = re.compile(re.escape(pull_request) + r"/files#diff-[0-9a-f]{64}R[0-9]{1,9}")
    if address := next((one for one in _LINK.findall(rest) if not changes.fullmatch(one)), None):
        return f"it links to {address[:100]}"
    without = _LINK.sub("", rest)
    return next((f"it has {what}" for pattern, what in _NEVER.items() if re.search(pattern, without)), "")
