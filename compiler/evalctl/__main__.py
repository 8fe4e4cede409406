"""`python -m evalctl` and the installed `evalctl`: cli, and what can come before it is there."""

import gc
import sys


def main() -> int:
    """Runs the command line; Ctrl-C while its modules are still being loaded ends as quietly as later."""
    try:
        from evalctl import cli

        return cli.main()
    except KeyboardInterrupt:
        return 130
    finally:
        gc.freeze()  # Python's end looks for cycles among all objects otherwise: a tenth of a long command's time


if __name__ == "__main__":
    sys.exit(main())
