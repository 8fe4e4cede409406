"""`evalctl datasets fetch` and `evalctl datasets check`: fetch data sets into the cache of jobs, or check them, before a job needs them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from evalctl.clone.machine import context_of, detected_service
from evalctl.clone.requests import requests_named, root_of
from evalctl.environments import catalogue as catalogue_of_environments
from evalctl.environments import check as check_environments
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.catalogue import Catalogue
from evalctl.model.evaluation import Task
from evalctl.model.selection import expanded
from evalctl.pipeline.project import Project
from evalctl.plan.questions import Reading, on_the_hub, shipped
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed, plural
from evalctl.sync.context import Context
from evalctl.sync.datasets import Dataset, load
from evalctl.sync.hub import hub_home
from evalctl.terminal import as_json

FETCH, CHECK = "fetch", "check"
_WORDS = {FETCH: ("ready", "failed"), CHECK: ("there", "missing")}


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when every data set is in the cache, 1 when one is missing."""
    root = root_of(arguments)
    project = Project(root)
    catalogue = project.shared[0]
    service = detected_service(root, catalogue, arguments.service)
    tasks = _chosen(project, catalogue, service, arguments)
    context = context_of(root, catalogue, service, "")
    readings = on_the_hub(tasks)
    _require_environments(context, readings)
    shown = _Printer(arguments.action, quiet=arguments.json)
    shown.say(f"cache: {hub_home(context)}")
    found = [*_shipped(tasks, shown), *_read(context, readings, shown, online=arguments.action == FETCH)]
    if arguments.json:
        print(as_json([asdict(one) for one in found], indent=1))
    return shown.end(found)


class _Printer:
    """Prints the progress while data sets are loaded."""

    def __init__(self, action: str, *, quiet: bool) -> None:
        self._action, self._quiet = action, quiet

    def say(self, line: str) -> None:
        """Prints a line, to standard error if standard output is JSON."""
        if not self._quiet:
            print(line, flush=True)

    def begun(self, one: Dataset) -> None:
        """Announces a data set: large ones take minutes."""
        if self._action == FETCH:
            print(f"loading {one.named()} ...", file=sys.stderr, flush=True)

    def ended(self, one: Dataset) -> None:
        """Prints the outcome of a data set."""
        good, bad = _WORDS[self._action]
        why = (
            ""
            if not one.reason or (self._action == CHECK and one.reason == "hub-offline")
            else f": {one.reason}: {one.detail}"
        )
        self.say(f"  {bad if one.reason else good:<8} {one.named()} ({', '.join(one.tasks)}){why}")

    def end(self, found: Sequence[Dataset]) -> int:
        """Prints the last lines, with what to type; returns the exit code."""
        missing = [one for one in found if one.reason]
        self.say(f"{len(found) - len(missing)} of {plural(len(found), 'data set')} can be loaded without a network")
        if missing:
            keys = listed(dict.fromkeys(key for one in missing for key in one.tasks), 100, separator=" ")
            again = (
                "evalctl datasets fetch" if self._action == CHECK else "fix what is named, then: evalctl datasets fetch"
            )
            self.say(f"missing: {again} {keys}")
        return PERSON if missing else SUCCESS


def _chosen(project: Project, catalogue: Catalogue, service: str, arguments: argparse.Namespace) -> list[Task]:
    """The tasks named by words, by --request, by --all, or by default those of this service's requests."""
    if arguments.all:
        return list(catalogue.tasks.values())
    keys = [key for word in arguments.tasks for key in _expanded(word, catalogue)]
    if arguments.request or not keys:
        keys += _of_requests(project, service, arguments.request)
    if not keys:
        help = "name tasks or suites, --request NAME, or --all"
        raise EnvironmentProblem(f"no request here runs on {service}, so no task is chosen", help=help)
    return [catalogue.tasks[key] for key in dict.fromkeys(keys) if key in catalogue.tasks]


def _expanded(word: str, catalogue: Catalogue) -> Sequence[str]:
    keys = expanded(word, catalogue)
    if not keys:
        names = [*catalogue.tasks, *catalogue.suites]
        help = help_for(word, names, "task keys are in manifests/tasks/tasks_runtime.csv")
        raise EnvironmentProblem(f"there is no task or suite `{word}`", help=help)
    return keys


def _of_requests(project: Project, service: str, names: Sequence[str]) -> Iterator[str]:
    """Task keys of the named requests, or without names of every request on the service."""
    entries, _ = project.check()
    for path in requests_named(names, project.root, entries) if names else entries:
        summary = entries[path].summary
        if summary is None:
            if names:
                raise EnvironmentProblem(f"{path} has errors", help=f"evalctl check shows them: evalctl plan {path}")
            continue
        jobs = (job for job in summary.jobs if names or job.service == service)
        yield from (task.task for job in jobs for task in job.tasks)


def _require_environments(context: Context, readings: Iterable[Reading]) -> None:
    names = [one.environment for one in readings]
    if problems := check_environments(names, context.environments):
        raise EnvironmentProblem("; ".join(problems), help=f"evalctl env setup {' '.join(names)}")


def _shipped(tasks: Sequence[Task], shown: _Printer) -> Iterator[Dataset]:
    """Reports tasks whose questions are part of the job environment."""
    for key in shipped(tasks):
        one = Dataset("part of evalctl", "", "", (key,))
        shown.ended(one)
        yield one


def _read(context: Context, readings: Iterable[Reading], shown: _Printer, *, online: bool) -> Iterator[Dataset]:
    for one in readings:
        environment = catalogue_of_environments()[one.environment].directory_name
        yield from load(context, one.framework, environment, one.scripts, shown.begun, shown.ended, online=online)
