"""What `evalctl details` shows of one eval: its answers with their scores, and the summary of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from evalctl.details.files import questions
from evalctl.details.places import Place
from evalctl.results import answers, grading, slowness
from evalctl.results.answers import Answer, Summary
from evalctl.results.choosing import Wanted, chosen
from evalctl.results.grading import Question
from evalctl.results.slowness import Notes
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, plural
from evalctl.terminal import plain


@dataclass(frozen=True, slots=True)
class Found:
    """The answers of one eval that are asked for, the summary of all, what could not be read, and why scores lack."""

    place: Place
    summary: Summary
    answers: Sequence[Answer]
    questions: Sequence[Question]
    notes: Notes | None
    problems: Sequence[str]
    unscored: Sequence[str] = ()
    others: Mapping[str, int] = field(default_factory=dict)  # who answered in place of the model that was asked

    @property
    def title(self) -> str:
        """How many answers there are, and how they are."""
        told = self.summary
        scored = f"; {_scored(self.questions)}" if self.questions else ""
        return (
            f"{self.place.task}: {plural(told.answers, 'answer')}, {told.empty} empty, {told.truncated} truncated, "
            f"{told.repeating} repeating{scored}"
        )

    @property
    def causes(self) -> list[slowness.Cause]:
        """What slows it down, as far as its answers and its server show."""
        return slowness.causes(self.summary, self.notes)

    @property
    def told(self) -> list[str]:
        """What else there is to say of them, a sentence each."""
        told = self.summary
        lengths = (
            f"characters: median {told.median}, 95% at most {told.p95}, longest {told.longest}"
            if told.answers else "nothing was answered so far: evalctl status says why"
        )  # fmt: skip
        causes = map(str, self.causes)
        loops = [f"repeats: {plain(text)[:160]}" for text in told.examples]
        none = ["none of the answers is as asked for"] if told.answers and not self.answers else []
        return [*self._subject(), lengths, *self.problems, *self.unscored, *causes, *loops, *none]

    def _subject(self) -> list[str]:
        """Which model was asked and when, and who answered where that was another."""
        asked = self.place.model or "a model that nobody wrote down"
        others = [f"answered by {plain(name)}: {plural(number, 'answer')}" for name, number in self.others.items()]
        return ["; ".join([f"model: {asked}", _moment(self.place)]), *others]


def found(place: Place, wanted: Wanted, root: Path, *, scores: bool) -> Found:
    """Reads everything of a place; the details files only for `scores`, or where there is nothing else."""
    kept, problems = _kept(place)
    rows, unread = questions(place.details, root) if scores or place.answers is None else ([], [])
    everything = grading.answers_of(rows) if place.answers is None else grading.joined(kept, rows)
    apart = sum(one.graded is None for one in everything) if rows else 0
    lost = [f"of no question of the details files: {plural(apart, 'answer')}"] if apart else []
    notes, damaged = _notes(place.server)
    return Found(
        place, answers.summed(everything), chosen(everything, wanted), rows, notes,
        [*problems, *lost, *damaged], unread, _others(everything),
    )  # fmt: skip


def require(wanted: Wanted, found: Sequence[Found]) -> None:
    """EnvironmentProblem when a condition is about scores that nobody has, or about a metric that none of them is of."""
    if not wanted.of_details:
        return
    if not any(one.questions for one in found):
        why = [problem for one in found for problem in one.unscored]
        help = why[0] if why else "the framework writes them when the task has ended: evalctl status"
        raise EnvironmentProblem("no right answers and no scores on this machine", help=help)
    known = list(dict.fromkeys(name for one in found for row in one.questions for name in row.graded.scores))
    for asked in wanted.metrics:
        if asked.metric not in known:
            help = help_for(asked.metric, known, f"there are: {', '.join(known) or 'none'}")
            raise EnvironmentProblem(f"no question was scored by a metric `{asked.metric}`", help=help)


def _others(everything: Sequence[Answer]) -> dict[str, int]:
    """Names in replies that are not the one in their question, the most frequent first."""
    return dict(Counter(one.answered_by for one in everything if one.answered_by not in ("", one.asked)).most_common())


def _moment(place: Place) -> str:
    """When the eval ended; else when its files were last written."""
    if place.measured:
        return f"measured {_date(place.measured)}"
    files = [path for path in (place.answers, *place.details) if path is not None and path.exists()]
    return (
        f"no result so far, last written {_date(max(path.stat().st_mtime for path in files))}"
        if files
        else "no result so far"
    )


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _kept(place: Place) -> tuple[list[Answer], list[str]]:
    if place.answers is None:
        return [], ["the relay's answers are not here: nobody knows what ended these, and which were truncated"]
    with place.answers.open("rb") as file:
        everything, unreadable = answers.read(file)
    return everything, [f"unreadable in {place.answers}: {plural(unreadable, 'line')}"] if unreadable else []


def _notes(path: Path | None) -> tuple[Notes | None, list[str]]:
    """What the relay noted of the server; damaged notes cost the causes that they would name, nothing else."""
    if path is None:
        return None, []
    try:
        return slowness.notes(path.read_bytes()), []
    except (OSError, ValueError) as error:
        return None, [f"what the server bore is not known: {path}: {error}"]


def _scored(rows: Sequence[Question]) -> str:
    verdicts = [one.graded.right() for one in rows]
    return f"{plural(len(rows), 'question')}, {verdicts.count(True)} right, {verdicts.count(False)} wrong"
