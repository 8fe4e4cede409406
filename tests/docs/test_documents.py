"""docs/ and CONTRIBUTING.md: links lead somewhere, paths exist, commands are understood and run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from evalctl import cli
from evalctl.cli.words import COMMANDS

from .bilingual import headings
from .documents import DOCUMENTS, REPOSITORY, blocks, commands

PACKAGE = REPOSITORY / "compiler" / "evalctl"
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"
OPERATIONS = REPOSITORY / "docs" / "operations.md"
EVALCTL = [(page.name, line) for page in DOCUMENTS for line in commands(page) if line.startswith("evalctl ")]
MAKE = sorted({line for page in DOCUMENTS for line in commands(page) if line.startswith("make ")})


def inline(page: Path) -> list[str]:
    """What stands in backticks, outside of fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page):
    """Relative links only; the outside is not asked."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if heading:
            assert heading in {anchor for _, anchor in headings(linked)}, target


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_paths_of_the_program_exist(page):
    """A file of compiler/ that a page names (some from within the package) is there."""
    packages = "|".join(sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"))
    within = re.compile(rf"(?:{packages})/[\w/-]+\.(?:py|sh)|\w+\.py")
    homes = (PACKAGE, REPOSITORY, REPOSITORY / "compiler")
    for path in inline(page):
        fitting = within.fullmatch(path) or re.fullmatch(r"(?:compiler|tests|evalctl_job|\.github|\.ci)/[\w./-]*", path)
        if fitting and not re.search("NAME|CODE", path):
            assert any((home / path).exists() for home in homes), path


@pytest.mark.parametrize("page", [*DOCUMENTS, *REPOSITORY.glob("README*.md")], ids=lambda page: page.name)
def test_prose_has_lines_of_at_most_140_characters(page):
    """A change in git is then read line by line. Tables, headings, comments and code are as long as they are."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not re.match(r"\s*[|#<>!\[]", line)]
    assert [line for line in lines if len(line) > 140] == []


def test_the_map_shows_every_package():
    """A new folder of the program is not forgotten."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    packages = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert [name for name in packages if f"| `compiler/evalctl/{name}/` |" not in text] == []
    modules = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("_")]
    assert [name for name in modules if f"`{name}`" not in text] == []


@pytest.mark.parametrize(("page", "line"), EVALCTL)
def test_a_command_is_understood(page, line):
    """Every evalctl line of a shell block, by the parser of the command itself."""
    assert cli.parser().parse_args(shlex.split(line)[1:]).command in COMMANDS


@pytest.mark.parametrize("line", MAKE)
def test_a_make_target_exists(line):
    """Known to make, which is not asked to do it."""
    done = subprocess.run(
        ["make", "--dry-run", *shlex.split(line)[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A repository in which the page's request is committed with its scripts."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("tasks", "services"):
        shutil.copytree(REPOSITORY / "manifests" / name, root / "manifests" / name)
    for block in blocks(REPOSITORY / "docs" / "manifests.md", "yaml"):
        if block.path and not ("/gates/" in block.path and block.marked):
            (root / block.path).parent.mkdir(parents=True, exist_ok=True)
            (root / block.path).write_text(block.text, encoding="utf-8")
    (root / ".gitignore").write_text("/.evalctl/\n/.env\n", encoding="utf-8")
    shutil.copy(REPOSITORY / ".env_template", root)
    assert cli.main(["--repo", str(root), "compile"]) == 0
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "requests"], check=True)
    return root


# These look, and change nothing; the others submit, build or ask the network, and have tests of their own.
LOOKING = ("check", "plan", "explain", "compile", "schema", "status", "sync --dry-run", "runtimes")


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line
            for _, line in EVALCTL
            if line.removeprefix("evalctl ").startswith(LOOKING) and "--watch" not in line  # waits for jobs
        }
    ),
)
def test_a_command_that_looks_can_be_typed_as_it_stands(clone, line, capsys):
    """In a clone that holds the requests of docs/manifests.md."""
    assert cli.main(["--repo", str(clone), *shlex.split(line)[1:]]) == 0
    assert "Traceback" not in capsys.readouterr().err
