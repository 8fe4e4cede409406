"""The checks of acceptance: from the evidence about a framework process that has ended to the first reason against its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalctl_job.fence import words as fence
from evalctl_job.framework_output import UPSTREAM, Output
from evalctl_job.questions import NOT_READ, QuestionScores
from evalctl_job.reasons import classify, last_words
from evalctl_job.relay_files import TaskCounts
from evalctl_job.shards import ANSWERED

LARGEST = 1e300  # a whole number of a thousand digits is one to JSON, and none to what reads scores

SHOWN = 5  # names in a sentence


def no_questions() -> QuestionScores:
    """Of a run without details."""
    return QuestionScores((), (), 1, {}, (), {})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about a framework process that has ended. `questions` reads the value of each question, once."""

    exit_code: int
    counts: TaskCounts
    output: Output | None
    problem: str | None
    log: str
    expected_max_samples: int | None
    framework: str = UPSTREAM
    planned: Mapping[str, Any] = field(default_factory=dict)
    stalled: str = ""
    expected_subsets: int | None = None
    empty_subsets: frozenset[str] = frozenset()
    questions: Callable[[], QuestionScores] = no_questions
    is_shard: bool = False
    code_execution: fence.CodeExecution | None = None
    fence_lost: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result."""

    reason: str
    detail: str


def failure(evidence: Evidence) -> Failure | None:
    """The first failed check, root causes first; None when the scores can be accepted."""
    checks = OF_SHARDS if evidence.is_shard else CHECKS
    return next((found for check in checks if (found := check(evidence)) is not None), None)


def shards_incomplete(evidence: Evidence) -> Failure | None:
    """A merge did not find an answer: the shards that lack one are run again."""
    lacking = evidence.counts.lacking
    if not lacking:
        return None
    which = f"shard {lacking[0]} lacks" if len(lacking) == 1 else f"shards {', '.join(map(str, lacking))} lack"
    return Failure("shard-incomplete", f"{which} {evidence.counts.failed} answers: nothing is scored")


def answers_failed(evidence: Evidence) -> Failure | None:
    """The model refused or could not be reached."""
    failed, why = evidence.counts.failed, str(evidence.counts.first_error)
    if not failed:
        return None
    alike = evidence.counts.refused_alike  # the words by which every question was refused: it will be, again
    reason = classify(why) or ("request-refused" if alike else "answers-failed")
    return Failure(reason, f"{failed} of {evidence.counts.asked} answers failed: {why}")


def answers_empty(evidence: Evidence) -> Failure | None:
    """The model gave empty answers. Checked before the exit code: lighteval crashes over an empty second sample."""
    empty = evidence.counts.empty
    if not empty or 0 < evidence.counts.unanswered <= evidence.counts.unanswered_allowed:
        return None
    return Failure("empty-answers", f"{empty} of {evidence.counts.asked} answers are empty; they are never scored")


def code_not_fenced(evidence: Evidence) -> Failure | None:
    """Code of the model was not run, since the fence that it is to run behind was not to be had."""
    how, _, detail = evidence.fence_lost.partition(": ")
    if not how:
        return None
    return Failure("fence-refused", detail) if how == fence.REFUSED else Failure("fence-failed", detail)


def framework_failed(evidence: Evidence) -> Failure | None:
    """The process ended with a signal or an exit code other than 0."""
    code = evidence.exit_code
    if code == 0:
        return None
    if evidence.stalled:
        return Failure("framework-stalled", evidence.stalled)
    how = f"signal {code - 128}" if code > 128 else f"exit code {code}"
    return Failure(classify(evidence.log) or "framework-failed", f"{how}: {last_words(evidence.log)}")


def results_missing(evidence: Evidence) -> Failure | None:
    """The results file is missing or cannot be read."""
    if evidence.problem:
        return Failure("results-unreadable", evidence.problem)
    if evidence.output is None or not evidence.output.scores:
        return Failure(classify(evidence.log) or "no-results", f"no results file: {last_words(evidence.log)}")
    return None


def nothing_asked(evidence: Evidence) -> Failure | None:
    """Scores without a single request come from another run or a cache."""
    if evidence.counts.asked:
        return None
    return Failure("nothing-asked", "the framework wrote scores without asking the model anything")


def answers_missing(evidence: Evidence) -> Failure | None:
    """Some requests were neither answered nor refused: the relay or the framework was stopped in between."""
    asked, answered = evidence.counts.asked, evidence.counts.answered
    return None if answered >= asked else Failure("answers-missing", f"only {answered} of {asked} answers came back")


def answers_repeated(evidence: Evidence) -> Failure | None:
    """A cache before the relay gave one answer to equal questions, each of which is a sample of its own."""
    assert evidence.output
    texts = sum(sum(map(len, one.texts)) - one.copied for one in evidence.output.details.values())
    # lighteval 0.13 has such a cache; the environment's `lighteval-client` removes it.
    more = texts - evidence.counts.answered
    return Failure("answers-repeated", f"{more} scored answers were never asked for") if more > 0 else None


def other_size(evidence: Evidence) -> Failure | None:
    """A debugging run is not a real one, and a real one is not a debugging run."""
    assert evidence.output
    ran, expected = evidence.output.max_samples, evidence.expected_max_samples
    return None if ran == expected else Failure("max-samples-differ", f"ran with max_samples {ran}, not {expected}")


def subsets_missing(evidence: Evidence) -> Failure | None:
    """A mean over some of a task's subsets is not its score; one that has no questions, and is known to have none, has no part in it."""
    assert evidence.output
    none = evidence.empty_subsets
    passed = {name for name in evidence.output.unasked if none.intersection(name.split("|"))}
    left, scored = [name for name in evidence.output.unscored if name not in passed], len(evidence.output.scores)
    if left:
        return Failure("subsets-missing", f"{len(left)} subsets or tasks have no score: {', '.join(left[:SHOWN])}")
    expected = evidence.expected_subsets
    if expected is None or scored == expected:
        return None
    return Failure("subsets-missing", f"the task has {expected} subsets, and {scored} have a score")


