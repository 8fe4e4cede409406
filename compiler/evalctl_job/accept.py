"""The acceptance check of one task: a score exists only if the model gave every answer.

    python -m evalctl_job.accept --framework lighteval --task-key K --output DIR --state DIR --exit-code N --into F

lighteval exits 0 with scores of 0 when its server is dead, so its exit code is not enough: the relay's
counts, the results file and the answers in the details files have to agree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from evalctl_job import questions, stall
from evalctl_job.files import write_json
from evalctl_job.framework_output import SWALLOW, UPSTREAM, Output, Unreadable, read_output
from evalctl_job.marks import DONE, FAILED, Acceptance
from evalctl_job.observed import marked, not_as_planned
from evalctl_job.options import BadOptions, read_options
from evalctl_job.reasons import classify, last_words, plain
from evalctl_job.redact import redacted
from evalctl_job.run_folder import RelayFolder, TaskFolder

LOG_BYTES = 64 * 1024
LARGEST = 1e300  # a whole number of a thousand digits is one to JSON, and none to what reads scores
SHOWN = 5  # names in a sentence
SAMPLES = ("asked", "answered", "replayed", "fresh", "empty", "truncated", "failed", "unanswered")
VERSIONS = ("lighteval", "litellm", "datasets", "transformers")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about a framework process that has ended."""

    exit_code: int
    counts: Mapping[str, Any]
    output: Output | None
    problem: str | None
    log: str
    expected_max_samples: int | None
    framework: str = UPSTREAM
    planned: Mapping[str, Any] = field(default_factory=dict)
    stalled: str = ""
    expected_subsets: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result."""

    reason: str
    detail: str


def failure(evidence: Evidence) -> Failure | None:
    """The first failed check, root causes first; None when the scores can be accepted."""
    return next((found for check in CHECKS if (found := check(evidence)) is not None), None)


def answers_failed(evidence: Evidence) -> Failure | None:
    """The model refused or could not be reached."""
    failed, why = evidence.counts.get("failed", 0), str(evidence.counts.get("first_error"))
    if not failed:
        return None
    alike = evidence.counts.get("refused_alike")  # the words by which every question was refused: it will be, again
    reason = classify(why) or ("request-refused" if alike else "answers-failed")
    return Failure(reason, f"{failed} of {evidence.counts['asked']} answers failed: {why}")


def answers_empty(evidence: Evidence) -> Failure | None:
    """The model gave empty answers. Checked before the exit code: lighteval crashes over an empty second sample."""
    empty = evidence.counts.get("empty", 0)
    if not empty or 0 < unanswered(evidence) <= evidence.counts["unanswered_allowed"]:
        return None
    return Failure("empty-answers", f"{empty} of {evidence.counts['asked']} answers are empty; they are never scored")


def unanswered(evidence: Evidence) -> int:
    """The questions that the framework scores without an answer, since the request allows for so many."""
    return int(evidence.counts.get("unanswered", 0))


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
    if evidence.counts.get("asked", 0):
        return None
    return Failure("nothing-asked", "the framework wrote scores without asking the model anything")


def answers_missing(evidence: Evidence) -> Failure | None:
    """Some requests were neither answered nor refused: the relay or the framework was stopped in between."""
    asked, answered = evidence.counts["asked"], evidence.counts["answered"]
    return None if answered >= asked else Failure("answers-missing", f"only {answered} of {asked} answers came back")


def answers_repeated(evidence: Evidence) -> Failure | None:
    """A cache before the relay gave one answer to equal questions, each of which is a sample of its own."""
    assert evidence.output
    texts = sum(len(row) for one in evidence.output.details.values() for row in one.texts)
    # lighteval 0.13 has such a cache; the environment's `lighteval-uncached` removes it.
    more = texts - evidence.counts["answered"]
    return Failure("answers-repeated", f"{more} scored answers were never asked for") if more > 0 else None


def other_size(evidence: Evidence) -> Failure | None:
    """A debugging run is not a real one, nor the other way round."""
    assert evidence.output
    ran, expected = evidence.output.max_samples, evidence.expected_max_samples
    return None if ran == expected else Failure("max-samples-differ", f"ran with max_samples {ran}, not {expected}")


def subsets_missing(evidence: Evidence) -> Failure | None:
    """A mean over some of a task's subsets is not its score."""
    assert evidence.output
    left, scored = evidence.output.unscored, len(evidence.output.scores)
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
    if sum(not all(row) for row in details.texts) > unanswered(evidence):
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
    lost = int(evidence.counts.get("questions", 0)) - texts
    return Failure("answers-missing", f"{lost} answered questions are not among the scored ones") if lost > 0 else None


def scores_wrong(evidence: Evidence) -> Failure | None:
    """A score is a finite number."""
    assert evidence.output
    for entry, metrics in evidence.output.scores.items():
        for metric, value in metrics.items():
            if not finite(value) and not is_error_of_score(metric):
                return Failure("score-not-a-number", f"{metric} of {entry} is {value}")
    return None


CHECKS: tuple[Callable[[Evidence], Failure | None], ...] = (
    answers_failed, answers_empty, framework_failed, results_missing, nothing_asked, answers_missing, other_size,
    subsets_missing, details_wrong, questions_missing, answers_repeated, scores_wrong,
)  # fmt: skip


