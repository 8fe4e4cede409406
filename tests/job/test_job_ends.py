"""How answers ended: which replies are of which kind, and to which question they belong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evalctl_job.answers import digest, record
from evalctl_job.choices import prompt_digest
from evalctl_job.ends import Ends
from evalctl_job.replies import read_choice
from evalctl_job.stability import PAIRS, ends_of, kinds

LOOP = "and again, " * 30


def choice(text: str | None, end: str = "stop", **message: Any) -> dict[str, Any]:
    """One of a server's reply."""
    return {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": end}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (choice("4"), set()),
        (choice("4", "length"), {"cut_off"}),
        (choice("<think>so", "length"), {"cut_off", "unended"}),
        (choice("\n<think>so"), {"unended"}),
        (choice("<think>so</think>4"), set()),
        (choice("<think></think>\n\n4"), set()),
        (choice("In HTML `<think>` is no element"), set()),  # an answer about it does not begin with it
        (choice("so</think>4"), set()),  # the chat template opened it
        (choice("so and so", "length"), {"cut_off"}),  # it may have: a text without a mark does not say it
        (choice(None, "length", reasoning="so"), {"cut_off", "unended"}),
        (choice(None, "length", reasoning_content="so"), {"cut_off", "unended"}),
        (choice("\n\n", reasoning="so"), {"unended"}),
        (choice("4", reasoning="so"), set()),
        (choice(None, refusal="I cannot help."), {"refused"}),
        (choice("", refusal="I cannot help.", reasoning="so"), {"refused"}),
        (choice("4", refusal=""), set()),
        (choice("4", refusal=None), set()),
        (choice("4", refusal=["x"]), set()),
        (choice("I'm sorry, but I can't help with that."), set()),  # words are no proof
        (choice(LOOP), {"repeats"}),
        (choice(None, "length", reasoning=LOOP), {"cut_off", "unended", "repeats"}),
        (choice("4", reasoning=LOOP), set()),  # the loop was left
        (choice("<|channel|>analysis<|message|>so", "length"), {"cut_off", "unended"}),
        (choice("<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>final<|message|>4"), set()),
        ({"index": 0, "text": "4", "finish_reason": "length"}, {"cut_off"}),  # of /completions
        (choice("\ud800" * 5), set()),
    ],
)  # fmt: skip
def test_kinds_of_an_answer(raw: dict[str, Any], expected: set[str]) -> None:
    """Only what a reply certainly says: its end, its reasoning, its refusal, its repetition."""
    read = read_choice(raw)
    assert isinstance(read, dict)
    assert kinds(read) == expected


@pytest.mark.parametrize(("begin", "end"), PAIRS)
def test_reasoning_in_an_answer_ends_with_its_own_mark(begin: str, end: str) -> None:
    """Each pair of marks, with and without its end."""
    assert "unended" in kinds(choice(f"{begin} so it goes"))
    assert "unended" not in kinds(choice(f"{begin} so it goes {end} 4"))


class _Details:
    """A details file, as pyarrow reads it: with an environment it is read for real (test_job_stability)."""

    def __init__(self, path: Path) -> None:
        self.rows = json.loads(path.read_text())
        self.schema_arrow = self
        self.names = list(self.rows[0])

    def iter_batches(self, batch_size: int, columns: list[str]) -> list[_Details]:
        """All at once; only columns that are there can be read."""
        assert {column.partition(".")[0] for column in columns} == set(self.names)
        return [self]

    def to_pylist(self) -> list[Any]:
        """The rows."""
        return list(self.rows)


REAL = Path(__file__).resolve().parents[2]
TABLE = "| model | score | note |\n|---|---|---|\n" + "".join(
    f"| tiny-{size}b | 0.{size}125 | – |\n" for size in range(10, 40)
)
POEM = "".join(f"{line}\nAnd the green grass grew all around, all around,\nAnd the green grass grew all around.\n\n" for line in (
    "There was a tree", "And on that tree there was a branch", "And on that branch there was a nest", "And in that nest there was an egg",
    "And in that egg there was a bird", "And on that bird there was a feather",
))  # fmt: skip
KENJI = "雨ニモマケズ\n風ニモマケズ\n雪ニモ夏ノ暑サニモマケヌ\n丈夫ナカラダヲモチ\n慾ハナク\n決シテ瞋ラズ\nイツモシヅカニワラッテヰル"
CODE = (
    "def table():\n    return [\n"
    + "".join(f"        ({number}, {number * number}),\n" for number in range(60))
    + "    ]\n"
)


