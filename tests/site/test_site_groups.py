"""The best group of a column: who is in it and who is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from planted_site import planted

from evalctl.commands.site import site_of
from evalctl.git.repository import open_repository
from evalctl.site.board import board
from evalctl.site.source import Site
from evalctl.site.ties import groups

MODELS = ["a/one", "a/two"]
ONE, TWO = (f"results/hosted_vllm/{name}" for name in MODELS)


def at_head(root: Path) -> Site:
    """The site of the last commit."""
    return site_of(open_repository(root), "HEAD")


def groups_of(site: Site) -> Mapping[str, frozenset[str]]:
    """By column."""
    return groups(site, board(site, {}).columns)


@pytest.mark.parametrize(
    ("questions", "right", "tied"), [(30, 25, True), (20, 15, True), (100, 95, True), (30, 24, False)]
)
def test_a_model_with_all_answers_right_leaves_out_none_that_the_comparison_does_not(
    tmp_path: Path, questions: int, right: int, tied: bool
) -> None:
    """A score of 100 % has no error; the exact test of five questions that differ still gives p = 0.0625, of six 0.03125."""
    site = at_head(planted(tmp_path, MODELS, questions, right=(questions, right)))
    found = groups_of(site)
    numbers = {column.name: column.numbers[ONE] for column in board(site, {}).columns if not column.is_average}
    single = [name for name, one in numbers.items() if one.questions == questions and one.clusters is None]
    assert len(single) > 5 and all(numbers[name].value == numbers[name].high for name in single)
    assert {name: TWO in found[name] for name in single} == dict.fromkeys(single, tied)
