"""lighteval's client gets no cache from the environment and another way to the model; nothing else of any program is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalctl.environments import FOLDER

PACKAGE = FOLDER / "packages" / "lighteval-client"
CLIENT = "lighteval.models.endpoints.litellm_model"
CLIENT_CODE = """
import litellm
litellm.cache = 'on disk'
seen = litellm.cache

class LiteLLMClient:
    def __call_api(self): ...
    def __call_api_parallel(self): ...
    def cleanup(self): ...
"""
START = "import site, sys; site.addsitedir(sys.argv[1]); site.addsitedir(sys.argv[2]); "


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A litellm without a cache, and a lighteval whose client gives it one, as the real one does."""
    (tmp_path / "litellm.py").write_text("cache = None\ncompletion = None\n")
    folder = tmp_path
    for name in CLIENT.split(".")[:-1]:
        folder = folder / name
        folder.mkdir()
        (folder / "__init__.py").touch()
    (folder / "litellm_model.py").write_text(CLIENT_CODE)
    (folder.parent / "litellm_model.py").write_text(CLIENT_CODE)  # where the fork has it
    (folder / "other.py").write_text("import litellm\nlitellm.cache = 'wanted'\n")
    return tmp_path


def said(installed: Path, code: str) -> str:
    """What `code` prints in a fresh Python that starts with the package's `.pth` and with `installed`."""
    words = [sys.executable, "-I", "-B", "-c", START + code, str(PACKAGE), str(installed)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_the_client_is_left_without_a_cache(installed: Path) -> None:
    """However it is imported; its own module is run as it is."""
    assert said(installed, f"import {CLIENT} as own, litellm; print(own.seen, litellm.cache)") == "on disk None"
    by_name = f"from importlib import import_module; own = import_module({CLIENT!r}); print(own.litellm.cache)"
    assert said(installed, by_name) == "None"


@pytest.mark.parametrize("client", [CLIENT, "lighteval.models.litellm_model"])
def test_the_client_of_each_dialect_asks_in_our_way(installed: Path, client: str) -> None:
    """What it sees as litellm is ours, and so is its method for all questions of a call."""
    code = f"import {client} as own; print(type(own.litellm).__name__, own.LiteLLMClient._LiteLLMClient__call_api_parallel.__module__)"
    assert said(installed, code) == "Completions evalctl_job.framework_calls"


@pytest.mark.parametrize(
    "measures", ["lighteval.tasks.tasks.lcb.codegen_metrics", "lighteval.tasks.extended.lcb.codegen_metrics"]
)
def test_what_runs_code_gets_the_fence_in_a_job_only(installed: Path, measures: str) -> None:
    """Elsewhere it is left as it is; one that runs code in another way cannot be imported, so that no environment is built with it."""
    folder = installed
    for name in measures.split(".")[:-1]:
        folder = folder / name
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    whole = "def run_test(sample, test=None, timeout=6): ...\ndef evaluate_generations(): ...\n"
    calls = "def codegen_metrics(): evaluate_generations()\ndef check_correctness():\n    def run(): run_test()\n"
    (folder / "codegen_metrics.py").write_text(whole + calls)
    code = (
        f"import os; {{}}import {measures} as own; print(own.run_test.__module__, own.evaluate_generations.__module__)"
    )
    in_job = "os.environ['EVALCTL_FENCE_RECORD'] = '/nowhere'; "
    assert said(installed, code.format("")) == f"{measures} {measures}"
    wrapped = f"import os; {in_job}import {measures} as own; print(hasattr(own.run_test, '__wrapped__'), hasattr(own.evaluate_generations, '__wrapped__'))"
    assert said(installed, wrapped) == "True True"
    (folder / "codegen_metrics.py").write_text(whole + calls.replace("run_test()", "other()"))
    with pytest.raises(subprocess.CalledProcessError) as refused:
        said(installed, code.format(""))
    assert "check_correctness does not call run_test" in refused.value.stderr


def test_whoever_else_wants_a_cache_has_it(installed: Path) -> None:
    """Another module of the same package, for one."""
    assert said(installed, "import lighteval.models.endpoints.other, litellm; print(litellm.cache)") == "wanted"


def test_nothing_is_loaded_before_it_is_asked_for(installed: Path) -> None:
    """A Python that never runs lighteval does not pay for it."""
    assert said(installed, "print({'lighteval', 'litellm'} & set(sys.modules))") == "set()"


def test_a_python_without_lighteval_starts(tmp_path: Path) -> None:
    """While the environment is being built, for one."""
    code = "import importlib.util as u; print(u.find_spec('lighteval'), u.find_spec('json').name)"
    assert said(tmp_path, code) == "None json"
