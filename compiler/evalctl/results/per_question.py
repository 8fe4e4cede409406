"""What each question was worth, from the files in git beside a record: the values behind each entry of metrics.yaml.

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
from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.results import judged
from evalctl.results.names import task_name
from evalctl.results.newest import Newest, NoValues, required_rows
from evalctl.suggest import listed
from evalctl_job import ends, question_set, scores
from evalctl_job.ends import Ends
from evalctl_job.question_set import QuestionSet
from evalctl_job.run_folder import SCORES
from evalctl_job.scores import Metric
from evalctl_job.whole_texts import of_whole_texts

if TYPE_CHECKING:  # numpy is slow to load, and most commands need no values
    import numpy as np
    from numpy.typing import NDArray

    from evalctl.results.worth import Columns, Numbers
    from evalctl.review.values import Labels, Values

FOLDER = "results/questions"
OLDER = "its record is of an older evalctl, which kept no values of questions"
NOT_BOUND = "of an older evalctl, made later from details: the ledger does not cover them"
_DIGEST = re.compile(r"[0-9a-f]{16}")
Read = Callable[[Sequence[str]], Mapping[str, bytes]]  # leaves out what is not there
_Asked = tuple[str, tuple[str, ...], tuple[int, ...]]  # the key of a task or subset, its questions and their passages


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
    documents = {one.path: _document(one, found.get(path_of(one.path))) for one in results}
    wanted = {one.path: set_path(one.task.key, str(made["questions"]))
              for one in results if isinstance(made := documents[one.path], dict)}  # fmt: skip
    sets = read(sorted(set(wanted.values())))

    def decoded(one: Result) -> Scored | str:
        made = documents[one.path]
        return made if isinstance(made, str) else _scored(one, made, sets.get(wanted[one.path]))

    return decoded


def _document(result: Result, content: bytes | None) -> dict[str, Any] | str:
    named = result.per_question
    if content is None:
        return f"{SCORES} is missing" if result.names_questions else OLDER
    if result.names_questions and named.get("scores") != hashlib.sha256(content).hexdigest():
        return f"{SCORES} is not the one that the record names"
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
    if result.names_questions and named.get("questions") != questions:
        return f"{SCORES} is of the question set {questions}, the record of another"
    return dict(document)


def _scored(result: Result, document: Mapping[str, Any], content: bytes | None) -> Scored | str:
    if content is None:
        return f"{set_path(result.task.key, str(document['questions']))} is missing"
    try:
        asked, places = _set(content, str(document["questions"]))
        answers = document.get("answers")
        if type(answers) is not int or answers < 1:
            raise ValueError(f"`answers` is no number of answers: {answers!r}")
        metrics = {name: scores.from_json(one, len(asked.digests)) for name, one in document["metrics"].items()}
        ended = ends.from_json(document["ends"], len(asked.digests)) if "ends" in document else None
        if result.stability is not None and (ended is None or ended.totals() != result.stability):
            raise ValueError("the record counts other ends of its answers")
        made = Scored(asked, answers, metrics, places, ended)
        _require_its_scores(result, made)
    except (ValueError, AttributeError, TypeError) as error:
        return f"{SCORES} is not what the record says: {error}"
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A task or subset that the newest record of it has, as the aggregate takes it."""

    result: Result
    key: str
    questions: tuple[str, ...]
    clusters: tuple[int, ...]
    shares: Sequence[Numbers]  # of each metric of the entry
    kept: Mapping[str, Metric]
    answers: int
    judged: NDArray[np.bool_] | None = None  # of a judge's metric: the questions that it is of


def of_entry(
    entry: MetricEntry,
    there: Newest,
    scored: Mapping[str, Scored | str],
    groups: Mapping[str, Sequence[str]],
    *,
    finished: bool = False,
) -> Values | str:
    """The value of each question behind an entry, whose mean is the entry; else why there are none.

    `finished`: only of the questions all of whose answers ended by themselves.
    """
    try:
        rows = [_row(result, key, entry, scored, finished) for result, key in required_rows(entry, there, groups)]
        return _values(entry, [row for row in rows if row.questions])
    except NoValues as why:
        return str(why)


