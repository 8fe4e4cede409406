"""`evalctl retry`: lets a failed or stopped job run again with the next sync."""

from __future__ import annotations

import argparse

from evalctl.clone.jobs import chosen
from evalctl.clone.machine import machine
from evalctl.exits import PERSON, SUCCESS
from evalctl.sync.control import retry


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 if nothing could be retried."""
    here = machine(arguments, committed=False)
    jobs = chosen(here.plans, arguments.selectors)
    changes = retry(here.context, here.plans, jobs, take_over=arguments.take_over)
    for one in changes:
        print(f"{one.job}: {one.what}")
    return SUCCESS if any(one.done for one in changes) else PERSON
