"""Imported results and `sync`: they are kept, counted in the aggregate, and never taken for an eval's own result."""

from __future__ import annotations

import json

from evalctl.model.run import Action
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan

FOLDER = "results/hosted_vllm/team/tiny/default"


def imported(task: str) -> str:
    """A record as `evalctl import results` writes it."""
    return json.dumps({
        "schema": "evalctl/result/1", "digest": f"imported-{task}", "scores": {f"swallow|{task}|0": {"m": 0.5}},
        "task": {"key": f"en_{task}", "script": task, "result_dir": f"en/{task}", "framework": "lighteval-swallow"},
        "subject": {"provider": "vllm", "model": "team/tiny", "revision": "", "custom_settings": {"name": "default"}},
        "weights": {}, "samples": None, "seconds": None, "measured_at": 4e9, "imported": {"on": "2026-11-24", "sources": []},
    })  # fmt: skip


def test_a_request_measures_anew_and_takes_the_place_of_what_was_imported(clone: Clone, world: World) -> None:
    """However new the imported one claims to be; another task's stays, with its mark in the aggregate."""
    for task in ("arithmetic", "history"):
        path = clone.root / FOLDER / "en" / task / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(imported(task), encoding="utf-8")
    git(clone.root, "add", "results")
    git(clone.root, "commit", "-q", "-m", "imported")
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    git(clone.root, "push", "-q")
    (step,) = sync(clone.context(), plan(job)).steps
    assert step.action is Action.SUBMIT
    world.run_all()
    (step,) = sync(clone.context(), plan(job)).steps
    assert step.action is Action.DONE
    record = json.loads(git(clone.root, "show", f"HEAD:{FOLDER}/en/arithmetic/result.json"))
    assert "imported" not in record
    assert record["digest"] == job.tasks[0].evaluation.digest
    evals = json.loads(git(clone.root, "show", f"HEAD:{FOLDER}/aggregated_results.json"))["evals"]
    assert {task: "imported" in one for task, one in evals.items()} == {"en_arithmetic": False, "en_history": True}
