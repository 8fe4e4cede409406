"""Exit codes of evalctl: the one place that defines them. Those of a job's script are the job program's."""

from __future__ import annotations

SUCCESS = 0
PERSON = 1  # a person must act: a mistake in the input, a job that is not tried again
USAGE = 2  # the command line is wrong
BUG = 3  # evalctl failed; input never causes it
LATER = 4  # no fault here: try the same command later
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
