"""`python -m evalctl` is the command `evalctl`."""

import sys

from evalctl.cli import main

if __name__ == "__main__":
    sys.exit(main())
