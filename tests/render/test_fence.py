"""A job whose tasks run model-written code, on a node with and without the fence that its service demands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from standin_place import Place, job_task, make_job

from evalctl.model.evaluation import Job


def job(policy: str, *, code_only: bool = False) -> Job:
    """One task that runs code, and one that does not."""
    tasks = (job_task("runs_code", runs_code=True), *([] if code_only else [job_task("asks_only")]))
    whole = make_job(*tasks)
    return replace(whole, site=replace(whole.site, code_execution=policy))


@pytest.mark.parametrize("policy", ["fenced", "best-effort", "unfenced"])
def test_with_a_fence_every_task_runs(place: Place, policy: str) -> None:
    """Whatever the service says."""
    ran = place.run(job(policy))
    assert ran.status == 0 and {ran.mark("task/runs_code")["state"], ran.mark("task/asks_only")["state"]} == {"done"}


@pytest.mark.parametrize(("policy", "state"), [("fenced", "failed"), ("best-effort", "done"), ("unfenced", "done")])
def test_where_the_kernel_refuses_it_the_service_decides(place: Place, policy: str, state: str) -> None:
    """A task without code is not concerned."""
    (place.run_dir / "kernel-refuses").touch()
    ran = place.run(job(policy))
    mark = ran.mark("task/runs_code")
    assert (mark["state"], ran.mark("task/asks_only")["state"]) == (state, "done")
    if state == "failed":
        assert mark["reason"] == "fence-refused" and ran.status == 3
        assert (
            mark["detail"] == "limits: denies nothing; open: keys, files, network, processes (unshare: not permitted)"
        )
        assert not (place.run_dir / "tasks/runs_code").exists()


def test_no_server_is_started_for_tasks_that_may_not_run(place: Place) -> None:
    """The GPU's time is not spent on them."""
    (place.run_dir / "kernel-refuses").touch()
    ran = place.run(job("fenced", code_only=True))
    assert ran.status == 3 and ran.mark("finished")["tasks_failed"] == ["runs_code"]
    assert "server_ready" not in ran.marks() and not (place.run_dir / "server.log").exists()
