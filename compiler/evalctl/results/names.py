"""Names of the files beside a result; names as people read them: of tasks, which frameworks spell differently, and of models.

`swallow|NAME|0`, `swallow|NAME`, `NAME|0` and `NAME` are all the task NAME. `hosted_vllm/PUBLISHER/MODEL` is the model
PUBLISHER/MODEL: the folder of servers of our own says nothing to a person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from evalctl.model.providers import PROVIDERS, model_name
from evalctl_job.run_folder import INSIDE

# Beside a result, where git ignores them: the logs of the attempt; its answers and what was scored.
LOGS, DETAILS = "logs", "details"

_OWN = re.compile(rf"^(debug/max_samples-\d+/)?{re.escape(PROVIDERS['vllm'].result_dir)}/(?=.)")


@lru_cache(maxsize=4096)
def task_name(key: str) -> str:
    """The NAME (with its `:subset`) inside a framework's task key."""
    parts = key.split("|")
    if len(parts) > 2 or (len(parts) == 2 and not parts[1].isdigit()):
        return parts[1]
    return parts[0]


def read_name(path: str) -> str:
    """The displayed name of a model, or a model with settings, from its path below results/."""
    return _OWN.sub(lambda found: found[1] or "", model_name(path.removeprefix("results/")), count=1)


def read_names(paths: Iterable[str]) -> dict[str, str]:
    """`read_name` of each path; the whole path where two would have the same name (a provider may have a publisher's name)."""
    names = {path: read_name(path) for path in paths}
    times = Counter(names.values())
    return {
        path: name if times[name] == 1 else model_name(path.removeprefix("results/")) for path, name in names.items()
    }


def log_names(attempt: str) -> tuple[str, str]:
    """The names in `LOGS` of what an attempt printed: its task's framework, and the job."""
    return f"{attempt}.log", f"{attempt}.{INSIDE.job_log}"
