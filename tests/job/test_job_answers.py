"""The answers file without a relay: what is replayed, how often, and what becomes of a damaged file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import stat
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job.answers import IN_USE, Answers, ChoicePlace, digest, questions, read_record, record
from evalctl_job.options import Options

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
    return [answers.reply(kept)["choices"][0]["message"]["content"] if kept else None for kept in taken]


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


def test_half_a_character_reaches_the_framework_as_the_sign_of_one_that_cannot_be_read(path: Path) -> None:
    """A model may answer with half a character, as JSON allows; pyarrow, which writes the details, refuses a text with one."""
    kept_before(path, asked("half \ud83d"), "\ud83d")
    assert replayed(Answers(path, Options()), asked("half \ud83d")) == ["\ufffd"]


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


def test_a_question_is_the_same_in_any_order_of_its_keys() -> None:
    """And for any number of choices and any seed, but not at another path."""
    one, other = {"model": "m", "n": 1, "seed": 3, "top_p": 0.5}, {"top_p": 0.5, "n": 2, "model": "m"}
    assert digest(PATH, one) == digest(PATH, other) != digest("/completions", other)


def test_answers_are_found_by_the_digest_that_an_earlier_evalctl_wrote() -> None:
    """SHA-256 of the path and the sorted body, as JSON in UTF-8."""
    text = '["/chat/completions", {"messages": ["七"], "model": "m"}]'
    assert digest(PATH, {"model": "m", "messages": ["七"]}) == hashlib.sha256(text.encode()).hexdigest()


def test_people_can_read_the_file(path: Path) -> None:
    """It has the characters themselves, not numbers for them."""
    kept_before(path, asked("七"), "答え")
    assert "七" in path.read_text(encoding="utf-8") and "答え" in path.read_text(encoding="utf-8")


def test_a_line_has_what_was_asked_and_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply's own words beside its choices and its usage, and when it was, to the millisecond."""
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.56789)
    reply = {"id": "c", "model": "m", "choices": [{"index": 0}], "usage": {"n": 1}}
    line = record("d", {"n": 1}, reply, 1.23456)
    assert line == {
        "format": 1, "digest": "d", "body": {"n": 1}, "choices": [{"index": 0}], "usage": {"n": 1},
        "reply": {"id": "c", "model": "m"}, "seconds": 1.235, "time": 1_000_000_000.568,
    }  # fmt: skip
    assert record("d", {}, {"choices": []}, 0)["usage"] is None
    assert "counted_short" not in line and record("d", {}, {"choices": []}, 0, True)["counted_short"] is True


@pytest.mark.parametrize(
    ("change", "whole"),
    [({}, True), ({"format": 0}, True), ({"format": 2}, False), ({"digest": 1}, False), ({"reply": []}, False),
     ({"usage": None}, True), ({"choices": {}}, False)],
)  # fmt: skip
def test_a_line_of_this_format_or_an_older_one_is_read(change: dict[str, Any], whole: bool) -> None:
    """With every part in its form."""
    line = {"format": 1, "digest": digest(PATH, {}), "body": {}, "choices": [], "reply": {}, "usage": {}} | change
    if whole:
        assert read_record(json.dumps(line).encode()) == line
    else:
        with pytest.raises(ValueError, match="not a line of this format"):
            read_record(json.dumps(line).encode())


@pytest.mark.parametrize("other", [{"body": {"messages": ["七"]}}, {"body": {"model": "m"}}, {"digest": "d" * 64}])
def test_a_line_that_answers_another_question_is_damaged(path: Path, other: dict[str, Any]) -> None:
    """The digest by which it is found is that of the question beside it, asked in either form."""
    line = {
        "format": 1,
        "digest": digest("/completions", {"n": 2, "seed": 7}),
        "body": {},
        "choices": [],
        "reply": {},
        "usage": {},
    }
    assert read_record(json.dumps(line).encode()) == line
    with pytest.raises(ValueError, match="another question"):
        read_record(json.dumps(line | other).encode())
    path.write_text(json.dumps(line | other) + "\n")
    with closing(Answers(path, Options())) as answers:
        assert answers.unreadable == 1


