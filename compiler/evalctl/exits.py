"""Exit codes of evalctl: the one place that defines them. Those of a job's script are the job program's."""

from __future__ import annotations

SUCCESS = 0
PERSON = 1  # a person must act: a mistake in the input, a job that is not tried again
USAGE = 2  # the command line is wrong
BUG = 3  # evalctl failed; input never causes it
LATER = 4  # no fault here: try the same command later
INCONCLUSIVE = 5  # of a gate: too few questions or answers to decide (PASS is 0, FAIL is 1)
INVALID = 6  # of a gate: nothing that it requires can be compared
APPROVAL = 7  # of `check --base`: no mistake, but a person must approve the change by the policy
OF_GATE = {"PASS": SUCCESS, "FAIL": PERSON, "INCONCLUSIVE": INCONCLUSIVE, "INVALID": INVALID}  # by the outcome's name
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
