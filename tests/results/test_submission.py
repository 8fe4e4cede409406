"""A submission is what a result will say about its inputs: it is read as it was written, or refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.sync.world import make_eval, make_job

from evalctl.results.submission import Submission, of_job, read_submission

JOB = make_job(make_eval("arithmetic"), make_eval("capitals"))
EVALS = {task.evaluation.task.key: task.evaluation.digest for task in JOB.tasks}
WRITTEN = of_job(JOB, "c" * 40, "s" * 64, "/home/answers/vllm-cpu")
KEY = "en_arithmetic"


def read(document: Any) -> Submission:
    """As sync finds it in the run folder."""
    return read_submission(json.dumps(document).encode(), EVALS)


def test_it_is_read_as_it_was_written() -> None:
    """Every field of the job and of each task."""
    assert read(WRITTEN.as_json()) == WRITTEN
    assert WRITTEN.tasks[KEY].inputs["digest"] == EVALS[KEY]


def test_an_earlier_evalctl_wrote_no_name_of_answers_and_a_later_one_may_write_more() -> None:
    """Jobs of both are collected."""
    document: Any = json.loads(json.dumps(WRITTEN.as_json()))
    del document["answers"], document["tasks"][KEY]["answers"]
    document["cores"] = document["tasks"][KEY]["cores"] = document["request"]["branch"] = 8
    found = read(document)
    assert (found.answers, found.tasks[KEY], found.request) == ("", WRITTEN.tasks[KEY], WRITTEN.request)


DAMAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no object": (lambda whole: [whole], "not a JSON object"),
    "a newer schema": (lambda whole: {**whole, "schema": "evalctl/submission/2"}, "its schema is not"),
    "no schema": (lambda whole: {**whole, "schema": None}, "its schema is not"),
    "no service": (lambda whole: {**whole, "service": None}, "its `service` is missing"),
    "a wrong kind": (lambda whole: {**whole, "job": 1}, "its `job` is 1"),
    "no commit": (lambda whole: {**whole, "request": {"path": "a"}}, "its `commit` is missing"),
    "tasks are a list": (lambda whole: {**whole, "tasks": []}, "its `tasks` is"),
    "a task is missing": (lambda whole: {**whole, "tasks": {}}, f"{KEY} is not among its tasks"),
    "inputs are text": (lambda whole: with_task(whole, inputs="x"), "its `inputs` is 'x'"),
    "of another eval": (lambda whole: with_task(whole, inputs={"digest": "d"}), "not that of the attempt"),
    "environments": (lambda whole: with_task(whole, environments={"server": 1}), "its `environments` is 1"),
    "another place": (lambda whole: with_task(whole, path="results/../result.json"), "not the path of a result"),
}


def with_task(whole: Any, **more: Any) -> Any:
    """The document with another first task."""
    return {**whole, "tasks": {**whole["tasks"], KEY: {**whole["tasks"][KEY], **more}}}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_refused_with_the_reason(damage: str) -> None:
    """Whichever field it is: a result with a wrong input is worse than none."""
    change, why = DAMAGES[damage]
    with pytest.raises(ValueError, match=why):
        read(change(json.loads(json.dumps(WRITTEN.as_json()))))
