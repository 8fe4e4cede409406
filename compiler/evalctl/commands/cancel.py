"""`evalctl cancel`: ends jobs."""

from __future__ import annotations

import argparse

from evalctl.clone.jobs import with_forgotten
from evalctl.clone.machine import machine
from evalctl.exits import PERSON, SUCCESS
from evalctl.sync.control import cancel


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 if something could not be cancelled."""
    here = machine(arguments, committed=False)
    changes = cancel(here.context, here.plans, *with_forgotten(here.context, here.plans, arguments.selectors))
    for one in changes:
        print(f"{one.job}: {one.what}")
    return SUCCESS if all(one.done or one.what == "nothing runs" for one in changes) else PERSON
