"""Code that models write: whether this node has the fence that the service demands for the tasks that run it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from evalctl_job.fence.words import ALL, FENCED, Fence, shown
from evalctl_job.marks import FAILED, TaskMark
from evalctl_job.supervisor.document import Task
from evalctl_job.supervisor.marks import now
from evalctl_job.supervisor.place import Place
from evalctl_job.typed import read

_SECONDS = 60.0


def allowed(place: Place, tasks: Sequence[Task]) -> tuple[list[Task], list[str]]:
    """The tasks that may run on this node, and the keys of those that may not: these have failed, before a server is started for them."""
    demanding = [task for task in tasks if task.code_execution == FENCED and not task.shard]
    fence = _offered(place, demanding[0]) if demanding else Fence(denies=ALL)
    if not fence.left_open:
        return list(tasks), []
    for task in demanding:
        place.marks.write_task(TaskMark(
            key=task.key, state=FAILED, reason="fence-refused", detail=shown(fence), digest=task.digest, started_at=now(), ended_at=now(),
        ))  # fmt: skip
    return [task for task in tasks if task not in demanding], [task.key for task in demanding]


def _offered(place: Place, task: Task) -> Fence:
    argv = place.program("fence.offer", environment=task.environment)
    try:
        ran = subprocess.run(
            argv, env=place.without_secrets(), cwd=place.folder.path, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        return read(Fence, json.loads(ran.stdout))
    except (ValueError, subprocess.TimeoutExpired) as problem:
        return Fence(why=f"it cannot be found out: {type(problem).__name__}: {problem}")
