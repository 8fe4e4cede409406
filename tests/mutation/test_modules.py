"""What `make mutants` works on."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from .equivalents import EQUIVALENTS, Equivalent, why
from .inside import become, same_outside
from .modules import MODULES, Module

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_each_module_and_its_tests_are_there(module: Module) -> None:
    """A file that was renamed is noticed here, not in the run that takes half an hour."""
    tests = [test.partition("::") for test in module.tests]
    assert [name for name in (module.path, *(file for file, _, _ in tests)) if not (ROOT / name).is_file()] == []
    assert [name for file, _, name in tests if name and f"def {name}(" not in (ROOT / file).read_text()] == []


def test_the_table_of_scores_has_every_module() -> None:
    """CONTRIBUTING.md gives each one's score, or says that it has none."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert MODULES.keys() - rows == set()


@pytest.mark.parametrize(
    ("name", "known"),
    [(name, known) for name in EQUIVALENTS for known in EQUIVALENTS[name]],
    ids=lambda one: str(one)[:20],
)
def test_each_explained_line_is_there(name: str, known: Equivalent) -> None:
    """In the module that is named, with at least one change of it, and a reason; a line that changed is explained anew."""
    lines = [line.strip() for line in (ROOT / MODULES[name].path).read_text(encoding="utf-8").splitlines()]
    assert known.line in lines and known.becomes and known.line not in known.becomes and known.why
    assert why(name, f"    {known.line}", f"    {known.becomes[0]}") == known.why
    assert why(name, known.line, "another change") is None


def test_only_what_is_within_functions_is_changed_in_place() -> None:
    """A default or a line of the module is not; methods and properties are."""
    text = "A = 1\n\ndef f(a=1):\n    return a + 1\n\nclass C:\n    @property\n    def p(self):\n        return 1\n"
    assert same_outside(text, text.replace("a + 1", "a - 1").replace("return 1", "return 2"))
    assert not same_outside(text, text.replace("a=1", "a=2"))
    assert not same_outside(text, text.replace("A = 1", "A = 2"))


def test_a_function_is_changed_wherever_it_is_referred_to() -> None:
    """Also behind a property, a cache and a class method."""
    text = (
        "from functools import lru_cache\n\ndef f():\n    return 1\n\n@lru_cache\ndef g():\n    return f() + 1\n\n"
        "class C:\n    @property\n    def p(self):\n        return 1\n\n    @classmethod\n    def m(cls):\n        return 1\n"
    )
    module = ModuleType("changing")
    module.__file__ = "changing.py"
    exec(compile(text, "changing.py", "exec"), vars(module))
    known = (module.f, module.g, module.C.m, module.C())
    assert [module.f(), module.g(), module.C.m(), known[3].p] == [1, 2, 1, 1]
    become(module, text.replace("return 1", "return 5"))
    assert [one() for one in known[:3]] == [5, 6, 5] and known[3].p == 5
