"""Checks parser plug-ins, which vLLM's process imports. They are read as text here and never run."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.parsers import ParserPlugin

if TYPE_CHECKING:
    import ast

PLUGINS = "manifests/models/reasoning_parsers/"
LONGEST_PLUGIN = 128_000  # bytes

_HELP = "delete the character: only visible characters, spaces, tabs and line feeds can be reviewed"
# Python decodes a file with the encoding that a comment in its first two lines names (PEP 263); in some encodings the bytes of
# a harmless-looking comment are statements.
_ENCODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")


def parser_plugins(texts: Mapping[str, str], problems: list[Diagnostic]) -> dict[str, ParserPlugin]:
    """Plug-ins by name; an invalid one is left out, with the reason in `problems`."""
    found = {}
    for path, text in texts.items():
        if not path.startswith(PLUGINS):
            continue
        faults = list(_text_faults(path, text))
        names = () if faults else _registered(path, text, faults)
        problems += faults
        if not faults:
            digest = hashlib.sha256(text.encode()).hexdigest()
            found[path.removeprefix(PLUGINS).removesuffix(".py")] = ParserPlugin(path, text, digest, names)
    return found


def _text_faults(path: str, text: str) -> Iterator[Diagnostic]:
    if (size := len(text.encode())) > LONGEST_PLUGIN:
        yield Diagnostic(
            "out-of-range", f"a plug-in has at most {LONGEST_PLUGIN:,} bytes", Span(path), f"this file has {size:,}"
        )
        return
    for number, line in enumerate(text.split("\n"), 1):
        hidden = next((one for one in line if one not in "\t\u3000" and not one.isprintable()), None)
        if hidden is not None:
            column = line.index(hidden) + 1
            message = f"the character U+{ord(hidden):04X} is not allowed in a plug-in"
            yield Diagnostic("forbidden-text", message, Span(path, number, column, column + 1), _HELP)
            return
        encoding = _ENCODING.match(line) if number <= 2 else None
        if encoding is not None and encoding[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            message = f"the encoding `{encoding[1]}` is declared, but a plug-in must be UTF-8"
            yield Diagnostic("forbidden-text", message, Span(path, number), "delete the declaration")


def _registered(path: str, text: str, faults: list[Diagnostic]) -> tuple[str, ...]:
    """The names that importing the file registers, as far as they are literals in its text."""
    import ast

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        names = tuple(dict.fromkeys(_names(tree.body, _managers(tree))))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        message = f"this is not Python: {getattr(error, 'msg', None) or 'it is nested too deeply'}"
        faults.append(Diagnostic("forbidden-text", message, Span(path, line), "correct the file, or copy it again"))
        return ()
    if not names:
        message = "this file registers no reasoning parser"
        help = (
            'write @ReasoningParserManager.register_module("NAME") above the class, with the name as a string literal'
        )
        faults.append(Diagnostic("forbidden-text", message, Span(path), help))
    return names


def _managers(tree: ast.Module) -> frozenset[str]:
    """The names under which the file imports vLLM's ReasoningParserManager."""
    import ast

    imports = (alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names)
    named = (alias.asname for alias in imports if alias.name == "ReasoningParserManager" and alias.asname)
    return frozenset({"ReasoningParserManager", *named})


def _names(body: list[ast.stmt], managers: frozenset[str]) -> Iterator[str]:
    """Parser names that statements register which run on import: at the top level, also in `if` and `try`."""
    import ast

    for node in body:
        if isinstance(node, ast.ClassDef):
            for call in node.decorator_list:
                yield from _of_call(call, managers, node.name)
        elif isinstance(node, ast.Expr):
            yield from _of_call(node.value, managers, "")
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _names(getattr(node, inner, []), managers)


def _of_call(call: ast.expr, managers: frozenset[str], decorated: str) -> Iterator[str]:
    """The names in one call of `register_module` or `register_lazy_module` (seen: vLLM 0.32)."""
    import ast

    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    owner, method = call.func.value, call.func.attr
    owner_name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    given = {word.arg: word.value for word in call.keywords}
    if owner_name not in managers or method not in ("register_module", "register_lazy_module"):
        return
    name = call.args[0] if call.args else given.get("name")
    module = call.args[2] if len(call.args) > 2 else given.get("module")
    if method == "register_module" and not decorated and module is None:
        return  # the call only makes a decorator
    yield from _texts(name)
    if name is None and method == "register_module":
        yield from [decorated] if decorated else [module.id] if isinstance(module, ast.Name) else []


def _texts(name: ast.expr | None) -> Iterator[str]:
    import ast

    parts = name.elts if isinstance(name, ast.List) else [name]
    yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
