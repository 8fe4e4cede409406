"""The command line of the relay."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalctl_job.admission import MOST


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m evalctl_job.relay", description=__doc__)
    made.add_argument("--listen-port-file", type=Path, required=True, help="written by rename once requests are taken")
    made.add_argument(
        "--listen-fd", type=int, metavar="N", help="descriptor of a socket that listens (default: a new one)"
    )
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--upstream", help="base address of the model's API, ending in /v1 as a rule")
    where.add_argument("--upstream-file", type=Path, help="file with that address; missing while there is no server")
    made.add_argument("--state", type=Path, required=True, help="folder of options, answers and counts")
    made.add_argument("--key-variable", help="NAME of the environment variable that holds the API key")
    made.add_argument("--health", help="address that answers 200 while a fixed --upstream can work")
    made.add_argument("--health-path", default="/health", help="the same on the server that --upstream-file names")
    made.add_argument("--admit", type=admitted, default=None, metavar="auto|N", help="choices under way at a time")
    made.add_argument(
        "--admit-most", type=positive, default=MOST, metavar="N", help="how many these are at most with `auto`"
    )
    made.add_argument("--patience", type=float, default=600.0, help="seconds that one request is tried again")
    made.add_argument("--tries", type=int, default=20, help="how often one request is tried at most")
    made.add_argument("--timeout", type=float, default=None, help="seconds that one try may take (default: no limit)")
    made.add_argument("--exit-with-parent", action="store_true", help="end when the starting process is gone")
    return made


def admitted(word: str) -> int | None:
    """A fixed limit, or None to adapt it to what the server can handle."""
    if word == "auto":
        return None
    return positive(word)


def positive(word: str) -> int:
    """A number of choices."""
    if int(word) < 1:
        raise ValueError("a limit is 1 at least")
    return int(word)
