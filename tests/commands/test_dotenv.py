"""`.env` as `evalctl env check` and `evalctl doctor` look at it (the manual, 1.1): every finding names what to do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evalctl.commands import dotenv
from evalctl.model.manifest import NodeKind, Service

GOOD = 'SITE_GROUP=tga-lab\nHUGGINGFACE_CACHE="/gs/bs/tga-lab/hf"\nUV_CACHE=/gs/bs/uv\nVLLM_CACHE=/gs/bs/vllm\n'
SERVICE = Service(
    scheduler="gridengine", node_kinds={"cpu": NodeKind(gpus=0, runtime_column="hrt_q")},
    submit_args=("-g", "{SITE_GROUP}"), bulk_storage=("/gs/bs",),
)  # fmt: skip
KEYS = {"JUDGE_API_KEY": "manifests/requests/a.yaml"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a `.env` in which nothing is missing."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".env").write_text(GOOD + "JUDGE_API_KEY=not-a-real-one\n")
    (tmp_path / ".env").chmod(0o600)
    return tmp_path


def test_nothing_is_wrong_with_a_good_one(root: Path) -> None:
    """Caches in their place, the group and the judge's key set, private, not in git."""
    assert dotenv.problems(root, SERVICE, KEYS) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("HUGGINGFACE_CACHE=/home/me/hf", "HUGGINGFACE_CACHE must lie under /gs/bs, not in /home/me/hf"),
        ("VLLM_CACHE=/gs/bs2/vllm", "VLLM_CACHE should lie under /gs/bs, not in /gs/bs2/vllm"),
        ("UV_CACHE=", "UV_CACHE is not set: it should name a folder under /gs/bs"),
        ("SITE_GROUP=", "SITE_GROUP is not set: every submission needs it"),
        ("JUDGE_API_KEY=''", "JUDGE_API_KEY is not set: manifests/requests/a.yaml needs it"),
        ('HF_TOKEN="{your_token}"', ".env: HF_TOKEN still has its template value"),
    ],
)
def test_each_mistake_is_named(root: Path, line: str, told: str) -> None:
    """One finding, and never the value of a key."""
    with (root / ".env").open("a") as file:
        file.write(line + "\n")
    found = dotenv.problems(root, SERVICE, KEYS)
    assert found == [told]
    assert "not-a-real-one" not in "".join(found)


def test_a_file_in_git_is_named(root: Path) -> None:
    """Ignored or not: once it is tracked, a push would publish the keys."""
    subprocess.run(["git", "add", "-f", ".env"], cwd=root, check=True)
    (found,) = dotenv.problems(root, SERVICE, KEYS)
    assert found.startswith(".env is tracked by git: git rm --cached .env")


def test_a_service_without_bulk_storage_has_caches_anywhere(root: Path) -> None:
    """A machine of one's own."""
    (root / ".env").write_text("")
    assert dotenv.problems(root, SERVICE.model_copy(update={"bulk_storage": (), "submit_args": ()}), {}) == []
