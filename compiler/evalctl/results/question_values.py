"""The questions of a record and what each was worth, read from the two files in git beside it and checked against its scores.

A record names its question set and the digest of its scores.json. One that an older evalctl made names neither: a
scores.json beside it, made from its details, counts where its means are the record's scores, which is required of all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from evalctl.model import plain_json
from evalctl.model.result import Result
from evalctl.results.reading import Read
from evalctl_job import ends, question_set, scores
from evalctl_job.ends import Ends
from evalctl_job.question_set import QuestionSet
from evalctl_job.run_folder import SCORES
from evalctl_job.scores import Metric

if TYPE_CHECKING:  # numpy is slow to load, and most commands need no values
    from evalctl.results.worth import Columns, Numbers

FOLDER = "results/questions"
OLDER = "its record is of an older evalctl, which kept no values of questions"
NOT_BOUND = "of an older evalctl, made later from details: the ledger does not cover them"
_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Places:
    """The questions of one task or subset: where they are in the set, their digests, and the passages that they share."""

    at: Sequence[int]
    digests: tuple[str, ...]
    clusters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """The questions of one record by the framework's key of their task or subset, and each metric's values of all of them."""

    questions: QuestionSet
    answers: int
    metrics: Mapping[str, Metric]
    places: Mapping[str, Places]
    ends: Ends | None = None  # of a record before 2026-11-27 nothing says how answers ended
    _columns: dict[str, Columns] = field(default_factory=dict, repr=False, compare=False)
    _shares: dict[str, Numbers | None] = field(default_factory=dict, repr=False, compare=False)

    def columns(self, metric: str) -> Columns | None:
        """A sum and a weight for each question; None where the metric is no mean over questions."""
        if metric in self.metrics and metric not in self._columns:
            from evalctl.results.worth import columns

            self._columns[metric] = columns(self.metrics[metric])
        return self._columns.get(metric)

    def shares(self, metric: str, places: Sequence[int]) -> Numbers | None:
        """What each question at these places adds to their mean; None where the metric is no mean over questions."""
        columns = self.columns(metric)
        if columns is None:
            return None
        scale = self.metrics[metric].scale
        if metric not in self._shares:
            self._shares[metric] = columns.shares(scale) if columns.is_plain else None
        whole, here = self._shares[metric], slice(places.start, places.stop) if isinstance(places, range) else places
        return columns.at(places).shares(scale) if whole is None else whole[here]


@dataclass(frozen=True, slots=True)
class ScoresFile:
    """scores.json as it was read. `questions` is the digest of its question set, whose number of questions its values must have.

    What is not of its form raises ValueError, AttributeError or TypeError: another program may have written it.
    """

    questions: str
    _facts: Mapping[str, Any]

    def answers(self) -> int:
        """How many each question has."""
        found = self._facts.get("answers")
        if type(found) is not int or found < 1:
            raise ValueError(f"`answers` is not a number of answers: {found!r}")
        return found

    def metrics(self, questions: int) -> dict[str, Metric]:
        """The values of all questions, by metric."""
        return {name: scores.from_json(one, questions) for name, one in self._facts["metrics"].items()}

    def ends(self, questions: int) -> Ends | None:
        """How the answers ended; None where the file does not say it."""
        return ends.from_json(self._facts["ends"], questions) if "ends" in self._facts else None


def path_of(record: str) -> str:
    """The file with the values, of a record's path."""
    return f"{record.rpartition('/')[0]}/{SCORES}"


def set_path(task: str, digest: str) -> str:
    """The file of a question set, of the task's key."""
    return f"{FOLDER}/{task}-{digest}.tsv"


def read(results: Sequence[Result], read: Read) -> dict[str, Scored | str]:
    """By the record's path: its values, or why there are none."""
    decoded = reader(results, read)
    return {one.path: decoded(one) for one in results}


