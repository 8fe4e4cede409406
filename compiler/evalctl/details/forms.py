"""Answers as text for a terminal, as JSON lines and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evalctl.details.eval_answers import EvalAnswers
from evalctl.results.answers import Answer, Graded
from evalctl.results.tables import harmless
from evalctl.suggest import plural
from evalctl.terminal import as_json, plain
from evalctl_job.looping import loop

VERDICTS: Mapping[bool | None, str] = {True: "right", False: "wrong", None: "not scored"}


def text(found: Iterable[EvalAnswers], *, summary_only: bool) -> Iterator[str]:
    """A summary of each eval and its answers, without terminal control characters; a question with several answers is printed once."""
    for one in found:
        yield from (f"{line}\n" for line in (plain(one.title), *(f"  {plain(line)}" for line in one.lines)))
        if summary_only and one.summary.answers and not one.causes:
            yield "  no cause of slowness was found\n"
        before: Graded | None = None
        for answer in () if summary_only else one.answers:
            again = before is not None and answer.graded == before
            yield f"\n--- {_head(answer)}\n"
            yield from (f"{name}: {_lines(text)}\n" for name, text in (own_parts if again else parts)(answer))
            before = answer.graded
        yield "\n"


def jsonl(found: Iterable[EvalAnswers]) -> Iterator[str]:
    """A JSON object per answer; unknown values are null."""
    for one in found:
        for answer in one.answers:
            facts = asdict(answer)
            graded = facts.pop("graded") or dict.fromkeys(Graded.__dataclass_fields__)
            whole = {"task": one.place.task, **graded, **facts, "length": answer.length, "repeats": loop(answer.text)}
            yield as_json(whole) + "\n"


def table(found: Sequence[EvalAnswers]) -> str:
    """CSV with a row per answer and a column per metric; text of a model cannot act as a formula in a spreadsheet."""
    metrics = list(dict.fromkeys(name for one in found for row in one.questions for name in row.graded.scores))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_COLUMNS, *metrics])
    for one in found:
        writer.writerows(_row(one.place.task, answer, metrics) for answer in one.answers)
    return out.getvalue()


_COLUMNS = ("task", "entry", "number", "question", "gold", "reasoning", "prediction", "finish_reason", "right")


def parts(answer: Answer) -> list[tuple[str, str]]:
    """(name, text) of each part of an answer and its question."""
    golds = [("gold", "\n".join(answer.graded.gold))] if answer.graded and answer.graded.gold else []
    question = [("question", answer.question)] if answer.question else []
    return [*question, *golds, *own_parts(answer)]


def own_parts(answer: Answer) -> list[tuple[str, str]]:
    """(name, text) of the parts that differ between the answers to one question."""
    return [*([("reasoning", answer.reasoning)] if answer.reasoning else []), ("prediction", answer.prediction)]


def scores(graded: Graded) -> list[str]:
    """`METRIC VALUE` for each metric; a dash where the value is not a number."""
    return [f"{name} {'–' if value is None else f'{value:g}'}" for name, value in graded.scores.items()]


def _verdict(graded: Graded) -> str:
    words = ", ".join([VERDICTS[graded.right()], *scores(graded)])
    return plain(f"question {graded.number} ({graded.entry}): {words}")


def _head(answer: Answer) -> str:
    graded = [_verdict(answer.graded)] if answer.graded else []
    ended = [f"ended by {plain(answer.finish_reason)}"] if answer.finish_reason else []
    return "; ".join([*graded, plural(answer.length, "character"), *ended])


def _row(task: str, answer: Answer, metrics: Sequence[str]) -> list[Any]:
    graded = answer.graded
    known = (
        [graded.entry, graded.number, answer.question, "\n".join(graded.gold)]
        if graded
        else ["", "", answer.question, ""]
    )
    right = {True: 1, False: 0, None: ""}[graded.right() if graded else None]
    scores = [graded.scores.get(name) if graded else None for name in metrics]
    texts = [answer.reasoning, answer.prediction, answer.finish_reason]
    return [harmless(one) if isinstance(one, str) else one for one in (task, *known, *texts, right, *scores)]


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.split("\n"))
