"""`evalctl new task`: adds the rows and entries of a task; all are checked before any is written (manual, 3.1)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from evalctl.clone.changing import faults, refused, write
from evalctl.clone.requests import root_of
from evalctl.editing.task import RUNTIME, RUNTIME_COLUMNS, NewEntry, NewTask, with_task
from evalctl.exits import SUCCESS
from evalctl.load import csv_source
from evalctl.load.places import TASK_FILES
from evalctl.model.diagnostic import ERROR
from evalctl.pipeline.project import Project
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed

_FLAGS = ("key", "script", "result_dir", "framework", "times")
# In the lab's table rt_HG has the time of node_q, and rt_HF that of node_f (every row, mid-2025).
_SAME = {"wlt_HG": "hrt_q", "wlt_HF": "hrt_f"}


def run(arguments: argparse.Namespace) -> int:
    """Writes the task's rows; writes nothing if the task exists or anything is wrong."""
    _require(arguments)
    root = root_of(arguments)
    paths = [path for path in TASK_FILES if (root / path).is_file()]
    texts = Project(root).workspace.texts(paths)
    task = _task(arguments, texts.get(RUNTIME, ""))
    changed, problems = with_task(task, texts)
    problems = problems or faults(root, changed)
    if any(found.severity == ERROR for found in problems):
        return refused(problems, root, changed)
    write(root, changed)
    if not task.entries:
        print(
            "the task has no entry in aggregated_results.json: evalctl new task … --metric NAME --entry NAME adds one"
        )
    print(f"next: evalctl compile; to try the task: a request with `tasks: [{task.key}]` and `max_samples: 10`")
    return SUCCESS


def _require(arguments: argparse.Namespace) -> None:
    missing = [flag for flag in _FLAGS if not getattr(arguments, flag)]
    if missing:
        words = " ".join("KEY" if flag == "key" else f"--{flag.replace('_', '-')} …" for flag in missing)
        raise EnvironmentProblem(f"a task needs {', '.join(missing)}", help=f"evalctl new task {words}")


def _task(arguments: argparse.Namespace, runtime: str) -> NewTask:
    table, _ = csv_source.parse(runtime, RUNTIME, RUNTIME_COLUMNS)
    columns = [column for column in table.columns if column not in RUNTIME_COLUMNS]
    return NewTask(
        arguments.key, arguments.script, arguments.result_dir, arguments.framework, _times(arguments.times, columns),
        arguments.settings, tuple(_entries(arguments)), tuple(arguments.suite),
    )  # fmt: skip


def _times(text: str, columns: Sequence[str]) -> dict[str, str]:
    """Column to time from `q=00:30:00,f=02:00:00`; a word names a column or the end of its name."""
    times: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        word, _, time = pair.partition("=")
        found = [column for column in columns if word in (column, column.rpartition("_")[2])]
        if len(found) != 1 or not time:
            known = f"the columns are: {listed(columns)}"
            raise EnvironmentProblem(
                f"--times: `{pair}` is not COLUMN=HH:MM:SS", help=help_for(word, columns, f"q=HH:MM:SS,f=…; {known}")
            )
        times[found[0]] = time
    same = {column: times[other] for column, other in _SAME.items() if other in times and column in columns}
    return {**same, **times}


def _entries(arguments: argparse.Namespace) -> Iterator[NewEntry]:
    """Each --metric with the --entry at the same position; for a single metric the default is the task's name."""
    names = arguments.entry or ([arguments.script] if len(arguments.metric) == 1 else [])
    if len(names) != len(arguments.metric):
        raise EnvironmentProblem(
            f"there are {len(arguments.metric)} --metric but {len(arguments.entry)} --entry",
            help="--metric NAME --entry NAME, once for each value that aggregated_results.json should show",
        )
    for name, metric in zip(names, arguments.metric, strict=True):
        metrics = tuple(metric.split("+"))
        yield NewEntry(name, "micro" if arguments.subsets else "mean" if len(metrics) > 1 else "pick", metrics)
