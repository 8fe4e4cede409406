"""Parses the command line, calls one function of `commands`, and returns its exit code.

`words` has each command's name, summary and example, in the groups of `--help`; `options` has the options (those of
`evalctl results`: `results_options`, of the commands that write manifests: `manifest_options`); `numbers` checks numbers; `completion` answers a shell. Does not know YAML, schedulers or git. The module of a
command is imported only when the command runs, so that `--help` is fast.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from evalctl import __version__
from evalctl.cli.options import add_arguments
from evalctl.cli.words import COMMANDS, overview
from evalctl.exits import BUG, INTERRUPTED, LATER, PERSON, SUCCESS, USAGE
from evalctl.terminal import guarded

_DESCRIPTION = "Declarative LLM evaluations on supercomputers: requests in git, scripts out, results back in git."
_EPILOG = """\
`evalctl COMMAND --help` shows the options and an example.
exit codes: 0 success, 1 a person must act, 2 wrong usage, 3 a bug of evalctl, 4 try again later,
5 inconclusive and 6 invalid (results gate), 7 needs approval (check --base), 130 interrupted
docs: docs/README.md (Japanese: docs/README.ja.md); `evalctl explain WORD` for a code, a reason or a state
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; a traceback is always followed by what to do."""
    # Imported modules live to the end; garbage collection over them takes a tenth of a short command's time.
    gc.set_threshold(100_000, 20, 20)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # the search for plug-ins takes 25 ms (pydantic 2.14)
    _ready_to_print()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
        from evalctl.cli.completion import complete

        complete(parser())
    with guarded():
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(words: list[str]) -> int:
    arguments = parser().parse_args(words)
    if arguments.command is None:
        parser().print_help()
        return USAGE
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print("\ninterrupted; no file was left half-written: run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `evalctl … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCESS
    except Exception as error:
        return _failed(error, words)


def _ready_to_print() -> None:
    """Replaces a closed standard output by /dev/null; characters that the terminal cannot show are printed as escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # Python's value for a closed stream: `evalctl … >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - to the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: argparse.Namespace) -> int:
    module = importlib.import_module(f"evalctl.commands.{arguments.module}")
    code: int = module.run(arguments)
    sys.stdout.flush()
    return code


def _failed(error: Exception, words: list[str]) -> int:
    from evalctl.shell import EnvironmentProblem, TryLater, problem_of

    error = (problem_of(error) if isinstance(error, OSError) else None) or error
    if isinstance(error, EnvironmentProblem):
        print(f"error: {error.message}", file=sys.stderr)
        if error.help:
            print(f"  help: {error.help}", file=sys.stderr)
        return LATER if isinstance(error, TryLater) else PERSON
    import platform
    import traceback

    traceback.print_exc()
    print(
        f"\nThis is a bug of evalctl {__version__} (Python {platform.python_version()}, {platform.system()}), not a mistake"
        f" of yours.\nPlease report the lines above, and: evalctl {' '.join(words)}",
        file=sys.stderr,
    )
    return BUG


class Parser(argparse.ArgumentParser):
    """argparse, with a suggestion for a misspelt command."""

    def error(self, message: str) -> NoReturn:
        """Prints usage, the mistake and a suggestion; exits with code 2."""
        from evalctl.suggest import did_you_mean

        wrong = re.match(r"argument COMMAND: invalid choice: '([^']*)'", message)
        guess = did_you_mean(wrong[1], COMMANDS) if wrong else None
        if wrong:
            message = f"there is no command `{wrong[1]}`" + (f": did you mean `{guess}`?" if guess else "")
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = Parser(
        prog="evalctl", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="evalctl [-h] [--version] [--repo FOLDER] COMMAND ...", description=f"{_DESCRIPTION}\n\n{overview()}",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"evalctl {__version__}")
    top.add_argument(
        "--repo", type=Path, default=None, metavar="FOLDER", help="the repository (default: found upwards from here)"
    )
    # The description lists the commands by group, which argparse's own list cannot do.
    commands = top.add_subparsers(dest="command", metavar="COMMAND", prog="evalctl", help=argparse.SUPPRESS)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, description=command.description, epilog=f"example:\n  {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.set_defaults(module=command.module)
        add_arguments(name, sub)
    return top
