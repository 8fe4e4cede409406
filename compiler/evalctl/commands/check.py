"""`evalctl check`: every mistake in manifests/, all at once."""

from __future__ import annotations

import argparse
import sys

from evalctl import report
from evalctl.commands.common import concerning, requests_named, root_of
from evalctl.model.diagnostic import has_errors
from evalctl.pipeline import Project
from evalctl.suggest import plural


def run(arguments: argparse.Namespace) -> int:
    """Prints the findings; 1 if any is an error."""
    root = root_of(arguments)
    entries, problems = Project(root).check()
    paths = requests_named(arguments.requests, root, entries)
    if arguments.requests:
        problems = concerning(entries, paths, problems)
    report.show(problems, root, arguments.format)
    if arguments.format == "text":
        requests = plural(len(paths), "request")
        print(f"{requests}: {report.count_line(problems)}", file=sys.stderr)
    return 1 if has_errors(problems) else 0