def details_wrong(evidence: Evidence) -> Failure | None:
    """The details files have each entry's answers, as many as requested, none empty."""
    assert evidence.output
    for entry in evidence.output.scores:
        if why := _wrong_in(entry, evidence):
            return why
    return None


def _wrong_in(entry: str, evidence: Evidence) -> Failure | None:
    assert evidence.output
    details = evidence.output.details.get(entry)
    if details is None or not details.texts:
        return Failure("details-missing", f"no answers on file for {entry}")
    empty = sum(not text for row in details.texts for text in row)
    if sum(not all(row) for row in details.texts) > evidence.counts.unanswered:
        # More than the relay gave (which is checked before), so answers were lost between relay and framework.
        return Failure(classify(evidence.log) or "empty-answers", f"{empty} scored answers of {entry} are empty")
    if short := sum(len(row) < n for row, n in zip(details.texts, details.expected, strict=True)):
        return Failure("answers-missing", f"{short} documents of {entry} have too few samples")
    number, there = (
        _documents(evidence.output.settings.get(entry, {}), evidence.expected_max_samples),
        len(details.texts),
    )
    if number > there:
        return Failure("answers-missing", f"answers to {there} of {number} documents of {entry} are on file")
    return None


def _documents(settings: Mapping[str, Any], most: int | None) -> int:
    """The least number of documents of an entry to score; the fork reports how many exist and how many it used."""
    there, taken = (settings.get(f"{which}_num_docs") for which in ("original", "effective"))
    whole = (there if most is None else min(there, most)) if type(there) is int else 0
    return max(whole, taken if type(taken) is int else 0)


def questions_missing(evidence: Evidence) -> Failure | None:
    """Each question that was answered is among those that are scored; a question may have several texts there."""
    assert evidence.output
    texts = sum(len(row) for one in evidence.output.details.values() for row in one.texts)
    lost = evidence.counts.questions - texts
    return Failure("answers-missing", f"{lost} answered questions are not among the scored ones") if lost > 0 else None


def scores_wrong(evidence: Evidence) -> Failure | None:
    """A score is a finite number."""
    assert evidence.output
    for entry, metrics in evidence.output.scores.items():
        for metric, value in metrics.items():
            if not finite(value) and not is_error_of_score(metric):
                return Failure("score-not-a-number", f"{metric} of {entry} is {value}")
    return None


def scores_not_reproduced(evidence: Evidence) -> Failure | None:
    """Each score is the mean over its questions, or is listed as one of all answers together (`whole_texts`)."""
    try:
        unlike = evidence.questions().unlike
    except NOT_READ as error:
        return Failure(
            "scores-not-reproduced", f"the values of its questions cannot be read: {type(error).__name__}: {error}"
        )
    if not unlike:
        return None
    metric, why = next(iter(unlike.items()))
    assert evidence.output
    scores = {entry: values[metric] for entry, values in evidence.output.scores.items() if metric in values}
    written = next(iter(scores.values())) if len(scores) == 1 else list(scores.values())[:SHOWN]
    more = f" ({len(unlike)} metrics in all)" if len(unlike) > 1 else ""
    return Failure("scores-not-reproduced", f"the framework wrote {written} as `{metric}`, and {why}{more}")


def shard_unended(evidence: Evidence) -> Failure | None:
    """The run of a shard ends after its last answer, before its framework scores anything."""
    if evidence.exit_code == ANSWERED:
        return None
    if evidence.exit_code == 0:
        return Failure("framework-failed", "the framework did not end after the last answer of its shard")
    return framework_failed(evidence)


def nothing_came(evidence: Evidence) -> Failure | None:
    """The framework had no question at all, neither of this shard nor of another."""
    return None if evidence.counts.elsewhere else nothing_asked(evidence)


CHECKS: tuple[Callable[[Evidence], Failure | None], ...] = (
    shards_incomplete, answers_failed, answers_empty, code_not_fenced, framework_failed, results_missing, nothing_asked, answers_missing,
    other_size,
    subsets_missing, details_wrong, questions_missing, answers_repeated, scores_wrong,
    scores_not_reproduced,
)  # fmt: skip
OF_SHARDS: tuple[Callable[[Evidence], Failure | None], ...] = (
    answers_failed, answers_empty, shard_unended, nothing_came, answers_missing,
)  # fmt: skip


def finite(value: Any) -> bool:
    """A number that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -LARGEST <= value <= LARGEST  # NaN is neither


def is_error_of_score(metric: str) -> bool:
    """A standard error, which is NaN for a single document and is then left out."""
    return metric.endswith("_stderr")
