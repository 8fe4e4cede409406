"""What the programs that speak with the Hub share: lines for evalctl, and words for what went wrong."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from evalctl_job.redact import redacted


class Refused(Exception):
    """It cannot go on; `reason` is a word that the rest of evalctl knows."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def words(error: BaseException) -> str:
    """The status that came back, else the system's own words in a long story of requests, else the story."""
    reply = getattr(error, "response", None)
    if reply is not None:
        return f"HTTP {reply.status_code}"
    said = re.findall(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
    return said[-1] if said else redacted(f"{type(error).__name__}: {error}", _token())[:200]


def host_in(endpoint: str) -> str:
    """The address as it may be shown: without the scheme that every Hub has, and without a mirror's user and password."""
    address = urlsplit(endpoint)
    shown = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return shown.removeprefix("https://")


def say(*parts: object) -> None:
    """One line, at once."""
    print(*parts, sep="\t", flush=True)


def _token() -> str | None:
    from huggingface_hub import get_token  # not at the top: it reads variables that its users set before

    found: str | None = get_token()
    return found
