"""Names of what is in EVALCTL_HOME are written once: in `evalctl/home_folder.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalctl import home_folder
from evalctl.home_folder import DEFAULT, HomeFolder

TOP = Path(__file__).parents[1] / "compiler" / "evalctl"
HOME = TOP / "home_folder.py"
NODE = TOP.with_name("evalctl_job") / "supervisor" / "node.py"
# Paths of other folders, in which a file has the same name.
OTHERS = {
    ("comment/github.py", "/actions/runs/"),  # an address of GitHub's API
    ("demo/scratch.py", "demo/tiny-llama"),  # a model
    ("demo/story.py", "manifests/models/demo/tiny-llama.yaml"),
}


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module, without docstrings."""
    pages = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pages:
            yield node.value


def _names() -> set[str]:
    named = [node for node in ast.walk(ast.parse(HOME.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {node.args[0].value for node in named if getattr(node.func, "id", "") == "Named"} | {"cache", "caches"}  # type: ignore[attr-defined]


def written_in(text: str) -> set[str]:
    """The names that a module writes itself: joined to a path, as a part of one, or the name of the home."""
    tree, names = ast.parse(text), _names()
    joined = [node.right for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    found = {text for right in joined for text in _texts(right) if names & set(text.split("/"))}
    paths = {text for text in _texts(tree) if "/" in text and " " not in text and names & set(text.split("/"))}
    return found | paths | {text for text in _texts(tree) if DEFAULT in text.split("/")}


def test_no_other_module_writes_a_name() -> None:
    """A folder that is renamed is renamed everywhere."""
    found = {
        (path.relative_to(TOP).as_posix(), text)
        for path in sorted(TOP.rglob("*.py"))
        if path != HOME
        for text in written_in(path.read_text(encoding="utf-8"))
    }
    assert found == OTHERS


@pytest.mark.parametrize(
    "line",
    [
        'path = home / "runs" / job', 'path = root / ".evalctl"', 'PATH = ".evalctl/cache/x"', 'found = home.glob("answers/*")',
        'path = home / f"caches/{name}"',
    ],
)  # fmt: skip
def test_each_way_to_write_a_name_is_known(line: str) -> None:
    """A module that wrote one would be found."""
    assert written_in(line)


def test_each_name_is_used() -> None:
    """Each file and folder is asked for by its name somewhere else."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TOP.rglob("*.py") if path != HOME]
    used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    kinds = (HomeFolder, home_folder.Caches, home_folder.Remembered)
    assert {name for kind in kinds for name in vars(kind) if not name.startswith("_")} - used == set()


def test_the_node_has_the_hubs_cache_at_the_same_place() -> None:
    """The job program, which knows nothing of evalctl, names the folder itself."""
    assert HomeFolder(Path()).caches.hub.name in set(_texts(ast.parse(NODE.read_text(encoding="utf-8"))))
