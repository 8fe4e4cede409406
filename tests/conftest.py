"""What every test gets: a home folder of its own, so that nothing of the person who runs the tests is read or written."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from side_by_side import Schedulers, scope, turn
from xdist.scheduler import LoadScopeScheduling

# No folder of examples beside the sources, and no test that fails because the machine is busy.
hypothesis.settings.register_profile("evalctl", database=None, deadline=None)
hypothesis.settings.load_profile("evalctl")

# These stay where they are: environments are built from them, and they hold no settings.
_CACHES = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "HF_HOME": "huggingface"}
# What the tests themselves go by; where environments are is read when tests are gathered, or by fixtures of a session.
_OURS = ("EVALCTL_FAULTS", "EVALCTL_FUZZ", "EVALCTL_SWALLOW_SOURCE", "EVALCTL_TEST_USER")


# A shell without job control starts background commands with SIGINT and SIGQUIT ignored (`make test &`), and what a test
# starts inherits that: no Ctrl-C would reach it, and bash cannot trap a signal that was ignored when it started.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/golden --update-golden` rewrites what is expected; read the diff."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*/generated")


class _ByScope(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole scopes."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """pytest's `loadgroup` would do, but for pytest 9.2, which takes no notice of the names that xdist 3.8 gives tests."""
    return _ByScope(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same order in every process; no limit of time for those that were asked for thousands of examples."""
    items.sort(key=lambda item: turn(item.nodeid))
    if os.environ.get("EVALCTL_FAULTS") or os.environ.get("EVALCTL_FUZZ"):
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


# In a folder without locks nothing is waited for (tests.mutation).
_LOCKS = Path(os.environ.get("EVALCTL_TEST_LOCKS", "/run/evalctl-clusters"))
_schedulers = Schedulers(_LOCKS, together="PYTEST_XDIST_WORKER" not in os.environ)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test on a real scheduler has it alone; waiting for it is no part of the test's time, which pytest-timeout counts."""
    _schedulers.enter(item.nodeid)
    return (yield)


def pytest_sessionfinish() -> None:
    """The next suite may have them."""
    _schedulers.leave()


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
