"""`evalctl completion`: prints the lines by which a shell completes evalctl's commands, options and names."""

from __future__ import annotations

import argparse

from evalctl.exits import SUCCESS


def run(arguments: argparse.Namespace) -> int:
    """Prints the code of this shell, for its start-up file."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["evalctl"], shell=arguments.shell))
    return SUCCESS
