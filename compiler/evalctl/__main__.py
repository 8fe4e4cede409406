"""`python -m evalctl` and the installed `evalctl`: cli, and what can come before it is there."""

import sys


def main() -> int:
    """Runs the command line; Ctrl-C while its modules are still being loaded ends as quietly as later."""
    try:
        from evalctl import cli

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
