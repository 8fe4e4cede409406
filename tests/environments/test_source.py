"""A framework's source is one commit, whatever a clone, a folder or a wheel holds besides."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl.environments import setup
from evalctl.environments.recipes import Recipe, Source, environment, read_source
from evalctl.environments.source import LOCAL, add_empty, unpack
from evalctl.shell import EnvironmentProblem

from .conftest import World

COMMITTED = {
    "project/pyproject.toml": "",
    "project/src/fork/main.py": "VALUE = 1\n",
    "project/src/fork/there": "committed",
}
EMPTY = ("project/src/fork/lacking", "project/src/fork/there")
METADATA = {
    "fork-2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fork\nVersion: 2.0\n",
    "fork-2.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "fork-2.0.dist-info/RECORD": "",
}


def write(folder: Path, files: dict[str, str]) -> None:
    """Text files by their path below `folder`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A real repository at `tmp_path/clone`: a project with a file that is not empty, and a folder nobody needs."""
    clone = tmp_path / "clone"
    write(clone, {**COMMITTED, "other/large": "committed"})
    git = ("git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@example.invalid")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    write(clone, {"project/src/fork/there": "changed afterwards"})
    files = {name.removeprefix("project/"): text.encode() for name, text in COMMITTED.items()}
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in files.items()]
    (tmp_path / "fork.files").write_text("\n".join([f"# commit {commit}", *lines, ""]))
    return Source(str(clone), commit, "project", ("project",), EMPTY, tmp_path / "fork.files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repository's files as an archive has them: no git, and files that are not listed."""
    write(tmp_path / "folder", {**COMMITTED, "project/src/fork/LICENSE.txt": "", "project/tests/test_main.py": ""})
    return tmp_path / "folder"


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Writes a wheel of the project's modules, some files of it being others."""

    def written(**others: str) -> Path:
        modules = {"fork/main.py": "VALUE = 1\n", "fork/there": "committed", **others}
        with zipfile.ZipFile(tmp_path / "fork-2.0-py3-none-any.whl", "w") as archive:
            for name, text in {**modules, **METADATA}.items():
                archive.writestr(name, text)
        return tmp_path / "fork-2.0-py3-none-any.whl"

    return written


def texts(folder: Path) -> dict[str, str]:
    """Every file below `folder`, by its path."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def refusal(source: Source, given: Path) -> EnvironmentProblem:
    """What is said of a source that is not taken."""
    with pytest.raises(EnvironmentProblem) as problem:
        unpack(source, given.parent / "target", {LOCAL: str(given)})
    return problem.value


def test_a_clone_gives_the_commit_and_the_empty_files(source: Source, tmp_path: Path) -> None:
    """Not what is checked out, not what is not needed; a file that the commit has keeps its text."""
    project = unpack(source, tmp_path / "target", {LOCAL: str(tmp_path / "clone")})
    add_empty(source, project / "src")
    assert project == tmp_path / "target" / "project"
    assert texts(tmp_path / "target") == {**COMMITTED, "project/src/fork/lacking": ""}


def test_a_bare_clone_is_a_clone(source: Source, tmp_path: Path) -> None:
    """As `git clone --mirror` makes it."""
    subprocess.run(["git", "clone", "-q", "--mirror", tmp_path / "clone", tmp_path / "bare"], check=True)
    unpack(source, tmp_path / "target", {LOCAL: str(tmp_path / "bare")})
    assert texts(tmp_path / "target") == COMMITTED


def test_without_a_clone_it_is_fetched(source: Source, tmp_path: Path) -> None:
    """From the address in the recipe, the one commit."""
    unpack(source, tmp_path / "target", {})
    assert texts(tmp_path / "target") == COMMITTED


def test_a_commit_that_a_clone_lacks_is_told(source: Source, tmp_path: Path) -> None:
    """With the setting that helps."""
    problem = refusal(replace(source, commit="0" * 40), tmp_path / "clone")
    assert "cannot give commit 0000" in problem.message
    assert LOCAL in problem.help


@pytest.mark.parametrize("named", [".", "project"])
def test_a_folder_without_git_gives_the_listed_files(named: str, source: Source, folder: Path, tmp_path: Path) -> None:
    """The repository's or the project's folder, also within another repository; what is not listed stays behind."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    project = unpack(source, tmp_path / "target", {LOCAL: str(folder / named)})
    assert project == tmp_path / "target" / "project"
    assert texts(tmp_path / "target") == COMMITTED


