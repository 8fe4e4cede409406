"""`evalctl check`: every mistake in manifests/, all at once."""

from __future__ import annotations

import argparse
import sys

from evalctl import report
from evalctl.commands.common import RESULTS_CACHE, concerning, requests_named, root_of, unknown_metrics_of
from evalctl.model.diagnostic import has_errors
from evalctl.pipeline import Project
from evalctl.results.store import index_folder
from evalctl.suggest import plural


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; 1 if any is an error."""
    root = root_of(arguments)
    project = Project(root)
    entries, problems = project.check()
    paths = requests_named(arguments.requests, root, entries)
    if arguments.requests:
        problems = concerning(entries, paths, problems)
    else:
        problems = [*problems, *unknown_metrics_of(project, index_folder(root, root / RESULTS_CACHE))]
    report.show(problems, root, arguments.format)
    if arguments.format == "text":
        requests = plural(len(paths), "request")
        print(f"{requests}: {report.count_line(problems)}", file=sys.stderr)
    return 1 if has_errors(problems) else 0
