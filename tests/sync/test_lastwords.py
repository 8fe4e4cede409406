"""`evalctl status` names a failure after the last try as well as after the first."""

from __future__ import annotations

from pathlib import Path

from evalctl.sync.control import status
from evalctl.sync.lastwords import with_last_words
from evalctl.sync.sync import sync

from .world import Clone, World, make_eval, make_job, mark, plan

KEY = "en_arithmetic"
FAILED = {"key": KEY, "state": "failed", "reason": "dataset-unreachable", "detail": "no host has team/numbers"}


def test_the_reason_of_the_last_try_is_named_when_all_are_used_up(clone: Clone, world: World) -> None:
    """Reason, words and advice of the last try, and the number of tries, are on the eval's line."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    for _ in range(2):
        sync(clone.context(), plan(job))
        (run_dir,) = [Path(one["run_dir"]) for one in world.state()["jobs"].values() if one["name"] == world.live()[0]]
        world.run_all({KEY: "dataset-unreachable"}, reason="dataset-unreachable")
        mark(run_dir, f"task/{KEY}", FAILED)
    sync(clone.context(), plan(job))
    (line,) = with_last_words(status(clone.context(), plan(job))[0], clone.root)
    assert (line.state, line.reason) == ("stop", "attempts-exhausted")
    assert line.detail.startswith("dataset-unreachable: no host has team/numbers: ")
    assert "evalctl retry" in line.detail and line.detail.endswith("(2 tries)")
