"""`evalctl check`: reports all mistakes in manifests/ at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from evalctl import report
from evalctl.clone import gates
from evalctl.clone.requests import RESULTS_CACHE, concerning, requests_named, root_of, unknown_metrics_of
from evalctl.commands.compile import OWN
from evalctl.exits import APPROVAL, PERSON, SUCCESS
from evalctl.load.places import POLICY
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.pipeline.known_requests import KnownRequest
from evalctl.pipeline.project import Project
from evalctl.plan.pages import cell
from evalctl.results.proof import ACCEPTED_FILE
from evalctl.results.store import ResultIndex, index_folder
from evalctl.suggest import plural
from evalctl.terminal import print_composed


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings, with --base also those about changes since that commit; returns 1 if any is an error, 7 if a
    person must approve the change by the policy of that commit.
    """
    root = root_of(arguments)
    project = Project(root)
    entries, problems = checked(project, rendered=arguments.base is not None)
    paths = requests_named(arguments.requests, root, entries)
    if arguments.requests:
        problems = concerning(entries, paths, problems)
    else:
        problems = [*problems, *of_everything(root, project, entries, index_folder(root, root / RESULTS_CACHE))]
    if arguments.base is not None:
        problems = [*problems, *changes(root, arguments.base, project, entries)]
    if arguments.format == "markdown":
        print_composed(_markdown(problems))
    else:
        report.show(problems, root, arguments.format)
    if arguments.format == "text":
        requests = plural(len(paths), "request")
        print(f"{requests}: {report.count_line(problems)}", file=sys.stderr)
    return _code(problems)


def _code(problems: list[Diagnostic]) -> int:
    """A mistake or what the policy refuses: 1; what a person must approve: 7."""
    if has_errors(problems):
        return PERSON
    return APPROVAL if any(one.code == "needs-approval" for one in problems) else SUCCESS


def of_everything(
    root: Path, project: Project, entries: Mapping[str, KnownRequest], index: ResultIndex
) -> list[Diagnostic]:
    """Findings that belong to no request: metrics, gates, the policy, accepted results."""
    found = [*unknown_metrics_of(project, index), *gates.problems_of(project, entries, index), *acceptance(root)]
    if POLICY in project.workspace.keys:
        from evalctl.clone.policy import problems_of  # late, as below

        found += problems_of(project)
    return found


def changes(root: Path, base: str, project: Project, entries: Mapping[str, KnownRequest]) -> list[Diagnostic]:
    """Findings about what this branch changes since it left `base`."""
    # late: they import what reads git and results, which other checks do not need
    from evalctl.clone import policy
    from evalctl.clone.base import compared

    found = compared(root, base, project, entries)
    return [*found, *policy.findings(policy.verdict(root, base, project, entries))]


def acceptance(root: Path) -> list[Diagnostic]:
    """Findings about results/accepted.json, if it exists; a link is not followed."""
    path = root / ACCEPTED_FILE
    if not path.is_file() and not path.is_symlink():
        return []
    from evalctl.results.accepted import faults

    return faults(b"" if path.is_symlink() else path.read_bytes())


def checked(project: Project, *, rendered: bool) -> tuple[dict[str, KnownRequest], list[Diagnostic]]:
    """(requests, findings); with `rendered` the requests include what generated/ should contain (`compile` reports on generated/)."""
    if not rendered:
        return project.check()
    entries, problems, _ = project.compile(check_only=True)
    return entries, [one for one in problems if one.code not in OWN]


def _markdown(problems: Sequence[Diagnostic]) -> str:
    """Markdown for the summary of a pull request: GitHub shows only ten annotations."""
    lines = [f"- **{one.severity}** {cell(f'{report.place(one.span)}: {one.message}')}" for one in problems]
    return "\n".join(["## evalctl check", "", f"**{report.count_line(problems)}**", "", *lines, ""])
