"""What all schedulers share: times, and what a reply of a command is worth."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evalctl.model.walltime import clock
from evalctl.schedulers.common import Unreadable, answer, declined, message_of, only_id, unreachable
from evalctl.shell import Reply

REFUSED = Reply(1, "", "qsub: Unknown queue\n")
WORDS, SILENCE, ID = re.compile("Unknown queue"), re.compile("cannot connect"), re.compile(r"(?m)^(\d+)\.server$")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59, "0:00:59"), (60, "0:01:00"), (3599, "0:59:59"), (3600, "1:00:00"), (86_399, "23:59:59"), (360_061, "100:01:01")],
)  # fmt: skip
def test_times_have_hours_minutes_and_seconds(seconds: int, text: str) -> None:
    """As many hours as it takes, two digits of the others."""
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(1, "shown\n", "a\n  b\n"), "a b"),
        (Reply(1, "shown\n", "bash: warning: setlocale: no\n"), "shown"),
        (Reply(1, "", ""), "nothing"),
        (Reply(1, "", "x" * 501), "x" * 500),
    ],
)
def test_what_a_command_said_is_one_line(reply: Reply, text: str) -> None:
    """Its complaint, else its output, at most 500 characters."""
    assert message_of(reply) == text


@pytest.mark.parametrize(
    ("status", "output", "found"),
    [(0, "7.server\n", "7"), (0, "hello\n7.server \n", "7"), (0, "hello\n", ""), (0, "7.server\n8.server\n", ""),
     (1, "7.server\n", ""), (-9, "7.server\n", "")],
)  # fmt: skip
def test_a_job_id_is_believed_only_where_it_is_the_only_one(status: int, output: str, found: str) -> None:
    """Of a submission that succeeded, which one that was killed did not."""
    assert only_id(Reply(status, output, ""), ID) == found


def test_a_submission_is_refused_in_known_words_only() -> None:
    """With a failure, from a server that answered, and no job id beside it: anything else may have been accepted."""
    assert declined(REFUSED, WORDS, SILENCE, ID) == "qsub: Unknown queue"
    for unclear in (
        replace(REFUSED, status=0),
        replace(REFUSED, status=-1),
        replace(REFUSED, timed_out=True),
        replace(REFUSED, stderr="qsub: Unknown queue, cannot connect\n"),
        replace(REFUSED, stderr="qsub: a new word\n"),
        replace(REFUSED, stdout="7.server\n"),
    ):
        assert declined(unclear, WORDS, SILENCE, ID) is None


def test_a_server_was_not_reached() -> None:
    """The command took too long, was killed by a signal, or said so on either stream."""
    assert not unreachable(REFUSED, SILENCE)
    assert not unreachable(Reply(0, "", ""), SILENCE)
    for silent in (
        Reply(0, "", "", timed_out=True),
        Reply(-1, "", ""),
        Reply(1, "", "cannot connect"),
        Reply(1, "cannot connect", ""),
    ):
        assert unreachable(silent, SILENCE)


@pytest.mark.parametrize("status", [-9, 1])
def test_the_list_of_a_command_that_failed_is_no_answer(status: int) -> None:
    """Nor that of one that was killed, though it had begun."""
    assert answer(Reply(0, "a\n", "")) == "a\n"
    with pytest.raises(Unreadable, match=f"status {status}: a"):
        answer(Reply(status, "a\n", ""))
