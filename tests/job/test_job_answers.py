"""The answers file without a relay: what is replayed, how often, and what becomes of a damaged file."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from evalctl_job.answers import Answers, digest, questions, record
from evalctl_job.options import Options
from hypothesis import given
from hypothesis import strategies as st

PATH = "/chat/completions"


def asked(prompt: str, n: int = 1, seed: int | None = None) -> dict[str, Any]:
    """A request."""
    seeded = {} if seed is None else {"seed": seed}
    return {"messages": [{"role": "user", "content": prompt}], "n": n, **seeded}


def keep(answers: Answers, body: dict[str, Any], *texts: str | None) -> None:
    """The model has answered `body` with these texts."""
    stored = [{"index": i, "message": {"content": text}, "finish_reason": "stop"} for i, text in enumerate(texts)]
    reply = {"id": "c", "choices": stored, "usage": {"completion_tokens": 3 * len(texts)}}
    answers.keep(record(digest(PATH, body), body, reply, 0.1))


def kept_before(path: Path, body: dict[str, Any], *texts: str | None) -> None:
    """An earlier attempt has kept this."""
    with closing(Answers(path, Options())) as before:
        keep(before, body, *texts)


def replayed(answers: Answers, body: dict[str, Any]) -> list[str | None]:
    """The texts that a request gets from the store; None for what is to be asked."""
    taken = answers.take(questions(digest(PATH, body), body, body["n"]))
    return [kept and answers.reply(kept)["choices"][0]["message"]["content"] for kept in taken]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the answers are kept."""
    return tmp_path / "t.answers.jsonl"


def test_the_kth_equal_question_gets_the_kth_answer(path: Path) -> None:
    """Samples of one prompt stay several and in order; one more is asked anew, and so is another prompt."""
    with closing(Answers(path, Options())) as before:
        keep(before, asked("七", n=2), "a", "b")
        keep(before, asked("七", n=1), "c")
    after = Answers(path, Options())
    assert replayed(after, asked("七", n=1)) == ["a"]
    assert replayed(after, asked("八", n=1)) == [None]
    assert replayed(after, asked("七", n=4)) == ["b", "c", None, None]


def test_answers_of_this_attempt_are_not_replayed(path: Path) -> None:
    """An equal question asked twice in one run wants two answers."""
    answers = Answers(path, Options())
    keep(answers, asked("q"), "a")
    assert replayed(answers, asked("q")) == [None]


def test_a_seeded_choice_is_replayed_for_its_own_seed(path: Path) -> None:
    """What is missing between two seeds stays missing there: a resumed run never gives two choices one seed."""
    with closing(Answers(path, Options())) as before:
        keep(before, asked("q", n=2, seed=40), "seed 40", "seed 41")
        keep(before, asked("q", n=1, seed=43), "seed 43")
    expected = ["seed 41", None, "seed 43", None]
    assert replayed(Answers(path, Options()), asked("q", n=4, seed=41)) == expected


@pytest.mark.parametrize("change", [{"temperature": 0.7}, {"model": "n"}, {"top_k": 5}, {"seed": 1}])
def test_anything_that_can_change_an_answer_asks_anew(path: Path, change: dict[str, Any]) -> None:
    """An answer belongs to its whole request."""
    kept_before(path, asked("q"), "a")
    assert replayed(Answers(path, Options()), {**asked("q"), **change}) == [None]


def test_empty_answers_stay_on_file_and_are_asked_again(path: Path) -> None:
    """Nothing is no answer, whichever of several it was; white space is one."""
    kept_before(path, asked("q", n=4), "", None, " ", "d")
    assert replayed(Answers(path, Options()), asked("q", n=4)) == [" ", "d", None, None]
    assert len(json.loads(path.read_text())["choices"]) == 4


def test_reasoning_is_an_answer_where_the_task_says_so(path: Path) -> None:
    """With `null_content: reasoning` the framework gets it, so it is replayed; without, it is asked again."""
    body, message = asked("q"), {"content": None, "reasoning": "because"}
    reply = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": None}
    with closing(Answers(path, Options())) as before:
        before.keep(record(digest(PATH, body), body, reply, 0.1))
    place = questions(digest(PATH, body), body, 1)
    with closing(Answers(path, Options(null_content="reasoning"))) as answers:
        (kept,) = answers.take(place)
        assert kept and answers.reply(kept)["choices"][0]["message"] == message
    assert Answers(path, Options()).take(place) == [None]


def test_what_a_failed_request_took_is_there_for_the_next(path: Path) -> None:
    """In the order in which it was."""
    kept_before(path, asked("q", n=3), "a", "b", "c")
    answers = Answers(path, Options())
    place = questions(digest(PATH, asked("q")), asked("q"), 2)
    answers.give_back(place, answers.take(place))
    assert replayed(answers, asked("q", n=3)) == ["a", "b", "c"]


def test_lone_surrogates_survive(path: Path) -> None:
    """A model may answer with half a character, as JSON allows; it comes back as it was."""
    kept_before(path, asked("half \ud83d"), "\ud83d")
    assert replayed(Answers(path, Options()), asked("half \ud83d")) == ["\ud83d"]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00garbage", b"{}", b"[]", b"null", b'"text"', b"", b'{"format":2,"new":true}', b'{"format":"1"}',
        b"[" * 100_000, b'{"format":1,"digest":[],"body":{},"choices":[{}],"reply":{},"usage":null}',
        b'{"format":1,"digest":"d","body":[],"choices":[{}],"reply":{},"usage":null}',
        b'{"format":1,"digest":"d","body":{},"choices":"ab","reply":{},"usage":null}',
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_counted_and_left(path: Path, line: bytes) -> None:
    """Damaged, or from a newer evalctl: the answers around it count, and nothing of it is deleted."""
    kept_before(path, asked("q"), "a")
    whole = path.read_bytes()
    path.write_bytes(whole + line + b"\n" + whole)
    answers = Answers(path, Options())
    assert (answers.unreadable, replayed(answers, asked("q", n=2))) == (1, ["a", "a"])
    assert path.read_bytes() == whole + line + b"\n" + whole


LINES = st.lists(st.tuples(st.sampled_from("pq"), st.integers(1, 3)), min_size=1, max_size=5)


@given(LINES, st.floats(0, 1))
def test_a_file_cut_at_any_byte_holds_what_was_whole(lines: list[tuple[str, int]], share: float) -> None:
    """A torn last line never happened: what is appended after it is whole again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.answers.jsonl"
        ends = []
        for prompt, n in lines:
            with closing(Answers(path, Options())) as before:
                keep(before, asked(prompt, n=n), *"abc"[:n])
            ends.append(path.stat().st_size)
        cut = int(share * ends[-1])
        path.write_bytes(path.read_bytes()[:cut])
        with closing(Answers(path, Options())) as torn:
            keep(torn, asked("p"), "after")
        whole = [("p", 1), *(line for line, end in zip(lines, ends, strict=True) if end <= cut)]
        with closing(Answers(path, Options())) as after:
            assert after.unreadable == 0
            for one in "pq":
                expected = sum(n for prompt, n in whole if prompt == one)
                assert sum(text is not None for text in replayed(after, asked(one, n=16))) == expected
