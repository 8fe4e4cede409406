"""The derived files of many folders: each read of a commit is two processes of git, whatever the number of folders is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from questions import record

from evalctl.model.metrics import Metrics
from evalctl.results import derived
from evalctl.results.reading import parse
from evalctl.results.store import index

METRICS = Metrics.model_validate({"entries": [
    {"name": "choice", "function": "pick", "metrics": ["acc"], "tasks": ["gsm8k"]},
    {"name": "code", "function": "pick", "metrics": ["pass@1"], "tasks": ["humaneval"]},
]})  # fmt: skip


class Counted:
    """The files of a commit, and how many times they were read."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """No file was read."""
        self.files, self.times = files, 0

    def __call__(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are there."""
        self.times += bool(paths)
        return {path: self.files[path].encode() for path in paths if path in self.files}


def files_of(models: int) -> dict[str, str]:
    """Two tasks of each model, with values of questions."""
    made: dict[str, str] = {}
    for number in range(models):
        made |= record(f"team/model-{number}", "en_choice", [1, 0, 1, int(number % 2 == 0)])
        made |= record(f"team/model-{number}", "en_code", [0.5, 1.0], answers=2)
    return made


def computed(files: Mapping[str, str]) -> tuple[dict[str, str | None], int]:
    """All derived files, and how many times the commit was read for them."""
    read = Counted(files)
    records = {path: path for path in files if path.endswith("result.json")}
    base = derived.Base(index(records, read), (), read)
    read.times = 0
    return derived.everything(base, METRICS)[0], read.times


def test_the_number_of_reads_is_that_of_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """For records, values and question sets; and the files are those that each folder alone gives."""
    files = files_of(30)
    texts, times = computed(files)
    assert times == computed(files_of(1))[1]
    monkeypatch.setattr(derived, "_AT_ONCE", 7)
    assert computed(files) == (texts, 15 + times - 3)


def test_new_records_of_many_folders_are_read_together() -> None:
    """As one pass collects them; a new record takes the place of the one that is there."""
    files = files_of(20)
    read = Counted(files)
    paths = [path for path in files if path.endswith("en/code/result.json")]
    base = derived.Base(index({path: path for path in files if path.endswith("result.json")}, read), (), read)
    read.times = 0
    changed = derived.by_folder({path: files[path] for path in paths})
    made = derived.aggregates(changed, base, METRICS)
    assert read.times == 3 and len(made) == 20
    assert {one.results["choice"] for one in made.values()} == {0.5, 0.75} and all(
        "code" in one.uncertainty for one in made.values()
    )
    assert [parse(path, files[path]).task.key for path in paths] == ["en_code"] * 20
