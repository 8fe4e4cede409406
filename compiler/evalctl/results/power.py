"""What difference from a baseline a request will be able to show, entry by entry, before it is measured.

The noise of a comparison is estimated from the baseline's answers, question by question. Where there are none it is
assumed, and the row says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from evalctl.model.metrics import MetricEntry, Metrics
from evalctl.model.recorded import NOT_PLANNED, RecordedTask
from evalctl.model.result import Result
from evalctl.results import likeness, newest, per_question, question_values
from evalctl.results.newest import Newest
from evalctl.results.question_values import Scored
from evalctl.results.reading import Read, parse
from evalctl.results.store import ResultIndex

if TYPE_CHECKING:  # numpy and SciPy are slow to load
    from evalctl.review.power import Noise
    from evalctl.review.values import Values

MEASURED = "noise of the baseline's answers"
AT_HALF = "noise assumed: right or wrong answers at a score of 0.5"
NOT_COMPARABLE = "not comparable"
UNKNOWN = "no result says how many questions it has"
TOO_FEW = "too few questions to show any difference"


@dataclass(frozen=True, slots=True)
class MeasuredRecords:
    """Records, and the values of their questions or why there are none."""

    results: Sequence[Result]
    newest: Newest
    scored: Mapping[str, Scored | str]


@dataclass(frozen=True, slots=True)
class Power:
    """Of one entry: the smallest difference `shows`, in its units, that will be shown in 8 of 10 comparisons at 95 %.

    None: `noise` says why there is no number. `noise` says how the noise is known otherwise.
    """

    entry: MetricEntry
    questions: int | None
    answers: int
    shows: float | None
    noise: str
    spread: Noise | None = None

    def needed(self, margin: float) -> int | None:
        """How many questions would show a difference of `margin`."""
        from evalctl.review.power import questions_needed

        if self.spread is None:
            return None
        return questions_needed(self.spread, margin / (self.entry.full_mark or 1.0), self.answers)


def records(paths: Sequence[str], read: Read) -> MeasuredRecords:
    """The records at these paths."""
    found = [parse(path, content) for path, content in read(list(paths)).items()]
    return MeasuredRecords(found, newest.newest(found), question_values.read(found, read))


class Outlook:
    """Reads what the baseline and other models have measured, as far as an entry needs it."""

    def __init__(self, index: ResultIndex, read: Read, metrics: Metrics, folder: str) -> None:
        self._index, self._read, self._metrics = index, read, metrics
        self._folder = folder
        self._baseline = records([one.path for one in index.by_folder.get(folder, ())], read)

    def of(self, entry: MetricEntry, task: str, max_samples: int | None, planned: RecordedTask = NOT_PLANNED) -> Power:
        """What questions of this task will be able to show; of each subset at most `max_samples`.

        `planned` is the task that the record will have, where it is known: a result of another version of the framework, or of another
        definition of the task, cannot be compared with it.
        """
        if why := self._why_not(entry, planned):
            return Power(entry, None, 1, None, f"{NOT_COMPARABLE}: {why}")
        values = self._values(entry, self._baseline)
        known = self._baseline if values is not None else self._of_others(task, entry)
        asked = values if values is not None else None if known is None else self._values(entry, known)
        number = max_samples if known is None or asked is None else _number(asked, known, task, max_samples)
        if number is None:
            return Power(entry, None, 1, None, UNKNOWN)
        return _power(entry, number, 1 if asked is None else asked.answers, *self._noise(entry, values))

    def _why_not(self, entry: MetricEntry, planned: RecordedTask) -> str:
        """Why the baseline's result cannot be compared, whatever is measured; "" for one that is not measured yet."""
        known, groups = self._baseline, self._metrics.subset_groups
        if why := likeness.unlike_planned(planned, newest.rows_of(entry, known.newest, groups)):
            return why
        found = per_question.of_entry(entry, known.newest, known.scored, groups)
        return found if isinstance(found, str) and found != newest.NOT_MEASURED else ""

    def _values(self, entry: MetricEntry, known: MeasuredRecords) -> Values | None:
        found = per_question.of_entry(entry, known.newest, known.scored, self._metrics.subset_groups)
        return None if isinstance(found, str) else found

    def _of_others(self, task: str, entry: MetricEntry) -> MeasuredRecords | None:
        """The newest record of another model that has values of the entry's questions."""
        measured = [one for one in self._index.by_path.values() if one.task == task and one.folder != self._folder]
        for one in sorted(measured, key=lambda one: one.measured_at, reverse=True):
            found = records([one.path], self._read)
            if self._values(entry, found) is not None:
                return found
        return None

    def _noise(self, entry: MetricEntry, values: Values | None) -> tuple[Noise, str]:
        from evalctl.review.power import of_values, right_or_wrong

        if values is not None and len(values.with_value().means) > 1:
            return _scaled(of_values(values), entry), MEASURED
        return right_or_wrong(0.5), AT_HALF


def _scaled(noise: Noise, entry: MetricEntry) -> Noise:
    """As a share of the full mark."""
    from evalctl.review.power import Noise

    mark = entry.full_mark or 1.0
    return Noise(noise.of_questions / mark, noise.of_one_answer / mark, noise.right_or_wrong)


def _number(values: Values, known: MeasuredRecords, task: str, most: int | None) -> int:
    """The number of questions that will be asked: the frameworks cut each subset."""
    asked = len(values.with_value().questions)
    if most is None:
        return asked
    keys = [
        key for one in known.results
        if one.task.key == task and isinstance(made := known.scored[one.path], Scored) for key in made.questions.keys
    ]  # fmt: skip
    return min(asked, sum(min(most, count) for count in Counter(keys).values()))


def _power(entry: MetricEntry, questions: int, answers: int, noise: Noise, known: str) -> Power:
    from evalctl.review.power import detectable

    shows = detectable(noise, questions, answers)
    if shows == inf:
        return Power(entry, questions, answers, None, TOO_FEW, noise)
    return Power(entry, questions, answers, shows * (entry.full_mark or 1.0), known, noise)
