"""The program that asks a provider gets what it needs to reach it, and no key of anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from samples import catalogue

from evalctl.model.providers import declared
from evalctl.probing.program import Surroundings, ask
from evalctl.probing.target import of_model
from evalctl.shell import EnvironmentProblem
from evalctl_job.probed import Found

# Says its environment as if it were what was found.
PYTHON = """#!/usr/bin/env python3
import json, os
print(json.dumps({"found": {"rate_limit": dict(os.environ)}}))
"""


class Ears:
    """What was found last."""

    def __init__(self) -> None:
        self.said: Mapping[str, str] = {}

    def asking(self, what: str) -> None:
        """Nobody listens."""

    def report(self, found: Found) -> None:
        """The last target's."""
        self.said = found.rate_limit


def surroundings(tmp_path: Path, variables: dict[str, str | None], program: str = PYTHON) -> Mapping[str, str]:
    """The environment of the program that is started with these variables."""
    python = tmp_path / "python"
    python.write_text(program)
    python.chmod(0o755)
    target = of_model("org/m", declared("house", "http://llm.example.jp/v1", key=True), catalogue(), None)
    ears = Ears()
    ask([target], Surroundings(python, {"HOUSE_API_KEY": "key"}, variables), 1, ears)
    return ears.said


def test_it_goes_through_the_proxy_that_env_names(tmp_path: Path) -> None:
    """As the job will; this machine and what `.env` excepts are reached directly."""
    said = surroundings(tmp_path, {"https_proxy": "http://proxy:3128", "no_proxy": "llm.example.jp"})
    assert said["https_proxy"] == "http://proxy:3128"
    assert said["no_proxy"] == said["NO_PROXY"] == "llm.example.jp,127.0.0.1,localhost"


def test_it_gets_its_providers_key_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the shell has exported another's."""
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    said = surroundings(tmp_path, {"OPENAI_API_KEY": None, "HOUSE_API_KEY": None})
    assert (said["HOUSE_API_KEY"], "OPENAI_API_KEY" in said) == ("key", False)


def test_a_report_of_another_form_is_a_broken_environment(tmp_path: Path) -> None:
    """A program of another version is named with what is wrong, not read as if nothing were found."""
    with pytest.raises(EnvironmentProblem, match="its report cannot be read: its `calls` is 'many'"):
        surroundings(tmp_path, {}, PYTHON.replace('"rate_limit"', '"calls": "many", "rate_limit"'))
