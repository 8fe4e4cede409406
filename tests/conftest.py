"""What every test gets: a home folder of its own, so that nothing of the person who runs the tests is read or written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# No folder of examples beside the sources, and no test that fails because the machine is busy.
hypothesis.settings.register_profile("evalctl", database=None, deadline=None)
hypothesis.settings.load_profile("evalctl")

# These stay where they are: environments are built from them, and they hold no settings.
_CACHES = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "HF_HOME": "huggingface"}
# What the tests themselves go by; where environments are is read when tests are gathered, or by fixtures of a session.
_OURS = ("EVALCTL_FAULTS", "EVALCTL_SWALLOW_SOURCE", "EVALCTL_TEST_USER")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/golden --update-golden` rewrites what is expected; read the diff."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*/generated")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """HOME, git's settings and evalctl's folders in a temporary place; caches (only these) as they were."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for name, folder in _CACHES.items():
        monkeypatch.setenv(name, os.environ.get(name) or str(cache / folder))
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(place))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("GIT_", "EVALCTL_")) and name not in _OURS]:
        monkeypatch.delenv(name)
    (place / ".gitconfig").write_text("[user]\n\tname = A Test\n\temail = test@example.invalid\n")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    yield place
