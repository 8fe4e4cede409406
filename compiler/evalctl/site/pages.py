"""Writes the pages: every template filled in each language, texts of records always escaped, the same bytes for the same commit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from evalctl.parallel import mapped
from evalctl.results.entries import shown
from evalctl.shell import write_atomically
from evalctl.site import libraries, methods, models, pairs, tasks, ties
from evalctl.site.answers import Answers
from evalctl.site.board import Board, board, columns_of
from evalctl.site.changes import Changes, joined
from evalctl.site.costs import spent
from evalctl.site.drawing import axis, whisker
from evalctl.site.output import finish
from evalctl.site.pairs import Pair
from evalctl.site.source import Model, ResultSite
from evalctl.site.tasks import TaskPage
from evalctl.site.words import EXPLAINED, LANGUAGES, words

_STATIC = ("site.css", "site.js", "charts.js")
_SECTIONS = (
    ("index.html", "leaderboard"), ("entries.html", "all_entries"), ("tasks.html", "tasks"), ("costs.html", "costs"), ("pairs.html", "pairs"), ("changes.html", "changes"), ("about.html", "about"),
    ("methods.html", "methods"),
)  # fmt: skip
_FEWEST = 25  # pages of one process
# Read with this module, so that all pages are of one version: a checkout or an installation may change while they are written.
_TEMPLATES = {
    one.name: one.read_text(encoding="utf-8") for one in files("evalctl.site").joinpath("templates").iterdir()
}
_ASSETS: Mapping[str, str | bytes] = {
    **{name: files("evalctl.site").joinpath("static", name).read_text(encoding="utf-8") for name in _STATIC},
    **libraries.contents(),
}
FIRST = next(iter(LANGUAGES))  # its pages are at the top, those of the others in folders


@dataclass(frozen=True, slots=True)
class _Page:
    """One page in any language: its path below the language's folder, its template and what that shows."""

    path: str
    template: str
    shown: Mapping[str, Any]


_Maker = Callable[[Changes], Iterable[_Page]]  # adds the changes that it reads


def write(site: ResultSite, asked: Sequence[Pair], folder: Path, answers: Answers | None = None) -> int:
    """Writes all files below `folder`, with a page for each of the `asked` pairs; returns the number of pages in one language."""
    for name, content in _ASSETS.items():
        write_atomically(folder / name, content)
    environment = _environment()

    def made(pages: _Maker) -> tuple[list[str], Changes]:
        changes = Changes()
        return [path for page in pages(changes) for path in _written(environment, page, site, folder)], changes

    texts = answers or Answers()
    # What is missing is noted while a page with answers is made: such pages are made in this process.
    found = mapped(made, _makers(site, asked, texts), sys.maxsize if texts.tasks else _FEWEST)
    changes = joined(one for _, one in found)
    last = _Page("changes.html", "changes.html", {"months": changes.months(), "cut": len(changes.cut)})
    written = [*(path for paths, _ in found for path in paths), *_written(environment, last, site, folder)]
    finish(folder, [*_ASSETS, *written])
    return len(written) // len(LANGUAGES)


def _makers(site: ResultSite, asked: Sequence[Pair], answers: Answers) -> list[_Maker]:
    """What makes the pages, one after another: a model's records are read when its page is made."""
    groups = ties.groups(site, board(site, {}).columns)
    found = board(site, groups)
    chosen = pairs.chosen(found, asked)
    about = tasks.pages(site, found, groups)
    return [
        lambda _: _sections(site, found, chosen, about),
        *(partial(_of_task, site, answers, task) for task in about),
        lambda _: _of_pairs(site, chosen, answers),
        *(partial(_of_model, site, found, chosen, model) for model in site.models),
        lambda _: [_costs(site, found)],
    ]


def _sections(site: ResultSite, found: Board, chosen: Sequence[Pair], about: Sequence[TaskPage]) -> Iterator[_Page]:
    yield _Page("index.html", "index.html", {"board": found})
    yield _entries(site, found)
    yield _Page("tasks.html", "tasks.html", {"pages": about})
    yield _Page("pairs.html", "pairs.html", {"pairs": [(pairs.name_of(pair), pair) for pair in chosen]})
    yield _Page("about.html", "about.html", {"explained": EXPLAINED})
    yield _Page("methods.html", "methods.html", {"methods_page": methods.page})


def _of_task(site: ResultSite, answers: Answers, task: TaskPage, _: Changes) -> Iterator[_Page]:
    hardest = tasks.hardest(site, task, answers)
    yield _Page(f"tasks/{task.slug}.html", "task.html", {"page": task, "hardest": hardest})


def _of_pairs(site: ResultSite, chosen: Sequence[Pair], answers: Answers) -> Iterator[_Page]:
    for pair in pairs.pages(site, chosen, answers):
        yield _Page(f"pairs/{pair.slug}.html", "pair.html", {"page": pair})


def _of_model(
    site: ResultSite, found: Board, chosen: Sequence[Pair], model: Model, changes: Changes
) -> Iterator[_Page]:
    links = [(pairs.name_of(pair), pair) for pair in chosen if model in pair]
    versions = site.versions(model)
    changes.add(site, model, versions)
    page = models.page(site, found, model, versions)
    yield _Page(f"models/{model.slug}.html", "model.html", {"page": page, "pairs": links})


def _entries(site: ResultSite, found: Board) -> _Page:
    columns = columns_of(site, site.metrics.entries, {})
    columns = [one for one in columns if any(number.value is not None for number in one.numbers.values())]
    languages = list(dict.fromkeys(one.language for one in columns))
    return _Page("entries.html", "entries.html", {"columns": columns, "languages": languages, "models": found.models})


def _costs(site: ResultSite, found: Board) -> _Page:
    rows = [(model, spent(site.results(model), site.prices)) for model in found.models]
    units = sorted({one.name for _, each in rows for one in each.amounts})
    return _Page("costs.html", "costs.html", {"rows": rows, "units": units, "first": found.first})


def _environment() -> Environment:
    made = Environment(
        loader=DictLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.globals.update(
        whisker=whisker,
        axis=axis,
        shown=shown,
        sections=_SECTIONS,
        version=metadata.version("evalctl"),
        libraries=libraries.addresses,
        method_parts=methods.parts,
        chart_style=libraries.STYLE,
    )
    return made


def _filled(environment: Environment, page: _Page, language: str, site: ResultSite) -> str:
    home = "../" * page.path.count("/")
    top = home if language == FIRST else f"../{home}"

    def twin(other: str) -> str:
        return f"{top}{page.path}" if other == FIRST else f"{top}{other}/{page.path}"

    return environment.get_template(page.template).render(
        page.shown, t=words(language), language=language, site=site, home=home, top=top, twin=twin,
        section=page.path, others=[(code, name) for code, name in LANGUAGES.items() if code != language],
    )  # fmt: skip


def _written(environment: Environment, page: _Page, site: ResultSite, folder: Path) -> list[str]:
    """Writes a page in each language; the paths below the folder."""
    paths = {language: page.path if language == FIRST else f"{language}/{page.path}" for language in LANGUAGES}
    for language, path in paths.items():
        write_atomically(folder / path, _filled(environment, page, language, site))
    return list(paths.values())
