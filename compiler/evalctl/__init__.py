"""evalctl: evaluation requests in git, compiled into scheduler scripts, run on clusters, results committed back.

`load -> check -> resolve -> plan -> render` are pure functions over frozen data, each returning a value and
diagnostics; `sync` (observe -> decide -> act -> publish) is the one impure edge. docs/architecture.md follows one
request through every folder.
"""

DISTRIBUTION = "evalctl-hpc"  # its name for pip; `evalctl` of PyPI is another program
__version__ = "0.1.0"
