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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from evalctl_job import judges, questions, stall
from evalctl_job.ends import Ends
from evalctl_job.fence.words import CodeExecution
from evalctl_job.files import write_json
from evalctl_job.framework_output import SWALLOW, UPSTREAM, Output, UnreadableOutput, read_output
from evalctl_job.judgement import Evidence, failure, finite, no_questions
from evalctl_job.marks import ANSWERED, DONE, FAILED, Acceptance
from evalctl_job.observed import marked, not_as_planned, repeated_answers
from evalctl_job.options import BadOptions, read_options
from evalctl_job.questions import NOT_READ
from evalctl_job.reasons import plain
from evalctl_job.redact import redacted
from evalctl_job.relay_files import TaskCounts
from evalctl_job.run_folder import RelayFolder, TaskFolder
from evalctl_job.stability import ends_of
from evalctl_job.typed import read

LOG_BYTES = 64 * 1024
SAMPLES = ("asked", "answered", "replayed", "fresh", "empty", "truncated", "failed", "unanswered")
VERSIONS = ("lighteval", "litellm", "datasets", "transformers")


def warnings(evidence: Evidence) -> Iterator[str]:
    """Warnings for readers of the scores; they do not prevent acceptance."""
    counts = evidence.counts
    answered, sent = counts.answered, counts.sent
    if cut := counts.truncated:
        yield f"{cut} of {answered} answers were cut off at the length limit"
    if left := counts.unanswered:
        yield f"{left} of its questions have no answer and are scored as wrong (the request allows {counts.unanswered_allowed})"
    asked = ", ".join(str(name) for name in sent.get("model", ())) or "the model"
    for name, number in counts.other_models.items():
        yield f"{number} of {answered} answers are by another model: {name} instead of {asked}"
    if short := counts.counted_short:
        yield f"{short} prompts have more text than the provider counted tokens for: it may have cut them, or counts otherwise"
    yield from not_as_planned(evidence.planned, sent) if answered else ()
    if equal := repeated_answers(one.texts for one in (evidence.output.details.values() if evidence.output else ())):
        yield f"{equal} long answers have the very words of an answer to another question: a cache may have given them"
    yield from _marks_left(evidence)
    if (code := evidence.code_execution) and code.warning:
        yield code.warning


def _marks_left(evidence: Evidence) -> Iterator[str]:
    """A warning of reasoning that no parser removed: it is scored as part of the answer."""
    details = evidence.output.details.values() if evidence.output else ()
    texts = [text for one in details for row in one.texts for text in row]
    count, mark = marked(texts, pairs_are_taken_out=evidence.framework == UPSTREAM)
    if count:
        share = f"{100 * count / len(texts):.0f} %"
        yield f"{count} of {len(texts)} answers ({share}) contain the beginning or the end of reasoning, such as {mark}: no reasoning parser removed it"


def report(evidence: Evidence, task_key: str) -> Acceptance:
    """The acceptance as it goes into the task's mark."""
    why, output, counts = failure(evidence), evidence.output, evidence.counts
    return Acceptance(
        task=task_key,
        verdict=FAILED if why else ANSWERED if evidence.is_shard else DONE,
        reason=why.reason if why else None,
        detail=redacted(why.detail, None) if why else None,
        scores=_scores(output) if output and not why else {},
        config_tasks=dict(output.settings) if output else {},
        samples={name: getattr(counts, name) for name in SAMPLES},
        tokens={"prompt": counts.prompt_tokens, "completion": counts.completion_tokens},
        requests={"made": counts.requests, "retried": counts.retried},
        sent=counts.sent,
        answered_by=counts.models,
        seconds=round(output.seconds, 3) if output and math.isfinite(output.seconds) else None,
        versions=installed(),
        code_execution=evidence.code_execution,
        judge=judges.recorded(tuple(dict.fromkeys(one for entry in output.scores for one in judges.judges_of(entry))))
        if output
        else {},
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
        output = None if arguments.shard else read_output(arguments.framework, arguments.output)
    except UnreadableOutput as unreadable:
        problem = str(unreadable)
    state = RelayFolder(arguments.state)
    log = plain(_tail(arguments.log)) if arguments.log else ""
    counts = _counts(state.counts(arguments.task_key))
    expected, planned = arguments.expected_max_samples, _planned(state.options(arguments.task_key))
    framework, stalled = arguments.framework, stall.written(state.stalled(arguments.task_key))
    return Evidence(
        arguments.exit_code, counts, output, problem, log, expected, framework, planned, stalled, arguments.expected_subsets,
        frozenset(arguments.empty_subset), cache(partial(questions.of_output, output, arguments.output)) if output else no_questions,
        arguments.shard,
        *_fence(TaskFolder(arguments.into.parent)),
    )  # fmt: skip


def _ends(arguments: argparse.Namespace, output: Output, counts: TaskCounts) -> Ends | str:
    """How the answers to each question ended, or why nobody can say it: the scores hold without it."""
    details = [arguments.output / one.path for one in output.details.values()]
    try:
        return ends_of(details, RelayFolder(arguments.state).answers(arguments.task_key), counts.withheld)
    except NOT_READ as error:
        why = error.strerror if isinstance(error, OSError) else error  # without a path of this machine
        return f"how its answers ended is not known: {type(error).__name__}: {why}"


def _planned(options: Path) -> Mapping[str, Any]:
    """The parameters that the plan says are sent; none with unusable options, when nothing was asked."""
    try:
        return read_options(options).planned
    except (BadOptions, OSError):
        return {}


def _counts(path: Path) -> TaskCounts:
    """The relay's counts; zeros if it never got a request of the task."""
    return read(TaskCounts, json.loads(path.read_text(encoding="utf-8")), extra=True) if path.exists() else TaskCounts()


def _fence(folder: TaskFolder) -> tuple[CodeExecution | None, str]:
    """What stood around code that the model wrote, and why code was not run; nothing where there was none of it."""
    record, lost = folder.fence, folder.fence_lost
    found = read(CodeExecution, json.loads(record.read_text(encoding="utf-8"))) if record.exists() else None
    return found, redacted(lost.read_text(encoding="utf-8"), None) if lost.exists() else ""


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
    made.add_argument(
        "--empty-subset", action="append", default=[], metavar="NAME", help="a part that has no questions"
    )
    made.add_argument(
        "--shard", action="store_true", help="only its answers are judged: a shard of a task has no scores"
    )
    made.add_argument("--into", type=Path, required=True, help="where the verdict is written")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done, 1: failed (the reason is printed), 2: wrong command line."""
    arguments = parser().parse_args(argv)
    evidence = gather(arguments)
    verdict = report(evidence, arguments.task_key)
    if verdict.verdict == DONE and evidence.output:
        found = _ends(arguments, evidence.output, evidence.counts)
        ends, unknown = (None, found) if isinstance(found, str) else (found, "")
        questions.write(evidence.questions(), TaskFolder(arguments.into.parent), ends)
        verdict = replace(verdict, warnings=(*verdict.warnings, *filter(None, [unknown])))
    write_json(arguments.into, asdict(verdict))
    if verdict.verdict in (DONE, ANSWERED):
        return 0
    sys.stderr.write(f"{arguments.task_key}: {verdict.reason}: {verdict.detail}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
