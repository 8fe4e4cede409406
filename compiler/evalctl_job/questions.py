"""The questions of a task and what each was worth, from the details files that a framework writes beside its scores.

Forms seen: lighteval 0.13.0 (`doc`, `metric`) and the fork lighteval-swallow 0.8 (`example`, `choices`, `gold`, `metrics`).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl_job import scores
from evalctl_job.ends import Ends
from evalctl_job.files import json_text, write_by_rename, write_json
from evalctl_job.framework_output import Output, samples_named
from evalctl_job.passages import LONGEST, passages
from evalctl_job.question_set import QuestionSet
from evalctl_job.run_folder import ANSWERS, TaskFolder
from evalctl_job.scores import Metric, NotReproduced
from evalctl_job.whole_texts import of_whole_texts

NOT_READ = (OSError, ValueError, LookupError, TypeError)  # details of another form; pyarrow's are of these kinds
_DETAILS = re.compile(r"_([0-9T.:-]+)\.parquet")  # how the name of an entry's file goes on: with the time of its run
_UPSTREAM, _FORK = ("doc", "metric"), ("example", "choices", "gold", "metrics")


@dataclass(frozen=True, slots=True)
class Row:
    """One question: its digest, what the framework keeps of each metric, and its text."""

    digest: str
    kept: Mapping[str, Any]
    text: str = ""


@dataclass(frozen=True, slots=True)
class QuestionScores:
    """All questions of a task in the order in which they were scored, and the metrics that are means over them.

    `keys` has the framework's key of each question (`swallow|jmmlu:x|0`); `of_whole_texts` the metrics that are listed as no
    means; `unlike` why the others have no values: their scores are not reproduced.
    """

    digests: tuple[str, ...]
    keys: tuple[str, ...]
    answers: int
    metrics: Mapping[str, Metric]
    of_whole_texts: tuple[str, ...]
    unlike: Mapping[str, str]
    clusters: tuple[int, ...] = ()

    @property
    def asked(self) -> QuestionSet:
        """The questions without their values."""
        return QuestionSet(self.digests, self.keys, self.clusters)


def question_scores(
    entries: Mapping[str, Sequence[Row]], measured: Mapping[str, Mapping[str, float]], answers: int
) -> QuestionScores:
    """From each entry's rows and the scores that the framework made of them."""
    digests = tuple(row.digest for rows in entries.values() for row in rows)
    keys = tuple(key for key, rows in entries.items() for _ in rows)
    names = list(_names(measured))
    whole = tuple(sorted(name for name in names if any(of_whole_texts(key, name) for key in entries)))
    metrics, unlike = dict[str, Metric](), dict[str, str]()
    for name in (name for name in names if name not in whole):
        parts = [_part(name, rows, measured[key]) for key, rows in entries.items()]
        try:
            metrics[name] = scores.encoded(name, parts, answers)
        except NotReproduced as why:
            unlike[name] = str(why)
    return QuestionScores(digests, keys, answers, metrics, whole, unlike, _clusters(entries.values()))


def _clusters(entries: Iterable[Sequence[Row]]) -> tuple[int, ...]:
    """The passages of all entries, numbered through; empty where no two questions share one."""
    found: list[int] = []
    for rows in entries:
        before = max(found, default=0)
        found += [one + before if one else 0 for one in passages([row.text for row in rows])]
    return tuple(found) if any(found) else ()


