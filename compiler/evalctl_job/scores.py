"""The values of single questions behind a score, in few bytes: written by a job, read by evalctl. Standard library only.

A question's value is a sum and a weight: 0 or 1 of one answer, the mean of k answers, the parts of a question that are
scored one by one (their sum, their number), nothing at all (weight 0). The score is `scale` times the sums over the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isclose
from typing import Any

SCHEMA = "evalctl/scores/1"
_SHOWN = 60  # characters in a message
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MISSING = "-"
_NO_SCORE = -1  # what the fork's judges give where they gave no score; its means leave it out
_LARGEST = 1e50  # the fourth powers of larger values overflow in what follows from them
# Judges score from 1 to 10 or to 5, and their metrics up to 1 (seen: the fork's MT-Bench; mixeval of lighteval 0.13).
_SCALES = (1.0, 0.1, 0.2)
_JUDGED = "judge_score"  # begins the names of these metrics


@dataclass(frozen=True, slots=True)
class Value:
    """One question's."""

    total: float
    weight: int


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric's values of all questions of a set, in their order.

    `form` is `digits` (of `out_of`, a character each), `parts` (zeros and ones, a comma between questions) or `numbers`.
    """

    form: str
    values: str | tuple[float | None, ...]
    out_of: int = 1
    scale: float = 1.0

    def decoded(self) -> list[Value]:
        """The values again; ValueError where they are none."""
        if isinstance(self.values, str):
            return (
                [_of_digit(one, self.out_of) for one in self.values]
                if self.form == "digits"
                else _of_parts(self.values)
            )
        return [Value(0.0, 0) if one is None else Value(one, 1) for one in self.values]

    def as_json(self) -> dict[str, Any]:
        """Without what is as usual."""
        usual = {"out_of": 1, "scale": 1.0}
        whole = {"form": self.form, "out_of": self.out_of, "scale": self.scale, "values": self.values}
        return {name: value for name, value in whole.items() if usual.get(name) != value}


def mean(values: Sequence[Value], scale: float = 1.0) -> float | None:
    """The score that these make; None of nothing."""
    weight = sum(one.weight for one in values)
    return scale * fsum(one.total for one in values) / weight if weight else None


class NotReproduced(ValueError):
    """The values of a metric's questions do not make its score."""


def encoded(name: str, subsets: Sequence[tuple[Sequence[Any], float | None]], answers: int) -> Metric:
    """A metric from what a framework keeps of each question, subset by subset, with the score that it made of each.

    A subset without the score (None) must have no values. NotReproduced where a score is not the mean of its values.
    """
    raw = [one for kept, _ in subsets for one in kept]
    judged = name.startswith(_JUDGED)
    for left_out in ((), (_NO_SCORE,)) if judged else ((),):
        read = [[_value(one, left_out) for one in kept] for kept, _ in subsets]
        for scale in _SCALES if judged else _SCALES[:1]:
            scores = [score for _, score in subsets]
            if all(agrees(score, mean(part, scale)) for part, score in zip(read, scores, strict=True)):
                return _packed([one for part in read for one in part], raw, answers, scale)
    made = [mean([_value(one, ()) for one in kept]) for kept, _ in subsets]
    raise NotReproduced(f"the mean over its questions is {made[0] if len(made) == 1 else made}")


def agrees(score: float | None, made: float | None) -> bool:
    """Whether a score is what its questions make: the same to nine digits, since sums are added in another order; or neither is."""
    if score is None or made is None:
        return score is made
    return isclose(score, made, rel_tol=1e-9, abs_tol=1e-12)


def _value(kept: Any, left_out: Iterable[int]) -> Value:
    if kept is None or kept in left_out:
        return Value(0.0, 0)
    if isinstance(kept, bool | int | float) and abs(kept) < _LARGEST:  # NaN is not
        return Value(float(kept), 1)
    if isinstance(kept, list) and all(one in (0, 1) for one in kept):
        return Value(float(sum(kept)), len(kept))
    raise NotReproduced(f"what is kept of a question is no number: {str(kept)[:_SHOWN]!r}")


def _packed(values: Sequence[Value], raw: Sequence[Any], answers: int, scale: float) -> Metric:
    if any(isinstance(one, list) for one in raw):
        return Metric("parts", ",".join("".join(str(int(part)) for part in one or ()) for one in raw), scale=scale)
    for out_of in dict.fromkeys((1, answers)):
        if out_of < len(_DIGITS) and all(_is_whole(one.total * out_of) and 0 <= one.total <= 1 for one in values):
            digits = (_DIGITS[round(one.total * out_of)] if one.weight else _MISSING for one in values)
            return Metric("digits", "".join(digits), out_of, scale)
    return Metric("numbers", tuple(one.total if one.weight else None for one in values), scale=scale)


def _is_whole(number: float) -> bool:
    return isclose(number, round(number), abs_tol=1e-9)


def _of_digit(digit: str, out_of: int) -> Value:
    return Value(0.0, 0) if digit == _MISSING else Value(_DIGITS.index(digit) / out_of, 1)


def _of_parts(text: str) -> list[Value]:
    return [Value(float(sum(map(int, one))), len(one)) for one in text.split(",")]


def from_json(document: Mapping[str, Any], questions: int) -> Metric:
    """Of a file in git; ValueError where it is not the values of `questions` questions in a form that is known."""
    form, values, out_of, scale = (document.get(name) for name in ("form", "values", "out_of", "scale"))
    out_of, scale = 1 if out_of is None else out_of, 1.0 if scale is None else scale
    made = Metric(str(form), tuple(values) if isinstance(values, list) else values, out_of, scale)  # type: ignore[arg-type]
    well = type(out_of) is int and 0 < out_of < len(_DIGITS) and scale in _SCALES and _is_of_its_form(made)
    if not well or _number_of(made) != questions:
        raise ValueError(f"these are not the values of {questions} questions: {str(document)[:200]}")
    return made


def _number_of(metric: Metric) -> int:
    return str(metric.values).count(",") + 1 if metric.form == "parts" else len(metric.values)


def _is_of_its_form(metric: Metric) -> bool:
    """Nothing that another program wrote is decoded before."""
    if metric.form == "numbers":
        return isinstance(metric.values, tuple) and all(_is_number(one) for one in metric.values)
    known = {"digits": _MISSING + _DIGITS[: metric.out_of + 1], "parts": "01,"}
    return isinstance(metric.values, str) and metric.form in known and set(metric.values) <= set(known[metric.form])


def _is_number(value: object) -> bool:
    return value is None or (type(value) in (int, float) and abs(value) < _LARGEST)  # type: ignore[arg-type]