def finite(value: Any) -> bool:
    """A number that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -LARGEST <= value <= LARGEST  # NaN is neither


def is_error_of_score(metric: str) -> bool:
    """A standard error, which is NaN for a single document and is then left out."""
    return metric.endswith("_stderr")


def warnings(evidence: Evidence) -> Iterator[str]:
    """Warnings for readers of the scores; they do not prevent acceptance."""
    answered, sent = evidence.counts.get("answered", 0), evidence.counts.get("sent", {})
    if cut := evidence.counts.get("truncated", 0):
        yield f"{cut} of {answered} answers were cut off at the length limit"
    if left := unanswered(evidence):
        yield f"{left} of its questions have no answer and are scored as wrong (the request allows {evidence.counts['unanswered_allowed']})"
    asked = ", ".join(str(name) for name in sent.get("model", ())) or "the model"
    for name, number in evidence.counts.get("other_models", {}).items():
        yield f"{number} of {answered} answers are by another model: {name} instead of {asked}"
    yield from not_as_planned(evidence.planned, sent) if answered else ()
    yield from _marks_left(evidence)


def _marks_left(evidence: Evidence) -> Iterator[str]:
    """A warning of reasoning that no parser removed: it is scored as part of the answer."""
    details = evidence.output.details.values() if evidence.output else ()
    texts = [text for one in details for row in one.texts for text in row]
    count, mark = marked(texts, pairs_are_taken_out=evidence.framework == UPSTREAM)
    if count:
        share = f"{100 * count / len(texts):.0f} %"
        yield f"{count} of {len(texts)} answers ({share}) hold reasoning marks such as {mark}: no reasoning parser took them out"


def report(evidence: Evidence, task_key: str) -> Acceptance:
    """The acceptance as it goes into the task's mark."""
    why, output, counts = failure(evidence), evidence.output, evidence.counts
    return Acceptance(
        task=task_key,
        verdict=FAILED if why else DONE,
        reason=why.reason if why else None,
        detail=redacted(why.detail, None) if why else None,
        scores=_scores(output) if output and not why else {},
        config_tasks=dict(output.settings) if output else {},
        samples={name: counts.get(name, 0) for name in SAMPLES},
        tokens={"prompt": counts.get("prompt_tokens", 0), "completion": counts.get("completion_tokens", 0)},
        requests={"made": counts.get("requests", 0), "retried": counts.get("retried", 0)},
        sent=counts.get("sent", {}),
        answered_by=counts.get("models", {}),
        seconds=round(output.seconds, 3) if output and math.isfinite(output.seconds) else None,
        versions=installed(),
        details=tuple(sorted(one.path for one in output.details.values())) if output else (),
        warnings=tuple(warnings(evidence)),
    )


def _scores(output: Output) -> dict[str, dict[str, float]]:
    return {
        entry: {name: value for name, value in metrics.items() if finite(value)}
        for entry, metrics in output.scores.items()
    }


def installed() -> dict[str, str]:
    """The versions of the installed packages that measured."""
    present = {}
    for name in VERSIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            present[name] = metadata.version(name)
    return present


def gather(arguments: argparse.Namespace) -> Evidence:
    """Read the output of the process, the framework and the relay."""
    output, problem = None, None
    try:
        output = read_output(arguments.framework, arguments.output)
    except Unreadable as unreadable:
        problem = str(unreadable)
    state = RelayFolder(arguments.state)
    log = plain(_tail(arguments.log)) if arguments.log else ""
    counts = _counts(state.counts(arguments.task_key))
    expected, planned = arguments.expected_max_samples, _planned(state.options(arguments.task_key))
    framework, stalled = arguments.framework, stall.written(state.stalled(arguments.task_key))
    return Evidence(
        arguments.exit_code, counts, output, problem, log, expected, framework, planned, stalled, arguments.expected_subsets
    )  # fmt: skip


def _planned(options: Path) -> Mapping[str, Any]:
    """The parameters that the plan says are sent; none with unusable options, when nothing was asked."""
    try:
        return read_options(options).planned
    except (BadOptions, OSError):
        return {}


def _counts(path: Path) -> dict[str, Any]:
    """The relay's counts; zeros if it never got a request of the task."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _tail(path: Path) -> str:
    return path.read_bytes()[-LOG_BYTES:].decode("utf-8", errors="replace") if path.exists() else ""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m evalctl_job.accept", description=__doc__.splitlines()[0])
    made.add_argument("--framework", choices=[UPSTREAM, SWALLOW], required=True)
    made.add_argument("--task-key", required=True)
    made.add_argument("--output", type=Path, required=True, help="the framework's --output-dir")
    made.add_argument("--state", type=Path, required=True, help="the folder of the relay")
    made.add_argument("--log", type=Path, help="what the framework printed")
    made.add_argument("--exit-code", type=int, required=True, help="of the framework, as the shell saw it")
    made.add_argument("--expected-max-samples", type=int, default=None)
    made.add_argument("--expected-subsets", type=int, default=None, help="parts of the task with scores of their own")
    made.add_argument("--into", type=Path, required=True, help="where the verdict is written")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done, 1: failed (the reason is printed), 2: wrong command line."""
    arguments = parser().parse_args(argv)
    evidence = gather(arguments)
    verdict = report(evidence, arguments.task_key)
    if verdict.verdict == DONE and evidence.output:
        why_not = questions.written(evidence.output, arguments.output, TaskFolder(arguments.into.parent))
        verdict = replace(verdict, warnings=(*verdict.warnings, *([why_not] if why_not else [])))
    write_json(arguments.into, asdict(verdict))
    if verdict.verdict == DONE:
        return 0
    sys.stderr.write(f"{arguments.task_key}: {verdict.reason}: {verdict.detail}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
