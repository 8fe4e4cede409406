"""A task's page: all models in the order of its main entry, its other entries beside it, and its hardest questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evalctl.results.names import task_name
from evalctl.review.values import Values, worst
from evalctl.site.answers import AnswerTexts, Texts
from evalctl.site.board import Board, Column, Groups, columns_of, ordered
from evalctl.site.source import Model, ResultSite, slug
from evalctl.site.ties import values_of

_ASKED, _MOST = 50, 20  # models whose values are taken, questions that are shown


@dataclass(frozen=True, slots=True)
class TaskPage:
    """A task, its columns (the main entry first) and the models that were measured on it, the best first."""

    key: str
    script: str
    columns: Sequence[Column]
    models: Sequence[Model]

    @property
    def slug(self) -> str:
        """The name of its file."""
        return slug(self.key)


@dataclass(frozen=True, slots=True)
class Hardest:
    """The questions with the worst mean over the models ahead, each with that mean, and their texts where these are here."""

    questions: Sequence[tuple[str, float]]
    texts: Texts


def hardest(site: ResultSite, page: TaskPage, answers: AnswerTexts) -> Hardest:
    """Of the main entry; of a single model only where its answers are asked for."""
    entry = next((one for one in site.entries if one.name == page.columns[0].name), None)
    known = {} if entry is None else values_of(site, page.models[:_ASKED], entry)
    values = {folder: own for folder, (own, _) in known.items()}
    enough = len(values) > (0 if page.key in answers.tasks else 1)
    found = worst(list(values.values()), _MOST, entry.sign) if entry and enough else []
    digests = {digest for digest, _ in found}
    scores = {folder: _scores(own, digests) for folder, own in values.items()}
    return Hardest(found, answers.of(page.key, page.models, [digest for digest, _ in found], scores))


def _scores(values: Values, digests: Collection[str]) -> dict[str, float]:
    pairs = zip(values.questions, values.means.tolist(), strict=True)
    return {question: mean for question, mean in pairs if question in digests}


def pages(site: ResultSite, board: Board, groups: Groups) -> list[TaskPage]:
    """A page for each task that a model was measured on, in the order of their keys."""
    found = [_page(site, board, groups, key, script) for key, script in sorted(site.scripts.items())]
    return [one for one in found if one.models]


def _page(site: ResultSite, board: Board, groups: Groups, key: str, script: str) -> TaskPage:
    name = task_name(script).partition(":")[0]
    own = [entry for entry in site.metrics.entries if name in entry.tasks]
    main = [column for column in board.columns if column.name in {entry.name for entry in own}]
    others = [entry for entry in own if entry.name not in {column.name for column in main}]
    columns = [*main, *columns_of(site, others, groups)]
    columns = [one for one in columns if any(number.value is not None for number in one.numbers.values())]
    models = [
        model for model in site.models
        if any(column.numbers[model.folder].value is not None for column in columns)
    ]  # fmt: skip
    return TaskPage(key, script, columns, ordered(models, columns[:1]))