def test_a_line_without_its_usage_is_damaged() -> None:
    """It was not written whole."""
    line = {"format": 1, "digest": "d", "body": {}, "choices": [], "reply": {}}
    with pytest.raises(ValueError, match="not a line of this format"):
        read_record(json.dumps(line).encode())


@pytest.mark.parametrize(
    ("body", "seeds"), [({}, [None, None]), ({"seed": 7}, [7, 8]), ({"seed": 0}, [0, 1]), ({"seed": "7"}, [None, None])]
)
def test_each_choice_has_its_own_question(body: dict[str, Any], seeds: list[int | None]) -> None:
    """The digest with the seed that the server gives it."""
    assert questions("d", body, 2) == [("d", seed) for seed in seeds]


def test_each_choice_costs_its_share(path: Path) -> None:
    """Of the line's usage, and comes with the reply's own words, whichever line was read before."""
    kept_before(path, asked("p", n=2), "a", "b")
    kept_before(path, asked("q"), "c")
    answers = Answers(path, Options())
    places = [questions(digest(PATH, asked(prompt)), asked(prompt), n) for prompt, n in (("p", 2), ("q", 1))]
    one, two, three = (kept for place in places for kept in answers.take(place))
    for kept, text, tokens in ((one, "a", 3), (three, "c", 3), (two, "b", 3), (one, "a", 3)):
        assert kept
        reply = answers.reply(kept)
        assert reply["choices"][0]["message"]["content"] == text
        assert (reply["id"], reply["usage"]) == ("c", {"completion_tokens": tokens})


def test_what_a_filter_has_changed_is_not_replayed(path: Path) -> None:
    """Also where an older evalctl has kept it."""
    body = asked("q")
    stored = {"message": {"content": "a"}, "finish_reason": "stop"}
    for took in (True, False):
        found = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": took}}}]
        with closing(Answers(path, Options())) as before:
            before.keep(record(digest(PATH, body), body, {"choices": [stored], "prompt_filter_results": found}, 0.1))
        with closing(Answers(path, Options())) as answers:
            assert (replayed(answers, body), answers.unreadable) == ([None if took else "a"], 0)


def test_questions_that_were_counted_short_are_known_from_the_file(path: Path) -> None:
    """Only `true` says it, and only of its own question."""
    stored = {"message": {"content": "a"}, "finish_reason": "stop"}
    with closing(Answers(path, Options())) as before:
        assert before.counted_short == set()
        for name, said in (("a", True), ("b", False), ("c", 1), ("d", "true")):
            line = record(digest(PATH, asked(name)), asked(name), {"choices": [stored]}, 0.1)
            before.keep({**line, **({"counted_short": said} if said is not False else {})})
    with closing(Answers(path, Options())) as answers:
        assert answers.counted_short == {digest(PATH, asked("a"))}


def test_a_reply_without_usage_has_none(path: Path) -> None:
    """Nothing is invented."""
    body = asked("q")
    with closing(Answers(path, Options())) as before:
        stored = {"message": {"content": "a"}, "finish_reason": "stop"}
        before.keep(record(digest(PATH, body), body, {"choices": [stored]}, 0.1))
    answers = Answers(path, Options())
    (kept,) = answers.take(questions(digest(PATH, body), body, 1))
    assert kept and answers.reply(kept) == {"choices": [stored]}


@pytest.mark.parametrize(
    ("ours", "named", "texts"),
    [(True, "x", [None]), (True, "a", [None]), (True, "m", ["a"]), (True, None, ["a"]), (False, "x", ["a"])],
)
def test_what_another_model_said_is_not_replayed(
    path: Path, ours: bool, named: str | None, texts: list[str | None]
) -> None:
    """Where the server is ours, which serves nothing but what was asked for."""
    body = asked("q") | {"model": "m"}
    with closing(Answers(path, Options())) as before:
        stored = {"message": {"content": "a"}, "finish_reason": "stop"}
        name = {} if named is None else {"model": named}
        before.keep(record(digest(PATH, body), body, {"choices": [stored], **name}, 0.1))
    answers = Answers(path, Options(), ours=ours) if ours else Answers(path, Options())
    assert (replayed(answers, body), answers.unreadable) == (texts, 0)