def test_a_folder_of_another_program_is_refused(source: Source, folder: Path) -> None:
    """Each module that differs, is missing or is additional is named, and where another commit is entered."""
    write(folder / "project" / "src" / "fork", {"main.py": "VALUE = 2\n", "new.py": ""})
    (folder / "project" / "src" / "fork" / "there").unlink()
    problem = refusal(source, folder)
    told = "src/fork/main.py differs, src/fork/new.py is additional, src/fork/there is missing"
    assert problem.message == f"{folder} is not commit {source.commit}: {told}"
    assert "fork.source" in problem.help
    assert not (folder.parent / "target").exists()


def test_of_many_differences_the_first_are_named(source: Source, tmp_path: Path) -> None:
    """The rest is a number."""
    write(tmp_path / "folder", {f"project/src/fork/new{number}.py": "" for number in range(7)})
    assert refusal(source, tmp_path / "folder").message.endswith("src/fork/new2.py is additional and 5 more")


def test_a_wheel_is_installed_with_the_empty_files(
    source: Source, wheel: Callable[..., Path], world: World, tmp_path: Path
) -> None:
    """By the real uv, into an environment that imports it; a wheel has none of the project's build files."""
    recipe = f"repository = r\ncommit = {source.commit}\nfolder = project\npaths = project\nempty = {' '.join(EMPTY)}\n"
    (world.folder / "small.source").write_text(recipe)
    source.list_path.rename(world.folder / "small.files")
    small = environment("small", Recipe(("own",), ("fork.main",), ("small.source",)), world.folder)
    environ = {**world.environ, LOCAL: str(wheel())}
    setup(["small"], world.root, world.lines.append, environ=environ, known={"small": small})
    installed = world.root / small.directory_name / "lib" / "python3.11" / "site-packages" / "fork"
    found = {path.name: path.read_text() for path in installed.iterdir() if path.is_file()}
    assert found == {"main.py": "VALUE = 1\n", "there": "committed", "lacking": ""}


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"fork/main.py": "VALUE = 2\n"}, "src/fork/main.py differs"),
        ({"sitecustomize.py": ""}, "src/sitecustomize.py is additional"),
        ({"fork/there": ""}, "src/fork/there differs"),
    ],
)
def test_a_wheel_of_another_program_is_refused(
    others: dict[str, str], told: str, source: Source, wheel: Callable[..., Path]
) -> None:
    """Whatever its name and version say; a module beside the package would run as well."""
    problem = refusal(source, wheel(**others))
    assert problem.message.endswith(f"is not commit {source.commit}: {told}")


def test_a_list_of_another_commit_proves_nothing(source: Source, folder: Path) -> None:
    """A commit was entered and the list was not renewed: that is said, not that all files differ."""
    problem = refusal(replace(source, commit="0" * 40), folder)
    assert problem.message == f"fork.files lists `commit {source.commit}`, but the source is commit {'0' * 40}"
    assert "renew the list" in problem.help


def test_a_file_that_is_no_wheel_is_told(source: Source, tmp_path: Path) -> None:
    """Cut off while it was copied, say."""
    (tmp_path / "fork-2.0-py3-none-any.whl").write_text("half a wheel")
    assert "is not a wheel" in refusal(source, tmp_path / "fork-2.0-py3-none-any.whl").message


def test_what_is_neither_is_told(source: Source, tmp_path: Path) -> None:
    """A path that is not there, or an archive that was not unpacked, and the variable that named it."""
    problem = refusal(source, tmp_path / "fork.tar.gz")
    assert "not a clone, a folder or a wheel" in problem.message
    assert LOCAL in problem.help


def test_a_source_file_may_name_no_empty_files(tmp_path: Path) -> None:
    """The key is for sources that would download a file while they are imported."""
    path = tmp_path / "some.source"
    path.write_text("# why\nrepository = r\ncommit = c\nfolder = f\npaths = a b\n")
    assert read_source(path) == Source("r", "c", "f", ("a", "b"), (), tmp_path / "some.files")
