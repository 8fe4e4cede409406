"""Posts the comment that a run of a pull request has made: one comment, kept up to date, and only for what the pull request is now."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from evalctl.comment.acceptable import why_not
from evalctl.comment.body import MARKER
from evalctl.comment.fitting import LIMIT
from evalctl.comment.github import Api
from evalctl.shell import EnvironmentProblem, TryLater

ARTIFACT, FILE = "evalctl-comment", "comment.md"
AUTHOR = "github-actions[bot]"  # whose comments the workflow's own token writes
_LARGEST = 4 * LIMIT + 10_000  # bytes of the artifact: UTF-8 takes at most four for a character
Say = Callable[[str], None]


def post(api: Api, run: int, server: str, say: Say) -> None:
    """Posts the comment of a run, or says why there is nothing to post."""
    facts = _facts(api.get(f"/actions/runs/{run}"))
    if facts["event"] != "pull_request":
        raise EnvironmentProblem(f"run {run} is of the event {facts['event']!r}, not of a pull request")
    number = _pull_request(api, facts["head_sha"])
    if number is None:
        say(f"no open pull request is at {facts['head_sha']}: it was closed, or has newer commits")
        return
    text = _text(api, run)
    if text is None:
        say(f"run {run} has made no comment")
        return
    if reason := why_not(text, f"{server}/{api.repository}/pull/{number}"):
        raise EnvironmentProblem(
            f"the text of run {run} is not posted: {reason}", help="look at the changes of its workflow"
        )
    _keep_one(api, number, text, say)


def _facts(document: Any) -> dict[str, str]:
    """The event and the commit of a run; its other parts are not used, since a pull request may choose them (branch, title)."""
    found = {name: document.get(name) if isinstance(document, dict) else None for name in ("event", "head_sha")}
    if not re.fullmatch("[0-9a-f]{40}", str(found["head_sha"])):
        raise TryLater("GitHub's reply about the run names no commit", help="run it again")
    return {name: str(value) for name, value in found.items()}


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
        raise EnvironmentProblem(
            f"the artifact {ARTIFACT} of run {run} is gone", help="run the workflow of the pull request again"
        )
    content = api.download(f"/actions/artifacts/{artifact['id']}/zip", _LARGEST)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo(FILE)
            if member.file_size > _LARGEST:
                raise EnvironmentProblem(f"{FILE} of run {run} has {member.file_size} bytes")
            with archive.open(member) as file:
                return file.read(_LARGEST + 1).decode("utf-8").strip() + "\n"
    except (KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise EnvironmentProblem(f"the artifact of run {run} is not a comment: {error}") from error


def _keep_one(api: Api, number: int, text: str, say: Say) -> None:
    """Writes the text into our comment, the oldest one; others of ours are deleted (two runs at once may each have made one)."""
    ours = _ours(api, number)
    if not ours:
        _created(api, number, text, say)
        ours = _ours(api, number)
        if not ours:
            raise TryLater(f"the comment on pull request {number} is not listed", help="run it again")
    first, *more = ours
    for one in more:
        api.send("DELETE", f"/issues/comments/{one['id']}", {})
        say(f"deleted a second comment on pull request {number}")
    if _same(first["body"], text):
        say(f"the comment on pull request {number} is up to date")
        return
    api.send("PATCH", f"/issues/comments/{first['id']}", {"body": text})
    say(f"updated the comment on pull request {number}")


def _created(api: Api, number: int, text: str, say: Say) -> None:
    """Creates the comment. After an error the list shows whether it was created."""
    try:
        api.send("POST", f"/issues/{number}/comments", {"body": text})
    except TryLater:
        if not _ours(api, number):
            raise
    say(f"commented on pull request {number}")


def _ours(api: Api, number: int) -> list[Mapping[str, Any]]:
    """Our comments, the oldest first: by marker and by author, since anybody can write the marker."""
    found = [one for one in api.pages(f"/issues/{number}/comments") if isinstance(one, dict)]
    return sorted((one for one in found if _is_ours(one)), key=lambda one: int(one["id"]))


def _is_ours(comment: Mapping[str, Any]) -> bool:
    user = comment.get("user") or {}
    return (
        user.get("login") == AUTHOR and user.get("type") == "Bot" and isinstance(comment.get("id"), int)
        and isinstance(comment.get("body"), str) and comment["body"].startswith(MARKER)
    )  # fmt: skip


def _same(posted: str, text: str) -> bool:
    """GitHub keeps line ends as CRLF in some forms, and none at the end."""
    return posted.replace("\r\n", "\n").strip() == text.strip()
