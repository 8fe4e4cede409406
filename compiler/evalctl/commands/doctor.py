"""`evalctl doctor`: checks this machine; with --probe also what a job finds on a node."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from urllib.parse import urlsplit

from evalctl.clone.dotenv import env_values
from evalctl.clone.machine import context_of, detection
from evalctl.clone.requests import root_of
from evalctl.commands.env import dotenv_problems, needed
from evalctl.doctor import checks
from evalctl.doctor.finding import Finding, bad, good
from evalctl.doctor.site_test import cheapest, clear, new_site_test, run_site_test
from evalctl.doctor.verdict import verdict
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.catalogue import Catalogue
from evalctl.model.providers import Provider
from evalctl.pipeline.project import Project
from evalctl.shell import EnvironmentProblem, current_folder
from evalctl.suggest import help_for, listed
from evalctl.sync.context import Context
from evalctl.terminal import as_json

_NEEDED_FOR_THE_SITE_TEST = ("service", "scheduler", "query", "home")


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 if a person must act."""
    root = root_of(arguments)
    catalogue: Catalogue = Project(root).shared[0]
    name, how = detection(root, catalogue, arguments.service)
    context = context_of(root, catalogue, name, commit="")
    kind = _node_kind(context, arguments.node_kind) if arguments.probe else ""
    printer = Printer(arguments.json)
    found = [printer.add(finding) for finding in _machine(context, how)]
    if arguments.probe and all(one.good for one in found if one.topic in _NEEDED_FOR_THE_SITE_TEST):
        found += [
            printer.add(finding) for finding in _site_test(context, kind, arguments.walltime, catalogue.providers)
        ]
    printer.close(found)
    return SUCCESS if all(finding.good for finding in found) else PERSON


class Printer:
    """Prints each finding at once, or JSON at the end."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # terminals that have no ✓

    def add(self, finding: Finding) -> Finding:
        """Shows one."""
        if not self.as_json:
            print(f"{'✓' if finding.good else '✗'} {finding.topic:<12}  {finding.text}", flush=True)
            if finding.help and not finding.good:
                print(f"{'':<14}  → {finding.help}", flush=True)
        return finding

    def close(self, found: Sequence[Finding]) -> None:
        """Prints the summary, or the JSON."""
        wrong = sum(not finding.good for finding in found)
        if self.as_json:
            print(as_json([asdict(finding) for finding in found], indent=1))
        else:
            print(
                "everything is in order"
                if not wrong
                else f"{wrong} of {len(found)} {'needs' if wrong == 1 else 'need'} a person"
            )


def _machine(context: Context, how: str) -> Iterator[Finding]:
    yield from checks.service(context, how)
    yield from checks.programs(context)
    yield from checks.query(context)
    yield from checks.modules(context)
    yield from checks.home(context)
    yield from checks.environments(context, needed(context.root, context.service_name))
    yield from _dotenv(context)
    yield from checks.git(context)
    yield checks.this_python()
    yield checks.this_bash(context)
    yield from checks.fence(context)


def _dotenv(context: Context) -> Iterator[Finding]:
    problems = dotenv_problems(context.root, context.service_name)
    yield from (bad(".env", str(problem)) for problem in problems)
    values = env_values(context.root)
    if not problems:
        names = listed(name for name, value in values.items() if value) or "nothing"
        yield good(".env", f"{context.env_file}, private; sets {names}")


def _site_test(context: Context, kind: str, walltime: int, providers: Mapping[str, Provider]) -> Iterator[Finding]:
    site_test = new_site_test(context, kind, walltime, _endpoints(context, providers))
    observed = run_site_test(context, site_test)
    found = verdict(context, site_test, observed)
    yield from found
    if all(finding.good for finding in found):
        clear(site_test)
    else:
        yield good("kept", f"files of the site test: {_short(site_test.folder)}")


def _short(folder: Path) -> str:
    current = current_folder()
    return str(folder.relative_to(current)) if folder.is_relative_to(current) else str(folder)


def _endpoints(context: Context, providers: Mapping[str, Provider]) -> list[str]:
    """The Hub, and the providers whose key is set."""
    keyed = [
        one.base_url for one in providers.values() if one.key_variable and context.environment.get(one.key_variable)
    ]
    return ["huggingface.co:443", *(f"{urlsplit(url).hostname}:{urlsplit(url).port or 443}" for url in keyed)]


def _node_kind(context: Context, asked: str | None) -> str:
    kinds = context.service.node_kinds
    if asked is None:
        return cheapest(context.service)
    if asked not in kinds:
        help = help_for(asked, kinds, f"it has: {listed(kinds)}")
        raise EnvironmentProblem(f"service {context.service_name} has no node kind `{asked}`", help)
    return asked
