"""`evalctl demo`: runs all steps once on this machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from evalctl.clone.requests import root_of
from evalctl.demo.story import run_demo


def run(arguments: argparse.Namespace) -> int:
    """Runs the demo in a scratch folder, with the job environments of this repository."""
    home = Path(os.environ.get("EVALCTL_HOME") or root_of(arguments) / ".evalctl").absolute()
    folder = Path(arguments.folder).absolute() if arguments.folder else home / "demo"
    return run_demo(folder, Path(os.environ.get("EVALCTL_ENVIRONMENTS") or home / "environments").absolute())
