"""Mutants inside functions: the tests are gathered once, and each mutant gets a fork in which the functions have its code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any


def same_outside(one: str, other: str) -> bool:
    """Whether two texts of a module differ only within the bodies of functions."""
    return _outline(one) == _outline(other)


def become(module: ModuleType, text: str) -> None:
    """The functions of a module get the code of another text of it, wherever they are referred to."""
    tree = ast.parse(text)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    codes = dict(_codes(compile(text, str(module.__file__), "exec", dont_inherit=True), classes))
    for name, value in _members(module):
        function = _function(value)
        if function is not None and function.__module__ == module.__name__ and name in codes:
            function.__code__ = codes[name]
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def loaded(name: str) -> ModuleType | None:
    """The module, if the tests have imported it."""
    return sys.modules.get(name)


def _outline(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = []
    return ast.dump(tree)


def _codes(code: CodeType, classes: set[str], prefix: str = "") -> Iterator[tuple[str, CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if not prefix and inner.co_name in classes:
                yield from _codes(inner, classes, f"{inner.co_name}.")
            else:
                yield f"{prefix}{inner.co_name}", inner


def _members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from ((f"{name}.{inner}", member) for inner, member in list(vars(value).items()))
        else:
            yield name, value


def _function(value: Any) -> FunctionType | None:
    """What is behind a property, a class method, a cache."""
    for inside in ("fget", "__func__", "__wrapped__"):
        value = getattr(value, inside, value)
    return value if isinstance(value, FunctionType) else None
