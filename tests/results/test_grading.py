"""Details files as `parquet_rows.py` prints them: read, joined with the relay's answers, chosen by their scores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from evalctl.results.answers import Answer
from evalctl.results.choosing import Condition, Wanted, chosen, condition
from evalctl.results.grading import DetailsReading, Question, answers_of, is_details, joined, newest

FILE = "/x/details_swallow|ja_mt|0_2026-11-24T11-56-38.088212.parquet"


def row(question: str, *answers: str, gold: str = "", file: str = FILE, **scores: float | None) -> str:
    """A line of the program for one question."""
    told = {
        "file": file,
        "row": 1,
        "question": question,
        "gold": [gold],
        "answers": answers,
        "scores": scores,
        "text": question,
        "digest": "",
    }
    return json.dumps(told)


def read(lines: Iterable[str]) -> tuple[list[Question], list[str]]:
    """The questions and the problems in the program's lines."""
    reading = DetailsReading()
    for line in lines:
        reading.add(line)
    return reading.questions, reading.problems


def answer(question: str, text: str) -> Answer:
    """One of the relay's."""
    return Answer(question, text, "", "stop", None, None)


def test_questions_are_numbered_through_all_files_of_a_task() -> None:
    """Each says of which entry it is."""
    found, problems = read([row("日本の首都は？", "東京", gold="東京", acc=1), row("Q", "", file="own.pqt")])
    assert [(one.graded.entry, one.graded.number) for one in found] == [("swallow|ja_mt|0", 1), ("own", 2)]
    assert (found[0].graded.gold, found[0].answers, problems) == (("東京",), ("東京",), [])


def test_what_could_not_be_read_is_told() -> None:
    """What a file lacks, why one is no parquet file, and how the program itself ended."""
    lines = [{"file": "a/b.parquet", "missing": ["gold", "scores"]}, {"file": "c.pqt", "problem": "not a parquet file"}]
    found, problems = read([*map(json.dumps, lines), "MemoryError"])
    assert found == []
    assert problems == ["b.parquet has no gold, scores", "c.pqt: not a parquet file", "MemoryError"]


def test_the_last_run_of_each_entry_counts() -> None:
    """Earlier runs leave their files in the same folder; other files are none of a framework's."""
    names = [
        "details_b|0_2026-11-24T09-00-00.5.parquet", "details_a|0_2026-11-24T08-00-00.5.parquet",
        "details_a|0_2026-11-23T23-00-00.5.parquet", "GENERATIVE.parquet", "details_a|0_2026-11-24T09-00-00.5.json",
    ]  # fmt: skip
    assert [path.name for path in newest(map(Path, names))] == [names[1], names[0]]
    assert is_details(Path("the lab's own.pqt"))


def test_each_answer_finds_its_question() -> None:
    """By what was asked; of equal questions, the one that was scored with it."""
    questions, _ = read([row("Q", "a", acc=0), row("P", "b", acc=1), row("Q", "b", acc=1), row("Q", "a", acc=0.5)])
    given = [answer("Q", "b"), answer("P", "b"), answer("Q", "a"), answer("Q", "a"), answer("N", "a")]
    found = joined(given, questions)
    numbers = [one.graded.number if one.graded else None for one in found]
    assert (numbers, [one.prediction for one in found]) == ([1, 2, 3, 4, None], ["a", "b", "b", "a", "a"])


def test_an_answer_that_the_framework_has_cut_belongs_to_its_question_all_the_same() -> None:
    """lighteval takes reasoning out of a text before it scores it."""
    questions, _ = read([row("Q", "4", acc=1)])
    assert joined([answer("Q", "<think>2+2</think>4")], questions)[0].graded == questions[0].graded


def test_details_files_alone_have_answers_too() -> None:
    """Of results that were measured elsewhere; a question without an answer is an empty one."""
    found = answers_of(read([row("Q", "a", "b", acc=0.5), row("P", acc=0)])[0])
    assert [(one.question, one.prediction) for one in found] == [("Q", "a"), ("Q", "b"), ("P", "")]


def test_answers_are_chosen_by_their_scores() -> None:
    """Right is what has no score below 1; a question without a score is neither right nor wrong."""
    rows = [row("1", "a", acc=1, f1=0.5), row("2", "b", acc=0), row("3", "c", acc=None), row("4", "d", acc=1)]
    found = answers_of(read(rows)[0])

    def those(**wanted: Any) -> str:
        return "".join(one.question for one in chosen([*found, answer("5", "e")], Wanted(**wanted)))

    assert (those(right=True), those(right=False)) == ("4", "12")
    assert (those(right=True, metrics=(Condition("acc"),)), those(right=False, metrics=(Condition("f1"),))) == (
        "14",
        "1",
    )
    assert (those(metrics=(condition("acc<1"),)), those(metrics=(condition("f1 >= 0.5"),))) == ("2", "1")
    assert (those(question=3), those(right=False, grep="b")) == ("3", "2")


def test_a_metrics_name_may_hold_an_equals_sign() -> None:
    """lighteval's pass@k does."""
    assert condition("pass@k:k=1&n=4") == Condition("pass@k:k=1&n=4")
    assert condition("pass@k:k=1&n=4<=0.25") == Condition("pass@k:k=1&n=4", "<=", 0.25)


@pytest.mark.parametrize("text", ["", "<0.5", "acc<", "acc<half", "acc<1<2"])
def test_half_a_condition_is_none(text: str) -> None:
    """It is refused rather than guessed at."""
    with pytest.raises(ValueError, match="is not a condition"):
        condition(text)
