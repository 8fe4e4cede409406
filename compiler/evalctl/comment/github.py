"""Calls of GitHub's REST API: pages, limits of rate, and errors that may pass."""

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

VERSION = "2022-11-28"
LARGEST = 20_000_000  # bytes of a reply that are read
TRIES = 5
_LONGEST_WAIT_S = 120.0
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Api:
    """One repository of a server; `token` is sent to that server only."""

    address: str
    repository: str
    token: str = field(repr=False)
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
                raise TryLater(f"GitHub's reply to {path} is not a list", help="run it again")
            yield from items
            if len(items) < 100:
                return

    def download(self, path: str, most: int) -> bytes:
        """A file, to which GitHub redirects; the token does not go there."""
        return self._call("GET", path, None, TRIES, most)

    def _json(self, method: str, path: str, data: bytes | None = None, tries: int = TRIES) -> Any:
        content = self._call(method, path, data, tries, LARGEST)
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise TryLater(f"GitHub's reply to {method} {path} is no JSON", help="run it again") from error

    def _call(self, method: str, path: str, data: bytes | None, tries: int, most: int) -> bytes:
        for left in reversed(range(tries)):
            try:
                return self._once(method, path, data, most)
            except urllib.error.HTTPError as error:
                wait, reason = _waits(error), f"GitHub answered {error.code} to {method} {path}: {_words(error)}"
                if wait is None:
                    raise EnvironmentProblem(reason, help=_HELP.get(error.code, "")) from error
            except (OSError, http.client.HTTPException) as error:
                wait, reason = 2.0, f"GitHub could not be reached for {method} {path}: {error}"
            if not left or wait > _LONGEST_WAIT_S:
                break
            self.sleep(wait)
        raise TryLater(reason, help="run it again later")

    def _once(self, method: str, path: str, data: bytes | None, most: int) -> bytes:
        request = urllib.request.Request(f"{self.address}/repos/{self.repository}{path}", data=data, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", VERSION)
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as reply:
            content: bytes = reply.read(most + 1)
        if len(content) > most:
            raise EnvironmentProblem(f"GitHub's reply to {method} {path} has more than {most} bytes")
        return content


def api_of(environment: Mapping[str, str]) -> Api:
    """From the variables that GitHub's runner sets, and GITHUB_TOKEN; the token goes to no plain-text address but this machine's."""
    address, repository = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    token = environment.get("GITHUB_TOKEN", "")
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if (
        not (parts.scheme == "https" or is_here)
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise EnvironmentProblem("GITHUB_API_URL is not the address of an API", help="GitHub's runner sets it")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", repository):
        raise EnvironmentProblem("GITHUB_REPOSITORY is not OWNER/NAME", help="GitHub's runner sets it")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise EnvironmentProblem(
            "GITHUB_TOKEN is not set", help="in the workflow: env: {GITHUB_TOKEN: ${{ github.token }}}"
        )
    return Api(address.rstrip("/"), repository, token)


_HELP = {
    401: "the token is not valid, or has expired",
    403: "the workflow's token may not do this: see `permissions` in the workflow",
    404: "the token may not see it, or it is gone",
}


def _waits(error: urllib.error.HTTPError) -> float | None:
    """Seconds until another try may succeed; None where it cannot. Limits of rate are 403 or 429, with headers that say so."""
    after, reset = error.headers.get("Retry-After", ""), error.headers.get("X-RateLimit-Reset", "")
    if error.code in (403, 429):
        if re.fullmatch("[0-9]{1,6}", after):
            return float(after)
        if error.headers.get("X-RateLimit-Remaining") == "0" and re.fullmatch("[0-9]{1,12}", reset):
            return max(1.0, float(reset) - time.time())
    return 2.0 if error.code in _PASSING else None


def _words(error: urllib.error.HTTPError) -> str:
    """What GitHub says, shortened."""
    try:
        found = json.loads(error.read(10_000))
    except (ValueError, OSError):
        return str(error.reason)[:200]
    message = found.get("message") if isinstance(found, dict) else None
    return message[:200] if isinstance(message, str) else str(error.reason)[:200]