@pytest.mark.parametrize(
    "text", [TABLE, POEM, KENJI * 3, CODE, "ha" * 49, "```\n" + "-" * 80 + "\n```", "1." + "142857" * 16]
)
def test_what_repeats_for_a_reason_is_no_loop(text: str) -> None:
    """A table, a poem with a refrain, a passage three times, a line of dashes in a fence, a short decimal fraction."""
    assert "repeats" not in kinds(choice(text))


def test_real_texts_do_not_loop() -> None:
    """Each page and each source file of this repository, as the end of an answer."""
    files = [
        *REAL.glob("docs/*.md"),
        *REAL.glob("compiler/**/*.py"),
        *REAL.glob("manifests/**/*.csv"),
        REAL / "README.ja.md",
    ]
    assert [path.name for path in files if "repeats" in kinds(choice(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "text", ["NULL,\n" * 30, "O come, let us adore Him! Christ the Lord is here.\n" * 5, "0" * 100]
)
def test_repetitions_with_a_reason_that_are_counted_all_the_same(text: str) -> None:
    """A table of one constant, five equal refrains at the end, a hundred zeros: the page says so."""
    assert "repeats" in kinds(choice(text))


Joined = Callable[..., Ends]


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joined:
    """The ends of rows (prompt, texts) with these replies (prompt, choices)."""
    monkeypatch.setitem(sys.modules, "pyarrow", ModuleType("pyarrow"))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module := ModuleType("pyarrow.parquet"))
    monkeypatch.setattr(module, "ParquetFile", _Details, raising=False)

    def found(
        rows: list[tuple[Any, list[Any]]], replies: list[tuple[str, list[Any]]], filtered: tuple[str, ...] | None = (),
        damaged: str = "", form: Callable[[Any, list[Any]], dict[str, Any]] = _of_the_fork,
    ) -> Ends:  # fmt: skip
        (tmp_path / "details").write_text(json.dumps([form(prompt, texts) for prompt, texts in rows]))
        lines = [damaged, *(_line(prompt, choices) for prompt, choices in replies), '{"damaged']
        (tmp_path / "answers").write_text("\n".join(lines))
        withheld = None if filtered is None else [prompt_digest({"prompt": one}) for one in filtered]
        return ends_of([tmp_path / "details"], tmp_path / "answers", withheld)

    return found


def _of_the_fork(prompt: Any, texts: list[Any]) -> dict[str, Any]:
    return {"full_prompt": _messages(prompt), "predictions": texts}


def _of_upstream(prompt: Any, texts: list[Any]) -> dict[str, Any]:
    return {"model_response": {"input": _messages(prompt), "text": texts}}


def _messages(prompt: Any) -> Any:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def _line(prompt: str, choices: list[Any]) -> str:
    body = {"model": "m", "messages": _messages(prompt)}
    return json.dumps(record(digest("/chat/completions", body), body, {"choices": choices}, 1.0))


def test_an_answer_belongs_to_the_question_with_its_prompt_and_text(joined: Joined) -> None:
    """Also where texts of two questions, or of one, are the same and ended otherwise."""
    found = joined(
        [("q", ["A"]), ("p", ["A"]), ("r", ["A", "A", "B"])],
        [
            ("p", [choice("A", "length")]),
            ("q", [choice("A")]),
            ("r", [choice("A"), choice("A", "length"), choice("B")]),
        ],
    )
    assert (found.answers, found.of("cut_off"), found.finished()) == ((1, 1, 3), (0, 1, 1), (True, False, False))


def test_a_text_that_a_framework_changed_is_found_where_that_is_certain(joined: Joined) -> None:
    """By its prompt where as many replies are left, by its text where all with it ended alike; else it is unknown."""
    found = joined(
        [("q", ["changed"]), ([[{"role": "user", "content": "turn"}]], ["said"]), ("r", ["changed"]), ("s", ["x"])],
        [
            ("q", [choice("text", "length")]), ("other", [choice("said", "length")]),
            ("r", [choice("one"), choice("two", "length")]), ("t", [choice("x")]), ("u", [choice("x", "length")]),
        ],
    )  # fmt: skip
    assert (found.of("cut_off"), found.of("unknown")) == ((1, 1, 0, 0), (0, 0, 1, 1))
    assert not any(found.finished())


def test_a_question_without_an_answer_is_refused_only_where_a_filter_took_it(joined: Joined) -> None:
    """Its text is empty; an empty answer of the model itself, and a called tool, are no refusals."""
    found = joined(
        [("q", [""]), ("p", [""]), ("r", [None]), ("s", [""])],
        [("s", [choice(None, refusal="no")]), ("r", [choice("")])],
        ("p",),
    )
    assert (found.of("empty"), found.of("refused"), found.of("unknown")) == ((1, 1, 1, 1), (0, 1, 0, 1), (0, 0, 0, 0))


def test_without_the_relays_notes_a_missing_answer_is_unknown(joined: Joined) -> None:
    """Of a result of before: a filter may have withheld it."""
    found = joined([("q", [""]), ("p", [""])], [("q", [choice("")])], None)
    assert (found.of("empty"), found.of("unknown")) == ((1, 0), (0, 1))


def test_a_text_that_is_kept_several_times_has_one_reply(joined: Joined) -> None:
    """The fork asks once at temperature 0 and keeps copies."""
    found = joined([("q", ["A", "A"])], [("q", [choice("A", "length")])])
    assert found.of("cut_off") == (2,)


def test_reasoning_in_place_of_an_answer_is_found(joined: Joined) -> None:
    """A request with `null_content: reasoning` has it scored."""
    assert joined([("q", ["so"])], [("q", [choice(None, "length", reasoning="so")])]).of("unended") == (1,)
    replies = [("q", [choice(None, "length", reasoning="one"), choice(None, reasoning="two")])]
    assert joined([("q", ["two"]), ("q", ["one"])], replies).of("cut_off") == (0, 1)


def test_the_details_of_both_frameworks_are_read(joined: Joined) -> None:
    """lighteval keeps the prompt and the texts together; one of /completions is a text without messages."""
    replies = [("q", [choice("A", "length")]), ("p", [choice("A")])]
    assert joined([("q", ["A"]), ("p", ["A"])], replies, form=_of_upstream).of("cut_off") == (1, 0)

    def as_text(prompt: Any, texts: list[Any]) -> dict[str, Any]:
        return {"model_response": {"input": prompt, "text": texts}}

    assert joined([("q", ["A"]), ("p", ["A"])], replies, form=as_text).of("cut_off") == (1, 0)


@pytest.mark.parametrize(
    "line",
    ["not JSON", "{}", "[]", "[" * 100_000, '{"format":1,"digest":"d","body":[],"choices":[],"reply":{},"usage":null}'],
)
def test_a_damaged_line_hides_no_other_one(joined: Joined, line: str) -> None:
    """The answers around it are found."""
    assert joined([("q", ["A"])], [("q", [choice("A", "length")])], damaged=line).of("cut_off") == (1,)


def test_the_replies_that_are_left_belong_to_the_changed_texts_in_their_order(joined: Joined) -> None:
    """Of one prompt that two questions have; one reply for two texts, or two for one, is none of them for certain."""
    left = [("q", [choice("one", "length"), choice("two")])]
    assert joined([("q", ["1"]), ("q", ["2"])], left).of("cut_off") == (1, 0)
    assert joined([("q", ["1", "2", "3"])], left).of("unknown") == (3,)
    assert joined([("q", ["1"])], left).of("unknown") == (1,)


def test_a_text_that_nobody_said_is_unknown(joined: Joined) -> None:
    """Its prompt was never asked either."""
    assert joined([("q", ["said"])], [("p", [choice("other")])]).of("unknown") == (1,)


def test_a_text_that_is_kept_more_often_than_it_was_said_ended_as_the_first_one_did(joined: Joined) -> None:
    """Each reply is taken once before."""
    said = [choice("A", "length"), choice("A"), choice("A")]
    assert joined([("q", ["A"] * 5)], [("q", said)]).of("cut_off") == (3,)
