"""`evalctl demo`: runs all steps once on this machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from evalctl.clone.requests import root_of
from evalctl.demo.story import run_demo
from evalctl.home_folder import DEFAULT, HomeFolder


def run(arguments: argparse.Namespace) -> int:
    """Runs the demo in a scratch folder, with the job environments of this repository."""
    home = Path(os.environ.get("EVALCTL_HOME") or root_of(arguments) / DEFAULT).absolute()
    folder = Path(arguments.folder).absolute() if arguments.folder else HomeFolder(home).demo
    return run_demo(folder, Path(os.environ.get("EVALCTL_ENVIRONMENTS") or HomeFolder(home).environments).absolute())
