"""Whether a reply was given before, by what its server says of it."""

from __future__ import annotations

from typing import Any

import pytest

from evalctl_job.repeats import SHORTEST_NAME, GivenReplies

NAME = "chatcmpl-" + "0123456789a"  # as short as a name may be
TEXTS = [("C", None), ("D", "why")]


def given(*replies: tuple[str, Any, Any, Any]) -> GivenReplies:
    """Replies as (question, id, created, texts)."""
    before = GivenReplies()
    for question, name, created, texts in replies:
        before.note(question, {"id": name, "created": created}, texts)
    return before


def asked_again(
    before: GivenReplies, question: str, name: Any, created: Any, texts: Any, *, sampled: bool = True
) -> Any:
    """The id of the earlier reply, or None."""
    return before.repeated(question, {"id": name, "created": created}, texts, sampled=sampled)


@pytest.mark.parametrize("name", ["c", NAME])
def test_the_same_id_and_texts_for_the_same_question_are_the_same_reply(name: str) -> None:
    """Whenever it says that it was made; a sample is to be its own only where sampling is random."""
    before = given(("q", name, 1, TEXTS))
    for created in (1, 2, None):
        assert asked_again(before, "q", name, created, TEXTS) == name
        assert asked_again(before, "q", name, created, TEXTS, sampled=False) is None


@pytest.mark.parametrize(
    ("name", "texts"),
    [(f"{NAME}b", TEXTS), (NAME, [("C", None)]), (NAME, [("C", None), ("D", None)]), (None, TEXTS), ("", TEXTS), (7, TEXTS), ([NAME], TEXTS)],
)  # fmt: skip
def test_another_id_or_another_text_is_another_reply(name: Any, texts: Any) -> None:
    """The same words with an id of their own are what a model may say twice; without an id nothing is known."""
    assert asked_again(given(("q", NAME, 1, TEXTS)), "q", name, 1, texts) is None
    assert asked_again(given(("q", name, 1, texts)), "q", name, 1, texts) == (
        name if isinstance(name, str) and name else None
    )


@pytest.mark.parametrize(
    ("name", "created", "same"),
    [
        (NAME, 1, True),
        (f"{NAME}b", 1, True),
        (NAME, 2, False),
        (NAME[:-1], 1, False),
        (NAME, None, False),
        (NAME, "1", False),
    ],
)
def test_an_answer_to_another_question_is_known_by_its_moment_too(name: str, created: Any, same: bool) -> None:
    """A cache that finds similar questions repeats all of the reply, at any temperature; ids without chance prove nothing."""
    assert len(NAME) == SHORTEST_NAME
    before = given(*(("p", known, 1, TEXTS) for known in (NAME[:-1], NAME, f"{NAME}b")))
    for sampled in (True, False):
        for question in ("o", "q"):
            assert asked_again(before, question, name, created, TEXTS, sampled=sampled) == (name if same else None)
    assert asked_again(given(("p", NAME, None, TEXTS)), "q", NAME, None, TEXTS) is None


def test_an_id_that_came_with_other_texts_names_nothing() -> None:
    """A server that gives one id to all replies, or the ids of a small range, is not suspected for ever."""
    before = given(("q", NAME, 1, TEXTS), ("q", NAME, 1, [("E", None)]), ("q", NAME, 1, TEXTS))
    assert asked_again(before, "q", NAME, 1, TEXTS) is None
    assert asked_again(given(("q", NAME, 1, TEXTS), ("q", NAME, 2, TEXTS)), "q", NAME, 1, TEXTS) == NAME
    for one, other in ((TEXTS, TEXTS[:1]), (TEXTS[:1], TEXTS)):  # whichever has the larger hash
        assert asked_again(given(("q", NAME, 1, one), ("q", NAME, 1, other)), "q", NAME, 1, one) is None
        assert asked_again(given(("q", NAME, 1, one)), "q", NAME, 1, other) is None
