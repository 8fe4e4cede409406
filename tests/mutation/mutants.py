"""The mutants of a file: cosmic-ray's operators, each applied once, wherever the change can have an effect."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """The whole text of the file with one change, which begins on `line`."""

    operator: str
    line: int
    text: str

    def difference(self, source: str) -> str:
        """The lines that changed."""
        lines = difflib.unified_diff(source.splitlines(), self.text.splitlines(), n=0, lineterm="")
        return "\n".join(line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@")


def mutants(source: str) -> list[Mutant]:
    """All of them, in an order that is always the same and spreads a part of them over the whole file."""
    found = [mutant for name in operator_names() for mutant in _of(name, source)]
    random.Random(0).shuffle(found)
    return found


def _of(name: str, source: str) -> Iterator[Mutant]:
    operator = get_operator(name)
    if operator.arguments():  # those that need names of variables
        return
    inert = _annotations(source)
    for occurrence, (start, _) in enumerate(_positions(operator(), source)):
        if not any(begin <= start < end for begin, end in inert):
            text = mutate_code(source, operator(), occurrence)
            if text is not None and text != source:
                yield Mutant(name.partition("/")[2], start[0], text)


def _positions(operator: Any, source: str) -> list[tuple[Position, Position]]:
    return [position for node in ast_nodes(get_ast(source)) for position in operator.mutation_positions(node)]


def _annotations(source: str) -> list[tuple[Position, Position]]:
    """Where types are written: they are never evaluated here (`from __future__ import annotations`)."""
    nodes = list(ast.walk(ast.parse(source)))
    types = [getattr(node, name, None) for node in nodes for name in ("annotation", "returns")]
    return [((one.lineno, one.col_offset), (one.end_lineno, one.end_col_offset)) for one in types if one is not None]