def _names(measured: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield from dict.fromkeys(name for values in measured.values() for name in values if not name.endswith("_stderr"))


def _part(name: str, rows: Sequence[Row], measured: Mapping[str, float]) -> tuple[list[Any], float | None]:
    """What is kept of each question; nothing where the framework made no score of it."""
    score = measured.get(name)
    return [None if score is None else row.kept.get(name) for row in rows], score


def of_output(output: Output, folder: Path) -> QuestionScores:
    """Of a run whose details are below `folder`."""
    entries = {
        entry: list(rows(folder / details.path, output.scores[entry])) for entry, details in output.details.items()
    }
    answers = max((one for details in output.details.values() for one in details.expected), default=1)
    return question_scores(entries, output.scores, answers)


def rows(path: Path, metrics: Collection[str] = ()) -> Iterator[Row]:
    """The questions in a details file, in its order, with what is kept of these metrics: others may be long texts."""
    from pyarrow.parquet import ParquetFile  # slow, and only needed where details are

    file = ParquetFile(path)
    columns = _UPSTREAM if "doc" in file.schema_arrow.names else _FORK
    for batch in file.iter_batches(batch_size=64, columns=list(columns)):
        for row in batch.to_pylist():
            question, kept = _upstream(row) if columns is _UPSTREAM else _fork(row)
            own = {name: value for name, value in (kept or {}).items() if name in metrics}
            yield Row(_digest(*question), own, str(question[0])[:LONGEST])


_Question = tuple[Any, Any, Any]  # text, choices, reference


def _upstream(row: Mapping[str, Any]) -> tuple[_Question, Mapping[str, Any] | None]:
    doc = row["doc"]
    return (doc["query"], doc["choices"], doc["gold_index"]), row["metric"]


def _fork(row: Mapping[str, Any]) -> tuple[_Question, Mapping[str, Any] | None]:
    return (row["example"], row["choices"], row["gold"]), row["metrics"]


def _digest(question: Any, choices: Any, reference: Any) -> str:
    """What was asked, not how: neither the few-shot examples nor the chat template, which are settings of the eval."""
    text = json.dumps([question, choices, reference], ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def write(found: QuestionScores, task: TaskFolder, ends: Ends | None) -> None:
    """Both files of a task: its question set, and the values of the questions with the set's digest and the ends of their answers."""
    asked = found.asked
    write_by_rename(task.questions, asked.text())
    write_json(task.scores, document(found, asked, ends))


def document(found: QuestionScores, asked: QuestionSet, ends: Ends | None) -> dict[str, Any]:
    """The content of scores.json; without `ends` nothing says how the answers ended."""
    return {
        "schema": scores.SCHEMA,
        "questions": asked.digest(),
        "answers": found.answers,
        "metrics": {name: metric.as_json() for name, metric in found.metrics.items()},
        "of_whole_texts": list(found.of_whole_texts),
        **({} if ends is None else {"ends": ends.as_json()}),
    }  # fmt: skip


def of_details(measured: Mapping[str, Mapping[str, float]], folder: Path) -> QuestionScores:
    """Of a record with these scores, from the details files that were kept beside it: the newest of each entry."""
    paths = {entry: _newest(entry, folder) for entry in measured}
    answers = max((_answers(path, measured[entry]) for entry, path in paths.items()), default=1)
    return question_scores(
        {entry: list(rows(path, measured[entry])) for entry, path in paths.items()}, measured, answers
    )


def _newest(entry: str, folder: Path) -> Path:
    stamps = {match[1]: path for path in folder.iterdir()
              if (match := _DETAILS.fullmatch(path.name.removeprefix(f"details_{entry}")))}  # fmt: skip
    if not stamps:
        raise LookupError(f"there is no details file of {entry}")
    return stamps[max(stamps)]


def _answers(path: Path, metrics: Mapping[str, float]) -> int:
    """How many answers each question has."""
    from pyarrow.parquet import ParquetFile

    file = ParquetFile(path)
    if "doc" not in file.schema_arrow.names:
        return samples_named(metrics)
    return max((row["doc"]["num_samples"] for row in file.read(columns=["doc.num_samples"]).to_pylist()), default=1)


def _ends_of_details(found: QuestionScores, folder: Path) -> Ends | None:
    """From the answers that were kept beside the details; what a filter withheld is not known any more."""
    from evalctl_job.stability import ends_of

    answers = folder / ANSWERS
    if answers.is_symlink() or not answers.is_file():
        return None
    try:
        return ends_of([_newest(entry, folder) for entry in dict.fromkeys(found.keys)], answers, None)
    except NOT_READ:
        return None


def main(arguments: Sequence[str]) -> None:
    """For each pair of a result.json and its folder of details: a JSON object per line with both files, or the problem."""
    for record, folder in zip(arguments[::2], arguments[1::2], strict=True):
        line = json_text({"record": record, **_read(Path(record), Path(folder))})
        sys.stdout.buffer.write(line.encode(errors="surrogatepass"))  # whatever the locale is


def _read(record: Path, folder: Path) -> dict[str, Any]:
    try:
        found = of_details(json.loads(record.read_text(encoding="utf-8"))["scores"], folder)
    except NOT_READ as error:
        return {"problem": f"{type(error).__name__}: {error}"}
    asked = found.asked
    return {"questions": asked.text(), "scores": document(found, asked, _ends_of_details(found, folder))}
