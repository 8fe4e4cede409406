"""A download by a job of the real local queue: the real script, the real huggingface_hub, a Hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hub_server import HubServer, sha_of
from hub_site import SOURCES, newest

from evalctl.model.evaluation import Batch, Download, RequestPlan, Site
from evalctl.model.run import Action
from evalctl.model.weights import WeightsToDownload
from evalctl.render.download import download_script
from evalctl.sync.context import Context
from evalctl.sync.control import retry
from evalctl.sync.sync import SyncReport, sync
from evalctl.sync.weights import lacking

from .test_local import local
from .world import Clone, git, make_eval, make_job, wait_for

MODEL = "team/tiny"
WEIGHTS = WeightsToDownload(MODEL, sha_of(MODEL), 24_000_000, "lighteval-0123456789ab")
NAME = "ev-download-0123abcd"
DOWNLOAD = Download(
    NAME, "manifests/requests/one.yaml", "site", "gpu_1", Batch(NAME, 600, 0, None, (), 5), WEIGHTS,
    Site("local", "", (), (), ()),
)  # fmt: skip


@pytest.fixture
def hub(clone: Clone) -> Iterator[HubServer]:
    """A Hub that `.env` names, and an environment with the real program."""
    server = HubServer()
    server.models[MODEL] = {"config.json": b"{}", "model.safetensors": bytes(24_000_000)}
    server.gated.add(MODEL)
    (clone.root / ".env").write_text(f"HF_ENDPOINT={server.endpoint}\nHF_TOKEN=stranger\n")
    python = clone.root / ".evalctl/environments" / WEIGHTS.environment / "bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.unlink(missing_ok=True)
    packages = SOURCES  # of this checkout, whatever the environment has; -I would not look there
    python.write_text(f'#!/bin/bash\n[[ $1 != -I ]] || shift\nPYTHONPATH={packages} exec {newest()}/bin/python "$@"\n')
    python.chmod(0o755)
    yield server
    server.close()


def plans(clone: Clone) -> list[RequestPlan]:
    """A request whose model a job downloads, committed."""
    job = replace(make_job(make_eval("arithmetic")), weights=WEIGHTS)
    clone.add_script(job)
    path = clone.root / DOWNLOAD.script_path
    path.write_bytes(download_script(DOWNLOAD).data)
    git(clone.root, "add", "generated")
    git(clone.root, "commit", "-qm", "download")
    git(clone.root, "push", "-q")
    return [RequestPlan(job.request, (job,), (DOWNLOAD,))]


def ended(context: Context, asked: list[RequestPlan], attempt: int) -> SyncReport:
    """The first pass after the download's last mark for which its job is no longer about to end."""
    wait_for((context.run_dir(DOWNLOAD.name, attempt) / "marks/finished.json").exists, 60)
    reports = (sync(context, asked) for _ in range(100))
    return next(report for report in reports if all(step.reason != "ending" for step in report.steps))


def test_a_job_downloads_what_the_next_sync_finds(clone: Clone, hub: HubServer) -> None:
    """A gated model first: the reason comes back through the job's mark. Then with a token that may read it."""
    asked, context = plans(clone), local(clone)
    sync(context, asked)
    report = ended(context, asked, 1)
    assert {step.job: step.reason for step in report.steps} == {
        NAME: "gated-model",
        asked[0].jobs[0].name: "download-failed",
    }
    assert hub.endpoint in next(step.detail for step in report.steps if step.reason == "download-failed")

    hub.gated.clear()
    retry(context, asked, list(asked[0].jobs))
    sync(context, asked)
    report = ended(context, asked, 2)
    assert lacking(context, WEIGHTS) == ("", "")
    assert [step.action for step in report.steps] == [Action.SUBMIT]
