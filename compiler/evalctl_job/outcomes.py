"""The outcome of one try of a request: a reply, or a refusal that is transient or not; without network."""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evalctl_job.filters import is_filtered
from evalctl_job.reasons import is_lasting
from evalctl_job.redact import cleaned, redacted
from evalctl_job.repeats import cache_that_answered
from evalctl_job.replies import LONGEST_NAME, is_certain, status_of, words_of
from evalctl_job.strict_json import loads

TRANSIENT: Mapping[int, str] = {
    408: "request timeout", 409: "conflict", 423: "locked", 424: "text-generation-inference: the generation failed",
    425: "too early", 429: "too many requests", 499: "a gateway's client hung up",
}  # fmt: skip
# From 500 on all are transient, Cloudflare's 520 to 530 and unknown ones as well (RFC 9110: they are to be read as 500),
# but for these.
LASTING: Mapping[int, str] = {
    501: "not implemented", 505: "version of HTTP not supported", 506: "variant also negotiates", 508: "loop detected",
    510: "not extended", 511: "the network requires a login", 526: "Cloudflare: certificate of the server behind it",
    561: "Amazon's load balancer: the login failed",
}  # fmt: skip
TOO_MUCH = frozenset({429, 503, 529})
# Whole replies. Others from 200 on say that it is a part (206), that a proxy has changed it (203, 214) or that a gateway
# has objected (seen: Portkey's 246 where a guardrail failed).
GOOD = frozenset({200, 201, 202})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NO_ANSWER = 502
FEW = 3  # tries after a failure that is rarely transient: a filter, an unknown finish reason


class GivenUp(Exception):
    """The model will not answer this request; `status` is sent to the framework, the text says why.

    `lasting`: it would be refused again; `unanswerable`: the model or its provider refuses this question.
    """

    def __init__(self, status: int, why: str, *, lasting: bool = False, unanswerable: bool = False) -> None:
        super().__init__(why)
        self.status, self.lasting, self.unanswerable = status, lasting, unanswerable


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried again. The seconds also limit how long all requests wait for a missing server."""

    seconds: float = 600.0
    tries: int = 20
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def wait(self, tries: int) -> float:
        """Seconds before the next try: doubling, with jitter so that requests are not repeated all at once."""
        doubled: float = self.first_wait * 2 ** (tries - 1)
        return min(self.longest_wait, doubled) * random.uniform(0.8, 1.2)


@dataclass(frozen=True, slots=True)
class Refused:
    """One try without an answer. `status` is None without a reply of the server; `few`: it is rarely transient."""

    status: int | None
    why: str
    transient: bool
    retry_after: float | None = None
    few: bool = False
    unanswerable: bool = False

    def given_up(self, tries: int) -> GivenUp:
        """The final failure after so many tries."""
        lasting = (not self.transient or self.few) and not self.unanswerable
        why = f"{self.why} (tried {_times(tries)})"
        return GivenUp(self.status or NO_ANSWER, why, lasting=lasting, unanswerable=self.unanswerable)


def read(status: int, headers: Mapping[str, str], content: bytes, secret: str | None) -> dict[str, Any] | Refused:
    """The object in a server's reply, or why it cannot be used; `secret` is removed from both."""
    if status in REDIRECTS:
        where = _host(headers.get("Location", "")) or "another path"
        return Refused(status, redacted(f"HTTP {status}: redirected to {where}, not followed", secret), transient=False)
    if not 200 <= status < 300:
        return _refused(status, f"HTTP {status}: {words_of(content)}", secret, _retry_after(headers.get("Retry-After")))
    if status not in GOOD and content:
        return Refused(NO_ANSWER, redacted(f"HTTP {status}: no whole reply", secret), transient=True, few=True)
    try:
        reply = loads(content)
    except ValueError:
        why = f"HTTP {status} without JSON: {words_of(content)}"
        return Refused(NO_ANSWER, redacted(why, secret), transient=True, few=is_certain(content))
    if not isinstance(reply, dict):
        why = f"HTTP {status} with no object: {words_of(content)}"
        return Refused(NO_ANSWER, redacted(why, secret), transient=True, few=True)
    if error := reply.get("error") or reply.get("errors"):  # an empty `error` means that there was none
        return _refused(status_of(error), f"HTTP {status} with an error: {words_of(content)}", secret)
    if status_text := _status_of_minimax(reply):
        return _refused(None, f"HTTP {status} with an error: {status_text}", secret)
    if by := cache_that_answered(headers, reply):
        why = f"a repeated reply: `{by[:LONGEST_NAME]}`; a cache answered, not the model"
        return Refused(NO_ANSWER, redacted(why, secret), transient=True, few=True)
    return dict(cleaned(reply, secret))


def _status_of_minimax(reply: Mapping[str, Any]) -> str | None:
    """MiniMax reports errors with status 200 in `base_resp`; its code is 0 for a good reply (its documents, 2026)."""
    base = reply.get("base_resp")
    bad = isinstance(base, dict) and base.get("status_code") not in (None, 0, "0", "")
    return json.dumps({"base_resp": base}, ensure_ascii=False) if bad else None


def _refused(status: int | None, text: str, secret: str | None, retry_after: float | None = None) -> Refused:
    """The refusal; whether it is transient follows from two tables of statuses, and from its text."""
    why = redacted(text, secret)
    if is_filtered(text):
        return Refused(status or NO_ANSWER, f"the provider filtered it: {why}", transient=False, unanswerable=True)
    lasting = is_lasting(text, known=status is not None)
    return Refused(status or NO_ANSWER, why, passes(status or NO_ANSWER) and not lasting, retry_after)


def passes(status: int) -> bool:
    """Whether the same request may succeed a little later."""
    return status in TRANSIENT or (500 <= status < 600 and status not in LASTING)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _host(address: str) -> str | None:
    """The host of an address that may be none at all."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _retry_after(value: str | None) -> float | None:
    """Seconds that the server asks for: a number or an HTTP date."""
    if value is None:
        return None
    try:
        if re.fullmatch(r"\s*[0-9]+(?:\.[0-9]*)?\s*", value):
            return float(value)
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
