"""What all schedulers share: the variable that a job gets, and how a reply is distinguished from silence."""

from __future__ import annotations

import re
from pathlib import Path

from evalctl.shell import Command, EnvironmentProblem, Reply
from evalctl.surroundings import Program


class Unreadable(Exception):
    """The scheduler did not answer, or its reply has an unknown form. Nothing may be concluded from it."""


def scheduler_command(words: tuple[str, ...], folder: str = "/") -> Command:
    """Runs one of the scheduler's programs in `folder`: Grid Engine reads options from a file in the current folder."""
    return Command(words, cwd=Path(folder), program=Program.SCHEDULER)


def variable(run_dir: str) -> str:
    """`EVALCTL_RUN_DIR=…`, for options that take a list with commas and cannot quote its items."""
    if not re.fullmatch(r"/[^,'\"\\\s=$`;|&<>*?()\[\]{}!#~\x00-\x1f]*", run_dir):
        raise EnvironmentProblem(
            f"`{run_dir}` cannot be passed to a job: the path has a space, comma, quote or other special character",
            help="move the repository (or EVALCTL_HOME) to a path without special characters",
        )
    return f"EVALCTL_RUN_DIR={run_dir}"


# Lines that shells, perl and ssh print before the scheduler's program starts; they do not affect the reply.
_NOISE = re.compile(
    r"^(?:\S*/)?(?:ba|da|k|z|tc|c)?sh: (?:line \d+: )?warning: (?:setlocale|shell level|here-document).*$"
    r"|^perl: warning: .*$|^\t?(?:LANGUAGE|LC_\w+|LANG) = .*$|^ +are supported and installed on your system\.$"
    r"|^(?:\S+: )?(?:warning: )?(?:[Cc]annot|[Cc]an't|[Ff]ailed to) (?:change|set) (?:the )?(?:default )?locale.*$"
    r"|^Warning: Permanently added .*$|^\s*$",
)


def complaint(reply: Reply) -> str:
    """Standard error without the lines that have nothing to do with the scheduler."""
    return "\n".join(line for line in reply.stderr.splitlines() if not _NOISE.match(line))


def answer(reply: Reply) -> str:
    """The text of a complete reply; raises Unreadable for a timeout, a failure, an error message or a truncated text.

    An error message counts even if the status is 0: the jobs of a cluster that was not reached are missing in the list.
    """
    if reply.timed_out:
        raise Unreadable("no reply in time")
    if reply.status != 0:
        raise Unreadable(f"status {reply.status}: {message_of(reply)}")
    if complaint(reply):
        raise Unreadable(f"the list may be incomplete: {message_of(reply)}")
    if reply.stdout and not reply.stdout.endswith("\n"):
        raise Unreadable("the reply ends in the middle of a line")
    return reply.stdout


def message_of(reply: Reply) -> str:
    """The command's error message, on one line."""
    return " ".join((complaint(reply).strip() or reply.stdout.strip() or "nothing").split())[:500]


def only_id(reply: Reply, *forms: re.Pattern[str]) -> str:
    """The job id in the reply to a successful submission: group 1 of the only line that has one of these forms.

    "" where no line or several lines have: a site's wrapper prints lines of its own, and a wrong job could be cancelled.
    """
    if reply.status != 0:
        return ""
    lines = (line.rstrip() for line in reply.stdout.splitlines())
    found = [match.group(1) for line in lines for form in forms if (match := form.fullmatch(line))]
    return found[0] if len(found) == 1 else ""


def declined(reply: Reply, words: re.Pattern[str], silence: re.Pattern[str], id_line: re.Pattern[str]) -> str | None:
    """The error message, if it contains one of `words` and nothing that leaves open whether the job was accepted."""
    if reply.status == 0 or unreachable(reply, silence):
        return None
    text = f"{complaint(reply)}\n{reply.stdout}"
    return message_of(reply) if words.search(text) and not id_line.search(reply.stdout) else None


# Words in refusals by sites' own rules (JSV, hooks, job_submit plug-ins) that mean: the same job may be accepted later.
_PASSES = re.compile(
    r"\btry (?:it )?again\b|\bagain later\b|\btemporar|\bat (?:the|this) moment\b|\bright now\b|\bunder maintenance\b"
    r"|\b(?:in|is) shut(?:ting )?down\b|\bshutdown\b|\boverloaded\b|\btoo many (?:jobs|requests)\b",
    re.IGNORECASE,
)


def passing(reply: Reply, words: re.Pattern[str], silence: re.Pattern[str], id_line: re.Pattern[str]) -> str | None:
    """As `declined`, if the line with `words` also says that the same job may be accepted later; other lines do not count."""
    refused = declined(reply, words, silence, id_line)
    text = f"{complaint(reply)}\n{reply.stdout}"
    lines = (line for line in text.splitlines() if words.search(line))
    return refused if any(_PASSES.search(line) for line in lines) else None


def unreachable(reply: Reply, silence: re.Pattern[str]) -> bool:
    """Whether the command could not reach its server, so that its effect is unknown."""
    return reply.timed_out or reply.status < 0 or silence.search(reply.stderr + reply.stdout) is not None
