"""What the job reports: one JSON object in each file, whole or absent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evalctl_job.run_folder import RunFolder

_SPARE_BYTES = 65536


class Marks:
    """The marks of one run folder. Texts pass through `shown`, which takes secrets out of them."""

    def __init__(self, folder: RunFolder, shown: Callable[[str], str]) -> None:
        """The folders exist afterwards, with room for the last marks on a disk that becomes full."""
        self.folder, self.shown = folder, shown
        folder.task_mark("x").parent.mkdir(parents=True, exist_ok=True)
        folder.relay.mkdir(exist_ok=True)
        folder.spare.write_bytes(bytes(_SPARE_BYTES))

    def write(self, mark: str, /, **facts: Any) -> None:
        """A mark of the job."""
        self._write(self.folder.mark(mark), self._cleaned(facts))

    def write_task(self, key: str, facts: Mapping[str, Any], acceptance: Any) -> None:
        """The mark of a task, with the verdict of acceptance as it is."""
        self._write(self.folder.task_mark(key), {**self._cleaned(facts), "acceptance": acceptance})

    def _write(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Where the disk is full, the spare room is given up for it."""
        text = json.dumps(facts) + "\n"
        try:
            write_whole(path, text)
        except OSError:
            self.folder.spare.unlink(missing_ok=True)
            write_whole(path, text)

    def _cleaned(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._clean(value) for name, value in facts.items()}

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.shown(value)
        return [self._clean(one) for one in value] if isinstance(value, (list, tuple)) else value


def write_whole(path: Path, text: str) -> None:
    """By rename: readers see the old text or all of the new text."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())
