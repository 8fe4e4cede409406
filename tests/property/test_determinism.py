"""`evalctl compile` gives the same bytes everywhere: the reviewer's machine, CI and the login node agree."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from samples import base_texts, files_under, repository

REQUESTS = {
    "manifests/requests/a.yaml": "model: lab/small-8B\ncustom_settings: [ja, default]\nservice: tsubame\ntasks: [all]\n",
    "manifests/requests/評価/ｂ.yaml": "model: {path: /gs/x, name: lab/local-1B}\nservice: abci\ntasks: [en, -en_code]\nreason: 日本語\n",
    "manifests/requests/c/d.yaml": "models: [lab/small-8B]\nservice: slurm\ntasks: [ja]\npacking: {parallel: 2}\n",
}
PLAIN: dict[str, str] = {"PYTHONHASHSEED": "0"}
ELSEWHERE = [
    pytest.param({"PYTHONHASHSEED": "1"}, 0o077, id="hash seed, umask"),
    pytest.param({"PYTHONHASHSEED": "4711", "LC_ALL": "C", "LANG": "C"}, 0o022, id="locale C"),
    pytest.param({"LC_ALL": "ja_JP.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}, 0o002, id="locale, time zone"),
    pytest.param({"TZ": "Pacific/Kiritimati", "COLUMNS": "20", "NO_COLOR": "1", "USER": "someone"}, 0o022, id="person"),
]


def compiled(root: Path, variables: Mapping[str, str] = PLAIN, umask: int = 0o022) -> str:
    """What the command says when all is well."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables}
    reply = subprocess.run(
        [sys.executable, "-m", "evalctl", "--repo", root, "compile"], env=environment, umask=umask,
        capture_output=True, text=True, cwd="/", timeout=60,
    )  # fmt: skip
    assert reply.returncode == 0, reply.stdout + reply.stderr
    return reply.stdout


def generated(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every generated file: mode and bytes."""
    folder = root / "generated"
    return {path: (stat.S_IMODE((folder / path).stat().st_mode), data) for path, data in files_under(folder)}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, bytes]]:
    """What comes out in one place."""
    root = repository(tmp_path_factory.mktemp("reference"), REQUESTS)
    compiled(root)
    return generated(root)


@pytest.mark.parametrize(("variables", "umask"), ELSEWHERE)
def test_another_machine_gives_the_same_bytes(
    variables: dict[str, str], umask: int, reference: dict[str, tuple[int, bytes]], tmp_path: Path
) -> None:
    """Another folder, hash seed, locale, time zone, umask or user changes neither bytes nor modes."""
    root = repository(tmp_path / "another place" / "フォルダ", REQUESTS)
    compiled(root, variables, umask)
    assert reference == generated(root)


def test_the_order_and_age_of_files_do_not_matter(reference: dict[str, tuple[int, bytes]], tmp_path: Path) -> None:
    """Manifests written in another order, in another decade."""
    texts = list({**base_texts(), **REQUESTS}.items())
    random.Random(7).shuffle(texts)
    for number, (path, text) in enumerate(texts):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        os.utime(tmp_path / path, (1_000_000_000 - number, 1_000_000_000 - number))
    compiled(tmp_path)
    assert reference == generated(tmp_path)


def test_compiling_again_changes_nothing(tmp_path: Path) -> None:
    """Not one file is written a second time, with or without what was remembered."""
    root = repository(tmp_path, REQUESTS)
    compiled(root)
    times = {path: (root / "generated" / path).stat().st_mtime_ns for path, _ in files_under(root / "generated")}
    assert "up to date" in compiled(root)
    shutil.rmtree(root / ".evalctl")
    assert "up to date" in compiled(root)
    assert times == {path: (root / "generated" / path).stat().st_mtime_ns for path in times}


def test_nothing_of_this_machine_is_in_a_script(reference: dict[str, tuple[int, bytes]]) -> None:
    """No folder of this machine, no name of its user or host."""
    own = [str(Path(__file__).parents[2]), sys.prefix, os.uname().nodename, str(Path.home())]
    text = b"\n".join(data for _, data in reference.values()).decode()
    assert [word for word in own if word in text] == []
    assert len(reference) > 5
