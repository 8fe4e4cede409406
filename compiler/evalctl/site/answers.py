"""Answers on the pages: what was asked, the right answer and what models wrote, only of the tasks that are asked for by name.

All of it comes from outside: each text is bounded, without characters that are invisible or turn the direction of writing,
and the templates escape it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from evalctl.results.entries import shown
from evalctl.results.grading import Question
from evalctl.site.source import Model
from evalctl.terminal import plain, plain_lines

_HEAD, _TAIL = 2500, 1000  # characters of a text that are shown; a model's final answer is at the end
_MOST_MODELS = 20  # whose answers a task's page has
_MOST_TEXTS = 3  # right answers of a question, and answers of a model to it
_OPENING = 90  # characters of a question in the line that opens it

# The questions with these digests of a model's eval of a task, by digest, and why some are missing ("" where none is).
Read = Callable[[Model, str, Collection[str]], tuple[Mapping[str, Question], str]]
Scores = Mapping[str, Mapping[str, float]]  # by model folder and digest


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text, or its beginning and its end: `left_out` characters are between them."""

    head: str
    left_out: int = 0
    tail: str = ""


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """What a model answered to a question, and its score; `more` answers are not shown."""

    model: Model
    score: str
    answers: Sequence[Excerpt]
    more: int


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with its right answers and the models' answers."""

    digest: str
    opening: str
    question: Excerpt
    references: Sequence[Excerpt]
    replies: Sequence[ModelAnswers]


@dataclass(frozen=True, slots=True)
class Texts:
    """The questions of a page of which this machine has the texts, and why those of some models are missing."""

    asked: Sequence[AskedQuestion] = ()
    missing: Sequence[tuple[str, str]] = ()  # model, why

    @property
    def digests(self) -> frozenset[str]:
        """Of the questions that are shown."""
        return frozenset(one.digest for one in self.asked)


def _nothing(model: Model, task: str, digests: Collection[str]) -> tuple[Mapping[str, Question], str]:
    return {}, ""


@dataclass(frozen=True, slots=True)
class AnswerTexts:
    """The keys of the `tasks` that were asked for, where their texts are read, and what was missing so far."""

    tasks: frozenset[str] = frozenset()
    read: Read = _nothing
    missing: dict[tuple[str, str], str] = field(default_factory=dict)  # (task, model) to why
    shown: set[str] = field(default_factory=set)  # tasks with a text on a page

    def of(self, task: str, models: Sequence[Model], digests: Sequence[str], scores: Scores) -> Texts:
        """The texts of these questions in their order; nothing of a task that was not asked for."""
        if task not in self.tasks or not digests:
            return Texts()
        found: dict[str, Mapping[str, Question]] = {}
        for model in models:
            if len(found) < _MOST_MODELS:
                self._read(task, model, digests, found)
        there = [model for model in models if model.folder in found]
        asked = [_asked(digest, there, found, scores) for digest in dict.fromkeys(digests)]
        texts = [one for one in asked if one is not None]
        self.shown.update([task] if texts else [])
        missing = [(one.name, self.missing[task, one.name]) for one in models if (task, one.name) in self.missing]
        return Texts(texts, missing)

    def _read(self, task: str, model: Model, digests: Sequence[str], found: dict[str, Mapping[str, Question]]) -> None:
        questions, why = self.read(model, task, frozenset(digests))
        if why:
            self.missing[task, model.name] = plain(why)
        if questions:
            found[model.folder] = questions


def _asked(
    digest: str, models: Sequence[Model], found: Mapping[str, Mapping[str, Question]], scores: Scores
) -> AskedQuestion | None:
    known = [(model, found[model.folder][digest]) for model in models if digest in found[model.folder]]
    if not known:
        return None
    first = known[0][1]
    text = first.text or first.asked
    replies = [_reply(model, one, scores.get(model.folder, {}).get(digest)) for model, one in known]
    opening = plain(text[:_OPENING].strip()) + ("…" if len(text) > _OPENING else "")
    return AskedQuestion(
        digest, opening, excerpt(text), [excerpt(one) for one in first.graded.gold[:_MOST_TEXTS]], replies
    )


def _reply(model: Model, one: Question, score: float | None) -> ModelAnswers:
    texts = one.answers[:_MOST_TEXTS]
    return ModelAnswers(model, shown(score), [excerpt(text) for text in texts], len(one.answers) - len(texts))


def excerpt(text: str) -> Excerpt:
    """The whole text, or its beginning and its end where it is long."""
    if len(text) <= _HEAD + _TAIL:
        return Excerpt(plain_lines(text))
    return Excerpt(plain_lines(text[:_HEAD]), len(text) - _HEAD - _TAIL, plain_lines(text[-_TAIL:]))
