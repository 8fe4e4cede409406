"""A login node on which a whole `evalctl sync` runs: stand-ins for the scheduler, the real huggingface_hub, a Hub on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, sha_of
from samples import repository

from evalctl.environments import catalogue

MODEL, OTHER = "lab/small-8B", "lab/large-70B"
THINKS = "custom_settings: think\n"  # OTHER has think tags, and these settings name the parser
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
SOURCES = Path(__file__).resolve().parents[1] / "compiler"  # evalctl_job is in it
SBATCH = '#!/bin/bash\nprintf "%s\\n" "$*" >>"$0.calls"\nwc -l <"$0.calls"\n'


# Read when tests are gathered: later the tests' own environment hides it.
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS", SOURCES.parent / ".evalctl" / "environments"))


def newest() -> Path:
    """The lighteval environment with huggingface_hub, or a skip that says how to get one."""
    built = sorted(ENVIRONMENTS.glob("lighteval-[0-9a-f]*/.complete"), key=lambda stamp: stamp.stat().st_mtime)
    if not built:
        pytest.skip("no environment lighteval: run `evalctl env setup`")
    return built[-1].parent


@dataclass
class Site:
    """A clone on a login node whose scheduler takes every job and shows none, and the Hub that it asks."""

    root: Path
    hub: HubServer
    programs: Path

    def evalctl(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """The command as a person types it."""
        process = self.start(*words, **more)
        said = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, *said)

    def start(self, *words: str, stderr: int = subprocess.PIPE, **more: str) -> subprocess.Popen[str]:
        """The same, while it runs."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", "evalctl", *words], cwd=self.root, text=True,
            env={**os.environ, "PATH": path, "HF_ENDPOINT": self.hub.endpoint, **more},
            stdout=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip

    def submitted(self) -> list[str]:
        """The submit commands, in order."""
        calls = self.programs / "sbatch.calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def ask(self, **requests: str) -> None:
        """Requests, compiled and committed."""
        for name, text in requests.items():
            (self.root / f"manifests/requests/{name}.yaml").write_text(text)
        done = self.evalctl("compile")
        assert done.returncode == 0, done.stdout + done.stderr
        for words in (("add", "-A"), ("commit", "-qm", "requests")):
            subprocess.run(["git", *words], cwd=self.root, check=True)


def make_site(tmp_path: Path) -> Site:
    """Both models are on the Hub at the revisions of their cards."""
    root = repository(tmp_path / "clone", {".env": f"SLURM_ACCOUNT=a\nHUGGINGFACE_CACHE={tmp_path}/bulk\n"})
    (root / ".gitignore").write_text("/.evalctl/\n/.env\n")
    (root / "manifests/requests").mkdir()
    hub = HubServer()
    for model in (MODEL, OTHER):
        hub.models[model] = {"config.json": b"{}", "model.safetensors": bytes(12_000_000)}
        card = root / f"manifests/models/{model}.lock.yaml"
        card.write_text(re.sub(r"(?m)^revision: .*", f"revision: {sha_of(model)}", card.read_text()))
    real = newest()
    for environment in catalogue().values():
        folder = root / ".evalctl/environments" / environment.directory_name
        _program(folder / "bin/python", f'#!/bin/bash\nPYTHONPATH={SOURCES} exec {real}/bin/python "$@"\n')
        (folder / ".complete").write_text(environment.digest)
    for name, text in {
        "sbatch": SBATCH,
        "squeue": '#!/bin/bash\n[ "$1" != --version ] || echo "slurm 22.05.8"\n',
    }.items():
        _program(tmp_path / "programs" / name, text)
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    return Site(root, hub, tmp_path / "programs")


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
