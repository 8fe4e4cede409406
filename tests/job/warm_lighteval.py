"""Runs lighteval's command line many times at the price of one import (10 s of CPU): a fork of itself per run.

Reads one JSON object a line, {"argv", "cwd", "env", "log"}, and answers each with the exit code as a shell sees it.
Run with the lighteval environment's Python.
"""

import json
import os
import sys

from lighteval.__main__ import app
from lighteval.models.endpoints import litellm_model
from lighteval.pipeline import Pipeline

assert Pipeline and litellm_model  # imported by the command itself as its first steps


def run(wish: dict) -> None:
    """In the forked process: become that command, to its end."""
    os.chdir(wish["cwd"])
    os.environ.update(wish["env"])
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.argv = wish["argv"]
    app()


def main() -> None:
    """One line in, one fork, one line out."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
            sys.exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
