"""What `make` prints while it installs."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
CALLS = re.findall(r"python -m (pip install .*?) --require-hashes -r \S+", MAKEFILE.read_text(encoding="utf-8"))


def wheel(folder: Path) -> str:
    """A package that installs nothing, and its digest."""
    folder.mkdir()
    path = folder / "tiny-1.0-py3-none-any.whl"
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"tiny-1.0.dist-info/{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n"
        for name, text in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "RECORD": record + "tiny-1.0.dist-info/RECORD,,\n"}.items():
            archive.writestr(f"tiny-1.0.dist-info/{name}", text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed(call: str, requirement: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`call` of the Makefile where the site's indexes are folders that lack the package."""
    (folder / "requirements.txt").write_text(requirement)
    words = [
        sys.executable,
        "-m",
        *call.split(),
        "--target",
        str(folder / "target"),
        "--require-hashes",
        "-r",
        "requirements.txt",
    ]
    site = {
        "PIP_INDEX_URL": (folder / "simple").as_uri(), "PIP_EXTRA_INDEX_URL": (folder / "more").as_uri(),
        "PIP_FIND_LINKS": str(folder / "wheels"), "PIP_CONFIG_FILE": os.devnull,
    }  # fmt: skip
    return subprocess.run(words, cwd=folder, env={**os.environ, **site}, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("call", CALLS)
def test_an_extra_index_that_lacks_packages_prints_nothing(call: str, tmp_path: Path) -> None:
    """pip warns of each package that is not in a site's folder (`Location … is ignored`): make leaves those out."""
    (tmp_path / "more").mkdir()
    done = installed(call, f"tiny==1.0 --hash=sha256:{wheel(tmp_path / 'wheels')}\n", tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (tmp_path / "target" / "tiny-1.0.dist-info").is_dir()


@pytest.mark.parametrize("call", CALLS)
def test_what_keeps_an_installation_from_working_is_printed(call: str, tmp_path: Path) -> None:
    """A package that no index has, and one that is not the one that was locked."""
    wheel(tmp_path / "wheels")
    for requirement, told in (
        (f"none==1.0 --hash=sha256:{'0' * 64}", "No matching"),
        (f"tiny==1.0 --hash=sha256:{'0' * 64}", "HASHES"),
    ):
        done = installed(call, requirement, tmp_path)
        assert done.returncode != 0 and told in done.stderr
