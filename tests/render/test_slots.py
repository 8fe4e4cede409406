"""How many tasks of a job run at once: a place belongs to a task that asks, and the server to questions, in jobs that really run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from standin_place import Place, job_task, make_job, with_server

from evalctl_job.supervisor import capacity
from evalctl_job.supervisor.capacity import Slots

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("most", "cores", "memory", "slots"),
    [
        (32, 2, 12 * GB, Slots(asking=4, loaded=5)),  # cores decide
        (32, 64, 500 * GB, Slots(asking=32, loaded=208)),  # the service's limit
        (32, 64, 12 * GB, Slots(asking=5, loaded=5)),  # memory
        (1, 64, 500 * GB, Slots(asking=1, loaded=208)),
        (32, 0.5, 1 * GB, Slots(asking=2, loaded=2)),
        (32, 1.5, 12 * GB, Slots(asking=3, loaded=5)),
    ],
)
def test_cores_memory_and_the_service_limit_the_tasks(most: int, cores: float, memory: int, slots: Slots) -> None:
    """Two that ask for each core, 1.2 GB for each in half of the memory, never fewer than two unless the service says so."""
    assert capacity.slots(most, cores, memory) == slots


def node(root: Path, files: Mapping[str, str]) -> Path:
    """A node that shows these files."""
    for name, text in {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 8000000 kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V1, V2 = "9:name=systemd:/x\n4:memory:/a/b\n1:cpu,cpuacct:/a\n", "0::/a/b\n"


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, 8_192_000_000),
        ({"proc/self/cgroup": V2}, 8_192_000_000),
        ({"proc/self/cgroup": V2, "sys/fs/cgroup/a/b/memory.max": "max\n"}, 8_192_000_000),
        (
            {
                "proc/self/cgroup": V2, "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "4000\n",
                "sys/fs/cgroup/a/memory.current": "3000\n", "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 500\n",
            },
            1500,
        ),
        (
            {
                "proc/self/cgroup": V1, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "4000\n",
                "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "3000\n",
                "sys/fs/cgroup/memory/a/b/memory.stat": "inactive_file 1\ntotal_inactive_file 700\n",
            },
            1700,
        ),
        (
            {
                "proc/self/cgroup": V2, "sys/fs/cgroup/memory.max": "10\n", "sys/fs/cgroup/memory.current": "30\n",
                "sys/fs/cgroup/memory.stat": "",
            },
            0,
        ),
    ],
)  # fmt: skip
def test_the_smallest_limit_of_the_node_and_its_control_groups_holds(
    files: Mapping[str, str], left: int, tmp_path: Path
) -> None:
    """Of both versions, of each group above, and what a file cache holds is free."""
    assert capacity.memory(node(tmp_path, files)) == left


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": V2, "sys/fs/cgroup/a/cpu.max": "50000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"},
        {
            "proc/self/cgroup": V1, "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    ],
)  # fmt: skip
def test_a_quota_of_cores_holds(files: Mapping[str, str], tmp_path: Path) -> None:
    """Half a core, whatever the machine has."""
    assert capacity.cores(node(tmp_path, files)) == 0.5


def test_without_a_quota_the_cores_of_the_process_count(tmp_path: Path) -> None:
    """At least one."""
    assert capacity.cores(node(tmp_path, {})) >= 1


def test_a_task_that_scores_makes_room_for_one_that_asks(place: Place) -> None:
    """One at a time may ask: the second begins as soon as the first has all its answers, and here ends before it."""
    ran = place.run(make_job(job_task("scores"), job_task("other"), parallel_tasks=1))
    assert (ran.status, sorted(ran.mark("finished")["tasks_done"])) == (0, ["other", "scores"]), place.job_log()


@pytest.mark.parametrize("way", ["", "leaves-a-child"])
def test_a_server_that_nobody_asks_is_ended_and_comes_back(place: Place, way: str) -> None:
    """Scoring needs no server; a question that comes nevertheless waits until it is started again, and is answered. Nothing
    is left of either (the fixture looks)."""
    ran = place.run(with_server(make_job(job_task("asks-again")), way), rest=3)
    assert ran.status == 0, place.job_log()
    assert place.job_log().count("the server is ended, while scoring goes on") >= 1
    assert len(ran.lines("vllm")) == 2
    assert "server_restarted" not in ran.marks()
