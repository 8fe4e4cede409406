"""What jobs run in: servers and frameworks, each in its own environment, built from a hash-pinned lock.

`catalogue()` lists the environments and what each is made of (its digest names its folder, so a change of a lock
or of a local package gives a new folder and never alters one that a job uses) · `setup()` builds them · `check()` reports
what is missing. `recipes` names what each is made of, `source` fetches a framework that no index has (`listed`: compares a folder with
the pinned commit), `uv` and `logged` run programs, `build` and `readiness` are the two commands. `compiler/evalctl_environments/README.md` describes how a lock is renewed. Nothing here imports what it installs.
"""

from typing import TYPE_CHECKING, Any

from evalctl.environments.recipes import FOLDER, Environment, catalogue, version_of

if TYPE_CHECKING:
    from evalctl.environments.build import setup
    from evalctl.environments.readiness import check

__all__ = ["FOLDER", "Environment", "catalogue", "check", "setup", "version_of"]


def __getattr__(name: str) -> Any:
    """Loads the builder only when it is used: every compilation needs the catalogue, few commands the rest."""
    if name == "setup":
        from evalctl.environments.build import setup

        return setup
    if name == "check":
        from evalctl.environments.readiness import check

        return check
    raise AttributeError(name)
