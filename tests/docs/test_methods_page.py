"""The result site's page of methods: what docs/statistics.md says, shipped with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evalctl.review.methods import ANCHORS

from .bilingual import headings
from .methods_page import FOLDER, PAGES, mark


@pytest.mark.parametrize(("language", "page"), PAGES.items(), ids=str)
def test_the_page_of_methods_is_made_from_the_document(language: str, page: Path) -> None:
    """In each language from its present text; every method has its section, and no link leads out of the page."""
    text = (FOLDER / f"{language}.html").read_text(encoding="utf-8")
    assert text.startswith(mark(page)), "run the command in tests/docs/methods_page.py"
    ids = re.findall(r' id="([^"]+)"', text)
    assert ids == [anchor for level, anchor in headings(page) if level > 1]
    assert set(ANCHORS.values()) <= set(ids)
    assert {link.removeprefix("#") for link in re.findall(r' href="([^"]+)"', text)} <= set(ids)
