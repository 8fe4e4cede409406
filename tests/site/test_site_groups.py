"""The best group of a column: who is in it, who is not, and which models it says nothing about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from planted_site import commit, derive, planted, tables

from evalctl import cli
from evalctl.commands.site import site_of
from evalctl.git.repository import open_repository
from evalctl.site.board import BestGroup, board
from evalctl.site.source import ResultSite
from evalctl.site.ties import groups

MODELS = ["a/one", "a/two", "a/three"]
ONE, TWO, THREE = (f"results/hosted_vllm/{name}" for name in MODELS)


def at_head(root: Path) -> ResultSite:
    """The site of the last commit."""
    return site_of(open_repository(root), "HEAD")


def groups_of(site: ResultSite) -> Mapping[str, BestGroup]:
    """By column."""
    return groups(site, board(site, {}).columns)


def changed(root: Path, model: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """The repository with all records of a model changed, and what follows from them."""
    for path in (root / model).rglob("result.json"):
        record = json.loads(path.read_text("utf-8"))
        change(record)
        if "per_question" not in record:
            path.with_name("scores.json").unlink()
        path.write_text(json.dumps(record), encoding="utf-8")
    derive(root, tables(root)[0])
    return commit(root, "changed")


def without_values(record: dict[str, Any]) -> None:
    """As a record of an older evalctl is."""
    del record["per_question"]


def asked_less(record: dict[str, Any]) -> None:
    """As a record of a run with max_samples is."""
    record["max_samples"] = 20


@pytest.mark.parametrize(
    ("questions", "right", "tied"), [(30, 25, True), (20, 15, True), (100, 95, True), (30, 24, False)]
)
def test_a_model_with_all_answers_right_leaves_out_none_that_the_comparison_does_not(
    tmp_path: Path, questions: int, right: int, tied: bool
) -> None:
    """A score of 100 % has no error; the exact test of five questions that differ still gives p = 0.0625, of six 0.03125."""
    site = at_head(planted(tmp_path, MODELS[:2], questions, right=(questions, right)))
    found = groups_of(site)
    numbers = {column.name: column.numbers[ONE] for column in board(site, {}).columns if not column.is_average}
    single = [name for name, one in numbers.items() if one.questions == questions and one.clusters is None]
    assert len(single) > 5 and all(numbers[name].value == numbers[name].high for name in single)
    assert {name: TWO in found[name].members for name in single} == dict.fromkeys(single, tied)


@pytest.mark.parametrize("change", [without_values, asked_less])
def test_a_model_that_cannot_be_compared_is_not_said_to_be_beaten(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """It is in no group, which is said to be of the others, with the number of models that it says nothing about."""
    root = planted(tmp_path / "clone", MODELS, 20, right=(20, 20, 19))
    found = groups_of(at_head(changed(root, THREE, change)))
    assert set(found.values()) == {BestGroup(frozenset({ONE, TWO}), 1)}
    assert cli.main(["--repo", str(root), "results", "site", "-o", str(tmp_path / "site")]) == 0
    english, japanese = ((tmp_path / "site" / path).read_text("utf-8") for path in ("index.html", "ja/index.html"))
    assert (
        "the best of the models that can be compared is among them" in english and "比較できるモデルのうち" in japanese
    )
    assert "cannot be compared with the first" in english and "先頭のモデルと比べられないモデルの数" in japanese
    assert all(f"{name}: 1" in text for name in found for text in (english, japanese))


def test_a_first_model_that_none_can_be_compared_with_is_no_group(tmp_path: Path) -> None:
    """Nothing is known of who is as good as it."""
    root = changed(planted(tmp_path, MODELS[:2], 20, right=(20, 5)), TWO, without_values)
    assert set(groups_of(at_head(root)).values()) == {BestGroup(frozenset(), 1)}


def test_a_model_with_the_result_of_the_first_is_as_good_as_it(tmp_path: Path) -> None:
    """One result that two settings share was measured once: nothing differs."""
    root = planted(tmp_path, MODELS[:2], 20, right=(15, 15))
    for path in (root / ONE).rglob("result.json"):
        twin = root / TWO / path.relative_to(root / ONE)
        record, other = (json.loads(one.read_text("utf-8")) for one in (path, twin))
        twin.write_text(json.dumps({**record, "subject": other["subject"]}), encoding="utf-8")
    derive(root, tables(root)[0])
    found = groups_of(at_head(commit(root, "reused")))
    assert set(found.values()) == {BestGroup(frozenset({ONE, TWO}))}


def test_where_a_lower_score_is_better_the_lowest_is_the_best(tmp_path: Path) -> None:
    """By metrics.yaml: the order of the models, the best group, and a mark at the column's name."""
    root = planted(tmp_path / "clone", MODELS, 40, right=(35, 5, 6), only=["ja_math_100"])
    path = root / "manifests/tasks/metrics.yaml"
    (name,) = groups_of(at_head(root))
    path.write_text(
        path.read_text("utf-8").replace(f"{{name: {name},", f"{{name: {name}, lower_is_better: true,"), encoding="utf-8"
    )
    site = at_head(commit(root, "turned"))
    found = groups_of(site)
    assert found[name].members == {TWO, THREE}
    assert [model.folder for model in board(site, found).models] == [TWO, THREE, ONE]
    assert cli.main(["--repo", str(root), "results", "site", "-o", str(tmp_path / "site")]) == 0
    assert 'title="lower is better"' in (tmp_path / "site/index.html").read_text("utf-8")
