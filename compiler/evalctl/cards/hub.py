"""A model on the Hugging Face Hub, over its HTTP API; only small files and headers are transferred."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.shell import EnvironmentProblem, Unreachable

PUBLIC_HUB = "https://huggingface.co"
_TIMEOUT_S = 30
_LISTING = 64 * 1024 * 1024  # more than any listing; a wrong server must not fill the memory


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply over HTTP; `error_code` is the Hub's own word (header X-Error-Code), "" where it gave none."""

    status: int
    body: bytes
    error_code: str = ""


# (address, headers, most bytes to read) -> Answer; raises OSError or HTTPException where nothing answered.
Fetch = Callable[[str, Mapping[str, str], int], Answer]


@dataclass(frozen=True, slots=True)
class Hub:
    """A Source: one model at one revision."""

    model: str
    revision: str
    sizes: Mapping[str, int]
    parameters: int | None
    gated: bool
    endpoint: str
    token: str | None
    fetch: Fetch

    @property
    def label(self) -> str:
        """How a message names the place."""
        return f"{self.model} on {self.endpoint}"

    def head(self, name: str, length: int) -> bytes:
        """The first `length` bytes of a file."""
        address = f"{self.endpoint}/{_quoted(self.model)}/resolve/{self.revision}/{_quoted(name)}"
        whole = length >= self.sizes[name]
        ask = {} if whole else {"Range": f"bytes=0-{length - 1}"}
        answer = _ask(self.fetch, address, {**_authorization(self.token), **ask}, length, self.model, self.token)
        return answer.body[:length]  # a server may take no notice of Range


def endpoint_of(environment: Mapping[str, str]) -> str:
    """HF_ENDPOINT, as huggingface_hub understands it, or the public Hub."""
    return (environment.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def open_hub(model: str, token: str | None, fetch: Fetch | None = None, revision: str | None = None) -> Hub:
    """The model as a Source at its newest revision (or the named one), or an EnvironmentProblem with its remedy."""
    fetch, endpoint = fetch or over_http, endpoint_of(os.environ)
    at = f"/revision/{urllib.parse.quote(revision, safe='')}" if revision else ""
    address = f"{endpoint}/api/models/{_quoted(model)}{at}?blobs=true"
    info = _listing(_ask(fetch, address, _authorization(token), _LISTING, model, token), endpoint)
    return Hub(
        model=model, revision=str(info["sha"]), sizes=_sizes(info), parameters=_parameters(info),
        gated=bool(info.get("gated")), endpoint=endpoint, token=token, fetch=fetch,
    )  # fmt: skip


def _listing(answer: Answer, endpoint: str) -> dict[str, Any]:
    try:
        info = json.loads(answer.body)
        info["sha"], info["siblings"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{endpoint} does not answer like the Hugging Face Hub", "is HF_ENDPOINT right, or a proxy in between?"
        ) from error
    return dict(info)


def _sizes(info: Mapping[str, Any]) -> dict[str, int]:
    files = {str(file["rfilename"]): int(file.get("size") or 0) for file in info["siblings"]}
    return {name: size for name, size in sorted(files.items()) if "/" not in name}


def _parameters(info: Mapping[str, Any]) -> int | None:
    total = (info.get("safetensors") or {}).get("total")
    return int(total) if total else None


def _ask(fetch: Fetch, address: str, headers: Mapping[str, str], most: int, model: str, token: str | None) -> Answer:
    try:
        answer = fetch(address, headers, most)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"the Hugging Face Hub does not answer ({urllib.parse.urlsplit(address).netloc}: {error})",
            "check the network, or HF_ENDPOINT if you use a mirror; a checkpoint on disk: evalctl lock NAME --path FOLDER",
        ) from error
    if answer.status in (200, 206):
        return answer
    raise _problem(answer, address, model, token)


def _problem(answer: Answer, address: str, model: str, token: str | None) -> EnvironmentProblem:
    site = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(address))
    file = address.rpartition("/resolve/")[2].partition("/")[2]
    match answer.status, answer.error_code:
        case (401 | 403, "GatedRepo") | (403, _):
            has = "the account of HF_TOKEN has no access to it" if token else "HF_TOKEN is not set"
            return EnvironmentProblem(
                f"{model} is gated, and {has}",
                f"accept its licence at {site}/{model} and put a token of that account into .env as HF_TOKEN",
            )
        case 401, code if token and code != "RepoNotFound":
            return EnvironmentProblem("the Hub refuses HF_TOKEN", f"make a new token at {site}/settings/tokens")
        case 404, "EntryNotFound":
            return EnvironmentProblem(f"{model} lists {file} but the Hub does not have it", "try again in a minute")
        case 404, "RevisionNotFound":
            return EnvironmentProblem(f"{model} has no such revision", f"look at {site}/{model}/commits/main")
        case 401 | 404, _:
            return EnvironmentProblem(
                f"there is no model `{model}` on the Hub, or it is private",
                "check the spelling (PUBLISHER/MODEL)"
                + ("" if token else "; for a private model put HF_TOKEN into .env"),
            )
        case 429, _:
            return Unreachable(
                "the Hub asks to wait (429)", "try again in some minutes; HF_TOKEN in .env raises the limit"
            )
        case _:
            return Unreachable(f"the Hub answers {answer.status} for {address}", "try again later")


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="/")


class _SameHostOnly(urllib.request.HTTPRedirectHandler):
    """Weights lie on another host behind a redirect, and urllib would hand it the token (seen: Python 3.11)."""

    def redirect_request(self, request: Any, *rest: Any) -> urllib.request.Request | None:
        """The next request, without the token where it goes to another host."""
        following = super().redirect_request(request, *rest)
        if following is not None and following.host != request.host:
            following.remove_header("Authorization")
        return following


def over_http(address: str, headers: Mapping[str, str], most: int) -> Answer:
    """One GET over HTTP with urllib; what the server refused is an Answer, too."""
    request = urllib.request.Request(address, headers={"User-Agent": "evalctl", **headers})
    try:
        with urllib.request.build_opener(_SameHostOnly).open(request, timeout=_TIMEOUT_S) as reply:
            return Answer(reply.status, reply.read(most))
    except urllib.error.HTTPError as error:
        return Answer(error.code, b"", error.headers.get("X-Error-Code") or "")
