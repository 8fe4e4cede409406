"""Shared by the programs that talk to the Hub: lines for evalctl, and texts of errors."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from evalctl_job.redact import redacted


class HubRefusal(Exception):
    """The program cannot continue; `reason` is one of evalctl's reasons."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def words(error: BaseException) -> str:
    """HTTP status of an error, else the operating system's message within its text, else its whole text."""
    reply = getattr(error, "response", None)
    if reply is not None:
        return f"HTTP {reply.status_code}"
    reasons = re.findall(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
    return reasons[-1] if reasons else redacted(f"{type(error).__name__}: {error}", _token())[:200]


def host_in(endpoint: str) -> str:
    """The Hub's address for messages: without the scheme, and without a mirror's user and password."""
    address = urlsplit(endpoint)
    shown = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
    return shown.removeprefix("https://")


def say(*parts: object) -> None:
    """Print one line and flush it."""
    print(*parts, sep="\t", flush=True)


def _token() -> str | None:
    from huggingface_hub import get_token  # not at the top: it reads variables that its users set before

    found: str | None = get_token()
    return found
