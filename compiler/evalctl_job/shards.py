"""Shards of a task: each asks the questions whose opening falls to it and keeps the answers; none is scored.

A task that is answered by several jobs is scored once, by a run that asks nothing: it merges the answers that the shards kept.
Beside its answers a shard leaves a note once it has them all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from evalctl_job.run_folder import kept_answers
from evalctl_job.typed import Moment

ELSEWHERE, NOT_KEPT = 421, 424  # statuses of the relay: a question of another shard; a merge that finds no answer
ENDS = "EVALCTL_ENDS"  # the environment variable of a framework whose run ends with its last answer
ANSWERED = 87  # the exit code of such a run, and of one that found no answer: nothing is scored
_KEY = re.compile(r"(.+)\.([1-9][0-9]*)-of-([1-9][0-9]*)")
_FILE = re.compile(r"([^.]+)(?:\.[1-9][0-9]*-of-[1-9][0-9]*)?\.jsonl")


@dataclass(frozen=True, slots=True)
class Shard:
    """Number `number`, from 1 on, of `of`."""

    number: int
    of: int

    def named(self, whole: str) -> str:
        """The name of this shard of something: `gsm8k.2-of-4`."""
        return f"{whole}.{self.number}-of-{self.of}"

    def note(self, folder: Path, answers: str) -> Path:
        """There once this shard of an eval has all its answers."""
        return folder / f"{self.named(answers)}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardNote:
    """The note of a shard that has all its answers: the attempt that gave the last of them, and what served there."""

    number: int
    of: int
    digest: str
    attempt: str
    host: str | None = None
    gpu_name: str | None = None
    server_version: str | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    answers: int = 0


def as_json(note: ShardNote) -> dict[str, Any]:
    """The file of a note."""
    return asdict(note)


def read_key(key: str) -> tuple[str, Shard | None]:
    """The task of a key, and its shard; None where it is a whole task."""
    found = _KEY.fullmatch(key)
    return (found[1], Shard(int(found[2]), int(found[3]))) if found else (key, None)


def words(key: str) -> str:
    """A key as people read it: `gsm8k, shard 2 of 4`."""
    task, shard = read_key(key)
    return f"{task}, shard {shard.number} of {shard.of}" if shard else task


def notes(folder: Path, answers: str, of: int) -> list[Path]:
    """The notes of all shards of an eval."""
    return [Shard(number, of).note(folder, answers) for number in range(1, of + 1)]


def others(answers: Path) -> Iterator[Path]:
    """Further files with answers of the same eval beside this one, which may be a link; each shard has a file of its own."""
    place = answers.resolve()
    own = _FILE.fullmatch(place.name)
    if own is None:
        return
    for path in sorted(place.parent.glob(kept_answers(Path(), f"{own[1]}*").name)):
        found = _FILE.fullmatch(path.name)
        if found is not None and found[1] == own[1] and path != place:
            yield path


def shard_of(body: Mapping[str, Any], of: int) -> int:
    """The number of the shard to which a request falls: that of its opening, so that later turns follow the first."""
    text = json.dumps(_opening(body), sort_keys=True, ensure_ascii=False)
    return int(hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(), 16) % of + 1


def _opening(body: Mapping[str, Any]) -> Any:
    """All before the first answer: the system's words and the first question."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body.get("prompt")
    return list(takewhile(lambda one: not (isinstance(one, dict) and one.get("role") == "assistant"), messages))
