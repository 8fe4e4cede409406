"""Whether a text may be posted. It was made by a run of a pull request, whose author may have changed the program that made it."""

from __future__ import annotations

import re

from evalctl.comment.body import MARKER
from evalctl.comment.fitting import LIMIT
from evalctl.terminal import plain

_TAG = re.compile(r"<(?!!--)/?([A-Za-z][A-Za-z0-9-]*)([^>]*)>")
_TAGS = {"details", "summary"}
_LINK = re.compile(r"(?<!\\)(?:\\\\)*\]\(([^)]*)\)")  # a bracket behind an odd number of backslashes is text


def is_of_evalctl(text: str) -> bool:
    """Whether it begins as every comment of evalctl does."""
    return text.startswith(f"{MARKER}\n## evalctl: ")


def why_not(text: str, pull_request: str) -> str:
    """Why the text is no comment of evalctl; "" if it is one. `pull_request` is the address to whose pages it may link."""
    if not is_of_evalctl(text):
        return "it does not begin as a comment of evalctl"
    if len(text) > LIMIT:
        return f"it has {len(text)} characters; {LIMIT} are possible"
    rest = text[len(MARKER) :]
    if "<!--" in rest:
        return "it has a second HTML comment"
    for tag, attributes in _TAG.findall(rest):
        if tag.lower() not in _TAGS or attributes:
            return f"it has the HTML tag <{tag}{attributes[:40]}>"
    if re.search(r"(?<!\\)(?:\\\\)*!\[", rest):
        return "it has a picture"
    for address in _LINK.findall(rest):
        if not address.startswith(f"{pull_request}/files#diff-"):
            return f"it links to {address[:100]}"
    if re.search(r"://|www\.", _LINK.sub("]", rest)):
        return "it has an address that is no link to the changes"
    if re.search(r"@(?!\u200b)[A-Za-z0-9]", rest):
        return "it mentions somebody"
    shown = text.replace("\n", "").replace("\u200b", "")
    if plain(shown) != shown:
        return "it has control characters"
    return ""
