"""`evalctl comment`: posts what a run of a pull request has computed; for the workflow that may write comments."""

from __future__ import annotations

import argparse
import os
import re

from evalctl.comment.github import api_of
from evalctl.comment.posting import post
from evalctl.exits import SUCCESS
from evalctl.shell import EnvironmentProblem


def run(arguments: argparse.Namespace) -> int:
    """Posts or updates the comment, and says what it did."""
    server = os.environ.get("GITHUB_SERVER_URL", "")
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?", server):
        raise EnvironmentProblem("GITHUB_SERVER_URL is not an address", help="GitHub's runner sets it")
    post(api_of(os.environ), arguments.run_id, server, lambda text: print(text, flush=True))
    return SUCCESS
