"""Reads a model on the Hugging Face Hub over its HTTP API; transfers only small files and headers."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.model.fields import BASE_URL
from evalctl.shell import EnvironmentProblem, Unreachable

PUBLIC_HUB = "https://huggingface.co"
_TIMEOUT_S = 30
_LISTING = 64 * 1024 * 1024  # more than any listing has; a wrong server must not fill the memory


@dataclass(frozen=True, slots=True)
class HubReply:
    """A reply over HTTP; `error_code` is the header X-Error-Code of the Hub, "" where it is missing."""

    status: int
    body: bytes
    error_code: str = ""


# (address, headers, most bytes to read) -> HubReply; raises OSError or HTTPException where no server answered.
Fetch = Callable[[str, Mapping[str, str], int], HubReply]


@dataclass(frozen=True, slots=True)
class Hub:
    """`ModelFiles`: one model at one revision."""

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
        """The model's name and host in messages."""
        return f"{self.model} on {self.endpoint}"

    def head(self, name: str, length: int) -> bytes:
        """The first `length` bytes of a file."""
        address = f"{self.endpoint}/{_quoted(self.model)}/resolve/{self.revision}/{_quoted(name)}"
        whole = length >= self.sizes[name]
        ask = {} if whole else {"Range": f"bytes=0-{length - 1}"}
        answer = _ask(self.fetch, address, {**_authorization(self.token), **ask}, length, self.model, self.token)
        return answer.body[:length]  # a server may ignore Range


def endpoint_of(environment: Mapping[str, str]) -> str:
    """HF_ENDPOINT, interpreted as by huggingface_hub; by default the public Hub. One that is no base address is a problem."""
    endpoint = (environment.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")
    if not re.fullmatch(BASE_URL, endpoint):
        raise EnvironmentProblem("HF_ENDPOINT is not a valid base address", f"write e.g. {PUBLIC_HUB}, or unset it")
    return endpoint


def open_hub(model: str, token: str | None, fetch: Fetch | None = None, revision: str | None = None) -> Hub:
    """The model as `ModelFiles` at its newest revision, or at the named one; an EnvironmentProblem where it cannot be read."""
    fetch, endpoint = fetch or over_http, endpoint_of(os.environ)
    at = f"/revision/{urllib.parse.quote(revision, safe='')}" if revision else ""
    address = f"{endpoint}/api/models/{_quoted(model)}{at}?blobs=true"
    info = _listing(_ask(fetch, address, _authorization(token), _LISTING, model, token), endpoint)
    return Hub(
        model=model, revision=str(info["sha"]), sizes=_sizes(info), parameters=_parameters(info),
        gated=bool(info.get("gated")), endpoint=endpoint, token=token, fetch=fetch,
    )  # fmt: skip


def _listing(answer: HubReply, endpoint: str) -> dict[str, Any]:
    try:
        info = json.loads(answer.body)
        info["sha"], info["siblings"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvironmentProblem(
            f"{endpoint} does not answer like the Hugging Face Hub",
            "check HF_ENDPOINT, and whether a proxy answers instead",
        ) from error
    return dict(info)


def _sizes(info: Mapping[str, Any]) -> dict[str, int]:
    files = {str(file["rfilename"]): int(file.get("size") or 0) for file in info["siblings"]}
    return {name: size for name, size in sorted(files.items()) if "/" not in name}


def _parameters(info: Mapping[str, Any]) -> int | None:
    total = (info.get("safetensors") or {}).get("total")
    return int(total) if total else None


def _ask(fetch: Fetch, address: str, headers: Mapping[str, str], most: int, model: str, token: str | None) -> HubReply:
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


def _problem(answer: HubReply, address: str, model: str, token: str | None) -> EnvironmentProblem:
    site = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(address))
    file = address.rpartition("/resolve/")[2].partition("/")[2]
    match answer.status, answer.error_code:
        case (401 | 403, "GatedRepo") | (403, _):
            return _gated(model, site, token)
        case 401, code if token and code != "RepoNotFound":
            return EnvironmentProblem("the Hub refuses HF_TOKEN", f"create a new token at {site}/settings/tokens")
        case 404, "EntryNotFound":
            return EnvironmentProblem(
                f"the Hub lists {file} of {model} but does not have the file", "try again in a minute"
            )
        case 404, "RevisionNotFound":
            return EnvironmentProblem(f"{model} has no such revision", f"see {site}/{model}/commits/main")
        case 401 | 404, _:
            return EnvironmentProblem(
                f"there is no model `{model}` on the Hub, or it is private",
                "check the spelling (PUBLISHER/MODEL)"
                + ("" if token else "; for a private model put HF_TOKEN into .env"),
            )
        case 429, _:
            return Unreachable(
                "the Hub's rate limit is reached (HTTP 429)",
                "try again in some minutes; HF_TOKEN in .env raises the limit",
            )
        case _:
            return Unreachable(f"the Hub answers HTTP {answer.status} for {address}", "try again later")


def _gated(model: str, site: str, token: str | None) -> EnvironmentProblem:
    has = "the account of HF_TOKEN has no access" if token else "HF_TOKEN is not set"
    way_out = f"accept its licence at {site}/{model} and put a token of that account into .env as HF_TOKEN"
    return EnvironmentProblem(f"{model} is gated, and {has}", way_out)


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="/")


class _SameHostOnly(urllib.request.HTTPRedirectHandler):
    """Removes the token at a redirect to another host, where the Hub keeps weights; urllib would send it (seen: Python 3.11)."""

    def redirect_request(self, request: Any, *rest: Any) -> urllib.request.Request | None:
        """The redirected request, without the token if it goes to another host."""
        following = super().redirect_request(request, *rest)
        if following is not None and following.host != request.host:
            following.remove_header("Authorization")
        return following


def over_http(address: str, headers: Mapping[str, str], most: int) -> HubReply:
    """One GET over HTTP with urllib; an error status is an HubReply, too."""
    request = urllib.request.Request(address, headers={"User-Agent": "evalctl", **headers})
    try:
        with urllib.request.build_opener(_SameHostOnly).open(request, timeout=_TIMEOUT_S) as reply:
            return HubReply(reply.status, reply.read(most))
    except urllib.error.HTTPError as error:
        return HubReply(error.code, b"", error.headers.get("X-Error-Code") or "")
