"""The value of each question behind an entry of metrics.yaml, from the values of the records that the entry is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from evalctl.model.metrics import MetricEntry
from evalctl.model.result import Result
from evalctl.results import judged
from evalctl.results.names import task_name
from evalctl.results.newest import Newest, NoValues, required_rows
from evalctl.results.question_values import OLDER, Places, Scored
from evalctl.suggest import listed
from evalctl_job.scores import Metric
from evalctl_job.whole_texts import of_whole_texts

if TYPE_CHECKING:  # numpy is slow to load, and most commands need no values
    import numpy as np
    from numpy.typing import NDArray

    from evalctl.results.worth import Numbers
    from evalctl.review.values import Labels, Values

_Asked = tuple[str, tuple[str, ...], tuple[int, ...]]  # the key of a task or subset, its questions and their passages


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
        behind = sorted(
            required_rows(entry, there, groups), key=itemgetter(1)
        )  # in one order, whenever each was measured
        rows = [_row(result, key, entry, scored, finished) for result, key in behind]
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
