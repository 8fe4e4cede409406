"""Derived files follow from records and metrics.yaml: at each pass, without measuring anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalctl.model.aggregate import GENERATED_BY
from evalctl.model.metrics import Metrics
from evalctl.results.reading import OF_NEWER, aggregate_in
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan

FOLDER = "results/hosted_vllm/team/tiny/default"
AGGREGATE = f"{FOLDER}/aggregated_results.json"
FAKE = "results/hosted_vllm/team/Fake-1T/aggregated_results.json"
RENAMED = Metrics.model_validate(
    {"entries": [{"name": "sums", "function": "pick", "metrics": ["em"], "tasks": ["arithmetic"]}]}
)
MISNAMED = Metrics.model_validate(
    {"entries": [{"name": "arithmetic", "function": "pick", "metrics": ["exact"], "tasks": ["arithmetic"]}]}
)


def aggregate(clone: Clone) -> dict[str, Any]:
    """The committed aggregate."""
    found: dict[str, Any] = json.loads(git(clone.root, "show", f"HEAD:{AGGREGATE}"))
    return found


def committed(clone: Clone, path: str, text: str) -> None:
    """As a merged pull request leaves it."""
    (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
    (clone.root / path).write_text(text, encoding="utf-8")
    git(clone.root, "add", path)
    git(clone.root, "commit", "-q", "-m", "by hand")


def test_a_change_of_the_tables_re_aggregates_without_measuring(measured: Clone, world: World) -> None:
    """One commit, pushed; nothing is submitted, and the next pass has nothing to do."""
    starts = world.state()["starts"]
    report = sync(measured.context(metrics=RENAMED), [])
    assert report.commit == git(measured.root, "rev-parse", "HEAD") == git(measured.root, "rev-parse", "origin/main")
    assert aggregate(measured)["results"] == {"sums": 0.5}
    assert "| sums |" in git(measured.root, "show", "HEAD:results/README.md")
    assert world.state()["starts"] == starts
    assert sync(measured.context(metrics=RENAMED), []).commit is None
    assert measured.status() == ""


def test_a_metric_that_the_task_does_not_have_is_named_with_those_that_it_has(measured: Clone) -> None:
    """In the report, in the aggregate, and as a column of the leaderboard that does not disappear."""
    (warning,) = sync(measured.context(metrics=MISNAMED), []).warnings
    assert "arithmetic: task `arithmetic` has no metric `exact`; it has em" in warning
    document = aggregate(measured)
    assert document["results"] == {"arithmetic": -1}
    assert document["unmatched"] == {"arithmetic": "task `arithmetic` has no metric `exact`; it has em"}
    page = git(measured.root, "show", "HEAD:results/README.md")
    assert "| arithmetic |" in page and "| no metric |" in page and "has no metric `exact`; it has em" in page


def test_at_collection_such_a_metric_is_a_warning(clone: Clone, world: World) -> None:
    """The first moment at which it can be known."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    sync(clone.context(metrics=MISNAMED), plan(job))
    world.run_all()
    assert "has no metric `exact`; it has em" in "".join(sync(clone.context(metrics=MISNAMED), plan(job)).warnings)


def test_an_aggregate_that_no_record_supports_is_removed(measured: Clone) -> None:
    """A score enters the leaderboard by a record only."""
    forged = aggregate(measured) | {"model": "hosted_vllm/team/Fake-1T", "results": {"arithmetic": 0.99}}
    committed(measured, FAKE, json.dumps(forged))
    sync(measured.context(), [])
    assert git(measured.root, "ls-files", FAKE) == "" and not (measured.root / FAKE).exists()
    assert "Fake-1T" not in git(measured.root, "show", "HEAD:results/README.md")
    assert FAKE in git(measured.root, "log", "-1", "--format=%B")


@pytest.mark.parametrize("path", [AGGREGATE, "results/README.md"])
def test_an_edited_derived_file_is_made_anew(measured: Clone, path: str) -> None:
    """Byte for byte as before the edit."""
    before = git(measured.root, "show", f"HEAD:{path}")
    committed(measured, path, before.replace("0.5", "0.9"))
    assert sync(measured.context(), []).commit is not None
    assert git(measured.root, "show", f"HEAD:{path}") == before


def test_tables_that_are_not_committed_change_nothing(measured: Clone) -> None:
    """What is committed must follow from what is committed."""
    committed(measured, "manifests/tasks/metrics.yaml", "entries: []\n")
    (measured.root / "manifests/tasks/metrics.yaml").write_text("entries: [] # edited\n")
    before = git(measured.root, "rev-parse", "HEAD")
    (warning,) = sync(measured.context(metrics=RENAMED), []).warnings
    assert "metrics.yaml differs from the commit" in warning
    assert git(measured.root, "rev-parse", "HEAD") == before


def test_tables_with_a_mistake_change_nothing(measured: Clone) -> None:
    """No entry could be read: that must not empty every aggregate."""
    before = git(measured.root, "rev-parse", "HEAD")
    sync(measured.context(metrics=Metrics(entries=())), [])
    assert git(measured.root, "rev-parse", "HEAD") == before


