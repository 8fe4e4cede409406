"""Calls of a platform's REST API: pages, limits of rate, and errors that may pass."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from evalctl.shell import EnvironmentProblem, TryLater

LARGEST = 20_000_000  # bytes of a reply that are read
TRIES = 5
_LONGEST_WAIT_S = 120.0
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one repository at `address`; the headers of `secret` are sent there only, not to where it redirects."""

    platform: str
    address: str
    headers: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def get(self, path: str) -> Any:
        """A document."""
        return self._json("GET", path)

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        """Sends a document. A POST is sent once: after an error nobody knows whether it was carried out."""
        return self._json(method, path, json.dumps(document).encode(), tries=1 if method == "POST" else TRIES)

    def pages(self, path: str, key: str = "") -> Iterator[Any]:
        """All items of a list, page by page; `key` names the list where the reply is an object."""
        for number in range(1, 101):
            found = self.get(f"{path}{'&' if '?' in path else '?'}per_page=100&page={number}")
            items = found.get(key) if key and isinstance(found, dict) else found
            if not isinstance(items, list):
                raise TryLater(f"{self.platform}'s reply to {path} is not a list", help="run it again")
            yield from items
            if len(items) < 100:
                return

    def download(self, path: str, most: int) -> bytes:
        """A file, also one to which the platform redirects."""
        return self._call("GET", path, None, TRIES, most)

    def _json(self, method: str, path: str, data: bytes | None = None, tries: int = TRIES) -> Any:
        content = self._call(method, path, data, tries, LARGEST)
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise TryLater(f"{self.platform}'s reply to {method} {path} is no JSON", help="run it again") from error

    def _call(self, method: str, path: str, data: bytes | None, tries: int, most: int) -> bytes:
        for left in reversed(range(tries)):
            try:
                return self._once(method, path, data, most)
            except urllib.error.HTTPError as error:
                wait, reason = (
                    _waits(error),
                    f"{self.platform} answered {error.code} to {method} {path}: {_words(error)}",
                )
                if wait is None:
                    raise EnvironmentProblem(reason, help=_HELP.get(error.code, "")) from error
            except (OSError, http.client.HTTPException) as error:
                wait, reason = 2.0, f"{self.platform} could not be reached for {method} {path}: {error}"
            if not left or wait > _LONGEST_WAIT_S:
                break
            self.sleep(wait)
        raise TryLater(reason, help="run it again later")

    def _once(self, method: str, path: str, data: bytes | None, most: int) -> bytes:
        request = urllib.request.Request(f"{self.address}{path}", data=data, method=method, headers=dict(self.headers))
        for name, value in self.secret.items():
            request.add_unredirected_header(name, value)
        with urllib.request.urlopen(request, timeout=30) as reply:
            content: bytes = reply.read(most + 1)
        if len(content) > most:
            raise EnvironmentProblem(f"{self.platform}'s reply to {method} {path} has more than {most} bytes")
        return content


def address_of(environment: Mapping[str, str], name: str) -> str:
    """The address in this variable: https, or this machine, where a key may go."""
    address = environment.get(name, "")
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if (
        not (parts.scheme == "https" or is_here)
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise EnvironmentProblem(f"{name} is not the address of an API", help="the platform's runner sets it")
    return address.rstrip("/")


def matching(environment: Mapping[str, str], name: str, form: str, help: str = "the platform's runner sets it") -> str:
    """The value of this variable, if it has this form."""
    value = environment.get(name, "")
    if not re.fullmatch(form, value):
        raise EnvironmentProblem(f"{name} is not set, or not as expected", help=help)
    return value


_HELP = {
    401: "the token is not valid, or has expired",
    403: "the token may not do this: see `permissions` in the workflow, or the token's role and scope",
    404: "the token may not see it, or it is gone",
}


def _waits(error: urllib.error.HTTPError) -> float | None:
    """Seconds until another try may succeed; None where it cannot. GitHub's limits of rate are 403 or 429, GitLab's 429; headers say
    how long they last."""
    after = error.headers.get("Retry-After", "")
    reset = error.headers.get("X-RateLimit-Reset") or error.headers.get("RateLimit-Reset") or ""
    if error.code in (403, 429):
        if re.fullmatch("[0-9]{1,6}", after):
            return float(after)
        left = error.headers.get("X-RateLimit-Remaining") or error.headers.get("RateLimit-Remaining")
        if left == "0" and re.fullmatch("[0-9]{1,12}", reset):
            return max(1.0, float(reset) - time.time())
    return 2.0 if error.code in _PASSING else None


def _words(error: urllib.error.HTTPError) -> str:
    """What the platform says, shortened."""
    try:
        found = json.loads(error.read(10_000))
    except (ValueError, OSError):
        return str(error.reason)[:200]
    message = found.get("message") if isinstance(found, dict) else None
    return message[:200] if isinstance(message, str) else str(error.reason)[:200]
