"""Writes the pages: every template filled in each language, texts of records always escaped, the same bytes for the same commit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from evalctl import __version__
from evalctl.parallel import MOST, mapped
from evalctl.results.entries import shown
from evalctl.shell import write_atomically
from evalctl.site import cells, libraries, models, pairs, tasks, ties
from evalctl.site.answers import AnswerTexts
from evalctl.site.board import Board, Groups, board, columns_of
from evalctl.site.changes import Changes, joined
from evalctl.site.costs import Spent
from evalctl.site.drawing import axis
from evalctl.site.output import finish
from evalctl.site.pairs import Pair
from evalctl.site.source import Model, ResultSite
from evalctl.site.tasks import TaskPage
from evalctl.site.wording import in_each, marks
from evalctl.site.words import EXPLAINED, LANGUAGES

_STATIC = ("site.css", "site.js", "charts.js")
_SECTIONS = (
    ("index.html", "leaderboard"), ("entries.html", "all_entries"), ("tasks.html", "tasks"), ("costs.html", "costs"), ("pairs.html", "pairs"), ("changes.html", "changes"), ("about.html", "about"),
    ("methods.html", "methods"),
)  # fmt: skip
_AT_ONCE = 10  # models whose records are in memory
_FEWEST = 10  # parts of the work for one process
# Read with this module, so that all pages are of one version: a checkout or an installation may change while they are written.
_TEMPLATES = {
    one.name: one.read_text(encoding="utf-8") for one in files("evalctl.site").joinpath("templates").iterdir()
}
_ASSETS: Mapping[str, str | bytes] = {
    **{name: files("evalctl.site").joinpath("static", name).read_text(encoding="utf-8") for name in _STATIC},
    **libraries.contents(),
}


@dataclass(frozen=True, slots=True)
class _Page:
    """One page in any language: its path below the language's folder, its template and what that shows."""

    path: str
    template: str
    shown: Mapping[str, Any]


@dataclass(slots=True)
class _Gathered:
    """What the pages of several models tell the pages about all models."""

    changes: Changes = field(default_factory=Changes)
    spent: dict[str, Spent] = field(default_factory=dict)  # by model folder


_Maker = Callable[[_Gathered], Iterable[_Page]]


def write(site: ResultSite, asked: Sequence[Pair], folder: Path, answers: AnswerTexts | None = None) -> int:
    """Writes all files below `folder`, with a page for each of the `asked` pairs; returns the number of pages in one language."""
    for name, content in _ASSETS.items():
        write_atomically(folder / name, content)
    environment = _environment()

    def made(pages: _Maker) -> tuple[list[str], _Gathered]:
        gathered = _Gathered()
        return [path for page in pages(gathered) for path in _written(environment, page, site, folder)], gathered

    groups = ties.groups(site, board(site, {}).columns)
    whole, texts = board(site, groups), answers or AnswerTexts()
    # What is missing is noted while a page with answers is made: such pages are made in this process.
    found = mapped(made, _makers(site, whole, groups, asked, texts), sys.maxsize if texts.tasks else _FEWEST)
    last = _of_all(site, whole, [gathered for _, gathered in found])
    written = [path for paths, _ in found for path in paths]
    written += [path for page in last for path in _written(environment, page, site, folder)]
    finish(folder, [*_ASSETS, *written])
    return len(written) // len(LANGUAGES)


def _makers(
    site: ResultSite, found: Board, groups: Groups, asked: Sequence[Pair], answers: AnswerTexts
) -> list[_Maker]:
    """What makes the pages but those of all models: the records of some models are read when their pages are made."""
    chosen = pairs.chosen(found, asked)
    about = tasks.pages(site, found, groups)
    some = [site.models[start : start + _AT_ONCE] for start in range(0, len(site.models), _AT_ONCE)]
    rest: list[_Maker] = [
        lambda _: _of_pairs(site, chosen, answers),
        lambda _: [_Page("index.html", "index.html", {"board": found})],
        lambda _: [_entries(site, found)],
        *(partial(_of_models, site, found, chosen, models) for models in some),
        *(partial(_of_task, site, answers, task) for task in about),
        lambda gathered: _of_deleted(site, gathered),
    ]
    dealt = [one for place in range(MOST) for one in rest[place::MOST]]  # some of each kind for each process
    return [lambda _: _lists(chosen, about), *dealt]


