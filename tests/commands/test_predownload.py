"""`predownload: true` from the request to the submission, by the real huggingface_hub from a Hub on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_server import HubServer, sha_of
from samples import repository

from evalctl.environments import catalogue

MODEL, OTHER = "lab/small-8B", "lab/large-70B"
REQUEST = "model: {}\nservice: slurm\ntasks: [ja_exact]\nnode_kind: gpu_8\npredownload: {}\n"
THINKS = "custom_settings: think\n"  # OTHER has think tags, and these settings name the parser
PACKAGES = Path(__file__).resolve().parents[2] / "compiler" / "environments" / "packages"
SBATCH = '#!/bin/bash\nprintf "%s\\n" "$*" >>"$0.calls"\nwc -l <"$0.calls"\n'


# Read when tests are gathered: later the tests' own environment hides it.
ENVIRONMENTS = Path(os.environ.get("EVALCTL_ENVIRONMENTS", PACKAGES.parents[2] / ".evalctl" / "environments"))


def newest() -> Path:
    """The lighteval environment with huggingface_hub, or a skip that says how to get one."""
    built = sorted(ENVIRONMENTS.glob("lighteval-[0-9a-f]*/.complete"), key=lambda stamp: stamp.stat().st_mtime)
    if not built:
        pytest.skip("no environment lighteval: run `evalctl env setup`")
    return built[-1].parent


def wait_for(what: Callable[[], bool]) -> None:
    """Until it holds, or fails."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Site:
    """A clone on a login node whose scheduler takes every job and shows none, and the Hub that it asks."""

    root: Path
    hub: HubServer
    programs: Path

    def evalctl(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command as a person types it."""
        process = self.start(*words, **more)
        said = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, *said)

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """The same, while it runs."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", "evalctl", *words], cwd=self.root, text=True,
            env={**os.environ, "PATH": path, "HF_ENDPOINT": self.hub.endpoint, **more},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
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
        python = root / ".evalctl/environments" / environment.directory_name / "bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/bash\nPYTHONPATH={PACKAGES / "evalctl-job"} exec {real}/bin/python "$@"\n')
        python.chmod(0o755)
        (python.parents[1] / ".complete").touch()
    for name, text in {"sbatch": SBATCH, "squeue": "#!/bin/bash\n"}.items():
        (tmp_path / "programs").mkdir(exist_ok=True)
        (tmp_path / "programs" / name).write_text(text)
        (tmp_path / "programs" / name).chmod(0o755)
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    for name in ("HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield Site(root, hub, tmp_path / "programs")
    hub.close()


def test_a_model_is_downloaded_and_then_its_job_submitted(site: Site, tmp_path: Path) -> None:
    """One `evalctl sync`; the job's server is told to ask the Hub for nothing."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    done = site.evalctl("sync", "--service", "slurm")
    assert (done.returncode, len(site.submitted())) == (0, 1), done.stdout + done.stderr
    assert (
        tmp_path / f"bulk/models--lab--small-8B/snapshots/{sha_of(MODEL)}/model.safetensors"
    ).stat().st_size == 12_000_000
    (script,) = site.root.glob("generated/one/*.sh")
    assert "HF_HUB_OFFLINE=1" in script.read_text()
    assert f"downloaded {MODEL}" in done.stderr


def test_a_dry_run_downloads_nothing_and_says_what_it_would(site: Site) -> None:
    """No question to the Hub."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    said = site.evalctl("sync", "--dry-run", "--service", "slurm").stdout
    assert f"weights-missing  {MODEL}, 16." in said
    assert (site.hub.log, site.submitted()) == ([], [])


def test_a_model_that_cannot_be_had_blocks_its_own_evals_only(site: Site) -> None:
    """The other request's model is downloaded and its job submitted; model, host and reason are named; exit 1."""
    site.hub.gated.add(MODEL)
    site.ask(one=REQUEST.format(MODEL, "true"), two=REQUEST.format(OTHER, "true") + THINKS)
    done = site.evalctl("sync", "--service", "slurm")
    assert (done.returncode, len(site.submitted())) == (1, 1), done.stdout + done.stderr
    assert f"download-failed  {MODEL}: gated-model" in done.stdout
    assert site.hub.endpoint in done.stdout


def test_a_job_that_needs_no_download_does_not_wait_for_one(site: Site) -> None:
    """It is submitted before anything is downloaded, and also while the Hub is away; exit 4 asks for another sync."""
    site.ask(one=REQUEST.format(MODEL, "true"), two=REQUEST.format(OTHER, "false") + THINKS)
    done = site.evalctl("sync", "--service", "slurm", HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, len(site.submitted())) == (4, 1), done.stdout + done.stderr
    assert f"hub-unreachable  {MODEL}: hub-unreachable: http://127.0.0.1:9" in done.stdout
    assert site.evalctl("sync", "--service", "slurm").returncode == 0
    assert len(site.submitted()) == 2


def test_a_stopped_download_goes_on_at_the_next_sync(site: Site, tmp_path: Path) -> None:
    """Ctrl-C leaves nothing behind that runs or was submitted; what came of the file is not asked for again."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    site.hub.stop_after = 11_000_000
    process = site.start("sync", "--service", "slurm")
    half = tmp_path / "bulk/models--lab--small-8B/blobs"
    wait_for(lambda: any(path.stat().st_size > 0 for path in half.glob("*.incomplete")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, site.submitted()) == (130, [])
    (had,) = [path.stat().st_size for path in half.glob("*.incomplete")]
    site.hub.go_on.set()
    wait_for(lambda: site.hub.taken("model.safetensors") > 0)
    site.hub.log.clear()
    assert site.evalctl("sync", "--service", "slurm").returncode == 0
    assert (site.hub.taken("model.safetensors"), len(site.submitted())) == (12_000_000 - had, 1)