def test_two_clones_re_aggregate_at_once(measured: Clone, new_clone: Any, tmp_path: Path) -> None:
    """The second one finds it done, and neither is left with a commit that cannot be pushed."""
    other = new_clone("bob", "bob")
    sync(measured.context(metrics=RENAMED), [])
    report = sync(other.context(metrics=RENAMED), [])
    assert report.exit_code == 0
    tips = {git(folder, "rev-parse", "main") for folder in (measured.root, other.root)}
    assert len(tips) == 1 and git(other.root, "rev-parse", "origin/main") in tips


def test_a_lost_memory_costs_time_only(measured: Clone) -> None:
    """Without it everything is computed again, and is the same."""
    sync(measured.context(), [])
    before = git(measured.root, "rev-parse", "HEAD")
    for damage in ("{", "[]", '{"schema": 1, "folders": []}'):
        (measured.root / ".evalctl/cache/derived.json").write_text(damage)
        sync(measured.context(), [])
    assert git(measured.root, "rev-parse", "HEAD") == before


@pytest.mark.parametrize("results", [{"arithmetic": 0.99}, {"arithmetic": None}, "none"])
def test_an_aggregate_that_only_says_it_is_newer_is_computed_again(measured: Clone, results: Any) -> None:
    """With other scores than its records give, or none at all: a planted number would keep false scores for ever."""
    planted = {**aggregate(measured), "generated_by": "evalctl aggregate 999"}
    planted["results"] = {**planted["results"], **results} if isinstance(results, dict) else results
    committed(measured, AGGREGATE, json.dumps(planted, indent=2))
    report = sync(measured.context(), [])
    assert report.commit is not None and not [one for one in report.warnings if "newer" in one]
    made = json.loads(git(measured.root, "show", f"HEAD:{AGGREGATE}"))
    assert made["results"]["arithmetic"] == 0.5 and made["generated_by"] == GENERATED_BY


FALSE = {
    "questions": 1000, "answers": 1, "clusters": None, "error": 0.001, "low": 0.499, "high": 0.501, "of_sampling": None,
    "method": "t interval",
}  # fmt: skip


ENDED = {
    **dict.fromkeys(("questions", "answers", "finished"), 10),
    **dict.fromkeys(("cut_off", "unended", "refused", "repeats", "empty", "unknown"), 0), "score": 0.9,
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "planted"),
    [
        ("uncertainty", {"arithmetic": FALSE}), ("uncertainty", {"arithmetic": 1}), ("uncertainty", []),
        ("uncertainty", {"arithmetic": {**FALSE, "low": "x"}}), ("stability", {"arithmetic": ENDED}),
    ],
)  # fmt: skip
def test_an_aggregate_that_says_it_is_newer_with_false_intervals_is_computed_again(
    measured: Clone, part: str, planted: Any
) -> None:
    """The scores are right, the interval does not follow from the records, by a method that is known here."""
    sound = aggregate(measured)
    newer = {**sound, "generated_by": "evalctl aggregate 999", part: planted}
    committed(measured, AGGREGATE, json.dumps(newer, indent=2))
    report = sync(measured.context(), [])
    assert report.commit is not None and not [one for one in report.warnings if "newer" in one]
    assert aggregate(measured) == sound and sound["generated_by"] == GENERATED_BY


def test_an_interval_by_a_method_that_is_not_known_is_left_and_not_shown(measured: Clone) -> None:
    """Readers of this evalctl leave out what they cannot check, and say so."""
    newer = {
        **aggregate(measured), "generated_by": "evalctl aggregate 999",
        "uncertainty": {"arithmetic": {**FALSE, "method": "tetrad interval"}},
    }  # fmt: skip
    committed(measured, AGGREGATE, json.dumps(newer, indent=2))
    assert [one for one in sync(measured.context(), []).warnings if "1 aggregate of a newer evalctl" in one]
    read = aggregate_in(json.dumps(newer).encode())
    assert read is not None and read.uncertainty == {} and OF_NEWER in read.warnings


def test_an_aggregate_of_a_newer_evalctl_is_left_to_it(measured: Clone, new_clone: Any) -> None:
    """Two clones with two versions do not undo each other's commits; each pass of the older one says so."""
    newer = json.dumps({**aggregate(measured), "generated_by": "evalctl aggregate 999", "form": "another"}, indent=2)
    committed(measured, AGGREGATE, newer)
    committed(measured, "results/README.md", "as the newer one writes it\n")
    git(measured.root, "push", "-q")
    before = git(measured.root, "rev-parse", "HEAD")
    for _ in range(2):
        report = sync(measured.context(), [])
        assert [one for one in report.warnings if "1 aggregate of a newer evalctl" in one and AGGREGATE in one]
    assert git(measured.root, "rev-parse", "HEAD") == before
    committed(measured, AGGREGATE, newer.replace("aggregate 999", "aggregate 1"))
    report = sync(measured.context(), [])
    assert report.commit is not None and not [one for one in report.warnings if "newer" in one]
    assert "| 0.5000" in git(measured.root, "show", "HEAD:results/README.md")
