"""The counts of how answers ended, question by question: what they add up to, and how a file in git has them in few bytes."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job import ends
from evalctl_job.ends import KINDS, MOST_ANSWERS, Ends, from_json
from evalctl_job.question_set import QuestionSet
from evalctl_job.questions import QuestionScores, document
from evalctl_job.scores import Metric

# Three questions: all answers of the first ended by themselves, of the second none, and the third has none.
THREE = Ends((2, 3, 0), {"cut_off": (0, 1, 0), "repeats": (2, 1, 0), "unknown": (0, 2, 0)})

LETTERS = tuple(
    int.from_bytes(base64.b64decode("abcd"), "little") >> place & 1 for place in range(24)
)  # they could be digits


def test_counts_add_up() -> None:
    """Questions, answers, each kind, and the questions all of whose answers ended by themselves; one without an answer is none."""
    assert THREE.totals() == {
        "questions": 3, "answers": 5, "cut_off": 1, "unended": 0, "refused": 0, "repeats": 3, "empty": 0, "unknown": 2, "finished": 1,
    }  # fmt: skip
    assert (THREE.of("repeats"), THREE.of("empty"), THREE.finished()) == ((2, 1, 0), (0, 0, 0), (True, False, False))


@pytest.mark.parametrize(("kind", "finished"), [(kind, kind == "repeats") for kind in KINDS])
def test_a_repetition_alone_is_an_end(kind: str, finished: bool) -> None:
    """A question with an answer of any other kind is not finished."""
    assert Ends((2, 1), {kind: (1, 0)}).finished() == (finished, True)


def test_some_of_the_questions_keep_their_counts() -> None:
    """In the order asked for."""
    counts = {"cut_off": (0, 0), "repeats": (0, 2), "unknown": (0, 0)}
    assert THREE.at([2, 0]) == Ends((0, 2), counts)


@pytest.mark.parametrize(
    ("numbers", "packed"),
    [
        ((), {"bits": ""}), ((1,), 1), ((7, 7, 7), 7), ((0, 0), 0), ((1, 0), {"bits": "AQ=="}), ((0, 1, 1), {"bits": "Bg=="}),
        (LETTERS, {"bits": "abcd"}), ((0,) * 7 + (1,), {"bits": "gA=="}), ((0,) * 8 + (1,), {"bits": "AAE="}), ((0,) * 9 + (1,), {"bits": "AAI="}),
        ((2, 0), {"digits": "20"}), ((35, 10, 9), {"digits": "za9"}), ((36, 0), {"numbers": [36, 0]}),
        ((MOST_ANSWERS, 1), {"numbers": [10_000, 1]}), (tuple(range(36)), {"digits": "0123456789abcdefghijklmnopqrstuvwxyz"}),
    ],
)  # fmt: skip
def test_counts_have_the_shortest_form(numbers: tuple[int, ...], packed: Any) -> None:
    """One number for all questions, a bit for each, a digit for each, or the numbers; it is read again as it was."""
    assert Ends(numbers, {}).as_json() == {"answers": packed}
    assert from_json({"answers": packed}, len(numbers)) == Ends(numbers, {})


def test_a_kind_that_no_answer_is_of_is_not_written() -> None:
    """Nor is it there when it is read."""
    made = Ends((1, 2), {"cut_off": (0, 0), "empty": (0, 1)})
    assert made.as_json() == {"answers": {"digits": "12"}, "empty": {"bits": "Ag=="}}
    assert from_json({**made.as_json(), "cut_off": 0}, 2) == Ends((1, 2), {"empty": (0, 1)})


def test_all_kinds_may_be_there() -> None:
    """At once."""
    counts = dict.fromkeys(KINDS, (1, 0))
    assert from_json({"answers": 2, **{kind: {"bits": "AQ=="} for kind in KINDS}}, 2) == Ends((2, 2), counts)


def test_counts_of_another_number_of_questions_are_never_cut() -> None:
    """Nobody knows to which questions they belong."""
    with pytest.raises(ValueError, match="argument"):
        Ends((1, 1), {"cut_off": (0, 0, 1)}).finished()


@pytest.mark.parametrize(
    "counts",
    [
        {"cut_off": 3},
        {"unknown": 3},
        {"cut_off": 1, "unknown": 2},
        {"cut_off": 2, "unknown": 1},
        {"repeats": 3, "cut_off": 3},
    ],
)
def test_an_answer_may_be_of_several_kinds(counts: dict[str, int]) -> None:
    """As many of each as there are answers; one whose end nobody knows is of no other kind."""
    assert from_json({"answers": 3, **counts}, 2) == Ends((3,) * 2, {kind: (one,) * 2 for kind, one in counts.items()})


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=70), st.sampled_from(KINDS))
def test_counts_come_back(numbers: list[tuple[int, int]], kind: str) -> None:
    """Whatever form they are written in; none is written of a kind that no answer is of."""
    counts = tuple(min(pair) for pair in numbers)
    made = Ends(tuple(answers for answers, _ in numbers), {kind: counts} if any(counts) else {})
    assert from_json(json.loads(json.dumps(made.as_json())), len(numbers)) == made


@pytest.mark.parametrize(
    "damaged",
    [
        None, [], {}, {"cut_off": 1}, {"answers": -1}, {"answers": True}, {"answers": 1.0}, {"answers": 10**9},
        {"answers": 1, "cut_off": 2}, {"answers": 1, "other": 0}, {"answers": {"bits": "Bw"}}, {"answers": MOST_ANSWERS + 1},
        {"answers": {"bits": "Bw==", "digits": "111"}}, {"answers": {"bits": "Dw=="}}, {"answers": {"bits": "Ü"}}, {"answers": {"bits": "B-w=="}},
        {"answers": {"bits": "BwA="}}, {"answers": {"bits": ""}}, {"answers": {"bits": 7}}, {"answers": {"letters": "111"}}, {"answers": {"letters": "Bw=="}},
        {"answers": {"others": [1, 1, 1]}}, {"answers": 1, "unknown": 2},
        {"answers": {"a": "Bw=="}}, {"answers": {}},
        {"answers": {"digits": "1111"}}, {"answers": {"numbers": [1, 1, 1, 1]}},
        {"answers": {"digits": "11"}}, {"answers": {"digits": "1-1"}}, {"answers": {"digits": [1, 1, 1]}},
        {"answers": {"numbers": [1, 1]}}, {"answers": {"numbers": [1, 1, "x"]}}, {"answers": {"numbers": "111"}},
        {"answers": 1, "unknown": {"digits": "100"}, "cut_off": {"digits": "100"}}, {"answers": 2, "unknown": 1, "cut_off": 2},
    ],
)  # fmt: skip
def test_damaged_counts_are_refused(damaged: Any) -> None:
    """Another number of questions, more of a kind than there are answers, another form; the reason names what is wrong."""
    with pytest.raises(ValueError, match=r"answer|bit"):
        from_json(damaged, 3)


def test_fourteen_thousand_questions_have_less_than_twenty_kilobytes() -> None:
    """Scores and ends together, where three of ten answers at random places were cut off, and many of these repeat themselves."""
    places = random.Random(1)
    cut = [places.random() < 0.3 for _ in range(14_000)]
    repeats = [one and places.random() < 0.3 for one in cut]
    found = Ends((1,) * 14_000, {ends.CUT_OFF: tuple(map(int, cut)), ends.REPEATS: tuple(map(int, repeats))})
    values = Metric("digits", "".join(places.choice("01") for _ in cut))
    asked = QuestionSet(("0" * 16,) * 14_000, ("k",) * 14_000)
    scored = QuestionScores(asked.digests, asked.keys, 1, {"acc": values}, (), {})
    assert len(json.dumps(document(scored, asked, found))) < 20_000
