"""Question sets and values of questions: taken over with each result that has them, bound to it, and never at its expense."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl.model.run import Action, Attempt, Phase, Step
from evalctl.results import derived
from evalctl.results.derived import on_disk
from evalctl.results.question_values import path_of
from evalctl.results.submission import of_job
from evalctl.sync.collect import Collected, collect
from evalctl.sync.sync import sync

from .world import METRICS, Clone, World, finish, git, make_eval, make_job, plan, questions_done

AT = "results/hosted_vllm/team/tiny/default/en/arithmetic"
New = Callable[..., Clone]


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """One task, done and accepted."""
    job = make_job(make_eval("arithmetic"))
    (tmp_path / "submission.json").write_text(json.dumps(of_job(job, "c" * 40, "s" * 64, "").as_json()))
    (tmp_path / "attempt.json").write_text('{"run_tasks": []}')
    finish(tmp_path, {}, "", 1000)
    digests = {task.evaluation.task.key: task.evaluation.digest for task in job.tasks}
    return Attempt(job.name, 1, "ev-x-a1", Phase.SUBMITTED, "site", job.request, digests, str(tmp_path), 1.0)


def collected(attempt: Attempt) -> Collected:
    """The attempt's results."""
    step = Step(attempt.job, Action.COLLECT, "finished")
    return collect(Path(attempt.run_dir), attempt, step, cancelled=False)


def test_a_result_names_the_files_with_its_questions(attempt: Attempt) -> None:
    """By their digests, so that the ledger's fingerprint of the result covers them."""
    found = collected(attempt)
    ((path, text),) = found.files.items()
    named, files = json.loads(text)["per_question"], found.beside[path]
    assert found.problems == ()
    assert set(files) == {path_of(path), f"results/questions/en_arithmetic-{named['questions']}.tsv"}
    assert hashlib.sha256(files[path_of(path)].encode()).hexdigest() == named["scores"]
    assert json.loads(files[path_of(path)])["metrics"] == {"em": {"form": "digits", "values": "0101010101"}}


def _link(folder: Path) -> None:
    (folder / "scores.json").rename(folder / "else.json")
    (folder / "scores.json").symlink_to(folder / "else.json")


def _changed(old: str, new: str, name: str = "scores.json") -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda folder: (folder / "scores.json").unlink(), "its job wrote none"),
        (lambda folder: (folder / "questions.tsv").unlink(), "its job wrote none"),
        (_link, "links are not followed"),
        (lambda folder: (folder / "scores.json").write_text(" " * (8 * 1024 * 1024 + 1)), "at most 8388608 are read"),
        (lambda folder: (folder / "scores.json").write_text("[" * 100_000), "nested"),
        (lambda folder: (folder / "questions.tsv").write_bytes(b"\xff"), "utf-8"),
        (lambda folder: (folder / "questions.tsv").write_text("# evalctl/questions/1\n"), "has no question"),
        (_changed("arithmetic|0", "arithmetic|0\t", "questions.tsv"), "is no question"),
        (_changed("arithmetic|0", "other|0", "questions.tsv"), "of which the record has no score"),
        (_changed("0101010101", "0101010100"), "the record has 0.5"),
        (_changed("0101010101", "01010101"), "these are not the values of 10 questions"),
        (_changed('"em"', '"sk-secret"'), "metrics that the record does not have"),
        (_changed('"of_whole_texts": []', '"of_whole_texts": ["x"]'), "metrics that the record does not have"),
        (_changed('"em": {', '"em": [1], "": {'), "metrics that the record does not have"),
        (_changed("scores/1", "scores/2"), "another form"),
        (_changed('"answers": 1', '"answers": 0'), "not a number of answers"),
        (_changed('"answers": 1', '"answers": 1, "ends": {"answers": 1, "cut_off": 2}'), "more answers are `cut_off` than there are"),
        (lambda folder: questions_done(folder.parents[1], "en_arithmetic", "other|0", "01"), "no score"),
    ],
)  # fmt: skip
def test_damaged_files_cost_the_result_nothing(attempt: Attempt, damage: Callable[[Path], object], why: str) -> None:
    """It is collected without them, and a warning says why."""
    damage(Path(attempt.run_dir) / "tasks/en_arithmetic")
    found = collected(attempt)
    ((path, text),) = found.files.items()
    assert found.outcome == "collected" and "per_question" not in json.loads(text) and not found.beside[path]
    (problem,) = found.problems
    assert problem.startswith("en_arithmetic: its result has no values of single questions: ") and why in problem


def test_nothing_else_of_a_jobs_files_is_committed(attempt: Attempt) -> None:
    """Further keys may hold anything; and a set that is written in another form has another digest."""
    _changed('"answers": 1', '"answers": 1, "note": "what a job may say"')(
        Path(attempt.run_dir) / "tasks/en_arithmetic"
    )
    found = collected(attempt)
    (files,) = found.beside.values()
    assert len(files) == 2 and "may say" not in "".join(files.values())


def sets(clone: Clone) -> list[str]:
    """The committed question sets."""
    return git(clone.root, "ls-files", "results/questions").split()


