"""A world without network: one wheel made on the spot, a lock that pins it, a local package, and the real uv."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evalctl.environments import Environment, setup
from evalctl.environments.recipes import Recipe, environment


@dataclass
class World:
    """One small environment called `small`, and what its set-up reported."""

    folder: Path
    root: Path
    environ: dict[str, str]
    lines: list[str] = field(default_factory=list)

    def environment(self) -> Environment:
        """As its files are now."""
        return environment("small", Recipe(("own",), ("leaf",)), self.folder)

    def setup(self) -> list[str]:
        """Sets it up with the real uv; returns what was reported."""
        self.lines.clear()
        setup(["small"], self.root, self.lines.append, environ=self.environ, known={"small": self.environment()})
        return list(self.lines)

    @property
    def built(self) -> Path:
        """The folder that the set-up makes."""
        return self.root / self.environment().directory_name


def wheel(folder: Path, code: str) -> str:
    """Writes `leaf` 1.0 as a wheel with `code` as its module; returns the file's sha256."""
    path = folder / "leaf-1.0-py3-none-any.whl"
    files = {
        "leaf.py": code,
        "leaf-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n",
        "leaf-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "leaf-1.0.dist-info/RECORD": "leaf.py,,\nleaf-1.0.dist-info/METADATA,,\nleaf-1.0.dist-info/WHEEL,,\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh world with nothing built."""
    return make_world(tmp_path, "VALUE = 1\n")


@pytest.fixture
def world_with(tmp_path: Path) -> Callable[[str], World]:
    """A fresh world whose wheel has the given code."""
    return lambda code: make_world(tmp_path, code)


def make_world(tmp_path: Path, code: str) -> World:
    """The files of a world below `tmp_path`."""
    folder, wheels = tmp_path / "environments", tmp_path / "wheels"
    package = folder / "packages" / "own" / "own"
    for path in (package, wheels):
        path.mkdir(parents=True)
    (folder / "small.lock").write_text(f"leaf==1.0 --hash=sha256:{wheel(wheels, code)}\n")
    (package / "__init__.py").write_text("NAME = 'own'\n")
    offline = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_CACHE": str(tmp_path / "cache")}
    return World(folder, tmp_path / "root", {**os.environ, **offline})
