"""Two models compared: what each entry differs by, the word for it, and the questions on which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from markupsafe import Markup

from evalctl.model.metrics import MetricEntry
from evalctl.results.comparing import Comparison, Flip, Side, compare, flips, side
from evalctl.results.entries import shown
from evalctl.results.names import task_name
from evalctl.results.tables import signed
from evalctl.review.methods import AVERAGE
from evalctl.site.answers import AnswerTexts, Texts
from evalctl.site.board import Board
from evalctl.site.drawing import Scale, axis, scale, whisker
from evalctl.site.source import Model, ResultSite, slug

NEAREST = (
    5  # by default the first of the leaderboard is compared with so many after it: all pairs of 300 models are 44,850
)
_MOST_FLIPS = 50  # of an entry; `evalctl results compare A B --questions` has all
Pair = tuple[Model, Model]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """An average or an entry: both scores, their difference with its interval, and the word; `why` where it cannot be compared."""

    name: str
    is_average: bool
    scores: tuple[str, str]
    difference: str = ""
    interval: str = ""
    chart: Markup | None = None
    full_mark: float = 1.0
    verdict: str = ""
    p: str = ""
    questions: int | None = None
    method: str = ""
    why: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether one of the two is better."""
        return bool(_kind(self.verdict))


@dataclass(frozen=True, slots=True)
class Changed:
    """An entry's questions on which the two differ: how many are better for the first and for the second, and the first of them."""

    entry: str
    better: int
    worse: int
    flips: Sequence[Flip]
    texts: Sequence[tuple[str, Texts]] = ()  # by task, of those that were asked for


@dataclass(frozen=True, slots=True)
class PairPage:
    """All of a pair's page; differences are the first model minus the second."""

    pair: Pair
    rows: Sequence[ComparedRow]
    axis: Markup
    changed: Sequence[Changed]
    remarks: Sequence[str]
    most: int = _MOST_FLIPS

    @property
    def compared(self) -> bool:
        """Whether there is anything to draw."""
        return any(row.chart is not None for row in self.rows)

    @property
    def slug(self) -> str:
        """The name of its file."""
        return name_of(self.pair)


def name_of(pair: Pair) -> str:
    """The name of the pair's file: both names, shortened, and a digest of both folders."""
    return slug(f"{pair[0].name}-{pair[1].name}/{pair[0].folder} {pair[1].folder}".replace("/", "-"))


def chosen(board: Board, asked: Sequence[Pair]) -> list[Pair]:
    """The first model with those after it, and what was asked for; each once."""
    ahead = [model for model in board.models if board.first and board.first.numbers[model.folder].value is not None]
    found = [(ahead[0], other) for other in ahead[1 : NEAREST + 1]]
    return list({frozenset((one.folder, other.folder)): (one, other) for one, other in (*found, *asked)}.values())


def pages(site: ResultSite, pairs: Sequence[Pair], answers: AnswerTexts) -> Iterator[PairPage]:
    """One at a time; a model that is in several pairs in a row is read once."""
    kept: dict[str, Side] = {}
    for pair in pairs:
        kept = {model.folder: kept.get(model.folder) or _side(site, model) for model in pair}
        yield _page(site, pair, kept[pair[0].folder], kept[pair[1].folder], answers)


def _side(site: ResultSite, model: Model) -> Side:
    return side(model.folder, model.aggregate, site.read, site.metrics, name=model.name)


def _page(site: ResultSite, pair: Pair, one: Side, other: Side, answers: AnswerTexts) -> PairPage:
    comparison = compare(one, other, site.metrics, scripts=site.scripts)
    full_marks = {entry.name: entry.full_mark or 1.0 for entry in site.metrics.entries}
    ends = [
        end / full_marks[each.entry]
        for each in comparison.entries
        if each.difference
        for end in (each.difference.low, each.difference.high)
    ]
    on = scale([end for end in ends if isfinite(end)], around_zero=True)
    by_name = {entry.name: entry for entry in site.metrics.entries}
    changed = [_changed(by_name[each.entry], one, other) for each in comparison.entries if each.difference]
    changed = [replace(each, texts=_texts(site, by_name[each.entry], pair, each.flips, answers)) for each in changed]
    return PairPage(
        pair,
        [*_means(comparison, on), *_entries(comparison, on, full_marks)],
        axis(on),
        [each for each in changed if each.flips],
        (*comparison.remarks, *comparison.judges),
    )


def _means(comparison: Comparison, on: Scale) -> Iterator[ComparedRow]:
    for each in comparison.averages:
        mean = each.difference
        yield ComparedRow(
            each.name, True, (shown(each.model), shown(each.baseline)), signed(mean.mean), _interval(mean.low, mean.high),
            whisker(on, mean.mean, mean.low, mean.high, _kind(each.verdict.value), zero=True), 1.0, each.verdict.value, _p(each.p),
            method=f"{AVERAGE}, {mean.entries} entries",
        )  # fmt: skip


def _entries(comparison: Comparison, on: Scale, full_marks: dict[str, float]) -> Iterator[ComparedRow]:
    for each in comparison.entries:
        scores = (shown(each.model.value), shown(each.baseline.value))
        if each.difference is None:
            yield ComparedRow(each.entry, False, scores, verdict=each.verdict.value, why=each.why)
            continue
        full_mark, made = full_marks[each.entry], each.difference
        drawn = whisker(
            on, made.mean / full_mark, made.low / full_mark, made.high / full_mark, _kind(each.verdict.value), zero=True
        )
        yield ComparedRow(
            each.entry, False, scores, signed(made.mean), _interval(made.low, made.high), drawn, full_mark, each.verdict.value,
            _p(each.p), made.questions, each.method,
        )  # fmt: skip


def _kind(verdict: str) -> str:
    return "shown" if verdict in ("better", "worse") else ""


def _interval(low: float, high: float) -> str:
    return f"{signed(low)} … {signed(high)}"


def _p(value: float | None) -> str:
    return "" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _changed(entry: MetricEntry, one: Side, other: Side) -> Changed:
    found = flips(one, other, entry)
    better = sum(entry.sign * (flip.model - flip.baseline) > 0 for flip in found)
    return Changed(entry.name, better, len(found) - better, found[:_MOST_FLIPS])


def _texts(
    site: ResultSite, entry: MetricEntry, pair: Pair, changed: Sequence[Flip], answers: AnswerTexts
) -> list[tuple[str, Texts]]:
    """Of each task behind the entry that was asked for."""
    scores = {
        pair[0].folder: {flip.question: flip.model for flip in changed},
        pair[1].folder: {flip.question: flip.baseline for flip in changed},
    }
    digests = [flip.question for flip in changed]
    tasks = [key for key in sorted(answers.tasks) if task_name(site.scripts[key]).partition(":")[0] in entry.tasks]
    return [(task, answers.of(task, pair, digests, scores)) for task in tasks]
