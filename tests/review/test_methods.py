"""The names of methods: what outputs print, and the page that describes each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.docs import bilingual
from tests.docs.documents import REPOSITORY

from evalctl.review import methods
from evalctl.review.difference import difference
from evalctl.review.score import estimate, share
from evalctl.review.values import Pairs, Values

PAGE = REPOSITORY / "docs" / "statistics.md"


@pytest.mark.parametrize("page", [PAGE, bilingual.japanese(PAGE)], ids=["English", "Japanese"])
def test_each_name_has_a_section_in_both_languages(page: Path) -> None:
    """The table of the page has each name that is printed, with a link to a heading that is there."""
    rows = re.findall(r"(?m)^\| `([^`]+)` \| \[[^\]]+\]\(#([\w-]+)\) \|$", page.read_text(encoding="utf-8"))
    assert dict(rows) == methods.ANCHORS
    assert set(methods.ANCHORS.values()) <= {anchor for _, anchor in bilingual.headings(page)}
    assert all(bilingual.sections(page)[anchor].strip() for anchor in methods.ANCHORS.values())


def test_no_name_is_without_a_section() -> None:
    """Every name in the module is in the table."""
    names = {value for name, value in vars(methods).items() if name.isupper() and isinstance(value, str)}
    assert {name.removeprefix(", ") for name in names} == set(methods.ANCHORS)


def test_what_is_printed_is_one_of_the_names() -> None:
    """Of values of every kind: single answers, means, judges' scores, clusters, few and many changes."""
    random, printed = np.random.default_rng(8), {share(0, 9, 9).method, share(50, 100, 100).method}
    for n in (2, 5, 12, 30, 300):
        for clusters in (None, np.arange(n) // 2):
            for scale, single in ((1, True), (1, False), (10, False)):
                for changing in (0.02, 0.3, 1):
                    right = random.integers(0, 2, n) if single else random.uniform(0, scale, n)
                    means = np.where(random.uniform(size=n) < changing, right, scale).astype(float)
                    printed.add(estimate(Values((), means, 1, clusters, right_or_wrong=single)).method)
                    found = difference(Pairs(means - scale, clusters, single, scale))
                    printed.add(found.method if found else "")
    names = {name for method in printed for name, _ in methods.sections(method)}
    assert names == set(methods.ANCHORS) - {methods.AVERAGE, methods.HOLM, methods.MARGIN, methods.POWER}
    assert list(methods.sections("")) == []