def _row(result: Result, key: str, entry: MetricEntry, scored: Mapping[str, Scored | str], finished: bool) -> _Row:
    made = scored.get(result.path, OLDER)
    if isinstance(made, str):
        raise NoValues(made)
    places = made.places.get(key)
    lacking = [metric for metric in entry.metrics if places is None or made.columns(metric) is None]
    if lacking or places is None:
        what = ", ".join(filter(None, ["no mean over its questions", of_whole_texts(key, lacking[0])]))
        raise NoValues(f"`{lacking[0]}` of `{task_name(key)}` is {what}")
    places = _finished(places, made) if finished else places
    own = [found for metric in entry.metrics if (found := made.shares(metric, places.at)) is not None]
    asked = _judged(made, entry.metrics, places.at)
    return _Row(result, key, places.digests, places.clusters, own, made.metrics, made.answers, asked)


def _judged(made: Scored, metrics: Sequence[str], at: Sequence[int]) -> NDArray[np.bool_] | None:
    """The questions that a judge was asked to score; None of other metrics."""
    import numpy as np

    found = None
    for metric in filter(judged.is_judged, metrics):
        names = judged.of_same_category(metric, made.metrics)
        columns = [one.at(at).weights > 0 for name in names or () if (one := made.columns(name))]
        own = np.ones(len(at), bool) if names is None else np.any(columns, axis=0)
        found = own if found is None else found | own
    return found


def _finished(places: Places, made: Scored) -> Places:
    if made.ends is None:
        raise NoValues("nothing says how its answers ended")
    ended = made.ends.at(places.at).finished()
    kept = [number for number, good in enumerate(ended) if good]
    return Places(
        [places.at[number] for number in kept],
        tuple(places.digests[number] for number in kept),
        tuple(places.clusters[number] for number in kept),
    )


def _values(entry: MetricEntry, rows: Sequence[_Row]) -> Values:
    import numpy as np

    from evalctl.review.values import Values

    if not rows:
        raise NoValues("none of its questions has a value")
    means = np.concatenate([row.shares[0] if len(row.shares) == 1 else np.mean(row.shares, axis=0) for row in rows])
    if len(several := {row.answers for row in rows}) > 1:
        raise NoValues(
            f"its records have several numbers of answers to a question: {listed(map(str, sorted(several)))}"
        )
    if np.isnan(means).all():
        raise NoValues("none of its questions has a value")
    questions, clusters = _asked(tuple((row.key, row.questions, row.clusters) for row in rows), bool(entry.clusters))
    return Values(
        questions,
        means,
        rows[0].answers,
        clusters,
        len(entry.metrics) == 1 and all(_is_right_or_wrong(row, entry.metrics[0]) for row in rows),
        None
        if any(row.judged is None for row in rows)
        else np.concatenate([row.judged for row in rows if row.judged is not None]),
    )


@lru_cache(maxsize=64)
def _asked(rows: tuple[_Asked, ...], by_key: bool) -> tuple[tuple[str, ...], Labels | None]:
    """All questions, and the cluster of each; many records share them."""
    return tuple(question for _, questions, _ in rows for question in questions), _clusters(rows, by_key)


def _clusters(rows: Sequence[_Asked], by_key: bool) -> Labels | None:
    """The cluster of each question: its subset where metrics.yaml says so, else the passage in the question set, else itself."""
    import numpy as np

    from evalctl.review.values import clusters_of

    of_row = np.repeat(np.arange(len(rows)), [len(questions) for _, questions, _ in rows])
    if by_key:
        return clusters_of(of_row)
    if not any(any(clusters) for _, _, clusters in rows):
        return None
    passages = np.concatenate([np.array(clusters, dtype=np.intp) for _, _, clusters in rows])
    own = np.arange(len(passages)) + 1
    return clusters_of(np.where(passages > 0, -(of_row * (passages.max() + 1) + passages), own))


def _is_right_or_wrong(row: _Row, metric: str) -> bool:
    """Whether each value is the share of right ones among the answers."""
    kept = row.kept[metric]
    return kept.form == "digits" and kept.out_of == row.answers and kept.scale == 1.0