def test_keeping_says_where_each_choice_is(path: Path) -> None:
    """One without text is nowhere."""
    answers = Answers(path, Options())
    for _ in range(2):
        offset = path.stat().st_size
        stored = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("a", "", "b")]
        found = answers.keep(record("d", {}, {"choices": stored}, 0.1))
        length = path.stat().st_size - offset
        assert found == [ChoicePlace(offset, length, 0), None, ChoicePlace(offset, length, 2)]


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o007, 0o660), (0o000, 0o660)])
def test_the_file_is_nobody_elses_but_a_groups_that_shares_the_clone(path: Path, umask: int, mode: int) -> None:
    """The job's umask says which: an attempt of another user of that group goes on with these answers."""
    before = os.umask(umask)
    try:
        kept_before(path, asked("q"), "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_is_kept_goes_behind_what_is_there(path: Path) -> None:
    """Also where the file has become shorter."""
    kept_before(path, asked("q"), "a")
    with closing(Answers(path, Options())) as answers:
        before = path.read_bytes()
        keep(answers, asked("q"), "b")
        path.write_bytes(before)  # shorter again: what follows is at its end
        keep(answers, asked("q"), "c")
    assert [json.loads(line)["choices"][0]["message"]["content"] for line in path.read_text().splitlines()] == [
        "a",
        "c",
    ]


def test_two_have_never_one_file(path: Path) -> None:
    """The second one waits for the first to end, and gives up after a while; a refused one leaves nothing open."""
    first, before = Answers(path, Options()), len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match=IN_USE) as found:
        Answers(path, Options(), patience=0)
    assert found.value.errno == errno.EBUSY and len(list(Path("/proc/self/fd").iterdir())) == before
    begin = time.monotonic()
    with pytest.raises(OSError, match=IN_USE):
        Answers(path, Options(), patience=0.3)
    assert time.monotonic() - begin >= 0.3
    threading.Timer(0.3, first.close).start()
    Answers(path, Options(), patience=10).close()


def test_an_attempt_that_is_ending_has_ten_seconds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one looks ten times a second whether it has ended."""
    pauses: list[float] = []
    monkeypatch.setattr("time.monotonic", lambda: sum(pauses))
    monkeypatch.setattr("time.sleep", pauses.append)
    with closing(Answers(path, Options())):
        with pytest.raises(OSError, match=IN_USE):
            Answers(path, Options(), patience=0)
        assert pauses == []  # without patience nobody waits
        with pytest.raises(OSError, match=IN_USE):
            Answers(path, Options())
    assert 10 <= sum(pauses) < 10.2 and set(pauses) == {0.1}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_keeps_nobody_out(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Any other trouble with the disk does."""

    def without(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", without)
    if number != errno.EIO:
        return Answers(path, Options()).close()
    with pytest.raises(OSError, match="Input/output"):
        Answers(path, Options())
    return None


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_line_that_does_not_fit_is_taken_back_whole(path: Path, room: int) -> None:
    """However much of it was written, and the next one fits again."""
    kept_before(path, asked("q"), "a")
    whole, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(Answers(path, Options())) as answers:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + room, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                keep(answers, asked("q"), "b")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == whole
        keep(answers, asked("q"), "c")
    assert replayed(Answers(path, Options()), asked("q", n=3)) == ["a", "c", None]


def test_what_is_no_file_is_neither_locked_nor_read(path: Path) -> None:
    """A link to /dev/null keeps nothing; two may have it, and a full device is an error that leaves it as it is."""
    path.symlink_to("/dev/null")
    with closing(Answers(path, Options())) as first, closing(Answers(path, Options(), patience=0)):
        keep(first, asked("q"), "a")
        assert replayed(first, asked("q")) == [None]
    path.unlink()
    path.symlink_to("/dev/full")
    with closing(Answers(path, Options())) as full, pytest.raises(OSError, match="No space left"):
        keep(full, asked("q"), "a")


def test_the_disk_is_asked_to_hold_what_was_kept_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not where there is nothing new."""
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    answers = Answers(path, Options())
    answers.sync()
    assert not synced
    keep(answers, asked("q"), "a")
    answers.sync()
    answers.sync()
    assert len(synced) == 1


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
