"""`evalctl upgrade`: a newer version's files, and every change of a person kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl import cli
from evalctl.load import requirement
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


def test_a_clone_knows_the_text_before_although_the_file_was_merged(lab: Path, newer: Change, tmp_path: Path) -> None:
    """The text that evalctl wrote is in no commit then: the note has it."""
    edited(
        lab,
        SUITES,
        "swallow-all: [swallow, swallow-optional]",
        "swallow-all: [swallow, swallow-optional]\nshort: [en_mmlu]",
    )
    newer(SUITES, "swallow-ja:\n", "swallow-new: [ja_mmlu]\nswallow-ja:\n")
    assert upgrade(lab) == 0
    git(lab, "add", "--all")
    git(lab, "commit", "-qm", "upgrade")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-local", str(lab), str(clone))
    newer(SUITES, "swallow-new: [ja_mmlu]", "swallow-new: [ja_mmlu, en_mmlu]")
    assert upgrade(clone) == 0
    text = (clone / SUITES).read_text()
    assert "short: [en_mmlu]\n" in text and "swallow-new: [ja_mmlu, en_mmlu]\n" in text and "<<<<" not in text


def test_a_shallow_clone_says_what_it_lacks(
    lab: Path, newer: Change, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commit in which evalctl wrote the file is not there."""
    edited(lab, SUITES, "swallow-all: [swallow, swallow-optional]", "swallow-all: [swallow]")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", lab.as_uri(), str(clone))
    newer(SUITES, "swallow-ja:\n", "swallow-new: [ja_mmlu]\nswallow-ja:\n")
    assert upgrade(clone) == 1
    assert "git fetch --unshallow" in capsys.readouterr().err and git(clone, "status", "--porcelain") == ""


def test_line_ends_of_the_person_stay(lab: Path, newer: Change) -> None:
    """A file in CRLF is merged line by line."""
    text = (lab / SUITES).read_text().replace("\n", "\r\n") + "short: [en_mmlu]\r\n"
    (lab / SUITES).write_bytes(text.encode())
    (lab / ".gitattributes").write_text("* -text\n")
    git(lab, "commit", "-qam", "crlf")
    newer(SUITES, "swallow-ja:\n", "swallow-new: [ja_mmlu]\nswallow-ja:\n")
    assert upgrade(lab) == 0
    content = (lab / SUITES).read_bytes()
    assert (
        b"swallow-new: [ja_mmlu]\r\n" in content
        and b"short: [en_mmlu]\r\n" in content
        and b"\n" not in content.replace(b"\r\n", b"")
    )


def test_ignored_files_with_changes_stop_the_upgrade(
    lab: Path, newer: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are in no commit."""
    git(lab, "rm", "-q", "--cached", TEMPLATE)
    (lab / ".gitignore").write_text((lab / ".gitignore").read_text() + f"/{TEMPLATE}\n")
    git(lab, "commit", "-qam", "ignore")
    (lab / TEMPLATE).write_text((lab / TEMPLATE).read_text() + "# ours\n")
    newer(TEMPLATE, "max_new_tokens: 4096", "max_new_tokens: 8192")
    assert upgrade(lab) == 1
    assert "not committed" in capsys.readouterr().err and (lab / TEMPLATE).read_text().endswith("# ours\n")


def test_an_older_evalctl_does_not_downgrade(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The note names the version that wrote the files."""
    note = json.loads((lab / NOTE).read_text())
    (lab / NOTE).write_text(json.dumps({**note, "evalctl": "99.1"}))
    assert upgrade(lab) == 1
    assert "evalctl 99.1 wrote the files of this repository" in capsys.readouterr().err


def test_a_note_removes_no_result(lab: Path) -> None:
    """A pull request may have changed it."""
    result = lab / "results/hosted_vllm/a/b/default/en/x/result.json"
    result.parent.mkdir(parents=True)
    result.write_text("{}\n")
    git(lab, "add", "--all")
    git(lab, "commit", "-qm", "a result")
    note = json.loads((lab / NOTE).read_text())
    blob = git(lab, "hash-object", str(result)).strip()
    note["files"][result.relative_to(lab).as_posix()] = blob
    (lab / NOTE).write_text(json.dumps(note))
    assert upgrade(lab) == 0
    assert result.exists()


def test_lines_of_a_person_beside_the_version_are_kept(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only evalctl's own line is written again."""
    (lab / "requirements.txt").write_text("# evalctl\nevalctl-hpc==0.0.1  # ours\npandas\n")
    git(lab, "commit", "-qam", "ours")
    assert upgrade(lab) == 0
    assert (lab / "requirements.txt").read_text() == f"# evalctl\n{requirement.line()}  # ours\npandas\n"
