"""`evalctl compile`: writes generated/ from the manifests."""

from __future__ import annotations

import argparse
import sys

from evalctl import report
from evalctl.clone.requests import root_of
from evalctl.exits import PERSON, SUCCESS
from evalctl.model.diagnostic import ERROR, has_errors
from evalctl.pipeline.project import Project
from evalctl.suggest import plural

OWN = ("foreign-file", "generated-outdated")


def run(arguments: argparse.Namespace) -> int:
    """Writes the files that differ (none if there is an error); with --check only reports them."""
    root = root_of(arguments)
    entries, problems, changed = Project(root).compile(check_only=arguments.check)
    # warnings are for `check`; here only what prevents generated/ from being right
    report.show([p for p in problems if p.severity == ERROR or p.code in OWN], root, arguments.format)
    if has_errors(problems):
        if arguments.format == "text":
            print(f"nothing was written: {report.count_line(problems)}", file=sys.stderr)
        return PERSON
    if arguments.format == "text":
        scripts = sum(len(entry.artifacts or ()) for entry in entries.values())
        state = "up to date" if not changed else f"{len(changed)} changed"
        print(f"{plural(len(entries), 'request')}, {plural(scripts, 'generated file')}: {state}")
    return SUCCESS
