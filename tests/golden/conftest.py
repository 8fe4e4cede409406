"""Environments that never change."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl import environments
from evalctl.environments import recipes
from evalctl.frameworks import lighteval_swallow, pins

sys.path.append(str(Path(__file__).parents[1] / "render"))  # its stand-ins run the golden scripts
_LOCK = "lighteval==0.13.0 \\\n    --hash=sha256:0\nvllm==0.32.0 \\\n    --hash=sha256:0\n"
_SOURCE = """\
repository = https://example.invalid/lighteval
commit = c0ffee0123456789c0ffee0123456789c0ffee01
folder = lighteval
paths = lighteval
patch = lighteval-swallow.patch
"""
_CACHES = (pins.catalogue, pins.pinned, pins.shipped_task_digest, lighteval_swallow.pinned_commit)


def _fixed(environment: recipes.Environment) -> recipes.Environment:
    """A digest of the name alone, whatever an environment is made of."""
    return replace(environment, digest=hashlib.sha256(environment.name.encode()).hexdigest())


@pytest.fixture(autouse=True)
def fixed_environments(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with small locks in place of compiler/evalctl_environments/: new locks change no golden file."""
    folder = tmp_path_factory.mktemp("environments")
    for name, recipe in recipes.RECIPES.items():
        (folder / f"{name}.lock").write_text(f"# {name}\n{_LOCK}")
        for package in recipe.packages:
            (folder / "packages" / package).mkdir(parents=True, exist_ok=True)
        for source in recipe.source:
            (folder / source).write_text(_SOURCE)
    tasks = folder / "tasks"
    (tasks / "questions").mkdir(parents=True)
    (tasks / "tasks.py").write_text("TASKS = []\n")
    (tasks / "questions" / "demo_arithmetic.jsonl").write_text('{"question": "1+1", "answer": "2"}\n')
    fixed = {name: _fixed(environment) for name, environment in recipes.catalogue(folder).items()}
    monkeypatch.setattr(environments, "catalogue", lambda: fixed)
    monkeypatch.setattr(pins, "TASKS", tasks)
    for cache in _CACHES:
        cache.cache_clear()
    yield
    for cache in _CACHES:
        cache.cache_clear()
