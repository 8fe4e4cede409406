"""What `evalctl details` shows of one eval: the selected answers with their scores, and a summary of all answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalctl import runfiles
from evalctl.details.files import questions
from evalctl.details.places import EvalPlace
from evalctl.model.walltime import moment
from evalctl.results import answers, grading, slowness
from evalctl.results.answers import Answer, Summary
from evalctl.results.choosing import Wanted, chosen
from evalctl.results.grading import Question
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, plural
from evalctl.terminal import plain
from evalctl_job.relay_files import ServerLoad
from evalctl_job.run_folder import INSIDE


@dataclass(frozen=True, slots=True)
class EvalAnswers:
    """The selected `answers` of one eval, the `summary` of all its answers, what could not be read, and why scores are missing."""

    place: EvalPlace
    summary: Summary
    answers: Sequence[Answer]
    questions: Sequence[Question]
    server_load: ServerLoad | None
    problems: Sequence[str]
    unscored: Sequence[str] = ()
    other_models: Mapping[str, int] = field(
        default_factory=dict
    )  # model name in replies -> answers, if not the requested one

    @property
    def title(self) -> str:
        """The task, the number of answers, and how many of them are empty, truncated, repeating, right, wrong."""
        summary = self.summary
        scored = f"; {_scored(self.questions)}" if self.questions else ""
        return (
            f"{self.place.task}: {plural(summary.answers, 'answer')}, {summary.empty} empty, {summary.truncated} truncated, "
            f"{summary.repeating} repeating{scored}"
        )

    @property
    def causes(self) -> list[slowness.Cause]:
        """Causes of slowness, as far as the answers and the server's measurements show."""
        return slowness.causes(self.summary, self.server_load)

    @property
    def lines(self) -> list[str]:
        """The lines below the title: model, lengths, problems, causes, examples of repetition."""
        summary = self.summary
        lengths = (
            f"characters: median {summary.median}, 95% at most {summary.p95}, longest {summary.longest}"
            if summary.answers else "no answers so far: evalctl status shows why"
        )  # fmt: skip
        causes = map(str, self.causes)
        loops = [f"repeats: {plain(text)[:160]}" for text in summary.examples]
        none = ["no answer matches the options"] if summary.answers and not self.answers else []
        return [*self._subject(), lengths, *self.problems, *self.unscored, *causes, *loops, *none]

    def _subject(self) -> list[str]:
        """The requested model and the time; a line for each other model that answered."""
        model = self.place.model or "not recorded"
        others = [
            f"answered by {plain(name)}: {plural(number, 'answer')}" for name, number in self.other_models.items()
        ]
        return ["; ".join([f"model: {model}", _moment(self.place)]), *others]


def read_answers(place: EvalPlace, wanted: Wanted, root: Path, *, scores: bool) -> EvalAnswers:
    """Reads the files of an eval; the details files only with `scores`, or where the relay's answers are missing."""
    kept, problems = _stored_answers(place)
    rows, unread = questions(place.details, root) if scores or place.answers is None else ([], [])
    everything = grading.answers_of(rows) if place.answers is None else grading.joined(kept, rows)
    apart = sum(one.graded is None for one in everything) if rows else 0
    lost = [f"without a question in the details files: {plural(apart, 'answer')}"] if apart else []
    server_load, damaged = _server_load(place.attempt)
    return EvalAnswers(
        place, answers.summed(everything), chosen(everything, wanted), rows, server_load,
        [*problems, *lost, *damaged], unread, _other_models(everything),
    )  # fmt: skip


def require(wanted: Wanted, found: Sequence[EvalAnswers]) -> None:
    """EnvironmentProblem when an option needs scores and none are here, or names a metric that no question has."""
    if not wanted.of_details:
        return
    if not any(one.questions for one in found):
        why = [problem for one in found for problem in one.unscored]
        help = why[0] if why else "the framework writes them when the task has ended: evalctl status"
        raise EnvironmentProblem("no right answers and no scores on this machine", help=help)
    known = list(dict.fromkeys(name for one in found for row in one.questions for name in row.graded.scores))
    for asked in wanted.metrics:
        if asked.metric not in known:
            help = help_for(asked.metric, known, f"the metrics are: {', '.join(known) or 'none'}")
            raise EnvironmentProblem(f"no question has a score of metric `{asked.metric}`", help=help)


def _other_models(everything: Sequence[Answer]) -> dict[str, int]:
    """Model names in replies that differ from the requested one, with the number of answers; the most frequent first."""
    return dict(Counter(one.answered_by for one in everything if one.answered_by not in ("", one.asked)).most_common())


def _moment(place: EvalPlace) -> str:
    """When the eval ended; else when its files were last written."""
    if place.measured:
        return f"measured {moment(place.measured)}"
    files = [path for path in (place.answers, *place.details) if path is not None and path.exists()]
    return (
        f"no result so far, last written {moment(max(path.stat().st_mtime for path in files))}"
        if files
        else "no result so far"
    )


def _stored_answers(place: EvalPlace) -> tuple[list[Answer], list[str]]:
    if place.answers is None:
        return [], ["the relay's answers are not on this machine: finish reasons and truncation are unknown"]
    with place.answers.open("rb") as file:
        everything, unreadable = answers.read(file)
    return everything, [f"unreadable in {place.answers}: {plural(unreadable, 'line')}"] if unreadable else []


def _server_load(attempt: Path | None) -> tuple[ServerLoad | None, list[str]]:
    """The relay's measurements of the server; without readable ones only the causes that they show are missing."""
    if attempt is None:
        return None, []
    try:
        return slowness.server_load(runfiles.read(attempt, INSIDE.relay.server)), []
    except (OSError, ValueError) as error:
        return None, [f"the server's measurements cannot be read: {attempt / INSIDE.relay.server}: {error}"]


def _scored(rows: Sequence[Question]) -> str:
    verdicts = [one.graded.right() for one in rows]
    return f"{plural(len(rows), 'question')}, {verdicts.count(True)} right, {verdicts.count(False)} wrong"
