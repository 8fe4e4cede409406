"""GitHub: posts the comment that a run of a pull request has uploaded, for what the pull request is now."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.comment.acceptable import why_not
from evalctl.comment.api import Api, address_of, matching
from evalctl.comment.fitting import LIMIT
from evalctl.comment.posting import Posted, Say, keep_one
from evalctl.shell import EnvironmentProblem, TryLater

ARTIFACT, FILE = "evalctl-comment", "comment.md"
AUTHOR = "github-actions[bot]"  # whose comments the workflow's own token writes
_LARGEST = 4 * LIMIT + 10_000  # bytes of the artifact: UTF-8 takes at most four for a character
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The comments of a pull request, which GitHub has with those of issues."""

    api: Api
    number: int

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"pull request {self.number}"

    def comments(self) -> list[Posted]:
        """All of them; ours are those of the workflow's own token."""
        found = [one for one in self.api.pages(f"/issues/{self.number}/comments") if isinstance(one, dict)]
        return [_posted(one) for one in found if isinstance(one.get("id"), int) and isinstance(one.get("body"), str)]

    def create(self, text: str) -> None:
        """Sends a new one, once."""
        self.api.send("POST", f"/issues/{self.number}/comments", {"body": text})

    def update(self, number: int, text: str) -> None:
        """Replaces the text of one."""
        self.api.send("PATCH", f"/issues/comments/{number}", {"body": text})

    def delete(self, number: int) -> None:
        """Deletes one."""
        self.api.send("DELETE", f"/issues/comments/{number}", {})


def _posted(comment: Mapping[str, Any]) -> Posted:
    user = comment.get("user") or {}
    return Posted(comment["id"], comment["body"], user.get("login") == AUTHOR and user.get("type") == "Bot")


def api_of(environment: Mapping[str, str]) -> tuple[Api, str]:
    """(the API of the repository, the address of its pages), from the variables that GitHub's runner sets, and GITHUB_TOKEN."""
    repository = matching(environment, "GITHUB_REPOSITORY", r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
    server = matching(environment, "GITHUB_SERVER_URL", r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
    token = matching(
        environment, "GITHUB_TOKEN", r"[\x21-\x7e]+", "in the workflow: env: {GITHUB_TOKEN: ${{ github.token }}}"
    )
    address = f"{address_of(environment, 'GITHUB_API_URL')}/repos/{repository}"
    return Api("GitHub", address, _HEADERS, {"Authorization": f"Bearer {token}"}), f"{server}/{repository}"


def post(api: Api, pages: str, run: int, say: Say) -> None:
    """Posts the comment of a run, or says why there is nothing to post."""
    event, commit = _facts(api.get(f"/actions/runs/{run}"))
    if event != "pull_request":
        raise EnvironmentProblem(f"run {run} is of the event {event!r}, not of a pull request")
    number = _pull_request(api, commit)
    if number is None:
        say(f"no open pull request is at {commit}: it was closed, or has newer commits")
        return
    text = _text(api, run)
    if text is None:
        say(f"run {run} has made no comment")
        return
    if reason := why_not(text, f"{pages}/pull/{number}"):
        raise EnvironmentProblem(
            f"the text of run {run} is not posted: {reason}", help="look at the changes of its workflow"
        )
    keep_one(PullRequest(api, number), text, say)


def _facts(document: Any) -> tuple[str, str]:
    """The event and the commit of a run; its other parts are not used, since a pull request may choose them (branch, title)."""
    event, commit = (document.get(name) if isinstance(document, dict) else None for name in ("event", "head_sha"))
    if not re.fullmatch("[0-9a-f]{40}", str(commit)):
        raise TryLater("GitHub's reply about the run names no commit", help="run it again")
    return str(event), str(commit)


def _pull_request(api: Api, commit: str) -> int | None:
    """The open pull request whose newest commit this is. `workflow_run.pull_requests` is empty for forks (facts: peers-2026)."""
    for one in api.pages("/pulls?state=open&sort=updated&direction=desc"):
        if isinstance(one, dict) and one.get("head", {}).get("sha") == commit and isinstance(one.get("number"), int):
            return int(one["number"])
    return None


def _text(api: Api, run: int) -> str | None:
    """The text that the run has uploaded."""
    found = [one for one in api.pages(f"/actions/runs/{run}/artifacts", "artifacts") if one.get("name") == ARTIFACT]
    if not found:
        return None
    artifact = found[-1]
    if not isinstance(artifact.get("id"), int) or artifact.get("expired"):
        help = "run the workflow of the pull request again"
        raise EnvironmentProblem(f"the artifact {ARTIFACT} of run {run} is gone", help=help)
    content = api.download(f"/actions/artifacts/{artifact['id']}/zip", _LARGEST)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo(FILE)
            if member.file_size > _LARGEST:
                raise EnvironmentProblem(f"{FILE} of run {run} has {member.file_size} bytes")
            with archive.open(member) as file:
                return file.read(_LARGEST + 1).decode("utf-8").strip() + "\n"
    except (KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise EnvironmentProblem(f"the artifact of run {run} is not a comment: {error}") from error
