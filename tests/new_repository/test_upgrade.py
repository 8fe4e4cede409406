"""`evalctl upgrade`: a newer version's files, and every change of a person kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl import cli
from evalctl.new_repository import shipped

from .conftest import git

TEMPLATE, SUITES, SERVICE = (
    "manifests/models/template.yaml",
    "manifests/tasks/suites.yaml",
    "manifests/services/tsubame.yaml",
)
NOTE = "manifests/shipped.json"
Change = Callable[[str, str, str], None]


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Change:
    """Changes a file that the next version of evalctl ships."""
    top = tmp_path / "shipped"
    for part in ("manifests", ".github"):
        shutil.copytree(shipped.FOLDER / part, top / part)
    monkeypatch.setattr(shipped, "FOLDER", top)

    def change(path: str, old: str, new: str) -> None:
        text = (top / path).read_text()
        assert old in text
        (top / path).write_text(text.replace(old, new, 1))

    return change


def edited(root: Path, path: str, old: str, new: str) -> None:
    """A change of the person, committed."""
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new, 1))
    git(root, "commit", "-qam", "ours")


def upgrade(root: Path, *words: str) -> int:
    """The command."""
    return cli.main(["--repo", str(root), "upgrade", *words])


def test_without_a_newer_version_nothing_changes(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the person has changed."""
    edited(lab, SUITES, "swallow: [", "short: [en_mmlu]\nswallow: [")
    assert upgrade(lab) == 0
    assert "every file is that of evalctl" in capsys.readouterr().out
    assert git(lab, "status", "--porcelain") == ""


def test_an_unchanged_file_becomes_that_of_the_new_version(lab: Path, newer: Change) -> None:
    """And the next upgrade knows it."""
    newer(TEMPLATE, "max_new_tokens: 4096", "max_new_tokens: 8192")
    assert upgrade(lab) == 0
    assert "max_new_tokens: 8192" in (lab / TEMPLATE).read_text()
    git(lab, "commit", "-qam", "upgrade")
    assert upgrade(lab) == 0
    assert git(lab, "status", "--porcelain") == ""


def test_a_persons_change_and_the_new_versions_are_both_kept(lab: Path, newer: Change) -> None:
    """They touch different lines."""
    edited(
        lab,
        SUITES,
        "swallow-all: [swallow, swallow-optional]",
        "swallow-all: [swallow, swallow-optional]\nshort: [en_mmlu]",
    )
    newer(SUITES, "swallow-ja:\n", "swallow-new: [ja_mmlu]\nswallow-ja:\n")
    assert upgrade(lab) == 0
    text = (lab / SUITES).read_text()
    assert "short: [en_mmlu]\n" in text and "swallow-new: [ja_mmlu]\n" in text


def test_conflicting_changes_are_marked_and_exit_1(
    lab: Path, newer: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """No manifest with marks passes `check`; the person's text is in it and in git."""
    edited(lab, SUITES, "swallow-all: [swallow, swallow-optional]", "swallow-all: [swallow]")
    newer(SUITES, "swallow-all: [swallow, swallow-optional]", "swallow-all: [swallow, swallow-more]")
    assert upgrade(lab) == 1
    assert f"{SUITES}: conflict" in capsys.readouterr().out
    text = (lab / SUITES).read_text()
    assert "<<<<<<< yours\nswallow-all: [swallow]\n" in text and ">>>>>>> evalctl" in text
    assert cli.main(["--repo", str(lab), "check"]) == 1
    git(lab, "checkout", "--", SUITES)
    assert "swallow-all: [swallow]\n" in (lab / SUITES).read_text()


def test_a_deleted_file_stays_deleted(lab: Path, newer: Change, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in the upgrade after that."""
    git(lab, "rm", "-q", SERVICE)
    git(lab, "commit", "-qm", "no tsubame")
    newer(SERVICE, "TSUBAME", "TSUBAME4")
    for _ in range(2):
        assert upgrade(lab) == 0
        assert not (lab / SERVICE).exists()
    assert f"{SERVICE}: stays deleted" in capsys.readouterr().out


def test_a_file_that_is_shipped_no_more_is_removed_unless_it_was_changed(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that evalctl drops: the person's own stays."""
    edited(lab, SERVICE, "scheduler: gridengine", "scheduler: gridengine # ours")
    monkeypatch.setattr(shipped, "services", lambda: ["abci"])
    assert upgrade(lab) == 0
    assert (lab / SERVICE).exists() and not (lab / "manifests/services/local.yaml").exists()


def test_a_file_that_the_person_had_before_evalctl_shipped_one_is_kept(
    tmp_path: Path, newer: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was never evalctl's."""
    git(tmp_path, "init", "-q", "own")
    (tmp_path / "own/README.md").write_text("# ours\n")
    assert cli.main(["init", "own"]) == 0
    git(tmp_path / "own", "add", "--all")
    git(tmp_path / "own", "commit", "-qm", "init")
    newer(TEMPLATE, "max_new_tokens: 4096", "max_new_tokens: 8192")
    assert upgrade(tmp_path / "own") == 0
    assert (tmp_path / "own/README.md").read_text() == "# ours\n"
    assert "README.md: yours: kept" in capsys.readouterr().out


def test_changes_that_are_not_committed_stop_the_upgrade(
    lab: Path, newer: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written."""
    newer(TEMPLATE, "max_new_tokens: 4096", "max_new_tokens: 8192")
    (lab / TEMPLATE).write_text((lab / TEMPLATE).read_text() + "# ours\n")
    before = (lab / TEMPLATE).read_text()
    assert upgrade(lab) == 1
    assert f"{TEMPLATE} has changes that are not committed" in capsys.readouterr().err
    assert (lab / TEMPLATE).read_text() == before


def test_a_dry_run_writes_nothing(lab: Path, newer: Change, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what would change."""
    newer(TEMPLATE, "max_new_tokens: 4096", "max_new_tokens: 8192")
    assert upgrade(lab, "--dry-run") == 0
    assert f"{TEMPLATE}: would change" in capsys.readouterr().out
    assert git(lab, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda note: "{",
        lambda note: json.dumps({**note, "schema": "other"}),
        lambda note: json.dumps({**note, "catalogue": "swallow-2031"}),
        lambda note: json.dumps({**note, "services": 7}),
        lambda note: json.dumps({**note, "files": {"../outside": "0" * 40}}),
        lambda note: json.dumps({**note, "files": {".git/config": "0" * 40}}),
        lambda note: json.dumps({**note, "files": {"README.md": "--batch"}}),
    ],
)
def test_a_note_that_cannot_be_read_is_an_error(
    damage: Callable[[dict[str, object]], str], lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It comes from a commit: nothing outside of the work tree is touched."""
    (lab / NOTE).write_text(damage(json.loads((lab / NOTE).read_text())))
    assert upgrade(lab) == 1
    assert f"{NOTE} cannot be read" in capsys.readouterr().err


def test_a_repository_that_init_did_not_make_says_what_to_type(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no note."""
    (lab / NOTE).unlink()
    assert upgrade(lab) == 1
    assert "evalctl init . adds what is missing" in capsys.readouterr().err
