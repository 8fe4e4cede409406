"""The answers of one task on disk: each is stored at once, and replayed as often as it was given.

`<key>.answers.jsonl` has a line per reply of the model. A choice that is on file answers one equal question of a later
attempt: the k-th equal question gets the k-th stored choice, so that several samples of one prompt stay several.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl_job import choices as choice
from evalctl_job.filters import filter_that_took
from evalctl_job.options import Options
from evalctl_job.repeats import GivenReplies
from evalctl_job.replies import read_choice, usage_of
from evalctl_job.strict_json import loads

FORMAT = 1  # of a line; a line with a higher one is from a newer evalctl
PATHS = ("/chat/completions", "/completions")
NOT_ENVELOPE = frozenset({"choices", "usage"})
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)  # a damaged line, or one of a newer evalctl
LOCK_SECONDS = 10.0  # for the lock of an attempt's relay that is just ending
IN_USE = "another job still writes the answers of this eval"

# What a choice answers: a digest of the request, and the choice's own seed.
Question = tuple[str, "int | None"]


def digest(path: str, body: Mapping[str, Any]) -> str:
    """Names a request by all that was sent but `n`, which does not change a choice, and `seed`, which each choice has."""
    asked = {key: value for key, value in body.items() if key not in ("n", "seed")}
    text = json.dumps([path, asked], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def questions(name: str, body: Mapping[str, Any], count: int) -> list[Question]:
    """The question behind each choice of a request. Choice i of a seeded one has seed + i (see `choices.part`)."""
    seed = body.get("seed")
    return [(name, seed + number if isinstance(seed, int) else None) for number in range(count)]


def record(
    name: str, body: Mapping[str, Any], reply: Mapping[str, Any], seconds: float, counted_short: bool = False
) -> dict[str, Any]:
    """One line of the file: what was sent, and the reply as the model's server gave it.

    `counted_short`: see `choices.counted_short`. The usage on file may be one choice's share, from which it does not follow.
    """
    return {
        "format": FORMAT,
        "digest": name,
        "body": body,
        "choices": reply["choices"],
        "usage": reply.get("usage"),
        "reply": {key: value for key, value in reply.items() if key not in NOT_ENVELOPE},
        "seconds": round(seconds, 3),
        "time": round(time.time(), 3),
        **({"counted_short": True} if counted_short else {}),
    }


def read_record(line: bytes) -> dict[str, Any]:
    """A line of the file; ValueError, KeyError, TypeError or AttributeError when it is damaged or from a newer evalctl."""
    read: dict[str, Any] = loads(line)
    whole = isinstance(read["digest"], str) and isinstance(read["reply"], dict) and "usage" in read
    whole = whole and isinstance(read["choices"], list)
    if read["format"] > FORMAT or not whole:
        raise ValueError("not a line of this format")
    if read["digest"] not in (digest(path, read["body"]) for path in PATHS):
        raise ValueError("an answer to another question")
    return read


@dataclass(frozen=True, slots=True)
class ChoicePlace:
    """Where a choice is on file: the line's place and length, its position among the line's choices."""

    offset: int
    length: int
    position: int


class Answers:
    """The answers file of one task.

    Memory holds only the place of each choice: 12,000 answers of 10,000 tokens are 0.4 GB of text, their places 5 MB, found
    in a second of CPU. A choice is read again when it is replayed.
    """

    def __init__(self, path: Path, options: Options, *, ours: bool = False, patience: float = LOCK_SECONDS) -> None:
        """Open the file, which may be a link to one that does not exist yet, and read what is there.

        `ours`: answers of another model than the one asked for are not replayed. OSError: another relay has the file.
        """
        self._options, self._ours = options, ours
        # The job's umask takes the group's part away, unless a group shares the clone: then another user's attempt goes on with it.
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)
        self._waiting: dict[Question, list[ChoicePlace]] = {}
        self._last: tuple[int, dict[str, Any]] | None = None
        self._unsynced = False
        self.unreadable = 0
        self.counted_short: set[str] = set()  # digests of the requests behind such answers
        self.given = GivenReplies()
        try:
            self._lock(patience)
        except OSError:
            os.close(self._handle)
            raise
        self._read_all()

    def rewind(self) -> None:
        """All choices on file are there to be taken again. None is being taken or kept meanwhile."""
        self._waiting.clear()
        self.unreadable, self.given = 0, GivenReplies()
        self._read_all()

    def take(self, asked: Sequence[Question]) -> list[ChoicePlace | None]:
        """A stored choice for each question, or None; none is handed out twice."""
        return [kept.pop(0) if (kept := self._waiting.get(question)) else None for question in asked]

    def give_back(self, asked: Sequence[Question], taken: Sequence[ChoicePlace | None]) -> None:
        """Choices taken for a request that then failed are available to the next equal one."""
        for question, kept in zip(reversed(asked), reversed(taken), strict=True):
            if kept is not None:
                self._waiting.setdefault(question, []).insert(0, kept)

    def reply(self, kept: ChoicePlace) -> dict[str, Any]:
        """The stored choice as the model's server replied it."""
        read = self._read(kept)
        stored = read["choices"]
        usage = choice.share(usage_of(read["usage"]), kept.position, len(stored))
        one = read_choice(stored[kept.position])
        assert isinstance(one, dict)  # or it would not have been kept
        return {**read["reply"], "choices": [one], **({"usage": usage} if usage else {})}

    def keep(self, line: Mapping[str, Any]) -> list[ChoicePlace | None]:
        """Append one reply: written to the file (not yet synced) when this returns. The places of its choices; None for one without text.

        A partial write is undone, so that the next one never continues half a line.
        """
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"
        offset = os.fstat(self._handle).st_size
        self._append(text, offset)
        return [self._kept(offset, len(text), position, one) for position, one in enumerate(line["choices"])]

    def adopt(self, path: Path, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
        """Take over the `wanted` requests' replies from another file of the same eval; each reply counts once, however often it is there."""
        known = {hashlib.sha256(line).digest() for _, line in self._lines()}
        with path.open("rb") as file:
            for line in file:
                mark = hashlib.sha256(line).digest()
                if mark not in known and self._is_adopted(line, wanted):
                    known.add(mark)
                    offset = os.fstat(self._handle).st_size
                    self._append(line, offset)
                    self._index(offset, line)

    def _is_adopted(self, line: bytes, wanted: Callable[[Mapping[str, Any]], bool]) -> bool:
        """A line that has no end is still being written by another job."""
        try:
            return line.endswith(b"\n") and wanted(read_record(line)["body"])
        except UNREADABLE:
            self.unreadable += 1
            return False

    def close(self) -> None:
        """Close the file: nothing is stored or replayed afterwards."""
        os.close(self._handle)

    def sync(self) -> None:
        """Sync the file to disk."""
        if self._unsynced:
            self._unsynced = False
            os.fdatasync(self._handle)

    def _lock(self, patience: float) -> None:
        """Two relays on one file would give one answer twice, and cut each other's lines.

        A file system without locks (seen: Lustre mounted without `flock`) cannot prevent that.
        """
        end = time.monotonic() + patience
        while stat.S_ISREG(os.fstat(self._handle).st_mode):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise OSError(errno.EBUSY, IN_USE) from None
                time.sleep(0.1)
            except OSError as problem:
                if problem.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK):
                    return
                raise

    def _append(self, text: bytes, offset: int) -> None:
        try:
            self._write(text)
        except OSError:
            self._undo(offset)
            raise
        self._unsynced = True

    def _write(self, text: bytes) -> None:
        done = 0
        while done < len(text):
            written = os.write(self._handle, text[done:])
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            done += written

    def _undo(self, offset: int) -> None:
        if stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.ftruncate(self._handle, offset)

    def _read_all(self) -> None:
        for offset, line in self._lines():
            if line.endswith(b"\n"):
                self._index(offset, line)
            else:  # the answer of an incomplete line was never delivered: it does not count
                os.ftruncate(self._handle, offset)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            return
        offset = 0
        with os.fdopen(os.dup(self._handle), "rb") as file:
            file.seek(0)
            for line in file:
                yield offset, line
                offset += len(line)

    def _index(self, offset: int, line: bytes) -> None:
        """Note a line's choices. A line that cannot be read stays where it is, and is counted."""
        try:
            read = read_record(line)
            asked = questions(read["digest"], read["body"], len(read["choices"]))
            places = [self._kept(offset, len(line), position, one) for position, one in enumerate(read["choices"])]
            if self._ours and read["reply"].get("model", read["body"].get("model")) != read["body"].get("model"):
                return
            if filter_that_took(read["reply"]):
                return
        except UNREADABLE:
            self.unreadable += 1
            return
        self.given.note(read["digest"], read["reply"], choice.texts(read["choices"]))
        if read.get("counted_short") is True:
            self.counted_short.add(read["digest"])
        for question, kept in zip(asked, places, strict=True):
            if kept is not None:
                self._waiting.setdefault(question, []).append(kept)

    def _kept(self, offset: int, length: int, position: int, stored: Any) -> ChoicePlace | None:
        """The place of a choice; None for an empty answer, which is stored only for people to read and asked again."""
        read = read_choice(stored)
        if not isinstance(read, dict) or choice.described(choice.delivered(self._options, read)).empty:
            return None
        return ChoicePlace(offset, length, position)

    def _read(self, kept: ChoicePlace) -> dict[str, Any]:
        if self._last is None or self._last[0] != kept.offset:
            self._last = (kept.offset, loads(os.pread(self._handle, kept.length, kept.offset)))
        return self._last[1]
