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


# A scheduler is one for all tests that stop it, fill it and count its jobs.
_SCHEDULERS = ("gridengine", "slurm", "pbs")
# The longest first, or the last worker would be alone with them.
_FIRST = ("schedulers", "e2e", "faults", "job")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (`-n`) run different schedulers and different files; within one, tests follow each other."""
    for item in items:
        scheduler = next((name for name in _SCHEDULERS if item.get_closest_marker(name)), None)
        item.add_marker(pytest.mark.xdist_group(scheduler or item.nodeid.split("::")[0]))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, int]:
    folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
    on_a_scheduler = any(item.get_closest_marker(name) for name in _SCHEDULERS)
    return (not on_a_scheduler, _FIRST.index(folder) if folder in _FIRST else len(_FIRST))


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
