"""The tables of docs/placement.md are what is chosen."""

from __future__ import annotations

import pytest

from .placement_table import PAGES, updated


@pytest.mark.parametrize("language", PAGES)
def test_the_tables_are_up_to_date(language: str) -> None:
    """Else: .venv/bin/python -m tests.docs.placement_table."""
    assert PAGES[language].read_text(encoding="utf-8") == updated(language)
