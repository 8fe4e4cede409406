"""The marks are types that both programs have: what a job wrote is what sync reads, and nothing that has another form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from evalctl.sync.marks import read_marks
from evalctl_job.marks import Acceptance, Finished, JobMark, ServerReady, ServerRestarted, Started, TaskMark
from evalctl_job.run_folder import RunFolder
from evalctl_job.supervisor.marks import MarkWriter as Writer

STARTED = Started(
    started_at=5, host="n1", pid=7, native_id="3", job="ev-one", name="ev-one-a1", attempt=1, gpu_name="H100"
)
READY = ServerReady(ready_at=6, seconds=1, restarts=1, port=4000, server_version="0.32.0")
FINISHED = Finished(
    exit=3, reason="tasks-failed", detail="b", ended_at=9, seconds=4, tasks_done=("a",), tasks_failed=("b",)
)
ACCEPTANCE = Acceptance(
    task="a", verdict="done", scores={"a|0": {"em": 0.5}}, config_tasks={"a|0": {"effective_num_docs": 4, "suite": ["x"]}},
    samples={"asked": 4}, tokens={"prompt": 9}, requests={"made": 4}, sent={"stop": [["a", "b"]]}, answered_by={"m": 4},
    seconds=1.5, versions={"lighteval": "0.13.0"}, details=("details/a.parquet",), warnings=("w",),
)  # fmt: skip
TASK = TaskMark(key="a", state="done", digest="d", started_at=6, ended_at=8, exit=0, acceptance=ACCEPTANCE)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """The job's side of a run folder."""
    folder = tmp_path / "runs/ev-one/a1"
    folder.mkdir(parents=True)
    return Writer(RunFolder(folder), lambda text: text.replace("hidden", "***"))


def test_sync_reads_what_the_job_wrote(writer: Writer) -> None:
    """Each mark, field by field, and what acceptance found."""
    for mark in (STARTED, READY, ServerRestarted(restarted_at=7, reason="server-died", detail="d"), FINISHED):
        writer.write(mark)
    writer.write_task(TASK)
    found = read_marks(writer.folder.path)
    assert (found.started, found.server_ready, found.finished) == (STARTED, READY, FINISHED)
    assert (found.tasks, found.unreadable) == ({"a": TASK}, ())


@pytest.mark.parametrize(
    "mark",
    [replace(FINISHED, detail="a hidden key"), ServerRestarted(restarted_at=7, reason="r", detail="a hidden key")],
)
def test_a_mark_of_the_job_holds_no_secret(writer: Writer, mark: JobMark) -> None:
    """Whatever the field; a list of texts, too."""
    writer.write(mark)
    writer.write(replace(FINISHED, tasks_done=("hidden",)))
    texts = [path.read_text() for path in writer.folder.path.glob("marks/*.json")]
    assert texts and not any("hidden" in text for text in texts)


def test_why_a_task_failed_is_what_acceptance_found_unless_the_job_says_it(writer: Writer) -> None:
    """A text of either is a line that a terminal shows."""
    failed = Acceptance(verdict="failed", reason="empty-answers", detail="3\x1b[2J of 4")
    writer.write_task(replace(TASK, state="failed", acceptance=failed))
    mark = read_marks(writer.folder.path).tasks["a"]
    assert (mark.reason, mark.detail) == ("empty-answers", "3 [2J of 4")
    writer.write_task(replace(TASK, state="failed", reason="timeout", detail="d", acceptance=failed))
    mark = read_marks(writer.folder.path).tasks["a"]
    assert (mark.reason, mark.detail) == ("timeout", "d")


WRONG: dict[str, list[dict[str, Any]]] = {
    "started": [{"started_at": "now"}, {"host": 5}, {"pid": "7"}, {"attempt": 1.5}, {"started_at": 1e18}, {"host": ["n1"]}],
    "server_ready": [{"ready_at": -1}, {"restarts": "2"}, {"restarts": None, "port": {}}, {"server_version": 0.32}],
    "finished": [{"exit": "0"}, {"exit": None}, {"exit": True}, {"reason": 1}, {"tasks_done": "a"}, {"tasks_failed": [1]}],
    "task/a": [
        {"key": "b"}, {"key": None}, {"state": 1}, {"exit": "0"}, {"acceptance": []},
        *[{"acceptance": wrong} for wrong in cast(list[Any], [
            {"verdict": 1}, {"scores": []}, {"scores": {"a|0": 0.5}}, {"scores": {"a|0": {"em": True}}}, {"samples": {"asked": "4"}},
            {"tokens": []}, {"versions": {"a": 1}}, {"warnings": "w"}, {"warnings": [1]}, {"config_tasks": {"a|0": []}},
            {"answered_by": {"m": {}}}, {"sent": []},
        ])],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, changes in WRONG.items() for change in changes])
def test_a_mark_of_another_form_is_named_and_nothing_of_it_is_believed(
    writer: Writer, name: str, change: dict[str, Any]
) -> None:
    """Whichever field it is, also one that sync itself does not use."""
    for mark in (STARTED, READY, FINISHED):
        writer.write(mark)
    writer.write_task(TASK)
    path = writer.folder.path / f"marks/{name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    found = read_marks(writer.folder.path)
    whole = {
        "started": found.started,
        "server_ready": found.server_ready,
        "finished": found.finished,
        "task/a": found.tasks.get("a"),
    }
    assert {one for one, mark in whole.items() if mark is None} == {name}
    assert len(found.unreadable) == 1 and str(path) in found.unreadable[0]


def test_what_a_newer_job_writes_besides_is_passed_over(writer: Writer) -> None:
    """The job of a later version of evalctl is collected all the same; a mark with another schema is not."""
    writer.write_task(TASK)
    path = writer.folder.task_mark("a")
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "cores": 8, "acceptance": {**whole["acceptance"], "more": {}}}))
    assert read_marks(writer.folder.path).tasks == {"a": TASK}
    path.write_text(json.dumps({**whole, "schema": "evalctl/mark/2"}))
    assert read_marks(writer.folder.path).tasks == {}
