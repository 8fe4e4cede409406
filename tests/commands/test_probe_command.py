"""`evalctl probe` before anybody is asked; tests/job/test_job_probe.py asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.commands.probe import exit_code

REQUEST = "model: org/m\nprovider: {provider}\nservice: local\ntasks: [en_own]\n"
FILES = {
    "manifests/requests/api.yaml": REQUEST.format(provider="deepinfra"),
    "manifests/requests/own.yaml": "model: lab/small-8B\nservice: tsubame\ntasks: [en_own]\n",
    "manifests/requests/wrong.yaml": REQUEST.format(provider="deepinfr"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The base with requests of several kinds."""
    return repository(tmp_path / "repository", FILES)


def probe(root: Path, *words: str) -> int:
    """The command's exit code."""
    return cli.main(["--repo", str(root), "probe", *words])


def test_a_dry_run_says_what_would_be_asked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many requests at most, to whom, up to which n; nothing else happens."""
    assert probe(root, "api", "--dry-run", "--max-calls", "12", "--up-to", "6") == 0
    said = capsys.readouterr().out
    assert said.startswith("org/m at deepinfra (https://api.deepinfra.com/v1/openai): at most 12 calls")
    assert "`n` up to 6" in said
    assert probe(root, "api", "--dry-run", "--json") == 0
    (asked,) = json.loads(capsys.readouterr().out)
    assert (asked["model"], asked["provider"], asked["max_calls"]) == ("org/m", "deepinfra", 40)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing"], "a model without a request: evalctl probe nothing --provider NAME"),
        (["own"], "there is no provider to probe"),
        (["wrong"], "has errors"),
        (["org/m", "--provider", "deepinfr"], "did you mean `deepinfra`?"),
        (["org/m", "--provider", "vllm"], "there is no provider `vllm`"),
        (["org/m", "--api-base", "llm.example.jp"], "is not a valid base address"),
        (["org/m", "--api-base", "https://me:secret@llm.example.jp/v1"], "is not a valid base address"),
        (
            ["org/m", "--api-base", "http://llm.example.jp/v1", "--provider", "deepinfra"],
            "http sends DEEPINFRA_API_KEY",
        ),
        (["org/m", "--api-base", "https://llm.example.jp:0/v1"], "is not a valid base address"),
        (["a b", "--provider", "gemini"], "cannot be a model's name"),
    ],
)
def test_what_cannot_be_asked_is_said(
    root: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to type instead, before any environment is looked for; nothing where a program expects JSON."""
    assert probe(root, *words) == 1
    out, said = capsys.readouterr()
    assert says in said and "secret" not in said and out == ""


def test_without_its_environment_it_says_how_to_build_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """litellm lives there, and nowhere in evalctl."""
    assert probe(root, "api") == 1
    assert "run `evalctl env setup lighteval`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stops", "code"),
    [
        (set(), 0),
        ({"rate-limit", "provider-unreachable"}, 4),
        ({"rate-limit", "authentication"}, 1),
        ({"provider-error", "request-timeout"}, 4),
        ({"calls-used-up"}, 1),
        ({"key-not-set"}, 1),
    ],
)
def test_the_exit_code_says_who_has_to_do_something(stops: set[str], code: int) -> None:
    """Nobody, time, or a person."""
    assert exit_code(stops) == code
