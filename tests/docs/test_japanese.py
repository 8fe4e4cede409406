"""Pages that users read exist in Japanese, whole and in step with the English ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import bilingual
from .documents import REPOSITORY

DOCS = (
    "README",
    "adding-a-task",
    "manifests",
    "migration",
    "operations",
    "own-repository",
    "placement",
    "promises",
    "sites",
    "statistics",
)
USERS = ("README.md", "manifests/README.md", *(f"docs/{name}.md" for name in DOCS))
PAGES = [REPOSITORY / name for name in USERS]
# Other translations of words that the glossary of docs/README.md has.
VARIANTS = (
    r"(?<!プル)(?<!マージ)(?<!HTTP )リクエスト", r"要求数", r"元帳", r"レジャー", r"アテンプト", r"ノード種類", r"ノードタイプ", r"ランフォルダ", r"リーダボード",
    r"プロバイダー", r"サーバー", r"フォルダー", r"スケジューラー", r"ジョブ名前", r"メトリック", r"モデル・カード",
)  # fmt: skip
pages = pytest.mark.parametrize("page", PAGES, ids=bilingual.name)


def both(page: Path) -> tuple[Path, Path]:
    """A page and its translation."""
    return page, bilingual.japanese(page)


def test_every_translation_is_compared() -> None:
    """A Japanese page without an entry here would be in step with nothing."""
    found = {path for folder in (".", "docs", "manifests") for path in REPOSITORY.glob(f"{folder}/*.ja.md")}
    assert found == {bilingual.japanese(page) for page in PAGES}


@pages
def test_the_translation_is_of_this_text(page: Path) -> None:
    """Who changes a page brings its translation in step, and says so by the digest in the first line."""
    ours = bilingual.japanese(page)
    line = f"<!-- of {bilingual.name(page)} {bilingual.digest(page)} -->"
    assert bilingual.translated(ours) == (bilingual.name(page), bilingual.digest(page)), (
        f"{bilingual.name(page)} changed: bring {bilingual.name(ours)} in step, then make this its first line: {line}"
    )


@pages
def test_the_headings_are_the_same(page: Path) -> None:
    """Number, levels, order, and the English anchors, so that one link leads to both."""
    english, ours = map(bilingual.headings, both(page))
    assert ours == english


@pages
def test_the_blocks_are_the_same(page: Path) -> None:
    """Commands, outputs and YAML byte for byte; only comments and the labels of drawings are translated."""
    english, ours = map(bilingual.fenced, both(page))
    assert ours == english


@pages
def test_each_section_says_the_same(page: Path) -> None:
    """The same commands and names, the same links, tables of the same rows and columns."""
    english, ours = map(bilingual.sections, both(page))
    for anchor, section in english.items():
        assert bilingual.code(ours[anchor]) == bilingual.code(section), anchor
        assert bilingual.links(ours[anchor]) == bilingual.links(section), anchor
        assert bilingual.rows(ours[anchor]) == bilingual.rows(section), anchor


@pages
def test_a_translation_links_to_translations(page: Path) -> None:
    """Who reads Japanese stays in Japanese; `[English]` alone leads to the English page."""
    ours = bilingual.japanese(page)
    named = re.findall(r"\[([^\]]*)\]\(([^)#\s]+\.md)", ours.read_text(encoding="utf-8"))
    english = {(ours.parent / target).resolve() for label, target in named if label != "English"}
    assert english & set(PAGES) == set()


@pages
def test_a_term_has_one_japanese_word(page: Path) -> None:
    """The glossary of docs/README.md says which."""
    assert re.findall("|".join(VARIANTS), bilingual.japanese(page).read_text(encoding="utf-8")) == []


def test_every_term_of_the_glossary_has_a_japanese_word() -> None:
    """The two glossaries are the same in their first two columns."""
    english, ours = (
        [line.split("|")[1:3] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| **")]
        for page in both(REPOSITORY / "docs/README.md")
    )
    assert [[word.replace("、", ", ") for word in row] for row in ours] == [
        [word.replace("、", ", ") for word in row] for row in english
    ]
    assert all(japanese.strip() for _, japanese in english)
