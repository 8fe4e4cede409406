"""How the answers behind a score ended: for each question of a set, how many of its answers were cut off, and so on, in few
bytes: written by a job, read by evalctl. Standard library only.

An answer may be counted under several kinds. `empty` are questions that are scored without a text, `unknown` the answers whose end
nobody can say; these are counted under no other kind.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CUT_OFF, UNENDED, REFUSED, REPEATS, EMPTY, UNKNOWN = "cut_off", "unended", "refused", "repeats", "empty", "unknown"
KINDS = (CUT_OFF, UNENDED, REFUSED, REPEATS, EMPTY, UNKNOWN)
_NOT_FINISHED = (CUT_OFF, UNENDED, REFUSED, EMPTY, UNKNOWN)  # a repetition that the model ended by itself is an end
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_ANSWERS = 10_000  # of one question

Packed = int | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ends:
    """Of each question of a set, in its order: the number of its answers, and how many of them are of each kind."""

    answers: tuple[int, ...]
    counts: Mapping[str, tuple[int, ...]]

    def of(self, kind: str) -> tuple[int, ...]:
        """The counts of one kind."""
        return self.counts.get(kind) or (0,) * len(self.answers)

    def finished(self) -> tuple[bool, ...]:
        """Whether all answers to a question ended by themselves, each with its text."""
        kinds = [self.of(kind) for kind in _NOT_FINISHED]
        return tuple(number > 0 and not any(found) for number, *found in zip(self.answers, *kinds, strict=True))

    def at(self, places: Sequence[int]) -> Ends:
        """Those of these questions."""
        counts = {kind: tuple(found[place] for place in places) for kind, found in self.counts.items()}
        return Ends(tuple(self.answers[place] for place in places), counts)

    def totals(self) -> dict[str, int]:
        """The sums: `questions`, `answers`, each kind, and the questions that are `finished`."""
        kinds = {kind: sum(self.of(kind)) for kind in KINDS}
        return {
            "questions": len(self.answers),
            "answers": sum(self.answers),
            **kinds,
            "finished": sum(self.finished()),
        }

    def as_json(self) -> dict[str, Packed]:
        """Without the kinds that no answer is of."""
        whole = {"answers": self.answers, **{kind: self.counts[kind] for kind in KINDS if any(self.of(kind))}}
        return {name: _packed(numbers) for name, numbers in whole.items()}


def from_json(document: object, questions: int) -> Ends:
    """Of a file in git; ValueError where it does not count the answers to `questions` questions."""
    if not isinstance(document, dict) or not {"answers"} <= document.keys() <= {"answers", *KINDS}:
        raise ValueError("how its answers ended is in another form")
    read = {name: _unpacked(found, questions) for name, found in document.items()}
    answers = read.pop("answers")
    unknown = read.get(UNKNOWN) or (0,) * questions
    for kind, numbers in read.items():
        beside = (0,) * questions if kind == UNKNOWN else unknown
        if any(one + other > most for one, other, most in zip(numbers, beside, answers, strict=True)):
            raise ValueError(f"more answers are `{kind}` than there are")
    return Ends(answers, {kind: read[kind] for kind in KINDS if kind in read and any(read[kind])})


def _packed(numbers: Sequence[int]) -> Packed:
    """A number that all questions have; a bit for each; a digit for each; or the numbers."""
    if len(set(numbers)) == 1:
        return numbers[0]
    if max(numbers, default=0) <= 1:
        bits = sum(one << place for place, one in enumerate(numbers))
        return {"bits": base64.b64encode(bits.to_bytes((len(numbers) + 7) // 8, "little")).decode()}
    if max(numbers) < len(_DIGITS):
        return {"digits": "".join(_DIGITS[one] for one in numbers)}
    return {"numbers": list(numbers)}


def _unpacked(found: object, questions: int) -> tuple[int, ...]:
    made = _numbers(found, questions)
    if len(made) != questions or not all(type(one) is int and 0 <= one <= MOST_ANSWERS for one in made):
        raise ValueError(f"it has no numbers of answers to {questions} questions")
    return made


def _numbers(found: object, questions: int) -> tuple[int, ...]:
    if type(found) is int:
        return (found,) * questions
    form, values = next(iter(found.items())) if isinstance(found, dict) and len(found) == 1 else ("", None)
    if form == "numbers" and isinstance(values, list):
        return tuple(values)
    if form == "digits" and isinstance(values, str) and set(values) <= set(_DIGITS):
        return tuple(map(_DIGITS.index, values))
    if form == "bits" and isinstance(values, str):
        return _of_bits(values, questions)
    raise ValueError("its numbers of answers are in another form")


def _of_bits(text: str, questions: int) -> tuple[int, ...]:
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("its bits are not base64") from error
    bits = int.from_bytes(content, "little")
    if len(content) != (questions + 7) // 8 or bits >> questions:
        raise ValueError(f"it has no bit for each of {questions} questions")
    return tuple(bits >> place & 1 for place in range(questions))
