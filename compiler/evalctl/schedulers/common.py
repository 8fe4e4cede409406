"""What all schedulers share: times, the one variable that a job gets, and how silence is told from an answer."""

from __future__ import annotations

import re
from pathlib import Path

from evalctl.shell import Command, EnvironmentProblem, Reply
from evalctl.surroundings import Program


class Unreadable(Exception):
    """The scheduler did not answer, or not in a form that is known. Nothing may be concluded from it."""


def asked(words: tuple[str, ...], folder: str = "/") -> Command:
    """A call of one of the scheduler's programs, in `folder`: Grid Engine reads options from the current one."""
    return Command(words, cwd=Path(folder), program=Program.SCHEDULER)


def clock(seconds: int) -> str:
    """H:MM:SS with as many hours as it takes; all schedulers read that."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def variable(run_dir: str) -> str:
    """`EVALCTL_RUN_DIR=…`, for options that take a list with commas and have no way to quote one."""
    if not re.fullmatch(r"/[^,'\"\\\s=$`;|&<>*?()\[\]{}!#~\x00-\x1f]*", run_dir):
        raise EnvironmentProblem(
            f"`{run_dir}` cannot be passed to a job: the path has a blank, comma, quote or other special character",
            help="move the repository (or EVALCTL_HOME) to a plain path",
        )
    return f"EVALCTL_RUN_DIR={run_dir}"


def answer(reply: Reply) -> str:
    """The text of a reply that is an answer; raises Unreadable for a timeout, a failure, a complaint or a cut text."""
    if reply.timed_out:
        raise Unreadable("no answer in time")
    if reply.status != 0:
        raise Unreadable(f"status {reply.status}: {said(reply)}")
    if not reply.stdout.strip() and reply.stderr.strip():
        raise Unreadable(said(reply))
    if reply.stdout and not reply.stdout.endswith("\n"):
        raise Unreadable("the answer stops in the middle of a line")
    return reply.stdout


def said(reply: Reply) -> str:
    """What the command complained of, on one line."""
    return " ".join((reply.stderr.strip() or reply.stdout.strip() or "nothing").split())[:500]


def unreachable(reply: Reply, silence: re.Pattern[str]) -> bool:
    """Whether the command could not reach its server, so that nobody knows what happened."""
    return reply.timed_out or reply.status < 0 or silence.search(reply.stderr + reply.stdout) is not None
