"""The real clusters run the same rendered scripts as the tests of `render`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "render"))
