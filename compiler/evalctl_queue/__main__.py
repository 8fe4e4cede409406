"""The program, which is started by its path: with -I, Python adds neither the working folder nor the program's own to its path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from evalctl_queue.commands import main

if __name__ == "__main__":
    sys.exit(main())
