"""Questions about one passage depend on each other: the question set says which they are, from their texts alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job.passages import passages
from evalctl_job.question_set import QuestionSet, parsed
from evalctl_job.questions import Row, question_scores

CHOICES = "Answer with one option from {}. Think step by step before giving your final answer.\n\n"
HISTORY = "This question refers to the following information.\n"


def text(seed: int, columns: int = 300) -> str:
    """A passage of its own."""
    return "".join(random.Random(seed).choices("abcdefghij klm", k=columns))


def asked(passage: int, number: int) -> str:
    """A question about a passage, as the history questions of MMLU."""
    return CHOICES.format("A, B, C, D") + HISTORY + text(passage) + f"\nWhat follows from line {number}?"


def plain(number: int, choices: str = "A, B, C, D") -> str:
    """A question that is about nothing else."""
    return CHOICES.format(choices) + f"{text(number + 1000, 40)}?"


def test_questions_about_one_passage_have_one_number() -> None:
    """In the order in which they appear, mixed with questions of their own."""
    questions = [
        asked(1, 1),
        plain(1),
        asked(2, 1),
        asked(1, 2),
        asked(2, 2),
        asked(3, 1),
        plain(2),
        asked(2, 3),
        *map(plain, range(3, 9)),
    ]
    assert passages(questions) == [1, 0, 2, 1, 2, 0, 0, 2, *[0] * 6]


def test_a_passage_in_japanese_has_half_the_characters() -> None:
    """110 characters are enough there, and not in English."""
    japanese = [
        "次の文章を読んで答えてください。" + "".join(random.Random(seed).choices("春夏秋冬山川草木", k=110))
        for seed in range(9)
    ]
    assert passages([one + end for one in japanese for end in ("一は?", "二は?")]) == [at // 2 + 1 for at in range(18)]
    english = [text(seed, 110) for seed in range(9)]
    assert set(passages([one + end for one in english for end in ("1?", "2?")])) == {0}


@pytest.mark.parametrize("length", [0, 1000])
def test_a_template_is_no_passage(length: int) -> None:
    """However long; several that differ by the number of choices; one that half of the questions have."""
    head = text(5, length)
    letters = ["A, B, C, D", "A, B, C, D, E, F, G", "A, B, C, D, E, F, G, H, I, J"]
    assert set(passages([head + plain(number, letters[number % 3]) for number in range(30)])) == {0}
    assert set(passages([(head if number % 2 else "") + plain(number) for number in range(30)])) == {0}


def test_few_questions_have_no_passages() -> None:
    """Nobody knows what is their template."""
    assert passages([asked(1, 1), asked(1, 2), asked(2, 1), asked(2, 2)]) == [0] * 4
    assert passages([]) == [] and passages(["x"]) == [0] and passages([""] * 9) == [0] * 9


@given(st.lists(st.text("ab\n", max_size=12).map(lambda one: one * 50), max_size=20))
def test_any_texts_have_numbers(texts: list[str]) -> None:
    """As many as there are questions; a number is of two questions at least, and no gap is left."""
    found = passages(texts)
    numbers = [one for one in found if one]
    assert len(found) == len(texts) and sorted(set(numbers)) == list(range(1, len(set(numbers)) + 1))
    assert all(numbers.count(one) > 1 for one in numbers)


def test_a_question_set_has_the_passages_of_each_subset() -> None:
    """Numbered through; a passage in two subsets is two, since each has a score of its own."""
    part = [
        Row(f"{place:016x}", {"acc": 1}, one)
        for place, one in enumerate([asked(1, 1), asked(1, 2), *map(plain, range(8))])
    ]
    found = question_scores({"a:x|0": part, "a:y|0": part}, {"a:x|0": {"acc": 1.0}, "a:y|0": {"acc": 1.0}}, 1)
    assert found.clusters == (1, 1, *[0] * 8, 2, 2, *[0] * 8)
    lines = found.asked.text().splitlines()
    assert lines[:4] == ["# evalctl/questions/2", f"{0:016x}\ta:x|0\t1", f"{1:016x}\t\t1", f"{2:016x}"]
    assert parsed(found.asked.text()) == found.asked


def test_a_set_without_passages_is_written_as_before() -> None:
    """So that its digest, by which older records name it, stays."""
    alone = QuestionSet(("0" * 16, "1" * 16), ("a|0", "a|0"))
    assert alone.text() == f"# evalctl/questions/1\n{'0' * 16}\ta|0\n{'1' * 16}\n" and parsed(alone.text()) == alone


@pytest.mark.parametrize(
    "text", [f"# evalctl/questions/1\n{'0' * 16}\ta|0\t1\n", f"# evalctl/questions/2\n{'0' * 16}\ta|0\tx\n", f"# evalctl/questions/2\n{'0' * 16}\t\t1\n",
             f"# evalctl/questions/2\n{'0' * 16}\ta|0\t0\n", f"# evalctl/questions/3\n{'0' * 16}\ta|0\n"],
)  # fmt: skip
def test_a_damaged_column_of_passages_is_refused(text: str) -> None:
    """Passages in the older form, no number, no key before it, 0, a newer form."""
    with pytest.raises(ValueError):
        parsed(text)
