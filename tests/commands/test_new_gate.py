"""`evalctl new gate`, and `--baseline` of a new request."""

from __future__ import annotations

from pathlib import Path

import pytest
from samples import repository

from evalctl import cli

WORDS = (
    "new",
    "gate",
    "release",
    "--baseline",
    "lab/large-70B",
    "--model",
    "lab/small-8B",
    "--tasks",
    "ja,en_code",
    "--margin",
    "0.02",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The manifests of the golden cases."""
    return repository(tmp_path, {})


def test_a_gate_is_written_as_it_was_asked_for(root: Path) -> None:
    """A rule for each suite or task; the file is right."""
    assert cli.main(["--repo", str(root), *WORDS, "--custom-settings", "ja", "--reason", "公開の前に"]) == 0
    assert (root / "manifests/gates/release.yaml").read_text(encoding="utf-8") == (
        "# yaml-language-server: $schema=../../schema/gate.schema.json\n"
        "baseline: lab/large-70B\ncandidates:\n- {model: lab/small-8B, custom_settings: ja}\n"
        "required:\n- {suite: ja, margin: 0.02}\n- {suite: en_code, margin: 0.02}\nreason: 公開の前に\n"
    )
    assert cli.main(["--repo", str(root), "check"]) == 0


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("ja,en_code", "jaa", "unknown-task"), ("lab/small-8B", "lab/small-9B", "unknown-model"), ("0.02", "0", "out-of-range"),
        ("lab/small-8B", "lab/large-70B", "duplicate-key"), ("release", "a/b", "unread-file"), ("release", "../../x", "unread-file"),
    ],
)  # fmt: skip
def test_nothing_wrong_is_written(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: str
) -> None:
    """The mistake is named, and no file is there."""
    before = sorted(root.rglob("*.yaml"))
    assert cli.main(["--repo", str(root), *(new if word == old else word for word in WORDS)]) == 1
    assert f"error[{code}]" in capsys.readouterr().out
    assert sorted(root.rglob("*.yaml")) == before


def test_no_gate_is_overwritten_and_what_is_missing_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to type."""
    assert cli.main(["--repo", str(root), *WORDS]) == 0
    assert cli.main(["--repo", str(root), *WORDS]) == 1
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["--repo", str(root), "new", "gate", "other", "--model", "lab/small-8B"]) == 1
    assert "a gate needs baseline, tasks, margin" in capsys.readouterr().err


def test_a_new_request_names_its_baseline(root: Path) -> None:
    """As any other key."""
    words = (
        "new",
        "a",
        "--model",
        "lab/small-8B",
        "--service",
        "tsubame",
        "--tasks",
        "ja",
        "--baseline",
        "lab/large-70B",
    )
    assert cli.main(["--repo", str(root), *words]) == 0
    assert "baseline: lab/large-70B\n" in (root / "manifests/requests/a.yaml").read_text(encoding="utf-8")
