"""What is downloaded before a job is submitted."""

from __future__ import annotations

from samples import compiled, one_job

from evalctl.model.service import NodeKind, Service
from evalctl.plan.weights import downloads

SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [en_own]\n"
SITE = Service(
    scheduler="gridengine", download="cpu", start_allowance_minutes=10, drain_seconds=120, directives=("-V",),
    node_kinds={"cpu": NodeKind(gpus=0, runtime_column="hrt_f", directives=("-l cpu_4=1",))}, max_walltime="2:00:00",
)  # fmt: skip


def test_a_job_runs_offline_when_its_model_is_downloaded_first() -> None:
    """The pinned revision is what is fetched, and the server asks the Hub for nothing; its frameworks still may."""
    job = one_job(f"{SMALL}predownload: true\n")
    assert job.weights is not None
    assert (job.weights.model, job.weights.revision) == ("lab/small-8B", job.tasks[0].evaluation.subject.revision)
    assert ("HF_HUB_OFFLINE", "1") in job.server.variables
    assert [value for task in job.tasks for value in task.invocation.variables if value[0] == "HF_HUB_OFFLINE"] == []


def test_whether_a_model_is_downloaded_first_changes_no_score() -> None:
    """Nothing runs again because of it."""
    first, plain = one_job(f"{SMALL}predownload: true\n"), one_job(SMALL)
    assert plain.weights is None
    assert (first.name, first.tasks[0].evaluation.digest) == (plain.name, plain.tasks[0].evaluation.digest)


def test_a_checkpoint_on_disk_needs_no_download() -> None:
    """It is there."""
    job = one_job("model: {path: /gs/x, name: lab/local-1B}\nservice: tsubame\ntasks: [en_own]\npredownload: true\n")
    assert job.weights is None
    assert ("HF_HUB_OFFLINE", "1") not in job.server.variables


def test_the_plan_says_that_the_model_is_downloaded_first() -> None:
    """How large it is and who does it."""
    job = one_job(f"{SMALL}predownload: true\n")
    assert "the model (16.1 GB) is downloaded first, by evalctl sync" in job.advice


def test_jobs_of_one_model_share_one_download() -> None:
    """Whichever framework asks: a job on the service's node kind for that, with time for the size of the weights."""
    jobs = compiled(f"{SMALL.replace('en_own', 'all')}packing: per_task\npredownload: true\n").jobs
    assert len({job.weights.environment for job in jobs if job.weights is not None}) == 2
    (download,) = downloads(jobs, SITE)
    assert (len(jobs), download.weights, download.node_kind) == (6, jobs[0].weights, "cpu")
    assert download.batch.directives == ("-V", "-l cpu_4=1")
    assert (
        download.batch.walltime_seconds == 1800
    )  # ten minutes to start, 16.1 GB at 25 MB/s, two to end; in steps of ten


def test_a_service_without_a_node_kind_for_downloads_has_no_job_for_them() -> None:
    """`evalctl sync` downloads by itself."""
    assert downloads(compiled(f"{SMALL}predownload: true\n").jobs, SITE.model_copy(update={"download": None})) == ()


def test_the_same_weights_have_the_same_download_in_every_request() -> None:
    """So that the ledger knows it; another service has a cache of its own."""
    here = downloads(compiled(f"{SMALL}predownload: true\n", path="manifests/requests/a.yaml").jobs, SITE)
    again = downloads(compiled(f"{SMALL}predownload: true\n", path="manifests/requests/b.yaml").jobs, SITE)
    there = downloads(compiled(f"{SMALL.replace('tsubame', 'abci')}predownload: true\n").jobs, SITE)
    assert here[0].name == again[0].name != there[0].name


def test_a_node_kind_that_is_not_there_is_the_checks_to_tell() -> None:
    """A slip in the service's file is no bug of the plan."""
    slip = SITE.model_copy(update={"download": "cpus"})
    assert downloads(compiled(f"{SMALL}predownload: true\n").jobs, slip) == ()
