"""GitHub: posts the comment that a run of a pull request has uploaded, for what the pull request is now."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalctl.comment.acceptable import why_not
from evalctl.comment.api import Api, address_of, matching
from evalctl.comment.body import MARKER
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


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow; commit, repository and branch are compared only, since the pull request's author chose them."""

    number: int
    event: str
    commit: str
    repository: int
    branch: str


def post(api: Api, pages: str, number: int, say: Say) -> None:
    """Posts the comment of a run, or says why there is nothing to post."""
    run = _run(number, api.get(f"/actions/runs/{number}"))
    if run.event != "pull_request":
        raise EnvironmentProblem(f"run {number} is of the event {run.event!r}, not of a pull request")
    requests = _pull_requests(api, run)
    if len(requests) != 1:
        say(f"{len(requests) or 'no'} open pull requests of this branch are at {run.commit}: nothing is posted")
        return
    thread = PullRequest(api, requests[0])
    text, reason = _text(api, number)
    reason = reason or why_not(text, f"{pages}/pull/{thread.number}")
    keep_one(thread, f"{text.rstrip()}\n\n{_of(run)}" if not reason else f"{_NOTHING}{_of(run)}", say)
    if reason:
        help = "look at the run and at the changes of its workflow"
        raise EnvironmentProblem(f"the text of run {number} is not posted: {reason}", help=help)


_NOTHING = f"{MARKER}\n## evalctl: no plan\n\nThe run of this commit gave no text that can be posted; its log has the reason.\n\n"


def _of(run: Run) -> str:
    """The last line: the commit, in words of the program that posts."""
    return f"Of commit {run.commit[:12]}.\n"


def _run(number: int, document: Any) -> Run:
    facts = document if isinstance(document, dict) else {}
    repository = facts.get("head_repository") or {}
    commit = str(facts.get("head_sha"))
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise TryLater("GitHub's reply about the run names no commit", help="run it again")
    return Run(number, str(facts.get("event")), commit, repository.get("id") or 0, str(facts.get("head_branch")))


def _pull_requests(api: Api, run: Run) -> list[int]:
    """The open pull requests whose newest commit and branch are those of the run; anybody may open another one with the same commit.
    `workflow_run.pull_requests` is empty for forks (facts: peers-2026)."""
    found = [
        one for one in api.pages("/pulls?state=open") if isinstance(one, dict) and isinstance(one.get("number"), int)
    ]
    return [one["number"] for one in found if _head(one.get("head")) == (run.commit, run.repository, run.branch)]


def _head(head: Any) -> tuple[object, object, object]:
    repository = head.get("repo") if isinstance(head, dict) else None
    if not isinstance(repository, dict):
        return None, None, None
    return head.get("sha"), repository.get("id"), head.get("ref")


def _text(api: Api, run: int) -> tuple[str, str]:
    """(the text that the run has uploaded, why there is none)."""
    found = [one for one in api.pages(f"/actions/runs/{run}/artifacts", "artifacts") if _is_comment(one)]
    if not found:
        return "", "it has uploaded none"
    content = api.download(f"/actions/artifacts/{max(one['id'] for one in found)}/zip", _LARGEST)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(FILE) as file:
            return file.read(_LARGEST).decode("utf-8").strip() + "\n", ""
    except _DAMAGED as error:
        return "", f"its artifact is not a comment: {error}"


def _is_comment(artifact: Any) -> bool:
    return (
        isinstance(artifact, dict) and artifact.get("name") == ARTIFACT and not artifact.get("expired")
        and isinstance(artifact.get("id"), int)
    )  # fmt: skip


_DAMAGED = (
    KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error, lzma.LZMAError,
    struct.error,
)  # fmt: skip
