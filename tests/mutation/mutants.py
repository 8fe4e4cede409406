"""The mutants of a file: cosmic-ray's operators, each applied once, wherever the change can have an effect."""

from __future__ import annotations

import ast
import difflib
import io
import pickle
import random
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """The whole text of the file with one change, which begins on `line`."""

    operator: str
    line: int
    text: str

    def difference(self, source: str) -> str:
        """The lines that changed, as `diff` marks them."""
        return "\n".join(self._marked(source))

    def change(self, source: str) -> tuple[str, str]:
        """What was there, and what is there now."""
        lines = self._marked(source)
        before, after = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
        return before, after

    def _marked(self, source: str) -> list[str]:
        lines = difflib.unified_diff(source.splitlines(), self.text.splitlines(), n=0, lineterm="")
        return [line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@"]


# These change nothing that a program does: equal numbers and words are one object in CPython, and nothing here compares
# itself with None. Ruff refuses them beside a literal (F632, E711).
_SAME = {f"ReplaceComparisonOperator_{name}" for name in ("Eq_Is", "Is_Eq", "NotEq_IsNot", "IsNot_NotEq")}


def mutants(source: str) -> list[Mutant]:
    """All of them, in an order that is always the same and spreads a part of them over the whole file."""
    tree, inert = get_ast(source), _inert(source)
    nodes, kept = list(ast_nodes(tree)), pickle.dumps(tree)  # parsing it for each mutant takes longer than its tests
    found: list[Mutant] = []
    for name in operator_names():
        operator = get_operator(name)
        if name.partition("/")[2] in _SAME or operator.arguments():  # those that need names of variables
            continue
        for occurrence, start in enumerate(_starts(operator(), nodes)):
            if not any(begin <= start < end for begin, end in inert):
                text = _mutated(pickle.loads(kept), operator(), occurrence)
                if text is not None and text != source:
                    found.append(Mutant(name.partition("/")[2], start[0], text))
    random.Random(0).shuffle(found)
    return found


def _mutated(tree: Any, operator: Any, occurrence: int) -> str | None:
    """None for what is no Python (`*words` with another sign), and for `except a.b`, which cosmic-ray 8.7.0 cannot replace."""
    try:
        text = str(MutationVisitor(occurrence, operator).walk(tree).get_code())
        ast.parse(text)
    except (SyntaxError, AttributeError):
        return None
    return text


def _starts(operator: Any, nodes: list[Any]) -> list[Position]:
    return [start for node in nodes for start, _ in operator.mutation_positions(node)]


def _inert(source: str) -> list[tuple[Position, Position]]:
    """Where types are written, which are never evaluated here (`from __future__ import annotations`), the `*` of a
    signature, which is no operator, and the options of dataclasses.
    """
    nodes = list(ast.walk(ast.parse(source)))
    types = [getattr(node, name, None) for node in nodes for name in ("annotation", "returns")]
    places = [((one.lineno, one.col_offset), (one.end_lineno, one.end_col_offset)) for one in types if one is not None]
    stars = [(token.start, token.end) for token in _signature_stars(source)]
    return [*places, *stars, *_options_of_dataclasses(nodes)]


def _options_of_dataclasses(nodes: list[ast.AST]) -> Iterator[tuple[Position, Position]]:
    """`frozen` and `slots` only forbid what no line does: to assign a field of a value."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dataclass":
            yield (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _signature_stars(source: str) -> Iterator[tokenize.TokenInfo]:
    """Each `*` that stands between two commas or after the bracket: the names after it are keywords."""
    tokens = [one for one in tokenize.generate_tokens(io.StringIO(source).readline) if one.type != tokenize.NL]
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (token.string, after.string) == ("*", ",") and before.string in (",", "("):
            yield token
