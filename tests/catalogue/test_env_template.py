"""What each evaluator fills in."""

from __future__ import annotations

import re
import subprocess

import pytest

from evalctl.secret_shapes import secret_shapes

from .conftest import MANIFESTS

TEMPLATE = MANIFESTS.parent / ".env_template"
MANUAL = (
    "GROUP_AND_NAME", "REPO_PATH", "HUGGINGFACE_CACHE", "UV_CACHE", "VLLM_CACHE", "TSUBAME_GROUP", "ABCI_GROUP",
    "OPENAI_API_KEY", "DEEPINFRA_API_KEY", "HF_TOKEN",
)  # fmt: skip
OWN = ("GEMINI_API_KEY", "ANTHROPIC_API_KEY", "EVALCTL_HOME")


@pytest.mark.parametrize("variable", [*MANUAL, *OWN])
def test_every_variable_stands_there_once(variable: str) -> None:
    """The manual's ten and what evalctl adds."""
    assert len(re.findall(rf"^{variable}=", TEMPLATE.read_text(encoding="utf-8"), re.M)) == 1


def test_a_shell_can_read_it_and_paths_build_on_each_other() -> None:
    """Jobs source it; caches lie under /gs/bs as the manual wants."""
    shown = subprocess.run(
        ["bash", "-euc", f'. "{TEMPLATE}"; printf "%s\n" "$HUGGINGFACE_CACHE" "$UV_CACHE" "$VLLM_CACHE"'],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert [path.split("/")[1:4] for path in shown] == [["gs", "bs", "tga-okazaki"]] * 3
    assert all("{your_name}" in path for path in shown)


def test_it_holds_no_secret() -> None:
    """Nothing in it looks like a key, so that the guard of `sync` never meets it."""
    assert secret_shapes(TEMPLATE.read_text(encoding="utf-8")) == []
