"""A shard's job keeps answers and leaves a note, and a merge's scores what is kept: seen by running their scripts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from standin_place import Place, job_task, make_job

from evalctl.model.evaluation import Job, JobTask

KEY, DIGEST = "ja_one", "digest-of-ja_one"


def shard(number: int, **facts: str) -> JobTask:
    """One of three."""
    return replace(job_task(KEY, **facts), shard=number, shards=3)


def merge() -> Job:
    """The job that scores: it has no server."""
    job = make_job(replace(job_task(KEY), shards=3))
    return replace(job, server=replace(job.server, argv=()))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where answers outlive an attempt."""
    folder = tmp_path / "answers"
    folder.mkdir()
    return folder


def notes(kept: Path) -> set[str]:
    """The shards that have all their answers."""
    return {path.name for path in kept.glob("*.json")}


def noted(kept: Path, *numbers: int) -> None:
    """Such shards."""
    for number in numbers:
        note = {"number": number, "of": 3, "digest": DIGEST, "attempt": f"a{number}", "server_version": "0.0-standin"}
        (kept / f"{DIGEST}.{number}-of-3.json").write_text(json.dumps(note))


def test_a_shard_leaves_a_note_and_no_score(place: Place, kept: Path) -> None:
    """Its answers are in a file of its own; its mark is no acceptance, and nothing else could be taken for one."""
    ran = place.run(make_job(shard(2), job_task("en_two")), answers=kept)
    assert ran.status == 0, place.job_log()
    mark = ran.mark("task/ja_one.2-of-3")
    assert (mark["state"], mark["acceptance"], mark["digest"], mark["exit"]) == ("answered", None, DIGEST, 87)
    assert not (ran.folder / "tasks/ja_one.2-of-3/acceptance.json").exists()
    assert (ran.folder / "relay/ja_one.2-of-3.answers.jsonl").readlink() == kept / f"{DIGEST}.2-of-3.jsonl"
    assert (
        json.loads((ran.folder / "relay/ja_one.2-of-3.options.json").read_text()).items()
        >= {"shard": 2, "shards": 3}.items()
    )
    note = json.loads((kept / f"{DIGEST}.2-of-3.json").read_text())
    expected = {
        "number": 2,
        "of": 3,
        "digest": DIGEST,
        "attempt": "ev-first-0123abcd-a1",
        "server_version": "0.0-standin",
    }
    assert note.items() >= {**expected, "answers": 1}.items()
    assert notes(kept) == {f"{DIGEST}.2-of-3.json"}
    assert sorted(ran.mark("finished")["tasks_done"]) == ["en_two", "ja_one.2-of-3"]
    assert ran.mark("task/en_two")["state"] == "done"  # a whole task beside it is scored


@pytest.mark.parametrize("says", ["crashes|0", "stall-hangs|0"])
def test_a_shard_that_fails_leaves_no_note(place: Place, kept: Path, says: str) -> None:
    """Its attempt is repeated like any other."""
    ran = place.run(make_job(shard(1, says=says)), answers=kept, stall=2)
    assert (ran.status, ran.mark("task/ja_one.1-of-3")["state"]) == (3, "failed"), place.job_log()
    assert notes(kept) == set()


def test_a_merge_starts_no_server_and_asks_nothing(place: Place, kept: Path) -> None:
    """Its mark has the scores, and what served each shard."""
    noted(kept, 1, 2, 3)
    ran = place.run(merge(), answers=kept)
    assert ran.status == 0, place.job_log()
    assert not (ran.folder / "vllm.json").exists() and "server_ready.json" not in ran.marks()
    mark = ran.mark("task/ja_one")
    assert (mark["state"], mark["acceptance"]["verdict"]) == ("done", "done")
    assert [(one["number"], one["attempt"], one["server_version"]) for one in mark["shards"]] == [
        (number, f"a{number}", "0.0-standin") for number in (1, 2, 3)
    ]
    assert (ran.folder / "relay/ja_one.answers.jsonl").readlink() == kept / f"{DIGEST}.jsonl"
    assert len(notes(kept)) == 3  # until the result is committed


def test_a_merge_that_lacks_answers_has_just_those_shards_run_again(place: Place, kept: Path) -> None:
    """Their notes are withdrawn; the others stay."""
    noted(kept, 1, 2, 3)
    (place.run_dir / "lacking").write_text("[1, 3]")
    ran = place.run(merge(), answers=kept)
    assert (ran.status, ran.mark("task/ja_one")["state"]) == (3, "failed"), place.job_log()
    assert notes(kept) == {f"{DIGEST}.2-of-3.json"}
