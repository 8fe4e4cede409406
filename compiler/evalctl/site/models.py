"""A model's page: its numbers with intervals and methods, what was run for each, its answers, time and history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalctl.model.result import Result
from evalctl.model.walltime import duration, moment
from evalctl.results.entries import by_language, shown
from evalctl.shell import json_text
from evalctl.site.board import Board, Column, of_average
from evalctl.site.costs import Spent, spent
from evalctl.site.drawing import Scale, scale
from evalctl.site.numbers import Number, of_entry
from evalctl.site.source import Model, ResultSite, Version

_COUNTS = ("truncated", "empty", "failed", "unanswered")
_ENDS = ("unended", "refused", "repeats")  # what records of before 2026-11-27 do not say
LabelledTexts = Sequence[tuple[str, str]]  # key of the word, text


@dataclass(frozen=True, slots=True)
class LanguageScores:
    """The numbers of one language: averages, an entry per benchmark, then all others."""

    language: str
    averages: Sequence[tuple[str, Number]]
    main: Sequence[tuple[str, Number, str]]  # entry, number, the record's key
    more: Sequence[tuple[str, Number, str]]

    @property
    def numbers(self) -> list[Number]:
        """Those that are shown at once."""
        return [*(number for _, number in self.averages), *(number for _, number, _ in self.main)]


@dataclass(frozen=True, slots=True)
class ShownEval:
    """What was run for one task."""

    key: str
    facts: LabelledTexts
    settings: Sequence[tuple[str, str]]  # key of the word, JSON
    counts: Sequence[tuple[int | None, str]]  # of `_COUNTS` and `_ENDS`: the number, and its share of what was asked
    asked: int | None
    seconds: str
    tokens: tuple[str, str]
    node: str
    warnings: Sequence[str]
    proven: bool


@dataclass(frozen=True, slots=True)
class FinishedEntry:
    """An entry, some of whose answers did not end by themselves: its score, that of the finished questions, and how many these are."""

    name: str
    score: str
    alone: str
    questions: int
    of: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A number over the commits that changed it, the newest first."""

    name: str
    values: Sequence[tuple[str, str, Number]]  # day, commit, score


@dataclass(frozen=True, slots=True)
class ModelPage:
    """All of a model's page."""

    model: Model
    groups: Sequence[LanguageScores]
    scale: Scale
    evals: Sequence[ShownEval]
    facts: LabelledTexts
    time: str
    trends: Sequence[Trend]
    warnings: Sequence[str]
    finished: Sequence[FinishedEntry]
    spent: Spent
    counts: Sequence[str] = (*_COUNTS, *_ENDS)


def page(
    site: ResultSite, board: Board, model: Model, results: Sequence[Result], versions: Sequence[Version]
) -> ModelPage:
    """The page of one model, of its records and what its scores were before."""
    groups = _groups(site, board, model)
    numbers = [number for one in groups for number in one.numbers]
    evals = [_eval(site, model, one) for one in results]
    return ModelPage(
        model, groups, _scale(numbers), evals, _facts(results), duration(sum(one.seconds or 0 for one in results)),
        _trends(site, versions), model.aggregate.warnings, _finished(model),
        spent(results, site.prices),
    )  # fmt: skip


def _scale(numbers: Iterable[Number]) -> Scale:
    """From 0 to 1 where all are shares, so that entries can be compared by eye."""
    ends = [end for one in numbers for end in (one.low, one.value, one.high) if end is not None]
    return Scale(0.0, 1.0) if all(0 <= one <= 1 for one in ends) else scale([0.0, *ends])


def _groups(site: ResultSite, board: Board, model: Model) -> list[LanguageScores]:
    main = {column.name: column for column in board.columns}
    tasks = {one.script: key for key, one in model.aggregate.evals.items()}
    known = {entry.name: entry.tasks for entry in site.metrics.entries if entry.name in model.aggregate.results}
    found = []
    for language, names in by_language(known, site.scripts).items():
        rows = [(name, _number(model, name, main), _task(known[name], tasks)) for name in names]
        rows = [row for row in rows if row[1].value is not None]
        means = [(one.name, main[one.name].numbers[model.folder]) for one in site.averages
                 if one.name in main and main[one.name].language == language]  # fmt: skip
        if rows:
            found.append(
                LanguageScores(
                    language, means, [r for r in rows if r[0] in main], [r for r in rows if r[0] not in main]
                )
            )
    return found


def _number(model: Model, name: str, main: Mapping[str, Column]) -> Number:
    return main[name].numbers[model.folder] if name in main else of_entry(model, name)


def _task(scripts: Sequence[str], tasks: Mapping[str, str]) -> str:
    return next((tasks[one] for one in scripts if one in tasks), "")


