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
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MISSING = "-"
_NO_SCORE = -1  # what the fork's judges give where they gave no score; its means leave it out
_LARGEST = 1e50  # the fourth powers of larger values overflow in what follows from them
_SCALES = (1.0, 0.1)  # the fork's judges score from 1 to 10, and their metrics from 0.1 to 1


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


def encoded(subsets: Sequence[tuple[Sequence[Any], float]], answers: int) -> Metric | None:
    """A metric from what a framework keeps of each question, subset by subset, with the score that it made of each.

    None where the score is no mean over questions (such as of a translation, which is one of the whole text).
    """
    for left_out in ((), (_NO_SCORE,)):
        read = [[_value(one, left_out) for one in kept] for kept, _ in subsets]
        values = [one for part in read for one in part]
        if any(one is None for one in values):
            return None
        for scale in _SCALES:
            if all(
                _makes([one for one in part if one], score, scale)
                for part, (_, score) in zip(read, subsets, strict=True)
            ):
                raw = [one for kept, _ in subsets for one in kept]
                return _packed([one for one in values if one is not None], raw, answers, scale)
    return None


def _value(kept: Any, left_out: Iterable[int]) -> Value | None:
    if kept is None or kept in left_out:
        return Value(0.0, 0)
    if isinstance(kept, bool | int | float):
        return Value(float(kept), 1) if abs(kept) < _LARGEST else None  # NaN is neither
    if isinstance(kept, list) and all(one in (0, 1) for one in kept):
        return Value(float(sum(kept)), len(kept))
    return None


def _makes(values: Sequence[Value], score: float, scale: float) -> bool:
    made = mean(values, scale)
    return made is not None and isclose(made, score, rel_tol=1e-9, abs_tol=1e-12)


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
