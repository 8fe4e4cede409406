"""The judges of a task: which model scored its answers, who serves it, and with which prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from evalctl_job.judges import Judged, judges_of, recorded

ONE, OTHER = Judged("a*", "m", "p", "tasks/one.py"), Judged("a*", "n", "q", "other.py")
Installed = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Puts a lighteval with these files, by path and content, on Python's path."""

    def put(folder: str, files: dict[str, str]) -> None:
        for name, content in files.items():
            path = tmp_path / folder / "lighteval" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        monkeypatch.syspath_prepend(tmp_path / folder)

    return put


def test_a_task_names_its_judges() -> None:
    """Both dialects; a task that its framework scores has none."""
    assert [one.model for one in judges_of("swallow|japanese_mt_bench|0")] == ["gpt-4o-2024-08-06"]
    assert [one.model for one in judges_of("mt_bench|0")] == ["flowaicom/Flow-Judge-v0.1"]
    assert judges_of("swallow|humaneval|0") == () and recorded(()) == {}
    # no lighteval here
    assert recorded(judges_of("hle|0")) == {"model": "gpt-4o-2024-08-06", "provider": "openai"}


def test_the_prompts_of_a_judge_are_recorded_as_a_digest_of_the_installed_files(installed: Installed) -> None:
    """SHA-256 of their contents in the order of the judges, cut to 16 digits; a file of two judges counts once."""
    installed("site", {"__init__.py": "raise RuntimeError('this takes seconds')", "tasks/one.py": "A", "other.py": "B"})
    digest = hashlib.sha256(b"AB").hexdigest()[:16]
    assert recorded((ONE, OTHER)) == {"model": "m, n", "provider": "p, q", "prompts": digest}
    assert recorded((OTHER, ONE))["prompts"] == hashlib.sha256(b"BA").hexdigest()[:16]
    assert recorded((ONE, OTHER, Judged("a*", "o", "r", OTHER.prompts)))["prompts"] == digest


def test_prompts_that_are_not_all_there_have_no_digest(installed: Installed) -> None:
    """Whichever of the files is missing, nobody knows the prompts of all judges."""
    installed("site", {"__init__.py": "", "tasks/one.py": "A"})
    assert "prompts" not in recorded((ONE, OTHER)) and "prompts" not in recorded((OTHER,))
    assert recorded((ONE,))["prompts"] == hashlib.sha256(b"A").hexdigest()[:16]


def test_prompts_that_are_there_twice_have_no_digest(installed: Installed) -> None:
    """Of two folders with one name, nobody knows which one was used."""
    for folder in ("site", "dist"):
        installed(folder, {"tasks/one.py": "A"})
    assert "prompts" not in recorded((ONE,))


def test_a_single_file_of_that_name_has_no_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no framework."""
    (tmp_path / "lighteval.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert "prompts" not in recorded((ONE,))
