"""The digest names an environment: it changes with everything that is installed, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evalctl.environments import FOLDER, catalogue
from evalctl.environments.recipes import JOB_PROGRAM


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The committed environments and the job program beside them, to be changed freely."""
    shutil.copytree(FOLDER.parent / JOB_PROGRAM, tmp_path / JOB_PROGRAM)
    return Path(shutil.copytree(FOLDER, tmp_path / "environments"))


def digests(folder: Path) -> dict[str, str]:
    """Every environment's digest."""
    return {name: environment.digest for name, environment in catalogue(folder).items()}


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_installed_file_counts(name: str, copy: Path) -> None:
    """One byte more in the lock, in the source or in any file of a local package gives another digest."""
    environment = catalogue(copy)[name]
    local = [path for _, path in environment.installed]
    for path in [environment.lock_path, *environment.source, *local]:
        before = catalogue(copy)[name].digest
        path.write_bytes(path.read_bytes() + b"\n")
        assert catalogue(copy)[name].digest != before, path


def test_a_package_is_installed_with_its_pth_files() -> None:
    """They alone of the files that lie beside its sub-folders: Python reads them when it starts."""
    installed = {name for name, _ in catalogue()["lighteval-swallow"].installed}
    assert {"swallow_offline.pth", "swallow_offline/__init__.py", "evalctl_job/run.py"} <= installed
    assert not [name for name in installed if name.endswith(".toml")]
    assert [name for name, _ in catalogue()["vllm"].installed] == []  # a server needs no program of a job


def test_a_moved_line_between_files_counts(copy: Path) -> None:
    """Two files with their contents exchanged are not the same environment."""
    before = digests(copy)["lighteval-swallow"]
    stub = copy / "packages" / "vllm-stub" / "vllm"
    (stub / "logger.py").rename(stub / "kept")
    (stub / "__init__.py").rename(stub / "logger.py")
    (stub / "kept").rename(stub / "__init__.py")
    assert digests(copy)["lighteval-swallow"] != before


def test_what_is_not_installed_does_not_count(copy: Path) -> None:
    """Explanations, wishes, caches and build descriptions change no environment; neither does the folder's place."""
    before = digests(copy)
    (copy / "README.md").write_text("other words")
    (copy / "lighteval.in").write_text("# other words")
    (copy / "packages" / "evalctl-tasks" / "pyproject.toml").write_text("")
    cache = copy.parent / JOB_PROGRAM / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "relay.cpython-311.pyc").write_bytes(b"compiled")
    assert digests(copy) == before == digests(FOLDER)


def test_a_lock_is_of_one_environment(copy: Path) -> None:
    """Renewing one lock leaves the other environments as they are."""
    before = digests(copy)
    with (copy / "vllm.lock").open("a") as lock:
        lock.write("# renewed\n")
    assert [name for name, digest in digests(copy).items() if digest != before[name]] == ["vllm"]


def test_a_folder_is_named_after_its_digest() -> None:
    """So that two versions lie side by side."""
    environment = catalogue()["lighteval"]
    assert environment.directory_name == f"lighteval-{environment.digest[:12]}"
