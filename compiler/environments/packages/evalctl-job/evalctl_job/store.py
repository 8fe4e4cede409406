"""What a relay keeps of each task: every answer at once, the counts soon after."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalctl_job.choices import Choice
from evalctl_job.counts import Counts
from evalctl_job.files import write_json
from evalctl_job.options import BadOptions, Options, read_options

FRESH_SECONDS = 0.5


def digest(path: str, body: Mapping[str, Any]) -> str:
    """Names a question: equal for equal requests, however many choices each asked for."""
    asked = {key: value for key, value in body.items() if key != "n"}
    return hashlib.sha256(json.dumps([path, asked], sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(slots=True)
class TaskState:
    """One task's options (or why they cannot be used: `refusal`), counts and answers file."""

    key: str
    folder: Path
    options: Options = field(default_factory=Options)
    refusal: str | None = None
    counts: Counts = field(default_factory=Counts)
    changed: bool = True
    written: float = 0.0

    def keep(self, record: Mapping[str, Any]) -> None:
        """Append one answered request: in the kernel's hands when this returns, so a killed relay loses nothing."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        handle = os.open(self.folder / f"{self.key}.answers.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as answers:
            answers.write(line.encode())

    def flush(self, *, now: bool = False) -> None:
        """Bring the counts file up to date, at most every half second unless asked for at once."""
        if now or (self.changed and time.monotonic() - self.written >= FRESH_SECONDS):
            write_json(self.folder / f"{self.key}.counts.json", self.counts.as_json())
            self.changed, self.written = False, time.monotonic()


def answer_record(
    question: str, body: Mapping[str, Any], choices: Sequence[Choice], usage: Any, seconds: float
) -> dict[str, Any]:
    """One line of `<key>.answers.jsonl`."""
    reasonings = [choice.reasoning for choice in choices]
    return {
        "digest": question,
        "body": body,
        "texts": [choice.text for choice in choices],
        **({"reasonings": reasonings} if any(reasonings) else {}),
        "finish_reasons": [choice.finish_reason for choice in choices],
        "usage": usage,
        "seconds": round(seconds, 3),
        "time": round(time.time(), 3),
    }


class Store:
    """The tasks that a relay has met, each with its files in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep everything under `folder`, which is made when absent."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._tasks: dict[str, TaskState] = {}

    @property
    def aborted(self) -> bool:
        """Somebody outside has given the job up."""
        return (self.folder / "aborted").exists()

    def task(self, key: str) -> TaskState:
        """The task's state; its options are read when it is first met."""
        if key not in self._tasks:
            self._tasks[key] = self._met(key)
        return self._tasks[key]

    def _met(self, key: str) -> TaskState:
        try:
            return TaskState(key, self.folder, read_options(self.folder / f"{key}.options.json"))
        except BadOptions as problem:
            return TaskState(key, self.folder, refusal=str(problem))

    def flush(self, *, now: bool = False) -> None:
        """Bring every counts file up to date."""
        for task in self._tasks.values():
            task.flush(now=now)
