"""`predownload: true` from the request to the submission, by the real huggingface_hub from a Hub on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import sha_of
from hub_site import MODEL, OTHER, PROXIES, THINKS, Site, make_site

REQUEST = "model: {}\nservice: slurm\ntasks: [ja_exact]\nnode_kind: gpu_8\npredownload: {}\n"


def wait_for(what: Callable[[], bool]) -> None:
    """Until it holds, or fails."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def weights_begun(tmp_path: Path) -> Path:
    """The folder of the blobs, when part of the weights is in it: config.json is there under the same kind of name before."""
    blobs = tmp_path / "bulk/models--lab--small-8B/blobs"
    wait_for(lambda: any(path.stat().st_size > 1_000_000 for path in blobs.glob("*.incomplete")))
    return blobs


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A login node with a Hub."""
    for name in ("HF_HUB_OFFLINE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    made = make_site(tmp_path)
    yield made
    made.hub.close()


def test_a_model_is_downloaded_and_then_its_job_submitted(site: Site, tmp_path: Path) -> None:
    """One `evalctl sync`; the job's server is told to ask the Hub for nothing."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    done = site.evalctl("sync", "--service", "slurm")
    assert (done.returncode, len(site.submitted())) == (0, 1), done.stdout + done.stderr
    assert (
        tmp_path / f"bulk/models--lab--small-8B/snapshots/{sha_of(MODEL)}/model.safetensors"
    ).stat().st_size == 12_000_000
    (script,) = site.root.glob("generated/one/*.sh")
    assert '"HF_HUB_OFFLINE" = "1"' in script.read_text()
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
    half = weights_begun(tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, site.submitted()) == (130, [])
    (had,) = [path.stat().st_size for path in half.glob("*.incomplete")]
    site.hub.go_on.set()
    wait_for(lambda: site.hub.taken("model.safetensors") > 0)
    site.hub.log.clear()
    assert site.evalctl("sync", "--service", "slurm").returncode == 0
    assert (site.hub.taken("model.safetensors"), len(site.submitted())) == (12_000_000 - had, 1)


def test_a_sync_beside_one_that_downloads_does_not_wait_for_it(site: Site, tmp_path: Path) -> None:
    """As cron starts them: it does what else is to do and ends, and says who downloads."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    site.hub.stop_after = 11_000_000
    first = site.start("sync", "--service", "slurm")
    weights_begun(tmp_path)
    second = site.evalctl("sync", "--service", "slurm")
    assert (second.returncode, first.poll(), site.submitted()) == (0, None, [])
    assert f"not downloaded here: another evalctl runs here (process {first.pid}" in second.stderr
    site.hub.go_on.set()
    first.communicate(timeout=60)


def test_a_terminal_shows_how_far_the_download_is(site: Site) -> None:
    """Files and bytes; a log gets only the beginning and the end."""
    site.ask(one=REQUEST.format(MODEL, "true"))
    master, slave = os.openpty()
    process = site.start("sync", "--service", "slurm", stderr=slave)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # EIO is how a terminal says that its last writer has gone
        while part := os.read(master, 65536):
            shown += part
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert "0.01 of 0.01 GB, 2 of 2 files" in shown.decode()


def test_a_download_job_is_retried_by_its_own_name(site: Site) -> None:
    """The name that `evalctl sync` shows beside the advice to type `evalctl retry`."""
    service = site.root / "manifests/services/slurm.yaml"
    service.write_text(f"{service.read_text()}download: gpu_8\n")
    site.ask(one=REQUEST.format(MODEL, "true"))
    (script,) = site.root.glob("generated/one/ev-download-*.sh")
    assert site.evalctl("sync", "--service", "slurm").returncode == 0
    said = site.evalctl("retry", script.stem, "--service", "slurm")
    assert f"{script.stem}: it is still open: evalctl sync collects it" in said.stdout, said.stderr
