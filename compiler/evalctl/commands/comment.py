"""`evalctl comment`: posts the comment of a pull request; for workflows."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from evalctl.comment import github, gitlab
from evalctl.comment.acceptable import is_of_evalctl
from evalctl.comment.posting import keep_one
from evalctl.exits import SUCCESS
from evalctl.shell import EnvironmentProblem


def run(arguments: argparse.Namespace) -> int:
    """Posts or updates the comment, and says what it did."""
    if arguments.gitlab is not None:
        _to_gitlab(arguments.gitlab)
    elif arguments.run_id is not None:
        api, pages = github.api_of(os.environ)
        github.post(api, pages, arguments.run_id, _say)
    else:
        raise EnvironmentProblem(
            "which comment?", help="evalctl comment RUN (GitHub), or evalctl comment --gitlab FILE"
        )
    return SUCCESS


def _to_gitlab(file: Path) -> None:
    """The pipeline that made the text posts it."""
    text = file.read_text(encoding="utf-8")
    if not is_of_evalctl(text):
        raise EnvironmentProblem(f"{file} is no comment of evalctl", help="evalctl plan --format comment --base COMMIT")
    thread = gitlab.merge_request_of(os.environ)
    if thread is None:
        _say(f"not posted: {gitlab.TOKEN} is not set (pipelines of forks do not get it)")
        return
    keep_one(thread, text, _say)


def _say(text: str) -> None:
    print(text, flush=True)