def test_the_aggregate_says_how_sure_an_entry_is(measured: Clone) -> None:
    """Beside the lab's form, from what is in git: on disk the same follows."""
    document = json.loads(
        git(measured.root, "show", f"HEAD:{AT.removesuffix('/en/arithmetic')}/aggregated_results.json")
    )
    found = document["uncertainty"]["arithmetic"]
    assert (document["results"]["arithmetic"], found["questions"], found["method"]) == (
        0.5,
        10,
        "Clopper-Pearson interval",
    )
    assert (found["low"], found["high"]) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert set(document["uncertainty"]) == {"arithmetic"}
    assert "| 0.5000 ±0.3129 |" in git(measured.root, "show", "HEAD:results/README.md")
    assert "  arithmetic 0.5000 ±0.3129 (n = 10)" in git(measured.root, "log", "-1", "--format=%B").splitlines()
    assert "  ±: Clopper-Pearson interval" in git(measured.root, "log", "-1", "--format=%B").splitlines()
    assert "Intervals: Clopper-Pearson interval." in git(measured.root, "show", "HEAD:results/README.md").splitlines()
    assert sync(measured.context(), []).commit is None
    texts, _ = derived.everything(on_disk(measured.root), METRICS)
    assert all((measured.root / path).read_text() == text for path, text in texts.items())


def test_a_set_is_committed_once_and_a_copy_has_the_files(measured: Clone, world: World) -> None:
    """Another request for the same eval at another place, and a second model with the same questions."""
    copy = make_eval("arithmetic", settings="again")
    other = make_job(copy, request="manifests/requests/two.yaml", stem="two")
    measured.add_script(other)
    sync(measured.context(), plan(other))
    second = make_job(
        make_eval("arithmetic", model="team/small"), request="manifests/requests/three.yaml", stem="three"
    )
    measured.add_script(second)
    sync(measured.context(), plan(second))
    world.run_all()
    sync(measured.context(), plan(second))
    assert len(sets(measured)) == 1
    places = [AT, AT.replace("default", "again"), AT.replace("tiny", "small")]
    assert [(measured.root / place / "scores.json").is_file() for place in places] == [True] * 3
    aggregates = [json.loads((measured.root / one / "../../aggregated_results.json").read_text()) for one in places]
    assert [one["uncertainty"]["arithmetic"]["questions"] for one in aggregates] == [10] * 3
    assert measured.status() == ""


@pytest.mark.parametrize("path", [f"{AT}/scores.json", "set"])
def test_an_aggregate_follows_the_files_with_its_values(measured: Clone, path: str) -> None:
    """One that is changed by hand says nothing any more; restored, it counts again."""
    path = sets(measured)[0] if path == "set" else path
    text = (measured.root / path).read_text()
    for content, entries in [("damaged\n", set[str]()), (text, {"arithmetic"})]:
        (measured.root / path).write_text(content)
        git(measured.root, "commit", "-q", "-am", "by hand")
        assert sync(measured.context(), []).commit is not None
        made = json.loads((measured.root / AT / "../../aggregated_results.json").read_text())
        assert set(made["uncertainty"]) == entries and made["results"]["arithmetic"] == 0.5


@pytest.mark.parametrize("pushed_first", [False, True])
def test_values_of_a_result_that_was_replaced_go_with_it(
    measured: Clone, world: World, new_clone: New, pushed_first: bool
) -> None:
    """The place is measured again and its job writes no values: the old ones, of the same mean, are not the new result's."""
    bob = new_clone("bob", "bob")
    again = make_job(make_eval("arithmetic", version="2"), request="manifests/requests/two.yaml", stem="two")
    measured.add_script(again)
    git(measured.root, "push", "-q")
    sync(measured.context(), plan(again))
    world.run_all()
    for file in (measured.root / ".evalctl").rglob("questions.tsv"):
        file.unlink()
    if pushed_first:
        other = make_job(make_eval("capitals"), request="manifests/requests/three.yaml", stem="three")
        git(bob.root, "pull", "-q")
        bob.add_script(other)
        git(bob.root, "push", "-q")
    assert sync(measured.context(), plan(again)).exit_code == 0
    record = json.loads(git(measured.root, "show", f"origin/main:{AT}/result.json"))
    assert record["digest"] == again.tasks[0].evaluation.digest and "per_question" not in record
    tree = git(measured.root, "ls-tree", "-r", "--name-only", "origin/main", "results").split()
    assert not [path for path in tree if path.endswith("/scores.json")]
    made = json.loads((measured.root / AT / "../../aggregated_results.json").read_text())
    assert (made["results"]["arithmetic"], made["uncertainty"]) == (0.5, {})
    assert sync(measured.context(), []).commit is None and measured.status() == ""


def test_results_that_are_put_on_top_of_others_keep_the_files(clone: Clone, new_clone: New, remote: Path) -> None:
    """Two clones push at once: the second one's commit is made again, with values and sets."""
    jobs = [
        make_job(make_eval("arithmetic")),
        make_job(make_eval("capitals"), request="manifests/requests/two.yaml", stem="two"),
    ]
    for job in jobs:
        clone.add_script(job)
    git(clone.root, "push", "-q")
    both = [clone, new_clone("bob", "bob")]
    for each, job in zip(both, jobs, strict=True):
        sync(each.context(), plan(job))
        each.world.run_all()
        assert sync(each.context(), plan(job)).exit_code == 0
    tree = git(remote, "ls-tree", "-r", "--name-only", "main", "results").split()
    assert sum(path.endswith("/scores.json") for path in tree) == sum(path.endswith(".tsv") for path in tree) == 2
    made = json.loads(git(remote, "show", f"main:{AT.removesuffix('/en/arithmetic')}/aggregated_results.json"))
    assert set(made["uncertainty"]) == {"arithmetic", "capitals"}