def _eval(site: ResultSite, model: Model, one: Result) -> ShownEval:
    counts = one.samples.as_json() if one.samples else {}
    asked = counts.get("asked")
    unproven = one.path in site.unproven.get(model.folder, {})
    return ShownEval(
        one.task.key, _provenance(one), _settings(one),
        [*(_share(counts.get(name), asked) for name in _COUNTS), *(_known_share(one, name) for name in _ENDS)],
        asked if isinstance(asked, int) else None, duration(one.seconds), _tokens(one),
        " ".join(word for word in (one.ran.service, one.ran.node_kind) if word), one.warnings, not unproven,
    )  # fmt: skip


def _share(count: object, asked: object) -> tuple[int, str]:
    number = count if isinstance(count, int) else 0
    return number, f"{number / asked:.1%}" if number and isinstance(asked, int) and asked else ""


def _known_share(one: Result, name: str) -> tuple[int | None, str]:
    """Of a record that says how its answers ended."""
    if one.stability is None:
        return None, ""
    return _share(one.stability.number(name), one.stability.number("answers"))


def _finished(model: Model) -> list[FinishedEntry]:
    found = model.aggregate.stability
    return [
        FinishedEntry(name, shown(model.aggregate.results.get(name)), shown(one.score), one.finished, one.questions)
        for name, one in found.items()
        if one.finished < one.questions
    ]


def _tokens(one: Result) -> tuple[str, str]:
    found = one.recorded("tokens")
    tokens = found if isinstance(found, dict) else {}
    return _counted(tokens.get("prompt")), _counted(tokens.get("completion"))


def _counted(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "–"


def _provenance(one: Result) -> LabelledTexts:
    """The facts of a record that say what was run; those that it lacks are left out."""
    ran, task = one.ran, one.task
    found = {
        "record": one.path,
        "script": _of(one, "script", "path", "sha256"),
        "request": _of(one, "request", "path", "commit"),
        "weights": one.subject.revision,
        "provider": one.subject.provider,
        "framework": f"{_text(task.recorded('framework'))} {_text(task.recorded('framework_version'))}",
        "task": task.script,
        "task_digest": task.digest,
        "question_set": one.value_files.questions,
        "judge": str(one.judge or ""),
        "digest": one.digest,
        "environments": _pairs(one.environments),
        "program_versions": _pairs(one.versions),
        "service": f"{ran.service} {ran.node_kind}",
        "hardware": f"{_text(ran.recorded('gpu'))} {_text(ran.recorded('host'))}",
        "job": f"{ran.name} {_text(ran.recorded('native_id'))}",
        "ran_by": _text(ran.recorded("by")),
        "measured": moment(one.measured_at),
        "reused_from": one.reused_from,
        "imported": "" if one.imported is None else json_text(one.imported.as_json(), indent=None).strip(),
    }
    return [(key, text.strip()) for key, text in found.items() if text.strip()]


def _of(one: Result, key: str, *names: str) -> str:
    part = one.recorded(key)
    return " · ".join(_text(part.get(name)) for name in names) if isinstance(part, dict) else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _settings(one: Result) -> list[tuple[str, str]]:
    parts = {
        "generation": one.generation, "server": one.server, "sent": one.recorded("sent"), "answered_by": one.recorded("answered_by"),
    }  # fmt: skip
    return [(key, json_text(part, indent=2).strip()) for key, part in parts.items() if part]


def _facts(results: Sequence[Result]) -> LabelledTexts:
    """What all evals of the model share, or every value that they have."""
    found = {
        "weights": (one.subject.revision for one in results),
        "provider": (one.subject.provider for one in results),
        "settings": (one.subject.custom_settings.path for one in results),
        "service": (one.ran.service for one in results),
        "ran_by": (_text(one.ran.recorded("by")) for one in results),
        "measured": (moment(one.measured_at)[:10] for one in results),
    }
    texts = {key: sorted({value for value in values if value}) for key, values in found.items()}
    return [(key, _span(values) if key == "measured" else ", ".join(values)) for key, values in texts.items() if values]


def _span(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} – {days[-1]}"


def _trends(site: ResultSite, versions: Sequence[Version]) -> list[Trend]:
    """Of the averages and benchmarks that have several values."""
    if len(versions) < 2:
        return []
    names = [*(one.name for one in site.averages), *(entry.name for entry in site.entries)]
    made = (_trend(site, name, versions) for name in names)
    return [one for one in made if len(one.values) > 1]


def _trend(site: ResultSite, name: str, versions: Sequence[Version]) -> Trend:
    """The values of a name, each once until it changes; the newest first."""
    averages = {one.name: one for one in site.averages}
    found: list[tuple[str, str, Number]] = []
    for one in reversed(versions):
        if one.aggregate is None:
            continue
        model = Model("", "", one.aggregate, ())
        number = of_average(averages[name], model) if name in averages else of_entry(model, name)
        if number.value is not None and (not found or found[-1][2].value != number.value):
            found.append((one.day, one.commit, number))
    return Trend(name, found[::-1])