def _lists(chosen: Sequence[Pair], about: Sequence[TaskPage]) -> Iterator[_Page]:
    yield _Page("tasks.html", "tasks.html", {"pages": about})
    yield _Page("pairs.html", "pairs.html", {"pairs": [(pairs.name_of(pair), pair) for pair in chosen]})
    yield _Page("about.html", "about.html", {"explained": EXPLAINED})
    yield _Page("methods.html", "methods.html", {})


def _of_task(site: ResultSite, answers: AnswerTexts, task: TaskPage, _: _Gathered) -> Iterator[_Page]:
    hardest = tasks.hardest(site, task, answers)
    yield _Page(f"tasks/{task.slug}.html", "task.html", {"page": task, "hardest": hardest})


def _of_pairs(site: ResultSite, chosen: Sequence[Pair], answers: AnswerTexts) -> Iterator[_Page]:
    for pair in pairs.pages(site, chosen, answers):
        yield _Page(f"pairs/{pair.slug}.html", "pair.html", {"page": pair})


def _of_models(
    site: ResultSite, found: Board, chosen: Sequence[Pair], some: Sequence[Model], gathered: _Gathered
) -> Iterator[_Page]:
    results, versions = site.results(some), site.versions([model.folder for model in some])
    for model in some:
        gathered.changes.add(site, model.folder, versions[model.folder], model)
        page = models.page(site, found, model, results[model.folder], versions[model.folder])
        gathered.spent[model.folder] = page.spent
        links = [(pairs.name_of(pair), pair) for pair in chosen if model in pair]
        yield _Page(f"models/{model.slug}.html", "model.html", {"page": page, "pairs": links})


def _of_deleted(site: ResultSite, gathered: _Gathered) -> Iterator[_Page]:
    """No page: their changes alone."""
    for start in range(0, len(site.deleted), _AT_ONCE):
        for folder, versions in site.versions(site.deleted[start : start + _AT_ONCE]).items():
            gathered.changes.add(site, folder, versions)
    return iter(())


def _of_all(site: ResultSite, found: Board, parts: Sequence[_Gathered]) -> Iterator[_Page]:
    changes = joined(one.changes for one in parts)
    yield _Page("changes.html", "changes.html", {"months": changes.months(), "cut": len(changes.cut)})
    spent = {folder: each for one in parts for folder, each in one.spent.items()}
    rows = [(model, spent[model.folder]) for model in found.models]
    units = sorted({one.name for _, each in rows for one in each.amounts})
    yield _Page("costs.html", "costs.html", {"rows": rows, "units": units, "first": found.first})


def _entries(site: ResultSite, found: Board) -> _Page:
    columns = columns_of(site, site.metrics.entries, {})
    columns = [one for one in columns if any(number.value is not None for number in one.numbers.values())]
    languages = list(dict.fromkeys(one.language for one in columns))
    return _Page("entries.html", "entries.html", {"columns": columns, "languages": languages, "models": found.models})


def _environment() -> Environment:
    made = Environment(
        loader=DictLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.globals.update(
        cell=cells.cell,
        chart=cells.chart,
        breaking=cells.breaking,
        method=cells.method,
        axis=axis,
        shown=shown,
        sections=_SECTIONS,
        version=__version__,
        libraries=libraries.addresses,
        chart_style=libraries.STYLE,
    )
    return made


def _written(environment: Environment, page: _Page, site: ResultSite, folder: Path) -> list[str]:
    """Writes a page in each language; the paths below the folder."""
    text = environment.get_template(page.template).render(
        page.shown, t=marks(), site=site, home="../" * page.path.count("/"), section=page.path
    )
    found = in_each(text, page.path)
    for path, text in found.items():
        write_atomically(folder / path, text)
    return list(found)
