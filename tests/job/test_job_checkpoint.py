"""What a job says of a checkpoint on disk is what its model card says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalctl.cards import folder_revision
from evalctl.cards.source import SMALL
from evalctl_job import checkpoint

PROGRAM = Path(checkpoint.__file__)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small file, a large one, a hidden one and a subfolder."""
    top = tmp_path / "a model"
    (top / "sub").mkdir(parents=True)
    (top / "config.json").write_text("{}")
    (top / ".hidden").write_text("x")
    (top / "sub" / "file").write_text("x")
    with (top / "model.safetensors").open("wb") as file:
        file.write(b"header")
        file.truncate(SMALL + 1_000_000)
    (top / "日本語.txt").write_text("x")
    return top


@pytest.mark.parametrize("whole", [False, True])
def test_a_job_computes_what_lock_has_written(folder: Path, whole: bool) -> None:
    """One digest, whoever computes it."""
    assert folder_revision(folder, whole=whole) == checkpoint.revision(folder, whole=whole)


def test_whole_sees_a_change_of_one_byte_anywhere(folder: Path) -> None:
    """The cheap digest reads pieces of large files: a byte between two of them is seen with `whole` alone."""
    cheap, whole = checkpoint.revision(folder), checkpoint.revision(folder, whole=True)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"x")
    assert checkpoint.revision(folder) == cheap
    assert checkpoint.revision(folder, whole=True) != whole


def test_the_program_says_what_is_wrong(folder: Path) -> None:
    """Status 0 and no word for the card's files; status 1 and a line for others, or none."""
    assert _run(folder, folder_revision(folder)) == (0, "")
    assert _run(folder, folder_revision(folder, whole=True), "--whole") == (0, "")
    status, said = _run(folder, "a" * 64)
    assert (status, "are not those of the model card" in said) == (1, True)
    status, said = _run(folder / "away", "a" * 64)
    assert (status, "cannot be read: No such file" in said) == (1, True)


def _run(folder: Path, revision: str, *more: str) -> tuple[int, str]:
    words: list[str | Path] = [sys.executable, PROGRAM, "--path", folder, "--revision", revision, *more]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode, done.stdout
