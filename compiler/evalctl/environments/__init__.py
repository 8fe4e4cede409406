"""What jobs run in: the servers and frameworks, each an environment of its own, built from a hash-pinned lock.

`catalogue` says which environments exist and what each is made of (its digest names its folder, so a change of a lock
or of a local package gives a new folder and never alters one that a job uses) · `build` makes them · `check` says what
is missing. `compiler/environments/README.md` tells how a lock is renewed. Nothing here imports what it installs.
"""

from evalctl.environments.build import setup
from evalctl.environments.catalogue import FOLDER, Environment, catalogue, version_of
from evalctl.environments.check import check

__all__ = ["FOLDER", "Environment", "catalogue", "check", "setup", "version_of"]
