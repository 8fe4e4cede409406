"""`evalctl schema`: writes schema/*.schema.json from the pydantic models."""

from __future__ import annotations

import argparse

from evalctl.check.schema import KINDS, schema_text
from evalctl.clone.requests import root_of
from evalctl.exits import PERSON, SUCCESS
from evalctl.shell import below, write_atomically


def run(arguments: argparse.Namespace) -> int:
    """Writes the schemas that differ, or with --check names them and returns 1."""
    root = root_of(arguments)
    texts = {below(root, f"schema/{kind}.schema.json"): schema_text(kind) for kind in KINDS}
    differing = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in differing:
        if arguments.check:
            print(f"schema/{path.name} is not up to date: type `evalctl schema` and commit it")
        else:
            write_atomically(path, texts[path])
            print(f"wrote schema/{path.name}")
    return PERSON if arguments.check and differing else SUCCESS