def reader(results: Sequence[Result], read: Read) -> Callable[[Result], Scored | str]:
    """Reads the files of all, and decodes those of one at each call: arrays take ten times as much memory as the files."""
    found = read([path_of(one.path) for one in results])
    files = {one.path: _file(one, found.get(path_of(one.path))) for one in results}
    wanted = {one.path: set_path(one.task.key, made.questions)
              for one in results if isinstance(made := files[one.path], ScoresFile)}  # fmt: skip
    sets = read(sorted(set(wanted.values())))

    def decoded(one: Result) -> Scored | str:
        made = files[one.path]
        return made if isinstance(made, str) else _scored(one, made, sets.get(wanted[one.path]))

    return decoded


def _file(result: Result, content: bytes | None) -> ScoresFile | str:
    named = result.value_files
    if content is None:
        return f"{SCORES} is missing" if result.names_questions else OLDER
    if result.names_questions and named.scores != hashlib.sha256(content).hexdigest():
        return f"{SCORES} was changed: its SHA-256 is not the one in the record"
    try:
        document = plain_json.document(content)
    except ValueError as error:
        return f"{SCORES} cannot be read: {error}"
    questions = document.get("questions")
    if (
        document.get("schema") != scores.SCHEMA
        or not isinstance(metrics := document.get("metrics"), dict)
        or not all(isinstance(one, dict) for one in metrics.values())
        or not isinstance(questions, str)
        or not _DIGEST.fullmatch(questions)
    ):
        return f"{SCORES} has another form: its schema is {str(document.get('schema'))[:40]!r}"
    if result.names_questions and named.questions != questions:
        return f"{SCORES} names the question set {questions}, and the record names another"
    return ScoresFile(questions, document)


def _scored(result: Result, file: ScoresFile, content: bytes | None) -> Scored | str:
    if content is None:
        return f"{set_path(result.task.key, file.questions)} is missing"
    try:
        asked, places = _set(content, file.questions)
        ended = file.ends(len(asked.digests))
        made = Scored(asked, file.answers(), file.metrics(len(asked.digests)), places, ended)
        if result.stability is not None and (ended is None or ended.totals() != result.stability.as_json()):
            raise ValueError("the record has other numbers of answers that were cut off, refused, empty, …")
        _require_its_scores(result, made)
    except (ValueError, AttributeError, TypeError) as error:
        return f"{SCORES} does not agree with the record: {error}"
    return made


def _set(content: bytes, digest: str) -> tuple[QuestionSet, Mapping[str, Places]]:
    """The set; many records share one."""
    made, places, its = _parsed(content)
    if its != digest:
        raise ValueError(f"the question set is {its}, not {digest}")
    return made, places


@lru_cache(maxsize=256)
def _parsed(content: bytes) -> tuple[QuestionSet, Mapping[str, Places], str]:
    text = content.decode("utf-8")
    made = question_set.parsed(text)
    return made, _places(made), question_set.digest_of(text)


def _places(asked: QuestionSet) -> dict[str, Places]:
    runs: dict[str, list[range]] = {}
    place = 0
    for key, same in groupby(asked.keys):
        first, place = place, place + len(list(same))
        runs.setdefault(key, []).append(range(first, place))
    clusters = asked.clusters or (0,) * len(asked.digests)
    return {key: _of_runs(its, asked.digests, clusters) for key, its in runs.items()}


def _of_runs(runs: Sequence[range], digests: tuple[str, ...], clusters: tuple[int, ...]) -> Places:
    """The questions of nearly all subsets follow one another."""
    if len(runs) == 1:
        here = slice(runs[0].start, runs[0].stop)
        return Places(runs[0], digests[here], clusters[here])
    at = [place for run in runs for place in run]
    return Places(at, tuple(digests[place] for place in at), tuple(clusters[place] for place in at))


def _require_its_scores(result: Result, made: Scored) -> None:
    """Recomputes every score that is a mean over questions."""
    recorded, parts = result.scores, [places.at for places in made.places.values()]
    means = {metric: found.means(parts, kept.scale) if (found := made.columns(metric)) else [None] * len(parts)
             for metric, kept in made.metrics.items()}  # fmt: skip
    for place, key in enumerate(made.places):
        values = recorded[key].values if key in recorded else {}
        for metric, computed in means.items():
            if not scores.agrees(values.get(metric), computed[place]):
                raise ValueError(
                    f"its questions make {computed[place]} of `{metric}` of {key}, the record has {values.get(metric)}"
                )
