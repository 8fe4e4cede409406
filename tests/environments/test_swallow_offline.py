"""The fork can be imported without a network, and nothing but that one question to the Hub is answered for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalctl.environments import FOLDER, catalogue, check

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".evalctl" / "environments"
PACKAGE = FOLDER / "packages" / "swallow-offline"
PYTHON = BUILT / catalogue()["lighteval-swallow"].directory_name / "bin" / "python"
# As `datasets` has it: defined in a module of its own, offered by the package.
ASKING = "def get_dataset_config_names(path, revision=None, **settings):\n    return [path, revision, settings]\n"
START = "import site, sys; site.addsitedir(sys.argv[1]); site.addsitedir(sys.argv[2]); "


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a package `datasets` that only repeats what it is asked."""
    package = tmp_path / "datasets"
    package.mkdir()
    (package / "inspect.py").write_text(ASKING)
    (package / "__init__.py").write_text("from .inspect import get_dataset_config_names\n")
    return tmp_path


def said(installed: Path, code: str) -> str:
    """What `code` prints in a fresh Python that starts with the package's `.pth` and with `installed`."""
    words = [sys.executable, "-I", "-B", "-c", START + code, str(PACKAGE), str(installed)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_the_parts_of_live_code_bench_are_known(installed: Path) -> None:
    """However the question is put; the fork's default part and the one that the suites name are among them."""
    code = (
        "from datasets import get_dataset_config_names as ask\n"
        "names = ask('livecodebench/code_generation_lite', trust_remote_code=True)\n"
        "assert names == ask(path='livecodebench/code_generation_lite')\nprint(*names)"
    )
    names = said(installed, f"exec({code!r})").split()
    assert {"release_latest", "release_v6", "v6", "v4_v5", "v5_v6"} <= set(names)
    assert len(set(names)) == len(names) == 1 + 6 + 6 + 15


def test_every_other_question_is_handed_on(installed: Path) -> None:
    """With all that was asked; the function's own module is left as it is."""
    ask = "import datasets; print(datasets.get_dataset_config_names('a/b', 'main', token=1))"
    assert said(installed, ask) == "['a/b', 'main', {'token': 1}]"
    inside = "import datasets.inspect as own; print(own.get_dataset_config_names('livecodebench/code_generation_lite'))"
    assert said(installed, inside) == "['livecodebench/code_generation_lite', None, {}]"


def test_nothing_is_loaded_before_it_is_asked_for(installed: Path) -> None:
    """A Python that never imports `datasets` does not pay for it, and looking for it does not load it."""
    code = "import importlib.util as u; found = u.find_spec('datasets').origin; print('datasets' in sys.modules, found)"
    assert said(installed, code) == f"False {installed / 'datasets' / '__init__.py'}"


def test_a_python_without_datasets_starts(tmp_path: Path) -> None:
    """While the environment is being built, for one."""
    code = "import importlib.util as u; print(u.find_spec('datasets'), u.find_spec('json').name)"
    assert said(tmp_path, code) == "None json"


@pytest.mark.parametrize("module", ["lighteval.tasks.extended.lcb.main", "lighteval.tasks.swallow.lcb_swallow"])
@pytest.mark.environments
@pytest.mark.skipif(bool(check(["lighteval-swallow"], BUILT)), reason="run `evalctl env setup lighteval-swallow`")
def test_the_fork_is_imported_offline(module: str, tmp_path: Path) -> None:
    """With a cache that holds nothing, each of the two modules makes its tasks."""
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    code = f"import importlib; fork = importlib.import_module({module!r}); print(len(fork.configs), 'v5_v6' in fork.configs)"
    reply = subprocess.run([PYTHON, "-I", "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert reply.stdout.split()[-2:] == ["28", "True"], reply.stderr[-2000:]
