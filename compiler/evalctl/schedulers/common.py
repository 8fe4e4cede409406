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


def variable(run_dir: str) -> str:
    """`EVALCTL_RUN_DIR=…`, for options that take a list with commas and have no way to quote one."""
    if not re.fullmatch(r"/[^,'\"\\\s=$`;|&<>*?()\[\]{}!#~\x00-\x1f]*", run_dir):
        raise EnvironmentProblem(
            f"`{run_dir}` cannot be passed to a job: the path has a blank, comma, quote or other special character",
            help="move the repository (or EVALCTL_HOME) to a plain path",
        )
    return f"EVALCTL_RUN_DIR={run_dir}"


# Lines that shells, perl and ssh print before the scheduler's program starts; they say nothing of the answer.
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
    """The text of a whole answer; raises Unreadable for a timeout, a failure, any complaint beside it, or a cut text.

    A complaint counts although the status is 0: a cluster that was not reached is missing in the list.
    """
    if reply.timed_out:
        raise Unreadable("no answer in time")
    if reply.status != 0:
        raise Unreadable(f"status {reply.status}: {said(reply)}")
    if complaint(reply):
        raise Unreadable(f"the list may be incomplete: {said(reply)}")
    if reply.stdout and not reply.stdout.endswith("\n"):
        raise Unreadable("the answer stops in the middle of a line")
    return reply.stdout


def said(reply: Reply) -> str:
    """What the command complained of, on one line."""
    return " ".join((complaint(reply).strip() or reply.stdout.strip() or "nothing").split())[:500]


def only_id(reply: Reply, *forms: re.Pattern[str]) -> str:
    """The job id in the reply of a successful submission: group 1 of the one line that has one of these forms.

    "" where no line has, or several do: a site's wrapper prints lines of its own, and a wrong number would be cancelled.
    """
    if reply.status != 0:
        return ""
    lines = (line.rstrip() for line in reply.stdout.splitlines())
    found = [match.group(1) for line in lines for form in forms if (match := form.fullmatch(line))]
    return found[0] if len(found) == 1 else ""


def declined(reply: Reply, words: re.Pattern[str], silence: re.Pattern[str], id_line: re.Pattern[str]) -> str | None:
    """What was said, if it holds one of `words` and nothing that leaves open whether the job was accepted after all."""
    if reply.status == 0 or unreachable(reply, silence):
        return None
    text = f"{complaint(reply)}\n{reply.stdout}"
    return said(reply) if words.search(text) and not id_line.search(reply.stdout) else None


# Words of sites' own rules (JSV, hooks, job_submit plug-ins), by which a refusal says that it passes by itself.
_PASSES = re.compile(
    r"\btry (?:it )?again\b|\bagain later\b|\btemporar|\bat (?:the|this) moment\b|\bright now\b|\bunder maintenance\b"
    r"|\b(?:in|is) shut(?:ting )?down\b|\bshutdown\b|\boverloaded\b|\btoo many (?:jobs|requests)\b",
    re.IGNORECASE,
)


def passing(reply: Reply, words: re.Pattern[str], silence: re.Pattern[str], id_line: re.Pattern[str]) -> str | None:
    """As `declined`, where the line with the words says that the same job may be accepted later; a banner's do not count."""
    refused = declined(reply, words, silence, id_line)
    text = f"{complaint(reply)}\n{reply.stdout}"
    lines = (line for line in text.splitlines() if words.search(line))
    return refused if any(_PASSES.search(line) for line in lines) else None


def unreachable(reply: Reply, silence: re.Pattern[str]) -> bool:
    """Whether the command could not reach its server, so that nobody knows what happened."""
    return reply.timed_out or reply.status < 0 or silence.search(reply.stderr + reply.stdout) is not None
